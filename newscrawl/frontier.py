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
import time
from collections import Counter, OrderedDict, deque
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

from scrapy import Request
from scrapy.exceptions import CloseSpider, IgnoreRequest, NotConfigured
from scrapy.utils.request import request_from_dict
from w3lib.url import canonicalize_url

from newscrawl.feeds import FeedError, Feeds, Rotation
from newscrawl.pages import Rejected
from newscrawl.sites import Place
from newscrawl.store import FINAL, Kind, Leased, Settlement, State, Store, StoreError, Url, open_store

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

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

_OWN_META: Final = frozenset({LEASE, PLACE, AGAIN, "depth", "download_timeout", "download_latency", "download_slot"})
_LEASE_AHEAD: Final = 64
"""URLs leased at a time: enough to spare statements, few enough that better ones found meanwhile are not kept waiting."""
_GROUP_PAGES: Final = 50
_GROUP_SECONDS: Final = 0.1
_REMEMBERED: Final = 50_000
"""Keys and links remembered in memory, about 10 MB; what is older is asked of the store again."""

# First contact with a host: three failures without any answer mean that the site cannot be reached. With these seconds
# for each, the run says so within a minute, even at a delay of five seconds between requests.
_FIRST_TIMEOUT: Final = 15.0
_FIRST_TRIES: Final = 3


