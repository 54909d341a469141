"""The same crawl with more and more known: `python -m bench.growth`. Nothing, 100,000 and 1,000,000 articles."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from statistics import median

from bench.figures import Cell, Result, Table
from bench.peers import OWN, ask
from bench.served import served

KNOWN = (0, 100_000, 1_000_000)
ARTICLES = 1500
ROUNDS = 3
NOTE = (
    f"Medians of {ROUNDS} rounds of one crawl with discovery, each in a fresh copy of a data folder in which that many "
    "articles are done, exported and in the index of duplicates. CPU seconds from the opening of the spider to the last page "
    "per 1,000 responses, and those of the closing, in which the whole state is counted, once a run."
)


def measure() -> Result:
    """Every size in turn, so that a busy machine meets all."""
    runs: dict[int, list[dict[str, float]]] = {known: [] for known in KNOWN}
    sizes = {}
    with tempfile.TemporaryDirectory() as name, served(ARTICLES) as server:
        folder = Path(name)
        for known in KNOWN:
            ask(OWN, "bench.known", str(folder / str(known)), str(known), "--short", timeout=7200)
            sizes[known] = (folder / str(known) / "state.sqlite").stat().st_size / 1e6
        for _ in range(ROUNDS):
            for known, found in runs.items():
                place = folder / "run"
                shutil.copytree(folder / str(known), place / "data")
                (place / "urls.txt").write_text("\n".join(server.urls))
                run = ask(OWN, "bench.crawlers", "newscrawl, discovery", server.base_url, str(place))
                assert run["articles"] - known == ARTICLES, f"{run['articles'] - known} articles"
                found.append(run)
                shutil.rmtree(place)
    cpu = {
        known: median((run["cpu"] - run["closing"]) / run["responses"] * 1000 for run in found)
        for known, found in runs.items()
    }
    closing = {known: median(run["closing"] for run in found) for known, found in runs.items()}
    peak = {known: median(run["peak_mb"] for run in found) for known, found in runs.items()}
    rows: list[list[Cell]] = [
        [
            f"{known:,}",
            cpu[known],
            cpu[known] / cpu[0],
            closing[known],
            peak[known],
            peak[known] - peak[0],
            sizes[known],
        ]
        for known in KNOWN
    ]
    columns = ["known", "CPU s/1,000", "x nothing known", "closing, CPU s", "peak MB", "more MB", "state MB"]
    table = Table("CPU and memory by what is known", columns, rows, NOTE, plot=["CPU s/1,000", "peak MB"])
    last = KNOWN[-1]
    return Result([table], ratios={f"CPU with nothing known / {last:,} known": cpu[0] / cpu[last]})


if __name__ == "__main__":
    measure().show()
