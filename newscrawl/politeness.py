"""Politeness: robots.txt by RFC 9309 with its delay, and what a site says about the use of its pages.

Holding a host (Retry-After, back-off) is `newscrawl.frontier.Frontier.hold`, since the state must remember it. Everything
here judges the address that is really asked: with a base_url, that of the mirror.
"""

from __future__ import annotations

import asyncio
import email.utils
import logging
import re
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Self
from urllib.parse import urljoin, urlsplit

from protego import Protego
from protego._utils import _quote_path
from scrapy import Request, signals
from scrapy.exceptions import DropItem, IgnoreRequest, NotConfigured, StopDownload
from scrapy.http.request import NO_CALLBACK
from scrapy.utils.httpobj import urlparse_cached

from newscrawl.frontier import ROBOTS, Frontier, Held
from newscrawl.items import Article, SourceRecord
from newscrawl.safety import ForbiddenAddress, printable
from newscrawl.store import Robots

if TYPE_CHECKING:
    from collections.abc import Iterable

    from scrapy.crawler import Crawler
    from scrapy.http import Response

logger = logging.getLogger(__name__)

_FETCH: Final = "newscrawl_robots_fetch"
_LONGEST_ROBOTS: Final = 512 << 10
"""Bytes of a robots.txt that are read; RFC 9309 asks for 500 KiB at least."""
_MOST_REDIRECTS: Final = 5
_FRESH: Final = 86_400.0
"""Seconds that a robots.txt is trusted for."""
_LONGEST_DELAY: Final = 120.0
_TOKEN: Final = re.compile(r"[A-Za-z_-]+")


class Disallowed(IgnoreRequest):
    """A robots.txt keeps this address from us."""

    reason = "robots"


# robots.txt


@dataclass(frozen=True, slots=True)
class Verdict:
    """What robots.txt says of one address."""

    allowed: bool
    rule: str | None
    """The line that decided, such as `Disallow: /faces/`; None where none matched."""
    rules: Rules
    """The robots.txt that it stands in."""


@dataclass(slots=True)
class Rules:
    """One robots.txt as it concerns us."""

    said: bool
    """Whether there is one."""
    fetched_at: float
    delay: float | None = None
    """Crawl-delay in seconds, at most 120."""
    content_signal: dict[str, str] = field(default_factory=dict)
    _rules: list[Any] = field(default_factory=list)
    _plain: tuple[str, ...] = ()
    _special: list[Any] = field(default_factory=list)
    _unmatched: Verdict | None = None

    @classmethod
    def parse(cls, text: str, token: str, fetched_at: float) -> Rules:
        """Read a robots.txt.

        Args:
            text: its text; empty where there is none.
            token: product token of the crawler, such as `newscrawl`.
            fetched_at: Unix seconds.

        >>> rules = Rules.parse("User-agent: *" + chr(10) + "Disallow: /a" + chr(10) + "Allow: /a/b$", "newscrawl", 0)
        >>> [rules.verdict(f"https://x.example/{path}").rule for path in ("a/c", "a/b", "c")]
        ['Disallow: /a', 'Allow: /a/b$', None]
        """
        groups = Protego.parse(text)._user_agents
        # Protego takes the group of `news` for ours: RFC 9309 wants the whole token, or else the group of `*`.
        own = [group for name, group in groups.items() if (m := _TOKEN.match(name)) and m[0] == token.lower()]
        group = next(iter(own), groups.get("*"))
        rules = cls(bool(text.strip()), fetched_at, content_signal=_content_signal(text, token))
        if group is not None:
            if group.crawl_delay is not None:
                rules.delay = min(group.crawl_delay, _LONGEST_DELAY)
            rules._rules = group._rules
            rules._plain = group._build_index()
            rules._special = group._special_rules
        rules._unmatched = Verdict(allowed=True, rule=None, rules=rules)
        return rules

    def verdict(self, url: str) -> Verdict:
        """Whether an address may be asked, and why: the longest rule that matches decides, `Allow` between equals."""
        assert self._unmatched
        if not self._rules:
            return self._unmatched
        path = _quote_path(url)
        for rule in self._rules if path.startswith(self._plain) else self._special:
            if rule.value.match(path):
                return Verdict(rule.field == "allow", f"{rule.field.title()}: {rule.value._pattern}", self)
        return self._unmatched


