"""Settlement: decides when a page is wholly through, and hands all that it brought to the state at once.

A page is through when its callback has ended and all its items have left the pipelines. Then its URL, the URLs found
on it and its items are written in one transaction; anything that failed before leaves the URL unsettled.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, Self
from urllib.parse import urlsplit

from scrapy import Request, signals
from scrapy.exceptions import CloseSpider

from newscrawl.browser import MORE, RENDER
from newscrawl.frontier import AGAIN, LEASE, STATIC, Frontier, Retry, duplicates_policy, frontier_of
from newscrawl.items import Article, SourceRecord, feed_line
from newscrawl.pages import Challenge, Rejected, challenge_of
from newscrawl.politeness import retry_after
from newscrawl.rendering import Rendering
from newscrawl.sources import AGAIN_AFTER, NO_BROWSER, NeedsBrowser, brought_text, original_url, row_of
from newscrawl.store import FINAL, Kind, Leased, OutboxItem, Settlement, State, Url

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from scrapy.crawler import Crawler
    from scrapy.http import Response

    from newscrawl.arguments import SourceMode

logger = logging.getLogger(__name__)

_GONE: Final = frozenset({404, 410})
_MAY_PASS: Final = frozenset({408, 425, 429})
_BUSY: Final = frozenset({429, 503})
"""Said of the whole host, not of the page."""


class Refused(Exception):
    """A pipeline keeps an article out of the feeds; the whole page ends with this reason."""


@dataclass(slots=True)
class _Through:
    """A page on its way through callback and pipelines."""

    lease: Leased
    found: list[Url] = field(default_factory=list)
    again: list[Url] = field(default_factory=list)
    forced: list[Url] = field(default_factory=list)
    """Asked for with `dont_filter`: queued even where they have just been settled."""
    articles: list[Article] = field(default_factory=list)
    records: list[SourceRecord] = field(default_factory=list)
    waiting: int = 0
    """Items in the pipelines."""
    ended: bool = False
    """Whether the callback has ended."""
    rejected: str | None = None
    failed: str | None = None
    rendered: Response | None = None
    """The browser's answer, where the one before it had shown that a browser is needed."""


