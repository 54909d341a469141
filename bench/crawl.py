"""Crawls of the bundled aggregator, served by another process: `python -m bench.crawl`.

Each round runs every crawler once, in a process of its own, on the same pages. Timings of one run are noisy; the ratios
of one run are what counts.
"""

from __future__ import annotations

import tempfile
from collections import defaultdict
from pathlib import Path
from statistics import median

from bench.crawlers import CRAWLERS
from bench.figures import Cell, Result, Table
from bench.peers import FUNDUS, OWN, PEERS, Unmeasured, ask
from bench.served import Served, served

ARTICLES = 1500
FEWER = 300
"""Articles where slow peers take part."""
ROUNDS = 5
OTHERS = {"news-please": PEERS, "Fundus": FUNDUS}
COLUMNS = ["crawler", "responses", "articles", "pages/s", "CPU s/1,000", "x empty", "x silent", "x one item", "peak MB"]
NOTE = (
    f"Medians of {ROUNDS} rounds; CPU seconds per 1,000 responses, and that beside what the same round took for the empty "
    "spider: at Scrapy's default settings, with which it logs a line a response; silent, with LOG_LEVEL=WARNING; and silent "
    "with CONCURRENT_ITEMS=1. Newscrawl has its own settings and everything on: text, state, duplicates, politeness, feeds; "
    "unguarded: Scrapy's own components in place of its guards. News-please is given the addresses (Download crawler, its "
    "own settings, no pictures), Fundus a sitemap and a parser of title and body (no delay, one thread, no duplicates, no "
    "robots.txt). The server runs in a process of its own on the same machine."
)


def measure() -> Result:
    """Small and large pages; then few pages with the other crawlers."""
    result = Result([])
    own = [name for name in CRAWLERS if name not in OTHERS]
    empty, silent, one_item, *guarded = own[:5]
    for articles, kb, names in ((ARTICLES, 0, own), (ARTICLES, 110, own), (FEWER, 0, [empty, *guarded, *OTHERS])):
        few = articles == FEWER
        with served(articles, kb, undeclared=few) as server:
            title = f"{server.page_kb:.0f} KB a page"
            found = compare(server, names, result)
        rates = {name: median(run["responses"] / run["wall"] for run in runs) for name, runs in found.items()}
        cpu = {name: median(run["cpu"] / run["responses"] * 1000 for run in runs) for name, runs in found.items()}
        rows: list[list[Cell]] = [
            [
                name,
                runs[0]["responses"],
                runs[0]["articles"] or None,
                rates[name],
                cpu[name],
                *(beside(runs, found[other]) if other in found else None for other in (empty, silent, one_item)),
                max(run["peak_mb"] for run in runs),
            ]
            for name, runs in found.items()
        ]
        if few:
            title = f"Other crawlers, {articles} articles, {title}, without XML declarations"
            if "news-please" in rates:
                result.ratios["times news-please"] = rates["newscrawl, known URLs"] / rates["news-please"]
        else:
            title = f"{articles:,} articles, {title}"
            large = "large" if kb else "small"
            for name in guarded:
                result.ratios[f"{large} pages, {name}: CPU of empty, silent / its"] = 1 / beside(
                    found[name], found[silent]
                )
        result.tables.append(Table(title, COLUMNS, rows, NOTE, plot=["pages/s", "CPU s/1,000"]))
    return result


def beside(runs: list[dict[str, float]], others: list[dict[str, float]]) -> float:
    """CPU per response beside that of another crawler: the median of each round's ratio, as machines slow down meanwhile."""
    return median(
        run["cpu"] / run["responses"] / (other["cpu"] / other["responses"])
        for run, other in zip(runs, others, strict=False)
    )


def compare(server: Served, names: list[str], result: Result) -> dict[str, list[dict[str, float]]]:
    """What each run of each crawler took."""
    found: dict[str, list[dict[str, float]]] = defaultdict(list)
    for _ in range(ROUNDS):
        for name in names:
            with tempfile.TemporaryDirectory() as folder:
                (Path(folder) / "urls.txt").write_text("\n".join(server.urls))
                (Path(folder) / "public.txt").write_text("\n".join(server.public))
                try:
                    run = ask(OTHERS.get(name, OWN), "bench.crawlers", name, server.base_url, folder)
                    if not run["articles"] and not name.startswith("empty"):
                        raise Unmeasured("it wrote no article")
                except Unmeasured as reason:
                    result.miss(name, reason)
                    continue
            if name.startswith("newscrawl"):
                assert run["articles"] == len(server.truth["ids"]), f"{name} wrote {run['articles']} articles"
            found[name].append(run)
    return dict(found)


if __name__ == "__main__":
    measure().show()
