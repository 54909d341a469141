"""Extraction quality: `python -m bench.quality`. The bundled aggregator's pages and the recorded ones, each extractor."""

from __future__ import annotations

import json
import tempfile
from collections import Counter
from pathlib import Path
from statistics import mean
from typing import TYPE_CHECKING

from bench.extractors import EXTRACTORS, Values
from bench.figures import Cell, Result, Table
from bench.pages import Page, demo_pages, fixture_pages
from bench.peers import OWN, PEERS, Unmeasured, ask

if TYPE_CHECKING:
    from collections.abc import Iterable

FIELDS = {"title": "title", "date": "published", "publisher": "publisher", "source": "source_url"}
NOTE = (
    "Shares of pages whose title, date, publisher and link to the original are right, – where the extractor has no such "
    "field. Body: exact but for white space, and token F1 (words with their multiplicity). Leaked: share of the ticker's "
    "headlines that stand in the body. Errors: pages on which the extractor failed, which count as empty. The truth has "
    "the damage of the pages repaired, which no other extractor attempts."
)


def measure(names: Iterable[str] = EXTRACTORS) -> Result:
    """Each extractor on each set of pages."""
    result = Result([])
    columns = ["extractor", *FIELDS, "body exact", "body F1", "leaked", "errors"]
    for title, pages in (("bundled aggregator", demo_pages()), ("recorded pages", fixture_pages())):
        table = Table(f"Quality: {title}, {len(pages)} articles", columns, [], NOTE, plot=["body F1"])
        with tempfile.TemporaryDirectory() as folder:
            path = write(pages, Path(folder))
            for name in names:
                try:
                    values = ask(OWN if name == "newscrawl" else PEERS, "bench.extractors", name, str(path))
                except Unmeasured as reason:
                    result.miss(name, reason)
                    continue
                row = judge(pages, values)
                table.rows.append([name, *row])
                if name == "newscrawl":
                    result.exact |= held(title, dict(zip(columns[1:], row, strict=True)))
        result.tables.append(table)
    return result


def write(pages: list[Page], folder: Path) -> Path:
    """The pages as `bench.extractors` reads them."""
    path = folder / "pages.jsonl"
    lines = (json.dumps([page.body.decode("latin-1"), page.text, page.url, page.kind]) for page in pages)
    path.write_text("\n".join(lines), "utf-8")
    return path


def held(title: str, row: dict[str, Cell]) -> dict[str, float]:
    """The figures of newscrawl, all such that more is better."""
    figures = {f"{title}: {name}": float(value or 0) for name, value in row.items() if name not in {"leaked", "errors"}}
    return figures | {f"{title}: not leaked": 1 - float(row["leaked"] or 0)}


def judge(pages: list[Page], values: list[Values | None]) -> list[Cell]:
    """The row of an extractor."""
    offered = {name for found in values if found for name in found}
    read = [found or {} for found in values]
    shares: list[Cell] = [
        mean(squeezed(found.get(name)) == squeezed(page.truth[key]) for page, found in zip(pages, read, strict=True))
        if name in offered
        else None
        for name, key in FIELDS.items()
    ]
    bodies = [
        (squeezed(page.truth["body"]), squeezed(found.get("body"))) for page, found in zip(pages, read, strict=True)
    ]
    leaks = [
        mean(title in body for title in headlines)
        for page, (_, body) in zip(pages, bodies, strict=True)
        if (headlines := page.headlines)
    ]
    exact, f1 = mean(true == body for true, body in bodies), mean(token_f1(true, body) for true, body in bodies)
    return [*shares, exact, f1, mean(leaks), values.count(None)]


def squeezed(text: str | None) -> str:
    """The words of a text, one space apart."""
    return " ".join((text or "").split())


def token_f1(true: str, found: str) -> float:
    """Harmonic mean of precision and recall over words with their multiplicity.

    >>> token_f1("a b c", "a b b d")
    0.5714285714285714
    """
    one, other = Counter(true.split()), Counter(found.split())
    common = (one & other).total()
    return 2 * common / max(one.total() + other.total(), 1)


if __name__ == "__main__":
    measure().show()