def _content_signal(text: str, token: str) -> dict[str, str]:
    """The `Content-Signal` lines of our group, or of `*`; those before any group are for all.

    >>> _content_signal("User-agent: *" + chr(10) + "Content-Signal: search=yes, ai-train=no", "newscrawl")
    {'search': 'yes', 'ai-train': 'no'}
    """
    found: dict[str, dict[str, str]] = {}
    agents, in_head = ["*"], False
    for line in text.splitlines():
        name, _, value = line.partition("#")[0].partition(":")
        name, value = name.strip().lower(), value.strip()
        if name == "user-agent":
            agents = [*(agents if in_head else ()), value.lower()]
            in_head = True
        elif name:
            in_head = False
            if name == "content-signal":
                for agent in agents:
                    found.setdefault(agent, {}).update(_signals(value))
    own = [of for agent, of in found.items() if (m := _TOKEN.match(agent)) and m[0] == token.lower()]
    return own[0] if own else found.get("*", {})


def _signals(value: str) -> dict[str, str]:
    parts = [part.partition("=") for part in value.lower().split(",")]
    return {printable(name.strip()): printable(said.strip()) for name, equals, said in parts[:20] if equals}


class RobotsTxt:
    """Downloader middleware: asks nothing that robots.txt forbids, and nothing while it cannot be had.

    Replaces Scrapy's, which allows everything after a 500 or a timeout, knows no delay and forgets with the run.
    """

    def __init__(self, crawler: Crawler, token: str) -> None:
        self._crawler = crawler
        self._token = token
        self._rules: dict[str, Rules] = {}
        self._asked: dict[str, asyncio.Task[Rules]] = {}

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        """ROBOTSTXT_OBEY, and the product token: ROBOTSTXT_USER_AGENT or the first word of USER_AGENT."""
        settings = crawler.settings
        if not settings.getbool("ROBOTSTXT_OBEY"):
            logger.warning("ROBOTSTXT_OBEY is off: robots.txt is NOT asked and NOT obeyed in this run")
            raise NotConfigured
        found = _TOKEN.match(settings["ROBOTSTXT_USER_AGENT"] or settings["USER_AGENT"] or "")
        return cls(crawler, found[0] if found else settings["BOT_NAME"])

    def process_request(self, request: Request) -> Any:
        """Let a request pass, or not; a coroutine only where robots.txt has to be asked first.

        Raises:
            Disallowed: a rule forbids the address.
        """
        if _FETCH in request.meta:
            return None
        parts = urlparse_cached(request)
        rules = self._rules.get(f"{parts.scheme}://{parts.netloc}")
        if rules is None or time.time() - rules.fetched_at > _FRESH:
            return self._ask_first(request, f"{parts.scheme}://{parts.netloc}")
        return self._judge(request, rules)

    def process_response(self, request: Request, response: Response) -> Response:
        """AutoThrottle upwards only: a site that takes longer to answer than its delay is asked less often."""
        delay = request.meta.get("download_latency", 0.0)
        if delay > 1.0 and self._crawler.engine and _FETCH not in request.meta:
            slot = self._crawler.engine.downloader.slots.get(request.meta.get("download_slot", ""))
            own = self._crawler.engine.downloader.per_slot_settings.get(request.meta.get("download_slot", ""), {})
            if slot is not None and own.get("delay"):
                slot.delay = max(own["delay"], min(delay, _LONGEST_DELAY))
        return response

    async def _ask_first(self, request: Request, origin: str) -> None:
        """One fetch for all who wait; a failure is theirs, and the next one asks again."""
        task = self._asked.get(origin)
        if task is None:
            task = self._asked[origin] = asyncio.ensure_future(self._rules_of(origin, request))
            task.add_done_callback(lambda _: self._asked.pop(origin, None))
        self._judge(request, await asyncio.shield(task))

    def _judge(self, request: Request, rules: Rules) -> None:
        verdict = rules.verdict(request.url)
        request.meta[ROBOTS] = verdict
        if verdict.allowed:
            return
        parts = urlparse_cached(request)
        self._crawler.stats.set_value(f"newscrawl/robots_rule/{parts.netloc}", printable(str(verdict.rule)))
        raise Disallowed(f"robots.txt of {parts.netloc}: {verdict.rule}")

    async def _rules_of(self, origin: str, request: Request) -> Rules:
        """The rules of an origin: remembered for 24 hours, or asked for.

        Raises:
            Held: the site answers that it cannot give them now; nothing of it is asked until it can.
        """
        frontier = self._frontier
        known = frontier.store.robots(_normal(origin)) if frontier else None
        if known is None or not 0 <= time.time() - known.fetched_at < _FRESH:
            known = Robots(await self._fetched(origin, request), time.time())
            if frontier:
                frontier.store.save_robots(_normal(origin), known)
        rules = self._rules[origin] = Rules.parse(known.text, self._token, known.fetched_at)
        self._pace(request, rules)
        return rules

    async def _fetched(self, origin: str, request: Request) -> str:
        """The text of a robots.txt, empty where there is none."""
        url = f"{origin}/robots.txt"
        options = {name: value for name, value in request.meta.items() if name == "download_timeout"}
        # The cap on pages would refuse a long one as a whole: it is cut instead.
        options |= {_FETCH: True, "dont_redirect": True, "download_maxsize": 1 << 40}
        engine = self._crawler.engine
        assert engine
        for hop in range(1 + _MOST_REDIRECTS):
            ask = Request(url, meta=dict(options), headers={"Accept-Encoding": "identity"}, callback=NO_CALLBACK)
            cut = _Cut()
            self._crawler.signals.connect(cut.more, signal=signals.bytes_received)
            try:
                response = await engine.download_async(ask)
            except ForbiddenAddress:
                if hop == 0:
                    raise
                return ""
            finally:
                self._crawler.signals.disconnect(cut.more, signal=signals.bytes_received)
            self._crawler.stats.inc_value("newscrawl/robots_requests")
            if 200 <= response.status < 300:
                return response.body[:_LONGEST_ROBOTS].decode("utf-8-sig", "ignore").replace("\0", "")
            location = (response.headers.get(b"Location") or b"").decode("latin-1")
            if 300 <= response.status < 400 and location:
                url = urljoin(url, location)
                if urlsplit(url).scheme not in {"http", "https"}:
                    return ""
            elif response.status >= 500 or response.status == 429:
                self._unavailable(request, response)
            else:
                return ""
        return ""

    def _unavailable(self, request: Request, response: Response) -> None:
        reason = f"robots_http_{response.status}"
        frontier = self._frontier
        lease = frontier.lease_of(request) if frontier else None
        if frontier and lease:
            frontier.hold(lease.host, retry_after(response), reason)
        self._crawler.stats.set_value(
            f"newscrawl/robots_unavailable/{urlparse_cached(request).netloc}", response.status
        )
        raise Held(reason)

    def _pace(self, request: Request, rules: Rules) -> None:
        """Apply a Crawl-delay that is longer than the delay that the settings give the host."""
        engine = self._crawler.engine
        if rules.delay is None or engine is None:
            return
        host = urlparse_cached(request).hostname or ""
        slots = engine.downloader.per_slot_settings
        own = slots.get(host, {})
        if rules.delay <= own.get("delay", self._crawler.settings.getfloat("DOWNLOAD_DELAY")):
            return
        # Kept in the settings of the slot: the downloader drops an idle slot and makes another from them.
        slots[host] = {**own, "concurrency": 1, "delay": rules.delay, "jitter": 0.0}
        if slot := engine.downloader.slots.get(host):
            slot.concurrency, slot.delay, slot.jitter = 1, rules.delay, 0.0
        logger.info("robots.txt of %s asks for %g s between requests", host, rules.delay)
        frontier = self._frontier
        if frontier and (lease := frontier.lease_of(request)):
            frontier.slow_down(lease.host, rules.delay)

    @property
    def _frontier(self) -> Frontier | None:
        scheduler = self._crawler.engine.scheduler if self._crawler.engine else None
        return scheduler if isinstance(scheduler, Frontier) else None


