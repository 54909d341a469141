"""Item pipelines: validate, then find duplicates. What leaves them is exported when its page settles."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any, Final, Self

from scrapy.exceptions import DropItem, NotConfigured

from newscrawl.frontier import duplicates_policy, frontier_of
from newscrawl.items import Article

if TYPE_CHECKING:
    from scrapy.crawler import Crawler

_WATCHED: Final = ("language", "publisher", "authors", "published", "source_url", "images")


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
    """Names the first article with the same text, or nearly the same."""

    def __init__(self, crawler: Crawler) -> None:
        self._crawler = crawler

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        """Switched off by NEWSCRAWL_DUPLICATES = off."""
        if duplicates_policy(crawler.settings) == "off":
            raise NotConfigured
        return cls(crawler)

    def process_item(self, item: Any) -> Any:
        """Mark a copy with `duplicate_of` and `similarity`."""
        if isinstance(item, Article):
            day = (
                date.fromisoformat(item.published).toordinal() if item.published and len(item.published) == 10 else None
            )
            paper = f"{item.site}/{item.edition}/{item.publisher_id}"
            if copy := frontier_of(self._crawler).copy_of(item.id, item.body, paper=paper, day=day):
                item.duplicate_of, item.similarity = copy.first, copy.similarity
        return item


def _within(published: str | None, since: Any, until: Any) -> bool:
    """Whether a date lies in the window; an unknown date is in no window."""
    if since is None and until is None:
        return True
    if published is None:
        return False
    day = published[:10]
    return (since is None or day >= since.isoformat()) and (until is None or day <= until.isoformat())
