"""Articles in any number, from bundled aggregators of 10,000 articles each, whose stories differ."""

from __future__ import annotations

from typing import TYPE_CHECKING

from newscrawl.demo.corpus import Corpus

if TYPE_CHECKING:
    from collections.abc import Iterator

EACH = 10_000


def stories(count: int) -> Iterator[dict[str, object]]:
    """What each article must export, with `story` and `copy`; ids and stories carry the number of their aggregator."""
    for seed in range(1, -(-count // EACH) + 1):
        left = count - (seed - 1) * EACH
        for article in Corpus(min(EACH, left), seed).articles:
            truth = article.truth(in_feed=False)
            yield truth | {"id": f"{truth['id']}{seed:04}", "story": f"{seed} {truth['story']}"}