class _Cut:
    """Ends downloads of a robots.txt where they are long enough; listens only meanwhile, for pages are many."""

    def __init__(self) -> None:
        self._size = 0

    def more(self, data: bytes, request: Request) -> None:
        if _FETCH in request.meta:
            self._size += len(data)
            if self._size > _LONGEST_ROBOTS:
                raise StopDownload(fail=False)


def _normal(origin: str) -> str:
    """scheme://host:port in one spelling.

    >>> _normal("HTTPS://X.example")
    'https://x.example:443'
    """
    parts = urlsplit(origin)
    return f"{parts.scheme}://{parts.hostname}:{parts.port or {'http': 80, 'https': 443}[parts.scheme]}"


def retry_after(response: Response) -> float | None:
    """Seconds of the Retry-After header (a number or a date, RFC 9110), None where there is none."""
    value = (response.headers.get(b"Retry-After") or b"").decode("latin-1").strip()
    if not value:
        return None
    if value.isascii() and value.isdigit():
        seconds = float(value[:9])
    else:
        try:
            seconds = email.utils.parsedate_to_datetime(value).timestamp() - time.time()
        except (ValueError, OverflowError):
            return None
    return max(seconds, 0.0)


# Rights

_RESERVED_WORDS: Final = frozenset({"noindex", "noai", "noimageai", "noarchive", "none", "nosnippet"})
_ALL_SIGNALS: Final = ("ai-train", "ai-input", "search", "tdm-reservation", *sorted(_RESERVED_WORDS))


