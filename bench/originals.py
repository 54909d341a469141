"""Extraction of originals: newscrawl beside trafilatura alone, on the pages of tests/publishers.py.

    python bench/originals.py [--seeds 5]

Prints for each make of page the token F1 of the text of both (mean over the seeds) and the CPU time of both, and ends with
status 1 where newscrawl is worse on any page or takes more than 1.3 times as long over all.
"""

import argparse
import statistics
import sys
import time
from collections import Counter
from pathlib import Path

from trafilatura import bare_extraction

from newscrawl.arabic import normalise
from newscrawl.originals import read_original

sys.path.insert(0, str(Path(__file__).parent.parent))
from tests.publishers import MAKES, PublisherPage, pages

MOST = 1.3
"""times the CPU of trafilatura alone"""


def f1(found: str, true: str) -> float:
    """F1 of the words of both texts, normalised, as multisets."""
    mine, theirs = Counter(normalise(found).split()), Counter(normalise(true).split())
    shared = (mine & theirs).total()
    return 2 * shared / max(mine.total() + theirs.total(), 1)


def ours(page: PublisherPage) -> str:
    return read_original(page.html, "https://press.example/news/1", page.content_type, language=page.language).text


def alone(page: PublisherPage) -> str:
    """With metadata, which newscrawl reads too; the language is given as trafilatura's documentation advises."""
    found = bare_extraction(
        page.html,
        url="https://press.example/news/1",
        include_comments=False,
        with_metadata=True,
        target_language=page.language,
    )
    return (found.text if found else None) or ""


def measured(corpus: list[PublisherPage], rounds: int = 3) -> dict[str, tuple[float, float, float, float]]:
    """(F1 of ours, F1 of trafilatura, seconds of ours, seconds of trafilatura) of each page; the least of the rounds."""
    rows = {}
    for page in corpus:
        taken: tuple[list[float], list[float]] = ([], [])
        texts = ["", ""]
        for _ in range(rounds):
            for number, read in enumerate((ours, alone)):
                start = time.process_time()
                texts[number] = read(page)
                taken[number].append(time.process_time() - start)
        rows[page.name] = (f1(texts[0], page.body), f1(texts[1], page.body), min(taken[0]), min(taken[1]))
    return rows


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=5)
    seeds = parser.parse_args().seeds
    ours(pages(99)[0]), alone(pages(99)[0])  # imports
    rounds = [measured(pages(seed)) for seed in range(1, seeds + 1)]
    worse = 0
    print(f"{'page':<16}{'F1':>8}{'trafilatura':>13}{'ms':>8}{'trafilatura':>13}")
    for name in MAKES:
        rows = [row[name] for row in rounds]
        mine, theirs, seconds, other = (statistics.mean(column) for column in zip(*rows, strict=True))
        worse += sum(row[0] < row[1] - 1e-9 for row in rows)
        print(f"{name:<16}{mine:>8.4f}{theirs:>13.4f}{1000 * seconds:>8.1f}{1000 * other:>13.1f}")
    total = [sum(row[column] for rows in rounds for row in rows.values()) for column in (2, 3)]
    print(f"worse on {worse} of {seeds * len(MAKES)} pages; {total[0] / total[1]:.2f} times the CPU time")
    return int(worse > 0 or total[0] / total[1] > MOST)


if __name__ == "__main__":
    sys.exit(main())
