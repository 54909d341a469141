"""What is lost, doubled or torn by kill -9: `python -m bench.durability`. Newscrawl and what others call resumable."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from bench.figures import ROOT, Cell, Result, Table
from bench.peers import OWN, PEERS, Unmeasured
from bench.served import served

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bench.served import Served

KILL9 = ROOT.parent / "shared" / "tools" / "kill9.py"
KILLS = 60
ARTICLES = 3000
LATENCY = 0.1
"""Seconds before each answer, so that no crawl ends before its last kill."""
COLUMNS = ["crawler", "kills", "lost", "duplicated", "torn", "unknown", "requests", "ended"]
NOTE = (
    f"{ARTICLES:,} articles; lost: in no whole line of the feeds; duplicated: whole lines beyond the first; torn: lines that are "
    "no JSON. Kills at random moments, 15 % before the first request; then the crawl may end, and is started once more; one that "
    "ends by itself is killed no more. "
    "Scrapy's spider asks for a sitemap, with JOBDIR and FEEDS (jsonlines, appended), or with the scheduler, filter and item "
    "pipeline of scrapy-redis and a redis-server that nobody kills. Requests: of all lives, the sitemaps and listings included."
)


def measure() -> Result:
    """One crawler after another, the same moments."""
    if not KILL9.exists():
        return Result([], missing=[f"durability: {KILL9.relative_to(ROOT.parent)} is not beside the project"])
    result = Result([])
    rows: list[list[Cell]] = []
    for name in ("newscrawl", "Scrapy, JOBDIR and FEEDS", "scrapy-redis"):
        with tempfile.TemporaryDirectory() as folder, served(ARTICLES, latency=LATENCY) as server:
            try:
                report = killed(name, server, Path(folder))
            except Unmeasured as reason:
                result.miss(name, reason)
                continue
        counts = [report[column] for column in COLUMNS[1:-1]]
        rows.append([name, *counts, "yes" if report["last_exit"] == 0 else f"no: {report['last_exit']}"])
        if name == "newscrawl":
            result.exact = {f"not {column}": -report[column] for column in ("lost", "duplicated", "torn", "unknown")}
    result.tables.append(Table(f"{KILLS} kills", COLUMNS, rows, NOTE, plot=["lost"]))
    return result


def killed(name: str, server: Served, folder: Path) -> dict[str, float]:
    """The report of the tool on one crawler.

    Raises:
        Unmeasured: something that the crawler needs is missing.
    """
    if name == "newscrawl":
        data = folder / "data"
        command = [
            str(OWN),
            "-m",
            "scrapy",
            "crawl",
            "aggregator",
            "-a",
            "site=demo",
            "-a",
            f"base_url={server.base_url}",
        ]
        command += ["-s", f"NEWSCRAWL_DATA={data}", "-s", "LOG_LEVEL=WARNING"]
        return kill(command, server, folder, data / "feeds" / "*.jsonl")
    if not PEERS.exists():
        raise Unmeasured(f"{PEERS.relative_to(ROOT)} is missing: make peers")
    command = [str(PEERS), "-m", "bench.durable"]
    if "redis" not in name:
        return kill([*command, "jobdir", server.base_url, str(folder)], server, folder, folder / "items.jsonl")
    with redis(folder) as url:
        return kill([*command, url, server.base_url, str(folder)], server, folder, folder / "items.jsonl")


def kill(command: list[str], server: Served, folder: Path, feed: Path) -> dict[str, float]:
    """Run the tool; its last line is a report."""
    tool = [sys.executable, str(KILL9), "--truth", f"{server.base_url}/__truth", "--feed", str(feed)]
    tool += [
        "--kills",
        str(KILLS),
        "--seed",
        "9",
        "--timeout",
        "600",
        "--log",
        str(folder / "kill9.log"),
        "--",
        *command,
    ]
    done = subprocess.run(tool, cwd=ROOT, capture_output=True, text=True, check=False)
    try:
        report: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    except (IndexError, ValueError):
        raise Unmeasured((done.stderr.splitlines() or ["no report"])[-1]) from None
    return report


@contextmanager
def redis(folder: Path) -> Iterator[str]:
    """A redis-server of the bench's own, on a free port."""
    program = shutil.which("redis-server")
    if not program:
        raise Unmeasured("redis-server is missing: apt-get install redis-server")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [program, "--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder), "--save", ""]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as server:
        try:
            for _ in range(100):
                with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                    break
                time.sleep(0.05)
            yield f"redis://127.0.0.1:{port}"
        finally:
            server.terminate()


if __name__ == "__main__":
    measure().show()
