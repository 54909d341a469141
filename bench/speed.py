"""Extraction speed on one core: `python -m bench.speed`. Article pages of the bundled aggregator."""

from __future__ import annotations

import tempfile
from pathlib import Path
from statistics import mean, median

from bench.extractors import EXTRACTORS
from bench.figures import Cell, Result, Table
from bench.pages import demo_pages, shortest
from bench.peers import OWN, PEERS, Unmeasured, ask
from bench.quality import write

ROUNDS = 3
SECONDS = 3
KB = 15
"""Mean size of a page."""


def measure() -> Result:
    """Each extractor in turn, several rounds; medians."""
    result = Result([])
    pages = shortest(demo_pages(), KB)
    rates: dict[str, list[float]] = {name: [] for name in EXTRACTORS}
    with tempfile.TemporaryDirectory() as folder:
        path = write(pages, Path(folder))
        for _ in range(ROUNDS):
            for name, found in rates.items():
                try:
                    python = OWN if name == "newscrawl" else PEERS
                    found.append(ask(python, "bench.extractors", name, str(path), str(SECONDS)))
                except Unmeasured as reason:
                    result.miss(name, reason)
    own = median(rates["newscrawl"])
    rows: list[list[Cell]] = [[name, median(found), own / median(found)] for name, found in rates.items() if found]
    size = mean(len(page.body) for page in pages) / 1000
    result.tables.append(
        Table(
            f"Extraction speed: pages of {size:.0f} KB, one core",
            ["extractor", "pages/s", "newscrawl is faster by"],
            rows,
            f"Pages per second of CPU, from bytes to cleaned fields; medians of {ROUNDS} rounds of {SECONDS} s each.",
            plot=["pages/s"],
        )
    )
    if found := rates["trafilatura"]:
        result.ratios["times trafilatura"] = own / median(found)
    return result


if __name__ == "__main__":
    measure().show()
