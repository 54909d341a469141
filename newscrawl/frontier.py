"""The frontier: a Scrapy scheduler whose queue is the crawl state, so that a killed crawl goes on where it was.

A URL is leased, never popped: it stays in the state until its page is settled (`newscrawl.settlement`). The frontier
owns the state and the feeds of a run, since Scrapy opens the scheduler first and closes it last.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import logging
import re
import time
from collections import Counter, OrderedDict, deque
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self
from urllib.parse import urlsplit

from scrapy import Request, signals
from scrapy.exceptions import CloseSpider, IgnoreRequest, NotConfigured
from scrapy.utils.request import request_from_dict
from w3lib.url import canonicalize_url

from newscrawl.dedup import Copy, DuplicateIndex, Signature
from newscrawl.feeds import FeedError, Feeds, Rotation
from newscrawl.hosts import Host, Hosts
from newscrawl.items import SourceRecord, feed_line
from newscrawl.pages import Rejected
from newscrawl.sites import LONGEST_ADDRESS, Place
from newscrawl.sources import (
    AGAIN_AFTER,
    NO_BROWSER,
    TRIES,
    may_pass,
    records_of_failure,
    settled_row,
    status_of_failure,
)
from newscrawl.store import FINAL, Kind, Leased, OutboxItem, Settlement, State, Store, StoreError, Url, open_store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from scrapy.crawler import Crawler
    from scrapy.settings import BaseSettings
    from scrapy.spiders import Spider
    from twisted.python.failure import Failure

logger = logging.getLogger(__name__)

LEASE: Final = "newscrawl_lease"
"""Request.meta key of the lease that a request is fetched under."""
PLACE: Final = "newscrawl_place"
"""Request.meta key of the `Place` that a request asks for."""
AGAIN: Final = "newscrawl_again"
"""Request.meta key: queue the URL although an earlier round has settled it."""

ROBOTS: Final = "newscrawl_robots"
"""Request.meta key of what robots.txt says of a request."""
STATIC: Final = "newscrawl_static"
"""Request.meta key of the answer that needs a browser: what counts where the browser brings nothing."""

_OWN_META: Final = frozenset(
    {LEASE, PLACE, AGAIN, ROBOTS, STATIC, NO_BROWSER, "depth", "download_timeout", "download_latency", "download_slot"}
)
_LEASE_AHEAD: Final = 64
"""URLs leased at a time: enough to spare statements, few enough that better ones found meanwhile are not kept waiting."""
_LEASE_AHEAD_OF_PUBLISHERS: Final = 4
"""The same where there are thousands of hosts, each asked one request at a time."""
_GROUP_PAGES: Final = 50
_GROUP_SECONDS: Final = 0.1
_MAY_CHANGE: Final = frozenset({"outside_dates", "robots", "rights_reserved"})
"""Reasons of the operator's or the site's choosing: asked again in each round."""
# Paths, fragments, and what has a scheme.
_SAME_ON_EVERY_PAGE: Final = re.compile(rb"[\"']?(?:[/#]|[A-Za-z][A-Za-z0-9+.-]*:)")
_REMEMBERED: Final = 50_000
"""Keys and links remembered in memory, about 10 MB; what is older is asked of the store again."""

# First contact with a host: three failures without any answer mean that the site cannot be reached. With these seconds
# for each, the run says so within a minute, even at a delay of five seconds between requests.
_FIRST_TIMEOUT: Final = 15.0


class Retry(Exception):
    """The page failed in a way that may pass; it is asked again after `after` seconds, or as the ladder says."""

    def __init__(self, reason: str, after: float | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.after = after


class Held(Exception):
    """The host is to be left alone for now: the page is asked later, which costs it none of its tries."""


@dataclass(slots=True)
class Sifted:
    """Which of the places on a page are worth asking."""

    ask: list[Place] = field(default_factory=list)
    again: set[str] = field(default_factory=set)
    """Addresses among `ask` that an earlier round has settled."""
    fresh: set[str] = field(default_factory=set)
    """Addresses that were unknown before this round began."""


@dataclass(slots=True)
class _Signed:
    """The text of an article on its way to settlement."""

    signature: Signature
    copy: Copy | None
    known: int
    """Number of the text that was the last to be settled when `copy` was looked for."""


class Frontier:
    """Scheduler over the crawl state.

    Settings: NEWSCRAWL_DATA, NEWSCRAWL_FEED, NEWSCRAWL_ROTATE_*, NEWSCRAWL_RETRY_DELAYS, NEWSCRAWL_LINGER. A spider may
    offer `locate(url) -> Place | None`, `address(place) -> str` and `scope`; without them every URL is its own place.
    """

    store: Store
    """Open from `open` to `close`."""

    def __init__(self, crawler: Crawler, state: Path, feeds: dict[str, Path]) -> None:
        settings = crawler.settings
        self._crawler = crawler
        self._state_path = state
        self._feed_paths = feeds
        self._delays = [float(seconds) for seconds in settings.getlist("NEWSCRAWL_RETRY_DELAYS")]
        self._linger = settings.getfloat("NEWSCRAWL_LINGER")
        self._backoff = settings.getfloat("NEWSCRAWL_BACKOFF")
        self._publisher_delay = settings.getfloat("NEWSCRAWL_SOURCE_DELAY")
        self._first_timeout = min(_FIRST_TIMEOUT, settings.getfloat("DOWNLOAD_TIMEOUT"))
        self._slots: dict[str, dict[str, Any]] = settings.getdict("DOWNLOAD_SLOTS")
        self._hosts = Hosts(self._slot_of, settings.getint("CONCURRENT_REQUESTS_PER_DOMAIN"))
        self._within: deque[Request] = deque()
        self._leases: dict[int, Leased] = {}
        self._host_rows: set[tuple[str, str]] = set()
        self._seen: OrderedDict[str, bool] = OrderedDict()
        self._links: OrderedDict[bytes, None] = OrderedDict()
        self._group = 0
        self._timer: asyncio.TimerHandle | None = None
        self._wake: asyncio.TimerHandle | None = None
        self._failure: str | None = None
        self._window = settings.getint("NEWSCRAWL_DUPLICATES_WINDOW") or None
        self._texts: dict[str, _Signed] = {}
        self.ends: dict[str, Counter[tuple[Kind, State, str]]] = {}
        """How often a page of a kind came to an end for a reason in this run, by site."""
        self.watchers: list[Callable[[Any], None]] = []
        """Called with each article whose page has settled: a further receiver of the signal costs 0.1 ms a page."""
        self.closing: dict[str, Callable[[str], object]] = {}
        """What else the summary of the run keeps: called with the reason of the end, before the state is closed."""

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        """Take the paths from the settings."""
        data = data_folder(crawler.settings)
        return cls(crawler, data / "state.sqlite", feed_paths(crawler.settings))

    # What Scrapy calls

    def open(self, spider: Spider) -> None:
        """Open state and feeds; a state that cannot be used ends the run in one line."""
        self._spider = spider
        self._own_hosts = {urlsplit(origin).hostname for origin in getattr(spider, "origins", ())}
        logging.getLogger("scrapy.core.scraper").addFilter(_not_told_yet)
        try:
            rotate = rotation(self._crawler.settings)
            self.store = open_store(self._state_path)
            self.run = self.store.begin_run(getattr(spider, "scope", spider.name))
            self._duplicates = DuplicateIndex(self.store.duplicates, window=self._window)
            if self._duplicates.forgotten:
                logger.warning(
                    "%d texts were signed by another version: their later copies are not found",
                    self._duplicates.forgotten,
                )
            for row in self.store.hosts():
                host = self._hosts[row.host]
                host.ids.append(row.id)
                self._host_rows.add((row.site, row.host))
                host.free_at = host.held_until = max(host.held_until, row.not_before)
                if row.pending:
                    self._hosts.wake(host)
            feeds = Feeds(self.store, self._feed_paths, rotate)
            feeds.open()
            self._feeds = feeds
        except (StoreError, FeedError, OSError) as error:
            self._fail(str(error))
            # Raised here, Scrapy 2.19 leaves its scraper unopened and then fails to close it.
            self._crawler.signals.connect(self._refuse, signal=signals.spider_opened)

    def close(self, reason: str) -> None:
        """Write what is settled, give back what is not, and account for it in the stats."""
        if self._wake:
            self._wake.cancel()
        if not hasattr(self, "run"):
            return
        try:
            if hasattr(self, "_feeds"):
                self._duplicates.save()
                self.commit()
                totals = self._account()
                self._feeds.close()
            else:
                totals = {}
            finished = reason == "finished" and self._failure is None and not self._holds_back()
            told = {name: tell(reason) for name, tell in self.closing.items()}
            self.store.end_run(finished=finished, summary={"reason": reason, **totals, **told})
        except (StoreError, FeedError) as error:
            self._fail(str(error))
        finally:
            if self._timer:  # a browser may take its time to close after this
                self._timer.cancel()
            self.store.close()

    def has_pending_requests(self) -> bool:
        """Whether this run still has something to fetch, to settle, or worth waiting for."""
        if self._failure:
            return False
        if self._within or self._leases:
            return True
        return self._next_host() is not None or self._waits()

    def enqueue_request(self, request: Request) -> bool:
        """Queue a request of `Spider.start`, or of a downloader middleware (a redirect, a retry) within its lease."""
        lease = self._leases.get(request.meta.get(LEASE, -1))
        if lease is not None:
            return self._continue(lease, request)
        url = self.url_of(request)
        force, again = request.dont_filter, bool(request.meta.get(AGAIN))
        return self.queue([url], again=again, force=force)

    def next_request(self) -> Request | None:
        """The next request to send, or None while nothing is due or the hosts are busy."""
        if self._failure:
            return None
        while self._within:
            request = self._within.popleft()
            within = self.lease_of(request)
            if within is None or not self._hosts.is_held(self._hosts[within.host]):
                return request
            self.release(within)
        host = self._next_host()
        if host is None:
            self._wake_when_free()
            return None
        self._hosts.asked(host)
        return self._request(host.ready.popleft())

    # What the spider asks

    def unhandled(self, addresses: Iterable[bytes]) -> list[bytes]:
        """Those of these links, as written, that were not marked by `handled` of late: most links repeat on each page."""
        links = self._links
        return [address for address in addresses if address not in links]

    def handled(self, addresses: Iterable[bytes]) -> None:
        """Remember links that lead to nothing new. Not relative ones, which lead elsewhere from each page."""
        kept = (a for a in addresses if len(a) <= LONGEST_ADDRESS and _SAME_ON_EVERY_PAGE.match(a))
        _remember(self._links, dict.fromkeys(kept))

    def is_sifted(self, place: Place) -> bool:
        """Whether `sift` was asked for a place of late: it would not be asked for again."""
        return place.url in self._seen

    def sift(self, places: Sequence[Place], *, refresh: int | None = None) -> Sifted:
        """Tell which places are worth asking and which were unknown before this round.

        Articles are asked once, or again from an age of `refresh` days on; listings once a round; authors, cities and
        feeds of papers when they are first seen.
        """
        sifted = Sifted()
        ask = {place.url: place for place in places if place.url not in self._seen}
        sifted.fresh = {place.url for place in places if self._seen.get(place.url)}
        seen = self.store.seen(ask) if ask else {}
        known: dict[str, bool] = {}
        for url, place in ask.items():
            before = seen.get(url)
            fresh = before is None or before.round == self.run.round
            if fresh:
                sifted.fresh.add(url)
            if before is None or (before.state not in FINAL and not fresh):
                sifted.ask.append(place)
            elif before.state in FINAL and not fresh and self._is_due(place, before.settled_at, before.reason, refresh):
                sifted.ask.append(place)
                sifted.again.add(url)
            known[url] = fresh
        _remember(self._seen, known)
        return sifted

    # What the settlement calls

    def url_of(self, request: Request) -> Url:
        """The row of a request.

        Raises:
            ValueError: the request cannot be stored; the text says which part of it.
        """
        place: Place | None = request.meta.get(PLACE) or self._locate(request.url)
        key, kind, site = request.url, Kind.PAGE, self._spider.name
        if place is not None:
            key, kind, site = place.url, place.kind, self._site_of(place)
        stored = self._stored(request, key)
        if stored and (request.method != "GET" or request.body):
            key = f"{request.method} {key} {hash_text(stored)}"
        host = key.partition("://")[2].partition("/")[0]
        return Url(key, site, host, kind, request.priority, stored)

    def settle(self, lease: Leased, settlement: Settlement) -> list[str]:
        """Settle a page in the open group; answers the article ids that had been exported before."""
        if not self._end(lease):
            return []
        if lease.kind is not Kind.SOURCE:  # says nothing of the site
            ends = self.ends.setdefault(lease.site, Counter())
            ends[lease.kind, settlement.state, settlement.reason or ""] += 1
        if settlement.state is State.DONE:
            self._hosts.came(self._hosts[lease.host])
        try:
            refused = self.store.settle(settlement)
            self._expect([*settlement.found, *settlement.again, *(url for url, _ in settlement.later)])
            for item in settlement.items:
                if (signed := self._texts.pop(item.key, None)) and item.key not in refused:
                    self._duplicates.settle(item.key, signed.signature, signed.copy)
            self._group += 1
            if self._group >= _GROUP_PAGES:
                self.commit()
            elif self._timer is None:
                self._timer = asyncio.get_running_loop().call_later(_GROUP_SECONDS, self._commit_by_timer)
        except (StoreError, FeedError) as error:
            self._fail(str(error))
            return []
        return refused

    def queue(self, urls: Sequence[Url], *, again: bool = False, force: bool = False) -> bool:
        """Queue URLs as `Store.add` does; whether one was new or is to be asked again."""
        added = self.store.add(urls, again=again, force=force) > 0
        self._expect(urls)
        self._wake_engine()
        return added

    def failed(self, lease: Leased, reason: str, *, after: float | None = None) -> None:
        """A page failed in a way that may pass: defer it by the ladder, or give it up after its tries."""
        self._links.clear()  # links of this page may be marked although they were not queued
        self._seen.clear()
        tries = lease.tries + 1
        stats = self._crawler.stats
        if tries > len(self._delays):
            stats.inc_value(f"newscrawl/failed/{reason}")
            logger.warning("Given up after %d tries (%s): %s", tries, reason, lease.key)
            self.settle(lease, Settlement(lease.id, State.DEAD, reason, tries=tries))
            return
        delay = self._delays[tries - 1] if after is None else after
        stats.inc_value(f"newscrawl/deferred/{reason}")
        logger.info("Deferred by %d s (%s): %s", delay, reason, lease.key)
        self.settle(lease, Settlement(lease.id, State.DEFERRED, reason, time.time() + delay, tries))

    def hold(self, host: str, after: float | None, reason: str) -> float:
        """Ask nothing of a host for `after` seconds (Retry-After), or for a time that doubles until a page comes.

        Answers the seconds, at least 1, at most 24 hours. Survives a restart.
        """
        known = self._hosts[host]
        seconds = self._hosts.hold(known, after, self._backoff)
        if seconds is None:
            return known.held_until - time.time()
        self.store.hold_host(host, known.held_until)
        self._crawler.stats.set_value(f"newscrawl/held/{host}", f"{reason}, for {seconds:.0f} s")
        logger.info("Nothing is asked of %s for %d s (%s)", host, seconds, reason)
        self._recall(known)
        self._commit_by_timer()  # now: what a page settles may be long in coming
        return seconds

    def stop(self, host: str, reason: str) -> None:
        """Ask nothing more of a host in this run."""
        known = self._hosts[host]
        if not known.stopped:
            known.stopped = True
            self._hosts.out(known)
            self._crawler.stats.set_value(f"newscrawl/stopped/{host}", reason)
            logger.error("Nothing more is asked of %s in this run: %s", host, reason)
            self._recall(known)

    def slow_down(self, host: str, delay: float) -> None:
        """One request at a time to a host that wants `delay` seconds between them."""
        known = self._hosts[host]
        known.at_once, known.delay = 1, max(delay, known.delay)
        self.store.note_delay(host, delay)

    def rejected(self, lease: Leased, reason: str, *, found: Sequence[Url] = ()) -> None:
        """The page is not what its address promises: final at once, counted by its reason."""
        stats = self._crawler.stats
        state = State.SKIPPED if reason in SKIPPED else State.DEAD
        stats.inc_value(f"newscrawl/{'skipped' if state is State.SKIPPED else 'failed'}/{reason}")
        logger.info("%s (%s): %s", "Skipped" if state is State.SKIPPED else "No article", reason, lease.key)
        self.settle(lease, Settlement(lease.id, state, reason, found=found))

    def settle_source(self, lease: Leased, records: Sequence[SourceRecord]) -> None:
        """The address of an original was asked: write what was found for each article that names it.

        What may pass is asked again another day; so is an address that another article named meanwhile.
        """
        rows = {row.article: row for row in self.store.sources.of(lease.key)}
        records = [record for record in records if record.id in rows]
        left = any(row.status is None for row in rows.values() if row.article not in {r.id for r in records})
        tries = lease.tries + 1
        again = left or (may_pass(records) and tries < TRIES)
        for record in records:
            self._crawler.stats.inc_value(f"newscrawl/source/{record.source.status}")
        settlement = Settlement(
            lease.id,
            State.DEFERRED if again else State.DONE,
            records[0].source.status if records else None,
            time.time() + AGAIN_AFTER if again else None,
            0 if left else tries,
            items=[OutboxItem(r.line_key, "sources", feed_line(r)) for r in records],
            sources=[settled_row(rows[r.id], r, keep_copy=again) for r in records],
        )
        self.settle(lease, settlement)

    def stop_articles(self) -> None:
        """Ask the aggregators nothing more in this run; the originals of what came are still asked."""
        for host in self._hosts:
            if not host.publisher and not host.stopped:
                host.stopped = True
                self._hosts.out(host)
                self._recall(host)

    def ask_again(self, lease: Leased, request: Request) -> None:
        """Ask for the page of a lease in another way, within the same try."""
        self._continue(lease, request)
        self._wake_engine()

    def release(self, lease: Leased) -> None:
        """Give a lease back unsettled: a later run fetches the page."""
        if self._end(lease):
            self.store.release([lease.id])

    def copy_of(self, article_id: str, text: str, *, paper: str, day: int | None) -> Copy | None:
        """The first settled article with this text, or nearly; the text is remembered when its page settles.

        Args:
            article_id: never answered for its own text.
            text: body of the article.
            paper: lines that a paper repeats are learnt and left out.
            day: of publication, as `date.toordinal` counts.
        """
        signature = self._duplicates.sign(text, paper=paper, day=day)
        if signature is None:
            return None
        copy = self._duplicates.find(signature, key=article_id)
        self._texts[article_id] = _Signed(signature, copy, self._duplicates.last_id)
        return copy

    def copy_settled_since(self, article_id: str) -> Copy | None:
        """What `copy_of` would answer now, where it answered None: a page that was under way too may have settled."""
        signed = self._texts.get(article_id)
        if signed and signed.copy is None:
            signed.copy = self._duplicates.find(signed.signature, key=article_id, since=signed.known)
        return signed.copy if signed else None

    def lease_of(self, request: Request) -> Leased | None:
        """The lease that this request is fetched under, while it is not settled."""
        return self._leases.get(request.meta.get(LEASE, -1))

    def _recall(self, host: Host) -> None:
        """Give back what is leased or waits in the downloader for its turn."""
        self._give_back(host)
        engine = self._crawler.engine
        for slot in engine.downloader.slots.values() if engine else ():
            for entry in [entry for entry in slot.queue if (le := self.lease_of(entry[0])) and le.host == host.name]:
                slot.queue.remove(entry)
                entry[1].errback(Held(host.name))

    def _give_back(self, host: Host) -> None:
        for lease in host.ready:
            del self._leases[lease.id]
        self.store.release([lease.id for lease in host.ready])
        host.ready.clear()

    def answered(self, lease: Leased) -> None:
        """A host has answered, whatever it said."""
        host = self._hosts[lease.host]
        if not host.answered:
            host.answered = True
            self._hosts.wake(host)

    def commit(self) -> None:
        """Make the group durable, then write its items to the feeds."""
        if self._timer:
            self._timer.cancel()
            self._timer = None
        self._group = 0
        if self._feeds.drain() and self._timer is None and self._failure is None:
            # The new offsets wait in the next group; see that there is one.
            self._timer = asyncio.get_running_loop().call_later(_GROUP_SECONDS, self._commit_by_timer)

    # Own steps

    def _commit_by_timer(self) -> None:
        self._timer = None
        try:
            self.commit()
        except (StoreError, FeedError) as error:
            self._fail(str(error))

    def _fail(self, message: str) -> None:
        """State or feeds cannot be written: end the run loudly, keep what is settled."""
        if self._failure is not None:
            return
        self._failure = message
        self._crawler.stats.set_value("newscrawl/error", message)
        logger.error(message)
        if self._crawler.engine and self._crawler.engine.spider and hasattr(self, "_feeds"):
            self._closing = asyncio.ensure_future(self._crawler.engine.close_spider_async(reason="state_error"))

    def _refuse(self) -> None:
        raise CloseSpider("state_error")

    def _slot_of(self, host: str) -> dict[str, Any]:
        """The entry of DOWNLOAD_SLOTS for a host; where it is served from another address, that of the address."""
        asked = f"https://{host}/"
        if self._has_places:
            if (place := self._locate(asked)) is None:
                own = self._slots.get(urlsplit(asked).hostname or "", {})
                return {"delay": self._publisher_delay, **own, "concurrency": 1, "publisher": True}
            asked = self._address(place.url)
        return self._slots.get(urlsplit(asked).hostname or "", {})

    def _expect(self, urls: Iterable[Url]) -> None:
        """These URLs may have become pending: see that their hosts are asked."""
        for url in urls:
            host = self._hosts[url.host]
            if (url.site, url.host) not in self._host_rows:
                self._host_rows.add((url.site, url.host))
                host.ids = self.store.host_ids(url.host)
            self._hosts.wake(host)

    def _next_host(self) -> Host | None:
        """The host whose turn it is, with a lease that is ready; hosts without anything pending leave the ring.

        No more are handed to the downloader than it sends at once, or a stop would have to wait for their delays.
        """
        while (turn := self._hosts.first()) is None or not turn.ready:
            if self.store.promote():
                for host in self._hosts:
                    self._hosts.wake(host)
            turn = turn or self._hosts.first()
            if turn is None:
                return None
            for id_ in turn.ids:
                ahead = _LEASE_AHEAD_OF_PUBLISHERS if turn.publisher else _LEASE_AHEAD
                turn.ready.extend(self.store.lease(id_, ahead))
            self._leases.update((lease.id, lease) for lease in turn.ready)
            if not turn.ready:
                self._hosts.out(turn)
        return turn

    def _end(self, lease: Leased) -> bool:
        """Forget a lease that was handed out; whether it was still held."""
        if self._leases.pop(lease.id, None) is None:
            return False
        self._hosts.ended(self._hosts[lease.host])
        if not self._leases:
            self._wake_engine()  # which would find out at its next heartbeat, up to five seconds later
        return True

    def _waits(self) -> bool:
        """Whether something falls due soon enough to wait for it; wakes the engine when it does."""
        due = [self._next_release()]
        own = [host for host in self._hosts if not host.publisher]
        answered = [host for host in own if host.answered]
        # Where every site was stopped, or nobody is there, the operator is told now and not after the linger.
        if not (answered and all(host.stopped for host in answered)) and (
            answered or not any(host.unreachable for host in own)
        ):
            due.append(self.store.next_due())
        first = min((when for when in due if when is not None), default=None)
        if first is None or first - time.time() > self._linger:
            return False
        self._wake_at(first)
        return True

    def _wake_when_free(self) -> None:
        """Have the engine ask again when the first host that rests may be asked."""
        if resting := self._hosts.next_free():
            self._wake_at(resting)

    def _wake_at(self, when: float) -> None:
        """Wake the engine at these Unix seconds, or before."""
        loop = asyncio.get_running_loop()
        at = loop.time() + max(0.0, when - time.time()) + 0.001
        if self._wake is not None and not self._wake.cancelled() and loop.time() <= self._wake.when() <= at:
            return
        if self._wake is not None:
            self._wake.cancel()
        self._wake = loop.call_at(at, self._wake_engine)

    def _wake_engine(self) -> None:
        engine = self._crawler.engine
        if engine and engine._slot:  # Scrapy has no public way to say that the scheduler has something again
            engine._slot.nextcall.schedule()

    def _next_release(self, *, of_publishers: bool = True) -> float | None:
        """When the first host that rests with something pending may be asked."""
        for host in self._hosts.resting():
            if (of_publishers or not host.publisher) and (host.ready or self.store.has_pending(host.ids)):
                return host.free_at
        return None

    def _holds_back(self) -> bool:
        """Whether a site was stopped or is held with something pending: the round is not at its end."""
        stopped = any(host.stopped for host in self._hosts if not host.publisher)
        return stopped or self._next_release(of_publishers=False) is not None

    def _request(self, lease: Leased) -> Request:
        place = self._locate(lease.key) if lease.kind is not Kind.SOURCE else None
        stored = json.loads(lease.request) if lease.request else {}
        address = lease.key if lease.kind is Kind.SOURCE else self._address(lease.key)
        if stored:
            if "body" in stored:
                stored["body"] = base64.b64decode(stored["body"])
            request = request_from_dict({"url": address, **stored}, spider=self._spider)
        else:
            request = Request(address, priority=lease.priority)
        request.meta[LEASE] = lease.id
        if lease.kind is Kind.SOURCE:
            request.callback = self._spider.parse_source  # type: ignore[attr-defined]
            self._ask_gently(request)
        if place is not None:
            request.meta[PLACE] = place
        if not self._hosts[lease.host].answered:
            request.meta.setdefault("download_timeout", self._first_timeout)
        wanted = request.errback

        def errback(failure: Failure) -> Any:
            self._download_failed(lease, failure)
            return wanted(failure) if wanted else None

        return request.replace(errback=errback) if wanted else _with_errback(request, errback)

    def _download_failed(self, lease: Leased, failure: Failure) -> None:
        """Nothing came of a request, or a middleware refused its response."""
        error: BaseException = failure.value or RuntimeError("unknown failure")
        if lease.kind is Kind.SOURCE and not isinstance(error, Held):
            self._source_failed(lease, error)
        elif isinstance(error, Rejected):
            self.rejected(lease, error.reason)
        elif isinstance(error, Retry):
            self.failed(lease, error.reason, after=error.after)
        elif isinstance(error, Held):
            self.release(lease)
        elif isinstance(error, IgnoreRequest):
            self.rejected(lease, getattr(error, "reason", "ignored"))
        else:
            host = self._hosts[lease.host]
            if not host.answered:
                host.unanswered += 1
                if host.unreachable:
                    self._give_up(host, error)
            self.failed(lease, _reason(error))

    def _source_failed(self, lease: Leased, error: BaseException) -> None:
        host = self._hosts[lease.host]
        if not host.answered and not isinstance(error, IgnoreRequest):
            host.unanswered += 1
            if host.unreachable:
                self._hosts.out(host)
                self._give_back(host)
                self.store.hold_host(host.name, time.time() + AGAIN_AFTER)
        self.settle_source(lease, records_of_failure(self.store.sources.of(lease.key), status_of_failure(error)))

    def _ask_gently(self, request: Request) -> None:
        """Publishers, and hosts that they redirect to, are asked one request at a time."""
        host = urlsplit(request.url).hostname or ""
        engine = self._crawler.engine
        if engine and host not in self._own_hosts:
            slots = engine.downloader.per_slot_settings
            slots.setdefault(host, {"concurrency": 1, "delay": self._publisher_delay, "jitter": 0.0})

    def _give_up(self, host: Host, error: BaseException) -> None:
        """No answer from a host: leave its URLs for the next run."""
        self._crawler.stats.set_value(f"newscrawl/unreachable/{host.name}", _reason(error))
        self._hosts.out(host)
        self._give_back(host)

    def _continue(self, lease: Leased, request: Request) -> bool:
        """A middleware replaced the request of a lease: the same page is asked again, another one is queued."""
        if lease.kind is Kind.SOURCE:
            self._ask_gently(request)
            self._within.append(request)
            return True
        place = self._locate(request.url)
        if place is None and self._has_places:
            self.rejected(lease, "redirected_off_site")
        elif place is None or place.url == lease.key:
            self._within.append(request)
        elif lease.kind is Kind.ARTICLE and place.kind is not Kind.ARTICLE:
            self.rejected(lease, "home_page" if place.url.count("/") == 3 else "redirected_to_listing")
        else:
            target = Url(place.url, lease.site, lease.host, place.kind, lease.priority, lease.request)
            self.rejected(lease, "redirected", found=[target])
        return True

    def _locate(self, url: str) -> Place | None:
        locate = getattr(self._spider, "locate", None)
        if locate is not None:
            place: Place | None = locate(url)
            return place
        return Place(canonicalize_url(url), Kind.PAGE, "ar")

    @property
    def _has_places(self) -> bool:
        return hasattr(self._spider, "locate")

    def _site_of(self, place: Place) -> str:
        site_of = getattr(self._spider, "site_of", None)
        return site_of(place).id if site_of else self._spider.name

    def _address(self, url: str) -> str:
        """Where this run asks for a canonical address; the next one may be told another base_url."""
        address = getattr(self._spider, "address", None)
        return str(address(url)) if address else url

    def _stored(self, request: Request, canonical: str) -> str:
        """JSON of what a request carries beyond its canonical address; empty for a plain one."""
        meta = {name: value for name, value in request.meta.items() if name not in _OWN_META}
        plain = not (meta or request.headers or request.body or request.cookies or request.cb_kwargs or request.errback)
        if plain and request.method == "GET" and request.callback in {None, getattr(self._spider, "parse", None)}:
            return ""
        parts = request.to_dict(spider=self._spider)
        parts["headers"] = {
            name.decode("latin-1"): [value.decode("latin-1") for value in values]
            for name, values in request.headers.items()
        }
        parts["body"] = base64.b64encode(request.body).decode()
        parts["meta"] = meta
        parts["callback"] = parts["callback"] or None
        if request.method == "GET" and not request.body and request.url == self._address(canonical):
            del parts["url"]
        try:
            return json.dumps({name: value for name, value in parts.items() if value not in (None, {}, [], "", ())})
        except TypeError as error:
            raise ValueError(f"{request} cannot be queued: {error}; carry JSON values in meta and cb_kwargs") from None

    def _is_due(self, place: Place, settled_at: int | None, reason: str | None, refresh: int | None) -> bool:
        """Whether a place that an earlier round settled is to be asked in this one."""
        if reason in _MAY_CHANGE:
            return True
        if place.kind is not Kind.ARTICLE:
            return not place.once
        return refresh is not None and time.time() - (settled_at or 0) > refresh * 86400

    def _account(self) -> dict[str, int]:
        """Put into the stats where the URLs of this state stand, in all, and answer it."""
        totals = {state.name.lower(): 0 for state in State}
        for count in self.store.counts():
            totals[count.state.name.lower()] += count.urls
        for name, value in totals.items():
            self._crawler.stats.set_value(f"newscrawl/state/{name}", value)
        self._crawler.stats.set_value(
            "newscrawl/state/exported", sum(self.store.exported(feed)[0] for feed in self._feed_paths)
        )
        return totals


SKIPPED: Final = frozenset(
    {"gone", "redirected", "redirected_to_listing", "redirected_off_site", "home_page", "outside_dates", "robots"}
    | {"ignored", "nothing_listed", "forbidden_address", "rights_reserved"}
)
"""Reasons that end a URL without a failure."""


def frontier_of(crawler: Crawler) -> Frontier:
    """The frontier of a running crawl.

    Raises:
        NotConfigured: the project's scheduler has been replaced.
    """
    scheduler = crawler.engine.scheduler if crawler.engine else None
    if not isinstance(scheduler, Frontier):
        raise NotConfigured("set SCHEDULER = newscrawl.frontier.Frontier: pages are settled in its state")
    return scheduler


def duplicates_policy(settings: BaseSettings) -> str:
    """What becomes of copies: the setting NEWSCRAWL_DUPLICATES.

    Raises:
        ValueError: it is none of the policies.
    """
    policy = str(settings["NEWSCRAWL_DUPLICATES"])
    if policy not in {"split", "label", "off"}:
        raise ValueError(f"NEWSCRAWL_DUPLICATES={policy}: choose split, label or off")
    return policy


def data_folder(settings: BaseSettings) -> Path:
    """Folder of state and feeds: the setting NEWSCRAWL_DATA."""
    return Path(settings["NEWSCRAWL_DATA"])


def feed_paths(settings: BaseSettings) -> dict[str, Path]:
    """Path of each feed: NEWSCRAWL_FEED names that of the articles, the duplicates lie beside it with its ending."""
    articles = Path(settings["NEWSCRAWL_FEED"] or data_folder(settings) / "feeds" / "articles.jsonl")
    ending = articles.name[articles.name.find(".") :] if "." in articles.name else ""
    return {"articles": articles, **{name: articles.with_name(f"{name}{ending}") for name in ("duplicates", "sources")}}


def rotation(settings: BaseSettings) -> Rotation | None:
    """When parts of the feeds are finished: NEWSCRAWL_ROTATE_*; with NEWSCRAWL_BATCHES alone, at the end of each run.

    Raises:
        FeedError: a setting is no limit.
    """
    limits: list[int | None] = []
    for name in ("NEWSCRAWL_ROTATE_LINES", "NEWSCRAWL_ROTATE_BYTES"):
        value = str(settings[name] or 0)
        if not (value.isascii() and value.isdecimal()):
            raise FeedError(f"{name}={value}: give a whole number, 0 for no limit")
        limits.append(int(value) or None)
    try:
        daily = settings.getbool("NEWSCRAWL_ROTATE_DAILY")
    except ValueError:
        raise FeedError(f"NEWSCRAWL_ROTATE_DAILY={settings['NEWSCRAWL_ROTATE_DAILY']}: give 1 or 0") from None
    lines, size = limits
    if lines or size or daily or settings["NEWSCRAWL_BATCHES"]:
        return Rotation(lines, size, daily)
    return None


def hash_text(text: str) -> str:
    """A short name for a text."""
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


def _not_told_yet(record: logging.LogRecord) -> bool:
    """A logging filter: pages under way when the state fails fail with it; the frontier says so once, without traces."""
    return not (record.exc_info and isinstance(record.exc_info[1], StoreError))


def _with_errback(request: Request, errback: Any) -> Request:
    request.errback = errback
    return request


def _remember(memory: OrderedDict[Any, Any], entries: dict[Any, Any]) -> None:
    memory.update(entries)
    while len(memory) > _REMEMBERED:
        memory.popitem(last=False)


def _reason(error: BaseException) -> str:
    """The word that a failed download is counted under."""
    name = type(error).__name__.removesuffix("Error").removeprefix("Download")
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name).strip("_")