def rights_of(response: Response, metas: dict[str, str], token: str = "newscrawl") -> dict[str, Any] | None:  # noqa: S107 - a name, no secret
    """What robots.txt, headers and page say of the use of this page: only what was said, None where nothing was.

    Args:
        response: the page.
        metas: content of its named meta elements, by lower-cased name.
        token: product token of the crawler; directives for other crawlers are left out.
    """
    rights: dict[str, Any] = {}
    signals_said: dict[str, str] = {}
    verdict: Verdict | None = response.meta.get(ROBOTS) if response.request else None
    if verdict is not None and verdict.rules.said:
        rights["robots"] = {"allowed": verdict.allowed, "rule": verdict.rule}
        signals_said = verdict.rules.content_signal
    headers = response.headers
    if said := headers.get(b"Content-Signal"):
        signals_said = {**signals_said, **_signals(said.decode("latin-1"))}
    if signals_said:
        rights["content_signal"] = signals_said
    if b"X-Robots-Tag" in headers:
        lines = (line.decode("latin-1") for line in headers.getlist(b"X-Robots-Tag"))
        if words := _directives(lines, token):
            rights["x_robots_tag"] = words
    if metas and (words := _directives((metas.get("robots", ""), metas.get(token, "")), token)):
        rights["meta_robots"] = words
    for name in ("tdm-reservation", "tdm-policy"):
        value = (headers.get(name) or b"").decode("latin-1") or metas.get(name, "")
        if value:
            rights[name.replace("-", "_")] = printable(value.strip()[:500])
    return rights or None


def reserved(rights: dict[str, Any] | None) -> set[str]:
    """Names of the signals that reserve a use.

    >>> sorted(reserved({"content_signal": {"search": "yes", "ai-train": "no"}, "tdm_reservation": "1"}))
    ['ai-train', 'tdm-reservation']
    """
    if not rights:
        return set()
    found = {name for name, said in rights.get("content_signal", {}).items() if said == "no"}
    found |= {*rights.get("x_robots_tag", ()), *rights.get("meta_robots", ())} & _RESERVED_WORDS
    if rights.get("tdm_reservation") == "1":
        found.add("tdm-reservation")
    return found


def _directives(lines: Iterable[str], token: str) -> list[str]:
    """The words of robots directives that are for all crawlers or for this one.

    >>> _directives(["noindex, NOAI", "googlebot: noarchive", "newscrawl: nosnippet"], "newscrawl")
    ['noindex', 'noai', 'nosnippet']
    """
    words: dict[str, None] = {}
    for line in lines:
        agent, colon, rest = line[:2000].lower().partition(":")
        # `max-snippet: 50` and `unavailable_after: DATE` are directives, not agents.
        if colon and agent.strip() not in {
            "max-snippet",
            "max-image-preview",
            "max-video-preview",
            "unavailable_after",
        }:
            if agent.strip() not in {token, "*"}:
                continue
            line = rest  # noqa: PLW2901
        words.update({printable(word): None for part in line.lower().split(",") if (word := part.strip())})
    return list(words)


class RespectRights:
    """Item pipeline where NEWSCRAWL_RIGHTS is `skip`: keeps out articles, and texts of originals, whose use is reserved."""

    def __init__(self, matter: frozenset[str]) -> None:
        self._matter = matter

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        """NEWSCRAWL_RIGHTS and NEWSCRAWL_RIGHTS_SIGNALS.

        Raises:
            ValueError: a setting has a value that is not known.
        """
        choice, named = crawler.settings["NEWSCRAWL_RIGHTS"], crawler.settings.getlist("NEWSCRAWL_RIGHTS_SIGNALS")
        if choice not in {"flag", "skip"}:
            raise ValueError(f"NEWSCRAWL_RIGHTS={choice}: choose from flag, skip")
        if unknown := set(named) - set(_ALL_SIGNALS):
            raise ValueError(
                f"NEWSCRAWL_RIGHTS_SIGNALS: {', '.join(sorted(unknown))}: none of {', '.join(_ALL_SIGNALS)}"
            )
        if choice == "flag":
            raise NotConfigured
        return cls(frozenset(named))

    def process_item(self, item: Any) -> Any:
        """Answer the item, or drop it with the reason that its URL ends with."""
        if isinstance(item, Article) and reserved(item.rights) & self._matter:
            raise DropItem("rights_reserved")
        if isinstance(item, SourceRecord) and reserved(item.source.rights) & self._matter:
            item.body_source = None
        return item
