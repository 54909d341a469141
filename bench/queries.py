"""What is asked of many articles: `python -m bench.queries`. `scrapy report`, `clusters` and `dedup`."""

from __future__ import annotations

import tempfile
from pathlib import Path

from bench.figures import Cell, Result, Table
from bench.peers import OWN, ask

ARTICLES = 100_000


def measure() -> Result:
    """Each command once, as a process of its own."""
    rows: list[list[Cell]] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        ask(OWN, "bench.known", str(folder / "data"), str(ARTICLES))
        feeds = folder / "data" / "feeds"
        size = sum(path.stat().st_size for path in feeds.iterdir()) / 1e6
        copies = (feeds / "duplicates.jsonl").read_bytes().count(b"\n")
        (folder / "all.jsonl").write_bytes(
            (feeds / "articles.jsonl").read_bytes() + (feeds / "duplicates.jsonl").read_bytes()
        )
        for command in (
            ["report", str(folder / "data"), "-o", str(folder / "report.html")],
            ["clusters", str(feeds)],
            ["clusters", str(feeds), "--jsonl"],
            ["dedup", str(folder / "all.jsonl"), "-o", str(folder / "firsts.jsonl")],
        ):
            run = ask(OWN, "bench.timed", str(OWN), "-m", "scrapy", *command)
            shown = " ".join(["scrapy", command[0], *(word for word in command if word == "--jsonl")])
            rows.append([shown, run["seconds"], run["cpu"], run["peak_mb"]])
    title = f"{ARTICLES:,} articles, {size:.0f} MB of feeds"
    note = f"{copies:,} of them are copies. Wall seconds, CPU seconds and peak memory of the whole process."
    return Result([Table(title, ["command", "seconds", "CPU s", "peak MB"], rows, note, plot=["seconds", "peak MB"])])


if __name__ == "__main__":
    measure().show()
