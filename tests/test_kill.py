"""Whole crawls that are killed, and whole crawls on state and feeds that are not as they should be.

The short form of `python tests/torture.py`, which kills more often and at every passing of the fail points.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from newscrawl import failpoints
from newscrawl.demo import DemoServer
from tests import torture
from tests.conftest import ROOT, run_scrapy
from tests.torture import ENDINGS, Trial, judged, random_kills

if TYPE_CHECKING:
    from collections.abc import Callable

# Only a torn file is cut.
CHAIN = [
    part
    for name in failpoints.NAMES
    for part in ((("feeds.write.torn",) if name == "feeds.cut.before" else ()) + (name,))
]


@pytest.mark.parametrize("ending", ENDINGS)
def test_random_kills(tmp_path, ending):
    with DemoServer(500) as server:
        report = random_kills(Trial(server, tmp_path / "data", ending), 4, seed=1)
    assert report["ok"], report
    assert report["kills"] == 4


def test_random_kills_of_our_own_with_rotation(tmp_path, monkeypatch):
    monkeypatch.setattr(torture, "KILL9", Path("absent"))
    with DemoServer(150) as server:
        trial = Trial(server, tmp_path / "data", ".jsonl.gz", ("NEWSCRAWL_ROTATE_LINES=20",))
        report = random_kills(trial, 2, seed=2)
    assert report["ok"], report
    assert (report["killer"], report["kills"]) == ("own", 2)
    assert report["files"] > 7


def test_one_crawl_dies_once_at_every_fail_point(tmp_path):
    with DemoServer(60) as server:
        trial = Trial(server, tmp_path / "data", settings=("NEWSCRAWL_ROTATE_LINES=2",))
        alive = []
        for name in CHAIN:
            if trial.run(name) != -signal.SIGKILL:
                alive.append(name)
            server.grow(3)
        assert alive == []
        report = judged({"exit": trial.run(), "exit_again": trial.run(), **trial.report()})
    assert report["ok"], report
    assert report["lines"] == 60 + 3 * len(CHAIN)


@pytest.mark.parametrize("signals", [(signal.SIGINT,), (signal.SIGTERM,), (signal.SIGINT, signal.SIGINT)])
def test_a_crawl_that_is_stopped_says_so_and_goes_on_in_the_next(tmp_path, signals):
    with DemoServer(60) as server:
        trial = Trial(server, tmp_path / "data", settings=("LOG_LEVEL=INFO",))
        log = trial.folder / "log.txt"
        with started(trial) as child:
            server.latency, asked = 2, server.requests.total()  # an answer under way is waited for, unless told not to
            wait_until(lambda: server.requests.total() > asked, child)
            child.send_signal(signals[0])
            wait_until(lambda: "Received" in log.read_text("utf-8"), child)
            for number in signals[1:]:
                child.send_signal(number)
        server.latency = 0
        said = log.read_text("utf-8")
        assert child.returncode == 1
        assert f"Received {signals[0].name}, shutting down gracefully. Send again to force" in said
        assert ("stopped at once" if len(signals) > 1 else "Not done: stopped (shutdown)") in said.splitlines()[-1]
        assert "run the same command to go on" in said.splitlines()[-1]
        assert "Traceback" not in said
        assert_continues(trial)


def test_a_killed_crawl_goes_on_where_the_site_is_served_now(tmp_path):
    with DemoServer(300) as server, DemoServer(300) as moved:
        trial = Trial(server, tmp_path / "data", settings=("LOG_LEVEL=INFO",))
        with trial.start() as child:
            wait_until(lambda: any("?" in path for path in server.requests), child)  # others of these are waiting
            child.kill()
        asked = server.requests.total()
        trial = replace(trial, server=moved)
        assert_continues(trial)
        assert server.requests.total() == asked
        assert "forbidden_address" not in (trial.folder / "log.txt").read_text("utf-8")


# Bad input


@pytest.fixture
def trial(tmp_path):
    """A finished crawl of an aggregator that has grown since."""
    with DemoServer(60) as server:
        trial = Trial(server, tmp_path / "data")
        assert trial.run() == 0
        server.grow(10)
        yield trial


def run(trial: Trial) -> subprocess.CompletedProcess[str]:
    return run_scrapy(*trial.command[3:], data=trial.folder)


def assert_refused(trial: Trial, *says: str) -> None:
    """The run ends in a line that says so, with status 1, without a trace."""
    asked = trial.server.requests.total()
    done = run(trial)
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stderr
    for text in says:
        assert text in done.stderr
        assert text in done.stderr.splitlines()[-1]
    assert trial.server.requests.total() == asked


def assert_continues(trial: Trial) -> None:
    """The next run ends well, and all is there once."""
    assert trial.run() == 0
    report = judged({"exit": 0, "exit_again": 0, **trial.report()})
    assert report["ok"], report


def started(trial: Trial) -> subprocess.Popen[bytes]:
    """A slow crawl that has begun to write its feed."""
    slow = ("DOWNLOAD_DELAY=0.05", "CONCURRENT_REQUESTS_PER_DOMAIN=1")
    child = Trial(trial.server, trial.folder, trial.ending, (*trial.settings, *slow)).start()
    size = trial.feed.stat().st_size if trial.feed.exists() else 0
    wait_until(lambda: trial.feed.exists() and trial.feed.stat().st_size > size, child)
    return child


def wait_until(condition: Callable[[], bool], child: subprocess.Popen[bytes]) -> None:
    """Wait for something that a crawl does; fails where the crawl ends without it."""
    deadline = time.monotonic() + 60
    while not condition():
        assert child.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (lambda data: b"", "state.sqlite: empty, its content is lost: put a copy back"),
        (lambda data: b"\0" * 512 + data[512:], "state.sqlite: not a crawl state (no SQLite file)"),
        (lambda data: data[:4096] + b"\xaa" * (len(data) - 4096), "state.sqlite: damaged"),
        (lambda data: data[: len(data) // 2], "state.sqlite: damaged"),
        (lambda data: data[:60] + b"\0\0\0\x63" + data[64:], "state.sqlite: written by a newer newscrawl"),
    ],
    ids=["empty", "foreign", "overwritten", "cut", "newer"],
)
def test_a_state_that_cannot_be_used(trial, damage, says):
    state = trial.folder / "state.sqlite"
    whole, feed = state.read_bytes(), trial.feed.read_bytes()
    state.write_bytes(damage(whole))
    assert_refused(trial, says)
    assert state.read_bytes() == damage(whole)
    assert trial.feed.read_bytes() == feed
    state.write_bytes(whole)
    assert_continues(trial)


def test_a_second_run_on_the_same_state(tmp_path):
    with DemoServer(60) as server:
        trial = Trial(server, tmp_path / "data")
        with started(trial) as child:
            done = run(trial)
            assert child.poll() is None
            assert done.returncode == 1
            assert f"in use by another crawl, process {child.pid}: wait for it or stop it" in done.stderr
            assert "Traceback" not in done.stderr
        assert child.returncode == 0
        assert_continues(trial)


def test_a_feed_shorter_than_recorded(trial):
    assert trial.run("feeds.write.before") == -signal.SIGKILL  # lines wait in the outbox
    whole = trial.feed.read_bytes()
    os.truncate(trial.feed, len(whole) - 5)
    assert_refused(trial, f"{trial.feed}: {len(whole) - 5} bytes, shorter than the {len(whole)} recorded")
    assert sorted(file.name for file in trial.feed.parent.iterdir()) == ["articles.jsonl", "duplicates.jsonl"]
    trial.feed.write_bytes(whole)
    assert_continues(trial)


def test_a_feed_moved_between_runs(trial):
    moved = trial.feed.with_name("articles-moved.jsonl")
    trial.feed.rename(moved)
    before = moved.read_bytes()
    done = run(trial)
    assert done.returncode == 0
    assert f"{trial.feed} was moved or deleted: the articles feed goes on in a new file" in done.stderr
    assert moved.read_bytes() == before
    assert_continues(trial)  # counts the moved file too


def test_a_feed_moved_during_a_run(tmp_path):
    with DemoServer(60) as server:
        trial = Trial(server, tmp_path / "data")
        with started(trial) as child:
            trial.feed.rename(trial.feed.with_name("articles-moved.jsonl"))
        assert child.returncode == 0
        assert "was moved or deleted" in (trial.folder / "log.txt").read_text("utf-8")
        assert_continues(trial)


def limited(trial: Trial, size: int) -> subprocess.CompletedProcess[str]:
    """A run in which no file may grow beyond this size: a write ends there, in the middle of a line."""
    limit = (
        "import resource; from newscrawl import language; from scrapy.cmdline import execute; "
        "language.detect('le chat est sur la table et il dort'); "  # unpacks its model into a larger file, once
        f"resource.setrlimit(resource.RLIMIT_FSIZE, ({size}, {size})); execute()"
    )
    return subprocess.run(
        [sys.executable, "-c", limit, *trial.command[3:]], cwd=ROOT, capture_output=True, text=True, check=False
    )


def test_a_disk_full_within_a_line_of_the_feed(tmp_path):
    with DemoServer(250) as server:
        trial = Trial(server, tmp_path / "data")
        assert trial.run() == 0
        server.grow(20)
        size = trial.feed.stat().st_size
        done = limited(trial, size + 1000)
        assert done.returncode == 1, done.stderr
        assert f"{trial.feed}: cannot be written (File too large)" in done.stderr.splitlines()[-1]
        assert "Traceback" not in done.stderr
        assert_continues(trial)


def test_a_disk_full_for_the_state(tmp_path):
    with DemoServer(60) as server:
        trial = Trial(server, tmp_path / "data")
        done = limited(trial, 150_000)
        assert done.returncode == 1, done.stderr
        assert "state.sqlite: cannot be written" in done.stderr.splitlines()[-1]
        assert "Traceback" not in done.stderr
        assert_continues(trial)


@pytest.mark.parametrize("place", [".", "feeds"])
def test_a_folder_that_cannot_be_written(tmp_path, place):
    """A file in place of the folder, since a superuser may write anywhere."""
    with DemoServer(60) as server:
        trial = Trial(server, tmp_path / "data")
        blocked = trial.folder / place
        blocked.parent.mkdir(exist_ok=True)
        blocked.write_text("a file")
        done = run(trial)
        assert done.returncode == 1
        assert "Traceback" not in done.stderr
        assert str(blocked.resolve()) in done.stderr.splitlines()[-1]
        assert blocked.read_text() == "a file"
        blocked.unlink()
        assert_continues(trial)


def test_a_lost_feed_folder_is_told_and_the_feed_goes_on(trial):
    shutil.rmtree(trial.feed.parent)
    done = run(trial)
    assert done.returncode == 0
    assert f"{trial.feed} was moved or deleted" in done.stderr
    assert trial.report()["problems"] == []
