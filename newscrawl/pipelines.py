"""Item pipelines: validate, then find duplicates. What leaves them is exported when its page settles."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from typing import TYPE_CHECKING, Any, Final, Self

from scrapy.exceptions import DropItem

from newscrawl import arabic
from newscrawl.frontier import frontier_of
from newscrawl.items import Article

if TYPE_CHECKING:
    from scrapy.crawler import Crawler

_WATCHED: Final = ("language", "publisher", "authors", "published", "source_url", "images")
_UNDER_WAY: Final = 10_000
"""Texts remembered beside the store's, for articles that are not settled yet."""


class Validate:
    """Keeps out what is no article, and what was not asked for; counts missing fields."""

    def __init__(self, crawler: Crawler) -> None:
        self._crawler = crawler

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        """Needs the stats and the spider's arguments."""
        return cls(crawler)

    def process_item(self, item: Any) -> Any:
        """Answer the item, or drop it with the reason that its URL ends with."""
        if not isinstance(item, Article):
            return item
        if not item.title:
            raise DropItem("no_title")
        if not item.body:
            raise DropItem("empty")
        arguments = getattr(self._crawler.spider, "arguments", None)
        if arguments and not _within(item.published, arguments.since, arguments.until):
            raise DropItem("outside_dates")
        for name in _WATCHED:
            if not getattr(item, name):
                self._crawler.stats.inc_value(f"newscrawl/missing/{name}")
        return item


class Deduplicate:
    """Names the first article with the same text: by the exact key of the normalised body."""

    def __init__(self, crawler: Crawler) -> None:
        self._crawler = crawler
        self._under_way: OrderedDict[bytes, str] = OrderedDict()

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        """The texts seen before are in the crawl state."""
        return cls(crawler)

    def process_item(self, item: Any) -> Any:
        """Mark a copy with `duplicate_of`; remember the text of a first."""
        text = arabic.normalise(item.body) if isinstance(item, Article) else ""
        if not text:
            return item
        frontier = frontier_of(self._crawler)
        key = hashlib.blake2b(text.encode(), digest_size=16).digest()
        first = self._under_way.get(key) or frontier.store.first_with_text(key)
        if first and first != item.id:
            item.duplicate_of, item.similarity = first, 1.0
        else:
            frontier.text_keys[item.id] = key
            self._under_way[key] = item.id
            if len(self._under_way) > _UNDER_WAY:
                self._under_way.popitem(last=False)
        return item


def _within(published: str | None, since: Any, until: Any) -> bool:
    """Whether a date lies in the window; an unknown date is in no window."""
    if since is None and until is None:
        return True
    if published is None:
        return False
    day = published[:10]
    return (since is None or day >= since.isoformat()) and (until is None or day <= until.isoformat())