class Retry(Exception):
    """The page failed in a way that may pass; it is asked again after `after` seconds, or as the ladder says."""

    def __init__(self, reason: str, after: float | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.after = after


@dataclass(slots=True)
class Sifted:
    """Which of the places on a page are worth asking."""

    ask: list[Place] = field(default_factory=list)
    again: set[str] = field(default_factory=set)
    """Addresses among `ask` that an earlier round has settled."""
    fresh: set[str] = field(default_factory=set)
    """Addresses that were unknown before this round began."""


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
        self._per_host = settings.getint("CONCURRENT_REQUESTS_PER_DOMAIN")
        self._slots: dict[str, dict[str, Any]] = settings.getdict("DOWNLOAD_SLOTS")
        self._ready: OrderedDict[str, deque[Leased]] = OrderedDict()
        self._in_flight: Counter[str] = Counter()
        self._within: deque[Request] = deque()
        self._leases: dict[int, Leased] = {}
        self._answered: set[str] = set()
        self._unanswered: dict[str, int] = {}
        self._seen: OrderedDict[str, bool] = OrderedDict()
        self._links: OrderedDict[str, None] = OrderedDict()
        self._group = 0
        self._timer: asyncio.TimerHandle | None = None
        self._wake: asyncio.TimerHandle | None = None
        self._failure: str | None = None
        self.text_keys: dict[str, bytes] = {}
        """Keys of the texts of articles on their way to settlement, by article id."""

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        """Take the paths from the settings."""
        data = data_folder(crawler.settings)
        return cls(crawler, data / "state.sqlite", feed_paths(crawler.settings))

    # What Scrapy calls

    def open(self, spider: Spider) -> None:
        """Open state and feeds; a state that cannot be used ends the run in one line."""
        self._spider = spider
        try:
            rotate = rotation(self._crawler.settings)
            self._state_path.parent.mkdir(parents=True, exist_ok=True)
            self.store = open_store(self._state_path)
            self.run = self.store.begin_run(getattr(spider, "scope", spider.name))
            self._feeds = Feeds(self.store, self._feed_paths, rotate)
            self._feeds.open()
        except (StoreError, FeedError, OSError) as error:
            self._fail(str(error))
            raise CloseSpider("state_error") from None

    def close(self, reason: str) -> None:
        """Write what is settled, give back what is not, and account for it in the stats."""
        for timer in (self._timer, self._wake):
            if timer:
                timer.cancel()
        if not hasattr(self, "run"):
            return
        try:
            self.commit()
            self._account()
            finished = reason == "finished" and self._failure is None
            self._feeds.close()
            self.store.end_run(finished=finished, summary={"reason": reason, **self._totals()})
        except (StoreError, FeedError) as error:
            self._fail(str(error))
        finally:
            self.store.close()

    def has_pending_requests(self) -> bool:
        """Whether this run still has something to fetch, to settle, or worth waiting for."""
        if self._failure:
            return False
        if self._within or self._leases:
            return True
        self._fill()
        return bool(self._leases) or self._waits()

    def enqueue_request(self, request: Request) -> bool:
        """Queue a request of `Spider.start`, or of a downloader middleware (a redirect, a retry) within its lease."""
        lease = self._leases.get(request.meta.get(LEASE, -1))
        if lease is not None:
            return self._continue(lease, request)
        url = self.url_of(request)
        force, again = request.dont_filter, bool(request.meta.get(AGAIN))
        return self.store.add([url], again=again, force=force) > 0

    def next_request(self) -> Request | None:
        """The next request to send, or None while nothing is due or the hosts are busy."""
        if self._failure:
            return None
        if self._within:
            return self._within.popleft()
        lease = self._take()
        if lease is None and not all(self._ready.values()):
            self._fill()
            lease = self._take()
        return self._request(lease) if lease else None

    # What the spider asks

    def unhandled(self, hrefs: Iterable[str]) -> list[str]:
        """Those of these links, as written, that were not marked by `handled` of late: most links repeat on each page."""
        links = self._links
        return [href for href in dict.fromkeys(hrefs) if href not in links]

    def handled(self, hrefs: Iterable[str]) -> None:
        """Remember links that lead to nothing new. Only absolute paths and addresses: others depend on their page."""
        _remember(self._links, {href: None for href in hrefs if href.startswith(("/", "http"))})

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
        stored = self._stored(request)
        if stored and (request.method != "GET" or request.body):
            key = f"{request.method} {key} {hash_text(stored)}"
        host = key.split("/", 3)[2]
        return Url(key, site, host, kind, request.priority, stored)

    def settle(self, lease: Leased, settlement: Settlement) -> list[str]:
        """Settle a page in the open group; answers the article ids that had been exported before."""
        if not self._end(lease):
            return []
        try:
            refused = self.store.settle(settlement)
            self._group += 1
            if self._group >= _GROUP_PAGES:
                self.commit()
            elif self._timer is None:
                self._timer = asyncio.get_running_loop().call_later(_GROUP_SECONDS, self._commit_by_timer)
        except (StoreError, FeedError) as error:
            self._fail(str(error))
            return []
        return refused

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

    def rejected(self, lease: Leased, reason: str, *, found: Sequence[Url] = ()) -> None:
        """The page is not what its address promises: final at once, counted by its reason."""
        stats = self._crawler.stats
        state = State.SKIPPED if reason in SKIPPED else State.DEAD
        stats.inc_value(f"newscrawl/{'skipped' if state is State.SKIPPED else 'failed'}/{reason}")
        logger.info("%s (%s): %s", "Skipped" if state is State.SKIPPED else "No article", reason, lease.key)
        self.settle(lease, Settlement(lease.id, state, reason, found=found))

    def release(self, lease: Leased) -> None:
        """Give a lease back unsettled: a later run fetches the page."""
        if self._end(lease):
            self.store.release([lease.id])

    def lease_of(self, request: Request) -> Leased | None:
        """The lease that this request is fetched under, while it is not settled."""
        return self._leases.get(request.meta.get(LEASE, -1))

    def answered(self, lease: Leased) -> None:
        """A host has answered, whatever it said."""
        self._answered.add(lease.host)

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
        if self._crawler.engine and self._crawler.engine.spider and hasattr(self, "run"):
            self._closing = asyncio.ensure_future(self._crawler.engine.close_spider_async(reason="state_error"))

    def _take(self) -> Leased | None:
        """The next URL of a host that may be asked now, hosts in turn.

        No more are handed to the downloader than it sends at once, or a stop would have to wait for their delays.
        """
        for host in tuple(self._ready):
            self._ready.move_to_end(host)
            slot = self._slots.get(host.split(":")[0], {})
            if self._ready[host] and self._in_flight[host] < slot.get("concurrency", self._per_host):
                self._in_flight[host] += 1
                return self._ready[host].popleft()
        return None

    def _fill(self) -> None:
        """Lease URLs of the hosts that have none at hand."""
        self.store.promote()
        for host in self.store.hosts():
            ready = self._ready.setdefault(host.host, deque())
            if host.pending and not ready and host.not_before <= time.time() and not self._unreachable(host.host):
                ready.extend(self.store.lease(host.id, _LEASE_AHEAD))
                self._leases.update((lease.id, lease) for lease in ready)

    def _end(self, lease: Leased) -> bool:
        """Forget a lease that was handed out; whether it was still held."""
        if self._leases.pop(lease.id, None) is None:
            return False
        self._in_flight[lease.host] -= 1
        return True

    def _waits(self) -> bool:
        """Whether something deferred falls due soon enough to wait for it; wakes the engine when it does."""
        due = self.store.next_due()
        if due is None or due - time.time() > self._linger:
            return False
        if not self._answered and any(self._unreachable(host) for host in self._unanswered):
            return False  # nobody is there: the operator is told now, not after the linger
        if self._wake is None or self._wake.cancelled() or self._wake.when() < asyncio.get_running_loop().time():
            wait = max(0.05, due - time.time())
            self._wake = asyncio.get_running_loop().call_later(wait, self._wake_engine)
        return True

    def _wake_engine(self) -> None:
        engine = self._crawler.engine
        if engine and engine._slot:  # Scrapy has no public way to say that the scheduler has something again
            engine._slot.nextcall.schedule()

    def _unreachable(self, host: str) -> bool:
        return host not in self._answered and self._unanswered.get(host, 0) >= _FIRST_TRIES

    def _request(self, lease: Leased) -> Request:
        place = self._locate(lease.key)
        stored = json.loads(lease.request) if lease.request else {}
        if stored:
            if "body" in stored:
                stored["body"] = base64.b64decode(stored["body"])
            request = request_from_dict({"url": lease.key, **stored}, spider=self._spider)
        else:
            address = getattr(self._spider, "address", None)
            request = Request(address(place) if address and place else lease.key, priority=lease.priority)
        request.meta[LEASE] = lease.id
        if place is not None:
            request.meta[PLACE] = place
        if lease.host not in self._answered:
            request.meta.setdefault("download_timeout", _FIRST_TIMEOUT)
        wanted = request.errback

        def errback(failure: Failure) -> Any:
            self._download_failed(lease, failure)
            return wanted(failure) if wanted else None

        return request.replace(errback=errback) if wanted else _with_errback(request, errback)

    def _download_failed(self, lease: Leased, failure: Failure) -> None:
        """Nothing came of a request, or a middleware refused its response."""
        error: BaseException = failure.value or RuntimeError("unknown failure")
        if isinstance(error, Rejected):
            self.rejected(lease, error.reason)
        elif isinstance(error, Retry):
            self.failed(lease, error.reason, after=error.after)
        elif isinstance(error, IgnoreRequest):
            self.rejected(lease, "robots" if "robots.txt" in str(error) else "ignored")
        else:
            if lease.host not in self._answered:
                self._unanswered[lease.host] = self._unanswered.get(lease.host, 0) + 1
                if self._unreachable(lease.host):
                    self._give_up(lease.host, error)
            self.failed(lease, _reason(error))

    def _give_up(self, host: str, error: BaseException) -> None:
        """No answer from a host: leave its URLs for the next run."""
        self._crawler.stats.set_value(f"newscrawl/unreachable/{host}", _reason(error))
        ready = self._ready.pop(host, deque())
        for lease in ready:
            del self._leases[lease.id]
        self.store.release([lease.id for lease in ready])

    def _continue(self, lease: Leased, request: Request) -> bool:
        """A middleware replaced the request of a lease: the same page is asked again, another one is queued."""
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

    def _stored(self, request: Request) -> str:
        """JSON of what a request carries beyond its address; empty for a plain one."""
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
        try:
            return json.dumps({name: value for name, value in parts.items() if value not in (None, {}, [], "", ())})
        except TypeError as error:
            raise ValueError(f"{request} cannot be queued: {error}; carry JSON values in meta and cb_kwargs") from None

    def _is_due(self, place: Place, settled_at: int | None, reason: str | None, refresh: int | None) -> bool:
        """Whether a place that an earlier round settled is to be asked in this one."""
        if place.kind is not Kind.ARTICLE:
            return not place.once
        if reason == "outside_dates":
            return True
        return refresh is not None and time.time() - (settled_at or 0) > refresh * 86400

    def _account(self) -> None:
        for name, value in self._totals().items():
            self._crawler.stats.set_value(f"newscrawl/state/{name}", value)
        self._crawler.stats.set_value(
            "newscrawl/state/exported", sum(self.store.exported(feed)[0] for feed in self._feed_paths)
        )

    def _totals(self) -> dict[str, int]:
        """URLs of this state by where they stand, in all."""
        totals = {state.name.lower(): 0 for state in State}
        for count in self.store.counts():
            totals[count.state.name.lower()] += count.urls
        return totals


SKIPPED: Final = frozenset(
    {"gone", "redirected", "redirected_to_listing", "redirected_off_site", "home_page", "outside_dates", "robots"}
    | {"ignored", "nothing_listed"}
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


def data_folder(settings: BaseSettings) -> Path:
    """Folder of state and feeds: the setting NEWSCRAWL_DATA."""
    return Path(settings["NEWSCRAWL_DATA"])


def feed_paths(settings: BaseSettings) -> dict[str, Path]:
    """Path of each feed: NEWSCRAWL_FEED names that of the articles, the duplicates lie beside it with its ending."""
    articles = Path(settings["NEWSCRAWL_FEED"] or data_folder(settings) / "feeds" / "articles.jsonl")
    ending = articles.name[articles.name.find(".") :] if "." in articles.name else ""
    return {"articles": articles, "duplicates": articles.with_name(f"duplicates{ending}")}


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


def _with_errback(request: Request, errback: Any) -> Request:
    request.errback = errback
    return request


def _remember(memory: OrderedDict[str, Any], entries: dict[str, Any]) -> None:
    memory.update(entries)
    while len(memory) > _REMEMBERED:
        memory.popitem(last=False)


def _reason(error: BaseException) -> str:
    """The word that a failed download is counted under."""
    name = type(error).__name__.removesuffix("Error").removeprefix("Download")
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name).strip("_")