class SettlementMiddleware:
    """Spider middleware next to the engine: sees what really reaches it."""

    def __init__(self, crawler: Crawler) -> None:
        self._crawler = crawler
        self._policy = duplicates_policy(crawler.settings)
        self._open: dict[int, _Through] = {}
        self._closing: asyncio.Future[None] | None = None

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        """Listen to the ends of items."""
        middleware = cls(crawler)
        crawler.signals.connect(middleware.item_scraped, signal=signals.item_scraped)
        crawler.signals.connect(middleware.item_dropped, signal=signals.item_dropped)
        crawler.signals.connect(middleware.item_error, signal=signals.item_error)
        return middleware

    @property
    def _frontier(self) -> Frontier:
        return frontier_of(self._crawler)

    @cached_property
    def _rendering(self) -> Rendering | None:
        return self._crawler.get_downloader_middleware(Rendering)

    def process_spider_input(self, response: Response) -> None:
        """Let only answers with a page through; the others are settled by their status.

        Raises:
            Rejected: the page is gone for good, or refused.
            Retry: the failure may pass.
        """
        lease = self._lease(response)
        if lease is None:
            return
        self._frontier.answered(lease)
        status = response.status
        if lease.kind is Kind.SOURCE:
            self._hold_publisher(lease, response)
            self._begin(lease, response)
            return
        if status != 200 and (challenge := challenge_of(response)):
            self._frontier.stop(lease.host, f"challenge ({challenge})")
            raise Retry("challenge")
        if status in _GONE:
            raise Rejected("gone")
        if status in _BUSY:
            raise Retry(f"http_{status}", self._frontier.hold(lease.host, retry_after(response), f"http_{status}"))
        if status >= 500 or status in _MAY_PASS:
            raise Retry(f"http_{status}", retry_after(response))
        if not 200 <= status < 300:
            raise Rejected(f"http_{status}")
        self._begin(lease, response)

    def _begin(self, lease: Leased, response: Response) -> None:
        page = self._open[lease.id] = _Through(lease)
        if self._rendering is None or not self._rendering.may_help(lease, response):
            response.meta[NO_BROWSER] = True
        if RENDER in response.flags and STATIC in response.meta:
            page.rendered = response

    def _hold_publisher(self, lease: Leased, response: Response) -> None:
        """Any answer of a publisher is a result; some of them ask to be left alone all the same."""
        if response.status != 200 and challenge_of(response):
            self._frontier.hold(lease.host, AGAIN_AFTER, "challenge")
        elif response.status in _BUSY:
            self._frontier.hold(lease.host, retry_after(response), f"http_{response.status}")

    async def process_spider_output(self, response: Response, result: AsyncIterator[Any]) -> AsyncIterator[Any]:
        """Keep the requests for the settlement, pass the items on."""
        page = self._page(response)
        if page is None:
            async for output in result:
                yield output
            return
        frontier = self._frontier
        try:
            async for output in result:
                if isinstance(output, Request):
                    output.meta.pop(LEASE, None)  # `meta=response.meta` carries it along
                    forced, again = output.dont_filter, output.meta.get(AGAIN)
                    queue = page.forced if forced else page.again if again else page.found
                    queue.append(frontier.url_of(output))
                elif output is not None:
                    page.waiting += 1
                    yield output
        except CloseSpider:
            page.failed = "closed"
            raise
        except Exception as error:
            page.failed = f"exception_{type(error).__name__}"
            raise
        finally:
            page.ended = True
            self._settle_if_through(page)

    def process_spider_exception(self, response: Response, exception: Exception) -> list[Any] | None:
        """A page that is not what was expected is an outcome; any other exception is shown by Scrapy."""
        page = self._page(response)
        if page is None:
            return None
        if isinstance(exception, NeedsBrowser) and self._rendering:
            del self._open[page.lease.id]
            self._frontier.ask_again(page.lease, self._rendering.request(response))
            return []
        if isinstance(exception, Challenge):
            self._frontier.stop(page.lease.host, f"challenge ({exception.by})")
            page.failed = exception.reason
        elif isinstance(exception, Rejected):
            page.rejected = exception.reason
        else:
            page.failed = exception.reason if isinstance(exception, Retry) else f"exception_{type(exception).__name__}"
        if page.waiting == 0:
            page.ended = True
            self._settle_if_through(page)
        return [] if isinstance(exception, (Rejected, Retry)) else None

    # Ends of items. Scrapy logs and swallows what a signal handler raises, so these keep the failure with the page.

    def item_scraped(self, item: Any, response: Response | None) -> None:
        """An item has left the last pipeline."""
        page = self._page(response)
        if page is None:
            return
        if isinstance(item, Article):
            page.articles.append(item)
        elif isinstance(item, SourceRecord):
            page.records.append(item)
        self._item_ended(page)

    def item_dropped(self, response: Response | None, exception: Exception) -> None:
        """A pipeline dropped an item: the reason is the page's."""
        if page := self._page(response):
            page.rejected = str(exception)
            self._item_ended(page)

    def item_error(self, response: Response | None, failure: Any) -> None:
        """A pipeline raised: the page is not settled."""
        if page := self._page(response):
            page.failed = f"exception_{type(failure.value).__name__}"
            self._item_ended(page)

    def _item_ended(self, page: _Through) -> None:
        page.waiting -= 1
        self._settle_if_through(page)

    def _settle_if_through(self, page: _Through) -> None:
        if not page.ended or page.waiting or self._open.pop(page.lease.id, None) is None:
            return
        frontier, lease = self._frontier, page.lease
        if page.rendered and self._rendering and (helped := _browser_helped(page, page.rendered)) is not None:
            self._rendering.note(lease.host, helped=helped)
        if page.failed:
            frontier.failed(lease, page.failed)
        elif lease.kind is Kind.SOURCE:
            frontier.settle_source(lease, page.records)
        elif page.rejected:
            frontier.rejected(lease, page.rejected, found=[*page.found, *page.again, *page.forced])
        elif page.articles and self._limit_reached():
            frontier.release(lease)
        else:
            self._settle(page)

    def _settle(self, page: _Through) -> None:
        """Settle a page with all that it brought."""
        frontier, lease = self._frontier, page.lease
        try:
            items = [self._outbox_item(article) for article in page.articles]
        except Exception as error:
            logger.exception("Cannot write the lines of %s", lease.key)
            frontier.failed(lease, f"exception_{type(error).__name__}")
            return
        settlement = Settlement(lease.id, State.DONE, found=page.found, again=page.again, items=items)
        refused = frontier.settle(lease, self._with_sources(settlement, page.articles))
        if page.forced:
            frontier.queue(page.forced, force=True)
        for watch in frontier.watchers:
            for article in page.articles:
                watch(article)
        self._crawler.stats.inc_value("newscrawl/pages")
        for item in items:
            if item.key in refused:
                self._crawler.stats.inc_value("newscrawl/skipped/exported_before")
            else:
                self._crawler.stats.inc_value(f"newscrawl/{item.feed}")
        if self._limit_reached():
            self._end_of_articles()

    def _end_of_articles(self) -> None:
        """The articles that were asked for are there; their originals may not be."""
        if self._source_mode != "off":
            self._frontier.stop_articles()
        elif self._closing is None and self._crawler.engine:
            self._closing = asyncio.ensure_future(self._crawler.engine.close_spider_async(reason="limit"))

    @property
    def _source_mode(self) -> SourceMode:
        return getattr(getattr(self._crawler.spider, "arguments", None), "source", "off")

    def _with_sources(self, settlement: Settlement, articles: list[Article]) -> Settlement:
        """The settlement of a page with the originals of its articles queued; one that was asked waits for its day."""
        if self._source_mode == "off":
            return settlement
        rows, urls = [], {}
        for article in articles:
            url = original_url(article.source_url) if article.source_url else None
            if url and not self._crawler.spider.locate(url):  # type: ignore[union-attr]
                rows.append(row_of(article, url, self._source_mode))
                urls[url] = Url(url, article.site, urlsplit(url).netloc, Kind.SOURCE)
        seen = self._frontier.store.seen(urls)
        later = [
            (urls[url], (before.settled_at or 0) + AGAIN_AFTER) for url, before in seen.items() if before.state in FINAL
        ]
        new = [of for url, of in urls.items() if url not in seen or seen[url].state not in FINAL]
        return replace(settlement, found=[*settlement.found, *new], sources=rows, later=later)

    def _outbox_item(self, article: Article) -> OutboxItem:
        """The line of an article, marked and sent to its feed by the policy for copies."""
        if self._policy != "off" and (copy := self._frontier.copy_settled_since(article.id)):
            article.duplicate_of, article.similarity = copy.first, copy.similarity
        feed = "duplicates" if article.duplicate_of and self._policy == "split" else "articles"
        return OutboxItem(article.id, feed, feed_line(article))

    def _limit_reached(self) -> bool:
        """Whether the articles that were asked for (`-a limit=N`) are exported."""
        limit = getattr(getattr(self._crawler.spider, "arguments", None), "limit", None)
        return limit is not None and self._crawler.stats.get_value("newscrawl/articles", 0) >= limit

    def _lease(self, response: Response | None) -> Leased | None:
        if response is None or response.request is None:
            return None
        return self._frontier.lease_of(response.request)

    def _page(self, response: Response | None) -> _Through | None:
        if response is None or response.request is None:
            return None
        return self._open.get(response.request.meta.get(LEASE, -1))


def _browser_helped(page: _Through, response: Response) -> bool | None:
    """Whether the browser brought what the answer without it lacked; None where that cannot be told."""
    if page.lease.kind is Kind.SOURCE:
        return brought_text(response.meta[STATIC], response)
    if page.failed or page.rejected:
        return False
    static = response.meta[STATIC].text
    if any(urlsplit(url.key).path not in static for url in [*page.found, *page.again]):
        return True
    return None if response.meta.get(MORE) else False
