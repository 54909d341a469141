"""What a run says: progress while it works, a summary and an exit status at its end."""

from __future__ import annotations

import logging
import sys
import time
from typing import TYPE_CHECKING, Any, Final, Self, TextIO

from scrapy import logformatter, signals
from scrapy.statscollectors import MemoryStatsCollector
from scrapy.utils.asyncio import create_looping_call

from newscrawl.frontier import feed_paths

if TYPE_CHECKING:
    from scrapy.crawler import Crawler
    from scrapy.spiders import Spider

logger = logging.getLogger(__name__)

_CLEAR_LINE: Final = "\r\N{ESCAPE}[2K"
_WANTED_ENDS: Final = ("finished", "limit", "closespider_")
"""Reasons of a run that ended as it was asked to; the rest were interrupted or failed."""


class Stats(MemoryStatsCollector):
    """Scrapy's own, which looks for a deprecated argument whenever one of its methods is asked for: 1 % of the CPU time."""

    __getattribute__ = object.__getattribute__


class Progress:
    """Extension: one moving line on a terminal, a log line a minute elsewhere, and the closing summary."""

    def __init__(self, crawler: Crawler, stream: TextIO) -> None:
        self._crawler = crawler
        self._stream = stream
        self._terminal = stream.isatty()
        self._interval = 1.0 if self._terminal else crawler.settings.getfloat("LOGSTATS_INTERVAL")
        self._ticker = create_looping_call(self._show)
        self._started = time.monotonic()

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        """Listen to the beginning and the end of the spider."""
        # Scrapy makes a record of every request, page and item, which its handler drops: 4 % of the CPU time of a crawl.
        logging.getLogger("scrapy").setLevel(crawler.settings["LOG_LEVEL"])
        extension = cls(crawler, sys.stderr)
        crawler.signals.connect(extension.spider_opened, signal=signals.spider_opened)
        crawler.signals.connect(extension.spider_closed, signal=signals.spider_closed)
        return extension

    def spider_opened(self, spider: Spider) -> None:
        """Begin to show progress; remind the operator of a live crawl to be reachable."""
        self._started = time.monotonic()
        if self._terminal:
            for handler in self._shown():
                handler.addFilter(self._clear_before)
        if self._interval > 0:
            self._ticker.start(self._interval, now=False)
        live = [site for site in spider.arguments.sites if not site.origin] if hasattr(spider, "arguments") else []
        if any(site.id != "demo" for site in live) and not self._crawler.settings["NEWSCRAWL_CONTACT"]:
            logger.warning(
                "NEWSCRAWL_CONTACT is not set: the site's operator cannot reach you; "
                "set it to a URL or address of yours (-s NEWSCRAWL_CONTACT=https://...)"
            )

    def spider_closed(self, spider: Spider, reason: str) -> None:
        """Say what came of the run and set the status that the process exits with."""
        if self._ticker.running:
            self._ticker.stop()
        if self._terminal:
            self._stream.write(_CLEAR_LINE)
            for handler in self._shown():
                handler.removeFilter(self._clear_before)
        problem = self._problem(reason)
        self._crawler.stats.set_value("newscrawl/exit_status", 1 if problem else 0)
        logger.log(logging.ERROR if problem else logging.INFO, self._summary(problem))

    def _count(self, name: str) -> int:
        count: int = self._crawler.stats.get_value(f"newscrawl/{name}", 0)
        return count

    def _by_reason(self, kind: str) -> dict[str, int]:
        """Counts of a kind of outcome by reason, most frequent first."""
        prefix = f"newscrawl/{kind}/"
        counts = {n.removeprefix(prefix): v for n, v in self._crawler.stats.get_stats().items() if n.startswith(prefix)}
        return dict(sorted(counts.items(), key=lambda entry: -entry[1] if isinstance(entry[1], int) else 0))

    def _problem(self, reason: str) -> str | None:
        """What keeps this run from being a success, with the next step, or None."""
        if error := self._crawler.stats.get_value("newscrawl/error"):
            return str(error)
        if unreachable := self._by_reason("unreachable"):
            tried = ", ".join(f"{host} ({why})" for host, why in unreachable.items())
            return (
                f"no answer from {tried} after 3 tries; check the address and the network, then run the command again"
            )
        if stopped := self._by_reason("stopped"):
            told = "; ".join(f"{host} answers with a {why} in place of its pages" for host, why in stopped.items())
            return f"{told}; that is not evaded: look at it in a browser, or ask its operator to let you in"
        if not self._count("pages") and (refusal := self._robots_refusal()):
            return refusal
        if not reason.startswith(_WANTED_ENDS):
            return f"stopped ({reason}); run the same command to go on"
        if not hasattr(self._crawler.spider, "arguments"):
            return None
        if unread := {
            site: why for site, why in self._by_reason("verdict").items() if "none could be read" in str(why)
        }:
            told = "; ".join(f"{site} is {why}" for site, why in unread.items())
            return f"{told}; the site may have changed: look at a page with `scrapy record`"
        if self._count("articles") or self._count("duplicates") or self._count("state/exported"):
            return None
        refusals = {**self._by_reason("failed"), **self._by_reason("deferred"), **self._by_reason("skipped")}
        if not self._count("pages") and refusals:
            return f"the site refused every page ({_listed(refusals)}); look at it in a browser"
        return "no article was found; the site may have changed: look at a listing page with `scrapy record`"

    def _robots_refusal(self) -> str | None:
        """The robots.txt that kept every page from this run, in its own words."""
        for host, rule in self._by_reason("robots_rule").items():
            return f"robots.txt of {host} forbids it: {rule!r}; ask the site's operator, there is nothing to crawl"
        for host, status in self._by_reason("robots_unavailable").items():
            return f"robots.txt of {host} answers {status}: nothing is asked until it can be read; try again later"
        return None

    def _summary(self, problem: str | None) -> str:
        failed, deferred = self._by_reason("failed"), self._by_reason("deferred")
        parts = [
            f"{self._count('articles')} articles, {self._count('duplicates')} duplicates, {self._count('pages')} pages"
            f" in {time.monotonic() - self._started:.0f} s",
            f"{sum(failed.values())} failures" + (f" ({_listed(failed)})" if failed else ""),
        ]
        if skipped := self._by_reason("skipped"):
            parts.append(f"{sum(skipped.values())} skipped ({_listed(skipped)})")
        if deferred:
            waiting = self._count("state/deferred")
            parts.append(f"{sum(deferred.values())} tries put off ({_listed(deferred)}), {waiting} still waiting")
        if fallback := self._count("fallback_pages"):
            parts.append(f"{fallback} pages read without the family's classes: the markup may have changed")
        if found := self._by_reason("source"):
            parts.append(f"{sum(found.values())} originals ({_listed(found)})")
        if held := self._by_reason("held"):
            parts.append("left alone: " + ", ".join(f"{host} ({why})" for host, why in held.items()))
        if verdicts := self._by_reason("verdict"):
            parts.append("; ".join(f"{site} is {verdict}" for site, verdict in verdicts.items()))
        if problem:
            return f"Not done: {problem} [{'; '.join(parts)}]"
        feed = feed_paths(self._crawler.settings)["articles"]
        advice = "run the same command again for what is new"
        if self._count("state/deferred"):
            advice = "run the same command again for what is waiting and what is new"
        return f"Done: {'; '.join(parts)}. Feed: {feed}; {advice}."

    def _show(self) -> None:
        pages, seconds = self._count("pages"), time.monotonic() - self._started
        failed = sum(self._by_reason("failed").values())
        line = (
            f"{pages} pages, {self._count('articles')} articles, {self._count('duplicates')} duplicates, "
            f"{failed} failures, {pages / max(seconds, 0.001):.1f} pages/s"
        )
        if self._terminal:
            self._stream.write(f"{_CLEAR_LINE}{line}")
            self._stream.flush()
        else:
            logger.info(line)

    def _shown(self) -> list[logging.Handler]:
        """Handlers whose lines appear where the moving line is."""
        return [h for h in logging.getLogger().handlers if getattr(h, "stream", None) is self._stream]

    def _clear_before(self, record: logging.LogRecord) -> bool:
        """A logging filter that lets everything pass, after wiping the moving line."""
        self._stream.write(_CLEAR_LINE)
        return True


class LogFormatter(logformatter.LogFormatter):
    """Scrapy's messages without the text of articles, which has no place in a log."""

    def scraped(self, item: Any, response: Any, spider: Spider) -> Any:
        """Name the item, not its text."""
        return {
            "level": logging.DEBUG,
            "msg": "Article %(id)s",
            "args": {"id": getattr(item, "id", type(item).__name__)},
        }

    def dropped(self, item: Any, exception: BaseException, response: Any, spider: Spider) -> Any:
        """Say nothing: the settlement logs the page with the reason."""
        return None


def _listed(counts: dict[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in counts.items())
