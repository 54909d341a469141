"""`scrapy status`: the accounts add up, beside a running crawl and after a killed one."""

from __future__ import annotations

import json
import signal
import time
from typing import TYPE_CHECKING

import pytest

from newscrawl.store import Kind, OutboxItem, Settlement, State, Url, open_store
from tests.conftest import run_scrapy
from tests.torture import Trial

if TYPE_CHECKING:
    from pathlib import Path

STATES = ("done", "skipped", "deferred", "dead", "pending", "leased")


def status(data: Path) -> dict:
    done = run_scrapy("status", "--json", data=data)
    assert (done.returncode, done.stderr) == (0, "")
    return json.loads(done.stdout)


def assert_adds_up(site: dict) -> None:
    assert sum(site[state] for state in STATES) == site["discovered"]
    assert sum(site["by_kind"].values()) == site["discovered"]
    for state, reasons in site["reasons"].items():
        assert sum(reasons.values()) == site[state]


@pytest.fixture(scope="module")
def crawled(demo, tmp_path_factory):
    trial = Trial(demo, tmp_path_factory.mktemp("status"))
    assert trial.run() == 0
    return trial


def test_a_finished_crawl_adds_up_to_the_truth(crawled, demo):
    known = status(crawled.folder)
    site = known["sites"]["demo"]
    assert_adds_up(site)
    assert list(known["sites"]) == ["demo"]
    assert (site["deferred"], site["pending"], site["leased"], known["oldest_pending"]) == (0, 0, 0, None)
    failures = demo.truth()["failures"]
    assert site["dead"] + site["skipped"] >= len(failures)
    feeds = known["feeds"]
    assert sum(feed["lines"] for feed in feeds.values()) == len(demo.truth()["ids"])
    assert {name: feed["waiting"] for name, feed in feeds.items()} == {"articles": 0, "duplicates": 0, "sources": 0}
    assert feeds["articles"]["bytes"] == crawled.feed.stat().st_size
    assert (known["process"], [run["finished"] for run in known["runs"]]) == (None, [True])
    assert site["verdict"] == {"run": known["runs"][0]["id"], "verdict": "healthy", "why": ""}


def test_the_tables_say_the_same(crawled):
    site = status(crawled.folder)["sites"]["demo"]
    done = run_scrapy("status", data=crawled.folder)
    assert done.returncode == 0
    head, row = (next(line for line in done.stdout.splitlines() if line.startswith(word)) for word in ("site", "demo"))
    columns = dict(zip(head.split()[1:], (int(cell.replace(",", "")) for cell in row.split()[1:]), strict=True))
    assert columns == {name: site[name] for name in ("discovered", *STATES)}
    dead = ", ".join(f"{why} {n}" for why, n in sorted(site["reasons"]["dead"].items(), key=lambda e: (-e[1], e[0])))
    assert f"demo: dead: {dead}" in done.stdout
    assert f"demo: healthy in run {site['verdict']['run']}\n" in done.stdout
    assert "no crawl is under way" in done.stdout
    assert "site=demo mode=latest" in done.stdout


def test_beside_a_running_crawl_and_after_its_death(demo, tmp_path):
    trial = Trial(demo, tmp_path, settings=("DOWNLOAD_DELAY=0.05", "CONCURRENT_REQUESTS_PER_DOMAIN=1"))
    with trial.start() as child:
        deadline = time.monotonic() + 30
        while not trial.feed.exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        beside, text = status(tmp_path), run_scrapy("status", data=tmp_path).stdout
        assert child.poll() is None
        verified = run_scrapy("feeds", "verify", data=tmp_path)
        assert child.poll() is None
        child.send_signal(signal.SIGKILL)
    dead = status(tmp_path)
    assert (beside["process"], dead["process"]) == (child.pid, None)
    assert f"a crawl is under way (process {child.pid})" in text
    assert "under way" in text.splitlines()[-1]
    assert "killed" in run_scrapy("status", data=tmp_path).stdout.splitlines()[-1]
    for known in (beside, dead):
        site = known["sites"]["demo"]
        assert_adds_up(site)
        assert site["leased"] + site["pending"] > 0
    assert dead["sites"]["demo"]["done"] >= beside["sites"]["demo"]["done"] > 0
    assert verified.returncode == 0, verified.stdout
    assert "what it adds meanwhile was not looked at" in verified.stdout


def test_every_state_is_named(tmp_path):
    store = open_store(tmp_path / "state.sqlite")
    store.begin_run("by hand")
    store.add([Url(f"https://a/{n}", "one", "a", Kind.ARTICLE) for n in range(6)])
    store.add([Url("https://b/1", "two", "b", Kind.LISTING)])
    leases = store.lease(1, 5)
    line = OutboxItem("1", "articles", b"{}")
    store.settle(Settlement(leases[0].id, State.DONE, items=[line]))
    store.settle(Settlement(leases[1].id, State.SKIPPED, "gone"))
    store.settle(Settlement(leases[2].id, State.DEFERRED, "http_500", time.time() + 60))
    store.settle(Settlement(leases[3].id, State.DEAD, "timeout"))
    store.commit()
    known = status(tmp_path)  # this process is alive and holds the lock
    assert [known["sites"]["one"][state] for state in STATES] == [1] * 6
    assert known["sites"]["one"]["reasons"] == {
        "skipped": {"gone": 1},
        "deferred": {"http_500": 1},
        "dead": {"timeout": 1},
    }
    assert known["sites"]["two"]["pending"] == 1
    assert (known["feeds"]["articles"]["waiting"], known["feeds"]["articles"]["lines"]) == (1, 0)
    assert "oldest pending: since " in run_scrapy("status", data=tmp_path).stdout
    assert known["sites"]["one"]["verdict"] is None
    store.close()


def test_the_last_verdict_on_each_site_is_told(tmp_path):
    store = open_store(tmp_path / "state.sqlite")
    for told in (
        {"one": {"verdict": "down", "why": "no answer"}, "two": {"verdict": "healthy", "why": ""}},
        {},
        {"one": {"verdict": "blocked", "why": "robots.txt"}},
    ):
        store.begin_run("by hand")
        store.add([Url(f"https://{site}/1", site, site, Kind.ARTICLE) for site in ("one", "two")])
        store.end_run(finished=True, summary={"verdict": told} if told else {})
    store.close()
    sites = status(tmp_path)["sites"]
    assert sites["one"]["verdict"] == {"run": 3, "verdict": "blocked", "why": "robots.txt"}
    assert sites["two"]["verdict"] == {"run": 1, "verdict": "healthy", "why": ""}
    assert "one: blocked in run 3, robots.txt\n" in run_scrapy("status", data=tmp_path).stdout


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (None, "state.sqlite: no crawl state there yet: run a crawl first, or name another data directory"),
        (b"", "state.sqlite: empty, its content is lost"),
        (b"nothing of ours" * 100, "state.sqlite: not a crawl state (no SQLite file)"),
    ],
)
def test_what_cannot_be_read_is_one_line(tmp_path, content, says):
    if content is not None:
        (tmp_path / "state.sqlite").write_bytes(content)
    for command in (("status",), ("feeds", "verify")):
        done = run_scrapy(*command, data=tmp_path)
        assert done.returncode == (1 if command == ("status",) else 2)
        assert says in done.stderr
        assert (len(done.stderr.splitlines()), done.stdout) == (1, "")
    assert [file.name for file in tmp_path.iterdir()] == ([] if content is None else ["state.sqlite"])
