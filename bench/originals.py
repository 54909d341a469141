"""Extraction of originals beside trafilatura alone, on the pages of tests/publishers.py: `python -m bench.originals`."""

from __future__ import annotations

import time
from collections import Counter
from statistics import mean

from bench.figures import Cell, Result, Table
from newscrawl.arabic import normalise
from newscrawl.originals import read_original
from tests.publishers import MAKES, PublisherPage, pages

SEEDS = range(1, 6)
ROUNDS = 3
URL = "https://press.example/news/1"
NOTE = (
    f"Token F1 of the text, mean of {len(SEEDS)} stories each, and CPU time, the least of {ROUNDS} rounds. Both read the metadata "
    "too and are told the language."
)


def f1(found: str, true: str) -> float:
    """F1 of the words of both texts, normalised, as multisets."""
    mine, theirs = Counter(normalise(found).split()), Counter(normalise(true).split())
    return 2 * (mine & theirs).total() / max(mine.total() + theirs.total(), 1)


def ours(page: PublisherPage) -> str:
    """The text as newscrawl reads it."""
    return read_original(page.html, URL, page.content_type, language=page.language).text


def alone(page: PublisherPage) -> str:
    """The text as trafilatura reads it."""
    from trafilatura import bare_extraction

    found = bare_extraction(
        page.html, url=URL, include_comments=False, with_metadata=True, target_language=page.language
    )
    return getattr(found, "text", None) or ""


def measure() -> Result:
    """Every page by both, in turn."""
    ours(pages(99)[0]), alone(pages(99)[0])  # imports
    rows: dict[str, list[tuple[float, ...]]] = {name: [] for name in MAKES}
    for page in (page for seed in SEEDS for page in pages(seed)):
        texts, seconds = ["", ""], [1e9, 1e9]
        for _ in range(ROUNDS):
            for number, read in enumerate((ours, alone)):
                start = time.process_time()
                texts[number] = read(page)
                seconds[number] = min(seconds[number], time.process_time() - start)
        rows[page.name].append((f1(texts[0], page.body), f1(texts[1], page.body), *seconds))
    every = [row for found in rows.values() for row in found]
    table: list[list[Cell]] = []
    for name, found in rows.items():
        mine, theirs, seconds_, other = (mean(column) for column in zip(*found, strict=True))
        table.append([name, mine, theirs, 1000 * seconds_, 1000 * other])
    columns = ["page", "F1", "trafilatura F1", "ms", "trafilatura ms"]
    times = sum(row[2] for row in every) / sum(row[3] for row in every)
    note = f"{NOTE} Newscrawl takes {times:.2f} times as long over all pages."
    return Result(
        [Table("Originals", columns, table, note, plot=["F1", "trafilatura F1"])],
        exact={
            "mean F1": mean(row[0] for row in every),
            "pages as good as by trafilatura": float(sum(row[0] >= row[1] for row in every)),
        },
        ratios={"speed beside trafilatura": 1 / times},
    )


if __name__ == "__main__":
    measure().show()
