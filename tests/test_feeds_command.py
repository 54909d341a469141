"""`scrapy feeds verify` on what a crawl wrote, whole and damaged."""

from __future__ import annotations

import json
import os
import pty
import shutil
import subprocess
import sys
import time

import pytest

from newscrawl.demo import DemoServer
from tests.conftest import ROOT, run_scrapy
from tests.torture import ENDINGS, Trial


@pytest.fixture(scope="module")
def small():
    with DemoServer(90) as server:
        yield server


@pytest.fixture(scope="module", params=[(".jsonl", ()), *((e, ("NEWSCRAWL_ROTATE_LINES=20",)) for e in ENDINGS)])
def crawled(request, small, tmp_path_factory):
    """A crawl whose files no test changes."""
    ending, settings = request.param
    trial = Trial(small, tmp_path_factory.mktemp("feeds"), ending, settings)
    assert trial.run() == 0
    return trial


@pytest.fixture
def trial(crawled, tmp_path):
    """A copy of that crawl, to be damaged."""
    shutil.copytree(crawled.folder, tmp_path / "data")
    return Trial(crawled.server, tmp_path / "data", crawled.ending, crawled.settings)


def verify(trial):
    return run_scrapy("feeds", "verify", "-s", f"NEWSCRAWL_FEED={trial.feed}", data=trial.folder)


def last_file(trial):
    return max(trial.feed.parent.glob(f"articles*{trial.ending}"))


def test_what_a_crawl_wrote_is_as_recorded(crawled, small):
    done = verify(crawled)
    files = len(list(crawled.feed.parent.glob(f"*{crawled.ending}")))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"{files} files, {len(small.truth()['ids'])} lines: all as recorded.\n"
    assert crawled.report()["problems"] == []
    if crawled.settings:
        named = json.loads((crawled.feed.parent / f"{crawled.feed.name}.manifest.json").read_bytes())
        assert files > 4
        assert [entry["lines"] for entry in named["files"][:-1]] == [20] * (len(named["files"]) - 1)


def test_a_cut_file_is_named(trial):
    file = last_file(trial)
    os.truncate(file, file.stat().st_size - 3)
    done = verify(trial)
    assert done.returncode == 1
    assert f"{file}: " in done.stdout
    assert "lines are lost" in done.stdout
    assert "problems." in done.stdout.splitlines()[-1]


def test_a_missing_file_is_named(trial):
    file = last_file(trial)
    file.unlink()
    done = verify(trial)
    assert done.returncode == 1
    assert f"{file}: missing" in done.stdout


def test_a_damaged_place_is_named(trial):
    file = min(trial.feed.parent.glob(f"articles*{trial.ending}"))
    if trial.ending == ".jsonl":
        lines = file.read_bytes().split(b"\n")
        lines[2] = lines[2].replace(b'"id":"demo', b'"id":"omed')
        lines[4] = lines[4].replace(b":", b";", 1)
        file.write_bytes(b"\n".join(lines))
        expected = [f"{file}:3: id omed/", f"{file}:5: no JSON"]
    else:
        data = bytearray(file.read_bytes())
        data[len(data) // 2] ^= 0xFF
        file.write_bytes(data)
        expected = [f"{file}:", ": damaged"]
    done = verify(trial)
    assert done.returncode == 1
    assert [text for text in expected if text not in done.stdout] == []


def test_progress_moves_on_a_terminal_only(crawled):
    ours, theirs = pty.openpty()
    slow = "import time, newscrawl.commands.feeds as f; f._EVERY = 0; from scrapy.cmdline import execute; execute()"
    with subprocess.Popen(
        [sys.executable, "-c", slow, "feeds", "verify", "-s", f"NEWSCRAWL_FEED={crawled.feed}"],
        cwd=ROOT,
        env={**os.environ, "NEWSCRAWL_DATA": str(crawled.folder)},
        stdout=subprocess.PIPE,
        stderr=theirs,
    ) as child:
        text = child.stdout.read()
    os.close(theirs)
    time.sleep(0.1)
    shown = os.read(ours, 1 << 16).decode()
    os.close(ours)
    assert b"all as recorded" in text
    assert "100% " in shown
    assert shown.endswith("\r\N{ESCAPE}[2K")


@pytest.mark.parametrize("given", [(), ("repair",), ("verify", "more")])
def test_an_unknown_word_is_refused(given, tmp_path):
    done = run_scrapy("feeds", *given, data=tmp_path)
    assert done.returncode == 2
    assert "scrapy feeds verify" in done.stderr
