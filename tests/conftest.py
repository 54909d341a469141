"""What several tests share: the bundled aggregator, crawls as a user starts them, and the material beside the project."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from newscrawl.demo import DemoServer

ROOT = Path(__file__).parent.parent
SHARED = ROOT.parent / "shared"


def pytest_addoption(parser):
    parser.addoption("--update-expected", action="store_true", help="re-parse the saved pages and write expected.json")


def pytest_terminal_summary(terminalreporter):
    """A skipped test is a promise not checked: say so at the very end."""
    skipped = terminalreporter.stats.get("skipped", [])
    if skipped:
        terminalreporter.section(f"{len(skipped)} TESTS WERE SKIPPED", sep="!")
        for report in skipped:
            terminalreporter.line(f"{report.nodeid}: {report.longrepr[2]}")


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of material beside the project."""
    if not SHARED.is_dir():
        pytest.skip(f"{SHARED} is absent: the page that the project began from and the corpus are not checked")
    return SHARED


@pytest.fixture(scope="module")
def demo():
    """A bundled aggregator of the module's own."""
    with DemoServer() as server:
        yield server


def run_scrapy(
    *arguments: str, data: Path, timeout: float = 120, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run a `scrapy` command as a user does, in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "scrapy", *arguments],
        cwd=ROOT,
        env={**os.environ, "NEWSCRAWL_DATA": str(data), **environment},
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )


def crawl(data: Path, *settings: str, **given: str) -> SimpleNamespace:
    """Crawl with these spider arguments; answers exit status, log, and the lines of both feeds."""
    options = [part for name, value in given.items() for part in ("-a", f"{name}={value}")]
    options += [part for setting in settings for part in ("-s", setting)]
    done = run_scrapy("crawl", "aggregator", *options, data=data)
    return SimpleNamespace(
        status=done.returncode,
        log=done.stderr,
        articles=read_feed(data / "feeds" / "articles.jsonl"),
        duplicates=read_feed(data / "feeds" / "duplicates.jsonl"),
    )


def read_feed(path: Path) -> list[dict]:
    if not path.exists():
        return []
    text = path.read_text("utf-8")
    assert text == "" or text.endswith("\n"), f"{path} ends in a torn line"
    return [json.loads(line) for line in text.split("\n")[:-1]]
