"""Where the time of a page goes: `python -m bench.profile`. Py-spy looks at a crawl with discovery 500 times a second."""

from __future__ import annotations

import json
import re
import subprocess
import tempfile
from collections import Counter
from pathlib import Path

from bench.figures import ROOT, Cell, Result, Table
from bench.peers import OWN, PEERS
from bench.served import served

ARTICLES = 1500
RATE = 500
LIBRARIES = ("scrapy", "twisted")
NOTE = (
    "Samples of a crawl with discovery, between the opening and the closing of the spider. A sample counts for the innermost "
    "function of newscrawl on the stack, with the libraries that it calls; for the library where none is. What is done once a run, as loading a model, is spread over its pages."
)


def measure() -> Result:
    """The profile of one crawl, by function and by room."""
    spy = PEERS.with_name("py-spy")
    if not spy.exists():
        return Result([], missing=[f"profile: {spy.relative_to(ROOT)} is missing: make peers"])
    with tempfile.TemporaryDirectory() as name, served(ARTICLES) as server:
        stacks = Path(name) / "stacks.txt"
        crawl = [str(OWN), "-m", "bench.crawlers", "newscrawl, discovery", server.base_url, name]
        record = [
            str(spy),
            "record",
            "--rate",
            str(RATE),
            "--format",
            "raw",
            "--function",
            "--output",
            str(stacks),
            "--",
        ]
        done = subprocess.run([*record, *crawl], cwd=ROOT, capture_output=True, text=True, check=False)
        if done.returncode:
            return Result([], missing=[f"profile: {done.stderr.strip().splitlines()[-1]}"])
        pages = json.loads(next(line for line in done.stdout.splitlines() if line.startswith("{")))["responses"]
        functions, rooms = attribute(stacks.read_text("utf-8"))
    total = functions.total()
    tables = [
        Table(title, [column, "ms a page", "share"], rows_of(counts, total, pages), NOTE, plot=["ms a page"])
        for title, column, counts in (
            ("The largest costs", "function", functions),
            ("The same by room", "room", rooms),
        )
    ]
    return Result(tables)


def rows_of(counts: Counter[str], total: int, pages: int) -> list[list[Cell]]:
    """The ten largest."""
    return [[name, count / RATE / pages * 1000, f"{count / total:.1%}"] for name, count in counts.most_common(10)]


def attribute(stacks: str) -> tuple[Counter[str], Counter[str]]:
    """Samples by function and by file, of lines `frame (file:line);frame (file:line) count`.

    >>> attribute("CrawlerProcess.start (scrapy/crawler.py:1);article (newscrawl/pages.py:9);find (lxml/etree.py:3) 5")
    (Counter({'pages.py: article': 5}), Counter({'newscrawl/pages.py': 5}))
    """
    functions: Counter[str] = Counter()
    rooms: Counter[str] = Counter()
    for line in stacks.splitlines():
        stack, _, count = line.rpartition(" ")
        frames = re.findall(r"([^;]+?) \(([^;]*?)(?::\d+)?\)(?:;|$)", stack)
        if not any(name.endswith("CrawlerProcess.start") for name, _ in frames):
            continue
        own = [(name, file) for name, file in frames if re.search(r"(?:^|/)newscrawl/", file)]
        if own:
            name, file = own[-1]
            room = "newscrawl/" + re.split(r"(?:^|/)newscrawl/", file)[-1]
            functions[f"{room.removeprefix('newscrawl/')}: {name}"] += int(count)
        else:
            room = next((name for _, file in reversed(frames) for name in LIBRARIES if f"{name}/" in file), "other")
            functions[room] += int(count)
        rooms[room] += int(count)
    return functions, rooms


if __name__ == "__main__":
    measure().show()
