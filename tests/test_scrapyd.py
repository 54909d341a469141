"""A real Scrapyd, started as `make scrapyd` does, fed by `make deploy`, crawling the bundled aggregator."""

import base64
import json
import os
import socket
import stat
import subprocess
import sys
import time
import urllib.error
import urllib.request
import zipfile
from pathlib import Path

import pytest

from newscrawl.demo import DemoServer
from newscrawl.schedule import ScheduleError, Server, ask, local_server, main
from tests.conftest import ROOT, read_feed

SERVE = [sys.executable, "deploy/serve.py"]


class Scrapyd:
    """Scrapyd in a data folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.env = {k: v for k, v in os.environ.items() if not k.startswith(("NEWSCRAWL_DATA", "SCRAPYD_"))}
        self.env |= {"NEWSCRAWL_SCRAPYD": str(folder), "PYTHONUNBUFFERED": "1"}
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.prepared = self.call(*SERVE, "--port", str(self.port), "--prepare", timeout=600)

    def call(self, *command, timeout=120):
        return subprocess.run(
            command, cwd=ROOT, env=self.env, capture_output=True, text=True, timeout=timeout, check=False
        )

    def start(self):
        self.log = (self.folder / "scrapyd.log").open("ab")
        self.process = subprocess.Popen(SERVE, cwd=ROOT, env=self.env, stdout=self.log, stderr=self.log)
        for _ in range(300):
            assert self.process.poll() is None, (self.folder / "scrapyd.log").read_text()
            try:
                return ask(self.server, "daemonstatus.json")
            except ScheduleError:
                time.sleep(0.1)
        pytest.fail((self.folder / "scrapyd.log").read_text())

    def stop(self):
        self.process.terminate()
        self.process.wait(30)
        self.log.close()

    @property
    def server(self) -> Server:
        os.environ["NEWSCRAWL_SCRAPYD"] = str(self.folder)
        return local_server()

    def crawl(self, job, data, base_url, *settings):
        form = [
            ("project", "newscrawl"),
            ("spider", "aggregator"),
            ("jobid", job),
            ("site", "demo"),
            ("base_url", base_url),
        ]
        form += [("setting", f"NEWSCRAWL_DATA={data}"), ("setting", "NEWSCRAWL_LINGER=5")]
        form += [("setting", setting) for setting in settings]
        assert ask(self.server, "schedule.json", form)["jobid"] == job

    def wait(self, job, state="finished", seconds=60):
        for _ in range(seconds * 5):
            if ask(self.server, f"status.json?job={job}")["currstate"] == state:
                return self.job_log(job) if state == "finished" else ""
            time.sleep(0.2)
        return pytest.fail(f"{job} is not {state}: {self.job_log(job)}")

    def job_log(self, job):
        path = self.folder / "logs" / "newscrawl" / "aggregator" / f"{job}.log"
        return path.read_text("utf-8") if path.exists() else (self.folder / "scrapyd.log").read_text("utf-8")


@pytest.fixture(scope="module")
def scrapyd(tmp_path_factory):
    before = os.environ.get("NEWSCRAWL_SCRAPYD")
    scrapyd = Scrapyd(tmp_path_factory.mktemp("scrapyd") / "state")
    if scrapyd.prepared.returncode:
        pytest.skip(f"no environment for Scrapyd, is the registry reachable? {scrapyd.prepared.stderr[-500:]}")
    scrapyd.start()
    scrapyd.deployed = scrapyd.call(sys.executable, "deploy/push.py")
    yield scrapyd
    scrapyd.stop()
    os.environ.pop("NEWSCRAWL_SCRAPYD")
    if before is not None:
        os.environ["NEWSCRAWL_SCRAPYD"] = before


def get(url, user="", password="", **headers):
    token = base64.b64encode(f"{user}:{password}".encode()).decode()
    request = urllib.request.Request(url, headers={"Authorization": f"Basic {token}", **headers})
    return urllib.request.urlopen(request, timeout=10)


def feeds(data):
    return read_feed(data / "feeds" / "articles.jsonl") + read_feed(data / "feeds" / "duplicates.jsonl")


def ids(data):
    return sorted(line["id"] for line in feeds(data))


def test_the_password_is_made_once_and_for_the_owner_only(scrapyd):
    conf = scrapyd.folder / "scrapyd.conf"
    assert stat.S_IMODE(conf.stat().st_mode) == 0o600
    assert stat.S_IMODE(scrapyd.folder.stat().st_mode) == 0o700
    before = conf.read_text()
    assert scrapyd.call(*SERVE, "--prepare").returncode == 0
    assert conf.read_text() == before
    assert len(scrapyd.server.password) >= 32
    assert scrapyd.server.password not in repr(scrapyd.server)


def test_a_second_start_is_refused_in_one_line(scrapyd):
    again = scrapyd.call(*SERVE)
    assert (again.returncode, len(again.stderr.splitlines())) == (2, 1)
    assert f"127.0.0.1:{scrapyd.port}: Address already in use: stop what listens there" in again.stderr


def test_wrong_credentials_are_refused(scrapyd):
    with pytest.raises(urllib.error.HTTPError, match="401"):
        get(f"{scrapyd.server.url}listjobs.json", "newscrawl", "wrong")
    with pytest.raises(urllib.error.HTTPError, match="401"):
        get(scrapyd.server.url)
    with pytest.raises(ScheduleError, match=r"user or password refused \(401\)"):
        ask(Server(scrapyd.server.url, "newscrawl", "wrong"), "daemonstatus.json")


def test_no_scrapyd_and_another_server_are_told_apart(demo):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        nobody = f"http://127.0.0.1:{free.getsockname()[1]}/"
    with pytest.raises(ScheduleError, match=r"no answer .*: start Scrapyd"):
        ask(Server(nobody, "a", "b"), "daemonstatus.json")
    with pytest.raises(ScheduleError, match="answers 404: is this Scrapyd"):
        ask(Server(f"{demo.base_url}/", "a", "b"), "daemonstatus.json")
    with pytest.raises(ScheduleError, match="no JSON in its answer"):
        ask(Server(f"{demo.base_url}/", "a", "b"), "")


def test_a_proxy_may_put_it_below_a_prefix(scrapyd):
    server = scrapyd.server
    with get(server.url, server.user, server.password, **{"X-Forwarded-Prefix": "/crawls"}) as answer:
        assert 'href="/crawls/jobs"' in answer.read().decode()


def test_the_egg_holds_what_a_crawl_needs(scrapyd):
    assert scrapyd.deployed.returncode == 0, scrapyd.deployed.stderr
    assert json.loads(scrapyd.deployed.stdout)["spiders"] == 1
    (egg,) = (scrapyd.folder / "eggs" / "newscrawl").glob("*.egg")
    names = set(zipfile.ZipFile(egg).namelist())
    wanted = {"newscrawl/sites.py", "newscrawl/demo/server.py", "newscrawl/schemas/article.schema.json"}
    assert wanted | {"newscrawl/report/page.html", "newscrawl/report/page.js", "EGG-INFO/entry_points.txt"} <= names
    assert not any(name.startswith(("tests/", "data/")) or "scrapyd.conf" in name for name in names)


def test_the_demo_crawls_itself_from_the_egg_into_the_data_folder(scrapyd, tmp_path, capsys):
    plan = tmp_path / "schedules.toml"
    plan.write_text('[schedule.demo]\nsite = "demo"\nevery = "1h"\narguments = { limit = 20 }\n')
    assert main(["--file", str(plan), "run", "demo"]) == 0
    job = capsys.readouterr().out.split()[-1]
    log = scrapyd.wait(job)
    assert "Done: " in log.splitlines()[-1]
    assert len(feeds(scrapyd.folder / "data" / "demo")) >= 20
    assert not (ROOT / "data" / "state.sqlite").exists()


def test_a_second_job_brings_only_what_is_new(scrapyd, tmp_path):
    with DemoServer(80) as server:
        scrapyd.crawl("first.1", tmp_path, server.base_url)
        assert "Done: " in scrapyd.wait("first.1").splitlines()[-1]
        assert ids(tmp_path) == sorted(server.truth()["ids"])
        before = (tmp_path / "feeds" / "articles.jsonl").read_bytes()
        server.grow(5)
        scrapyd.crawl("first.2", tmp_path, server.base_url)
        assert "Done: " in scrapyd.wait("first.2").splitlines()[-1]
        assert (tmp_path / "feeds" / "articles.jsonl").read_bytes().startswith(before)
        assert ids(tmp_path) == sorted(server.truth()["ids"])


def test_a_cancelled_job_is_continued_by_the_next_and_never_runs_twice_at_once(scrapyd, tmp_path):
    with DemoServer(80, latency=0.3) as server:
        scrapyd.crawl("cut.1", tmp_path, server.base_url)
        scrapyd.wait("cut.1", "running")
        for _ in range(100):
            if feeds_begun(tmp_path):
                break
            time.sleep(0.1)
        scrapyd.crawl("cut.2", tmp_path, server.base_url)
        refused = scrapyd.wait("cut.2")
        assert "in use by another crawl" in refused
        assert "Traceback" not in refused
        cancelled = ask(scrapyd.server, "cancel.json", [("project", "newscrawl"), ("job", "cut.1")])
        assert cancelled["prevstate"] == "running"
        assert "stopped (shutdown)" in scrapyd.wait("cut.1", seconds=20)
        some = ids(tmp_path)
        assert 0 < len(some) < len(server.truth()["ids"])
        server.latency = 0.0
        scrapyd.crawl("cut.3", tmp_path, server.base_url)
        assert "Done: " in scrapyd.wait("cut.3").splitlines()[-1]
        assert ids(tmp_path) == sorted(server.truth()["ids"])


def feeds_begun(data):
    path = data / "feeds" / "articles.jsonl"
    return path.exists() and path.stat().st_size > 0


def test_a_schedule_is_not_asked_for_again_while_it_runs(scrapyd, tmp_path, capsys):
    with DemoServer(80, latency=0.5) as server:
        plan = tmp_path / "schedules.toml"
        plan.write_text(
            f'data = "{tmp_path}"\n[schedule.one]\nsite = "demo"\nevery = "1h"\narguments = {{ base_url = "{server.base_url}" }}\n'
            f'[schedule.two]\nsite = "demo"\nmode = "archive"\nevery = "1d"\narguments = {{ base_url = "{server.base_url}" }}\n'
        )
        assert main(["--file", str(plan), "run", "one"]) == 0
        job = capsys.readouterr().out.split()[-1]
        assert main(["--file", str(plan), "run", "one"]) == 0
        assert f"one: not asked for again, {job} is " in capsys.readouterr().out
        assert main(["--file", str(plan), "run", "two"]) == 75
        assert "two: put off, " in capsys.readouterr().err
        scrapyd.wait(job, "running")
        ask(scrapyd.server, "cancel.json", [("project", "newscrawl"), ("job", job)])
        scrapyd.wait(job)


def test_finished_jobs_outlive_a_restart(scrapyd):
    before = {job["id"] for job in ask(scrapyd.server, "listjobs.json?project=newscrawl")["finished"]}
    scrapyd.stop()
    scrapyd.start()
    assert before == {job["id"] for job in ask(scrapyd.server, "listjobs.json?project=newscrawl")["finished"]}
    assert before


def test_a_project_that_was_not_deployed_is_named(scrapyd):
    with pytest.raises(ScheduleError, match="project 'nothing' not found: deploy with `make deploy`"):
        ask(scrapyd.server, "schedule.json", [("project", "nothing"), ("spider", "aggregator")])
