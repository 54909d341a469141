"""The browser of a crawl: how it is started, renewed and replaced, what it may do, and how a page is read with it.

It is Chromium through scrapy-playwright; neither is loaded before the first page that needs it. It reaches the network by
`newscrawl.proxy` alone.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Literal
from urllib.parse import urlsplit

from scrapy.exceptions import NotConfigured
from scrapy.http import HtmlResponse, Response

from newscrawl.chromium import hindrance, launch_options, memory_below
from newscrawl.frontier import PLACE
from newscrawl.pages import MORE_WORDS
from newscrawl.proxy import GuardedProxy, Ticket
from newscrawl.store import Kind

if TYPE_CHECKING:
    from playwright.async_api import CDPSession, Page
    from scrapy import Request
    from scrapy.crawler import Crawler
    from scrapy_playwright.handler import ScrapyPlaywrightDownloadHandler

logger = logging.getLogger(__name__)

RENDER: Final = "playwright"
"""Request.meta key: the page is asked for with the browser. scrapy-playwright's own word; it marks answers with it too."""
MORE: Final = "newscrawl_more"
"""Request.meta key of the links that came to a rendered listing while its control for more was clicked."""

_UNREAD: Final = frozenset({"image", "font", "media", "texttrack", "manifest", "ping", "beacon", "cspviolationreport"})
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})

_IDLE_SECONDS: Final = 10.0
"""How long a page is given to come to rest once it has begun to come."""
_CLOSE_SECONDS: Final = 5.0
_RELOADS: Final = 1
"""Times that a page may load itself again, as some do when they have set a cookie."""
_CLICKS: Final = 20
"""On the control for more of one listing."""
_NEWS_SECONDS: Final = 5.0
"""How long a click is given to bring something new."""
_LINKS: Final = (
    "() => [...document.querySelectorAll('a[href]')].slice(0, 5000).map(a => a.getAttribute('href').slice(0, 2000))"
)
# The last one on the page: menus, which stand above, have an entry «المزيد» too.
_CLICK: Final = """words => {
  const says = new RegExp(`^(?:${words})$`, "i");
  for (const e of [...document.querySelectorAll("a, button, [role=button], input[type=button]")].reverse()) {
    const href = (e.getAttribute("href") || "").trim();
    const leads = e.tagName === "A" && href && !href.startsWith("#") && !/^javascript:/i.test(href);
    if ((leads && !e.hasAttribute("onclick")) || e.disabled || !e.getClientRects().length) continue;
    if (says.test((e.innerText || e.value || "").trim())) { e.click(); return true; }
  }
  return false;
}"""


def carries_no_text(request: Any) -> bool:
    """Whether a request of the browser is not worth making (PLAYWRIGHT_ABORT_REQUEST)."""
    return request.resource_type in _UNREAD


class _Broken(Exception):
    """The browser, not the page, has failed."""


@dataclass(eq=False)
class _Life:
    """One browser from its start to its end."""

    handler: ScrapyPlaywrightDownloadHandler
    began: int = 0
    """pages"""
    open: int = 0
    """pages"""
    left: bool = False
    """whether no more pages are given to it"""


class Browser:
    """The browser of a crawl: started at its first page, renewed before it grows, replaced when it dies."""

    def __init__(self, crawler: Crawler) -> None:
        """Read the settings NEWSCRAWL_BROWSER_*, DOWNLOAD_MAXSIZE and PLAYWRIGHT_*; start nothing."""
        settings = crawler.settings
        self._crawler = crawler
        self._most_bytes = settings.getint("DOWNLOAD_MAXSIZE")
        self._most_pages = settings.getint("NEWSCRAWL_BROWSER_RENEW")
        self._most_memory = settings.getint("NEWSCRAWL_BROWSER_MEMORY") << 20
        self._places = asyncio.Semaphore(settings.getint("NEWSCRAWL_BROWSER_PAGES"))
        self._hosts: dict[str, asyncio.Lock] = {}
        self._starting = asyncio.Lock()
        self._proxy: GuardedProxy | None = None
        self._life: _Life | None = None
        self._lives: set[_Life] = set()
        self._names = 0
        self.hindrance_told = False
        """Whether there is no browser for this crawl, which has been said."""

    async def fetch(self, request: Request) -> Response | None:
        """The answer to a request as it stands when the page has come to rest; None where the browser cannot bring it.

        A redirect, or a page's wish to go elsewhere by one, is answered as such: who follows it asks its robots.txt.
        """
        host = urlsplit(request.url).netloc
        lock = self._hosts.setdefault(host, asyncio.Lock())
        async with lock, self._places:
            for _ in range(2):  # a page that takes two browsers with it is not given a third
                if (life := await self._alive()) is None:
                    return None
                try:
                    return await self._visit(life, request)
                except _Broken as error:
                    self._count("restarted")
                    logger.info("The browser is started anew (%s)", error)
                    await self._leave(life)
        self._count("failed")
        return None

    async def close(self) -> None:
        """End what was started."""
        for life in list(self._lives):
            await self._end(life)
        if self._proxy:
            await self._proxy.close()

    # One page

    async def _visit(self, life: _Life, request: Request) -> Response | None:
        """Load one page in a context of its own, whose cookies, storage and memory end with it."""
        assert self._proxy
        place = request.meta.get(PLACE)
        clicks = _CLICKS if place and place.kind is Kind.LISTING else 0
        seconds = float(request.meta.get("download_timeout", 30))
        look = _Look(request.url, min(_IDLE_SECONDS, seconds / 2), clicks, self._delay(request), self._most_bytes)
        ticket = self._proxy.issue(request.url, self._most_bytes)
        self._names += 1
        name = f"page {self._names}"
        meta = {
            RENDER: True,
            "playwright_context": name,
            "playwright_context_kwargs": self._context_options(request, ticket),
            "playwright_page_init_callback": look.begin,
            "playwright_page_goto_kwargs": {"wait_until": "commit"},
            "playwright_include_page": True,  # it is closed here, with its context
        }
        asked = request.replace(meta=meta)
        life.began += 1
        life.open += 1
        try:
            async with asyncio.timeout(seconds + clicks * (look.pause + _NEWS_SECONDS)):
                answer: Response = await life.handler.download_request(asked)
        except Exception as error:
            if not look.moved:
                if not await self._answers(life):
                    raise _Broken(_line(error)) from None
                logger.debug("The browser brings nothing of %s: %s", request.url, _line(error))
                self._count("failed")
                return None
        finally:
            self._count("refused", ticket.refused)
            await self._close_page(life, name, ticket)
        if look.moved:
            status, location = look.moved
            return Response(request.url, status, {"Location": location}, request=request)
        if not isinstance(answer, HtmlResponse):
            return None
        request.meta[MORE] = look.more
        self._count("pages")
        answer.headers[b"Content-Type"] = b"text/html; charset=utf-8"
        return answer.replace(body=look.body, encoding="utf-8", request=request)

    async def _close_page(self, life: _Life, name: str, ticket: Ticket) -> None:
        assert self._proxy
        self._proxy.collect(ticket)
        wrapper = life.handler.context_wrappers.pop(name, None)
        try:
            if wrapper:
                await asyncio.wait_for(wrapper.context.close(), _CLOSE_SECONDS)
        except Exception:  # a page that does not end takes its browser with it
            life.left = True
        life.open -= 1
        if life.left and not life.open:
            await self._end(life)

    async def _answers(self, life: _Life) -> bool:
        """Whether a browser is alive: what failed was a page."""
        try:
            async with asyncio.timeout(_CLOSE_SECONDS):
                await (await life.handler.browser.new_context()).close()
        except Exception:
            return False
        return True

    def _context_options(self, request: Request, ticket: Ticket) -> dict[str, Any]:
        assert self._proxy
        return {
            "proxy": {"server": self._proxy.address, "username": "page", "password": ticket.password},
            "user_agent": (request.headers.get(b"User-Agent") or b"").decode("latin-1") or None,
            "service_workers": "block",
            "accept_downloads": False,
            "permissions": [],
            "ignore_https_errors": not self._crawler.settings.getbool("DOWNLOAD_VERIFY_CERTIFICATES"),
        }

    def _delay(self, request: Request) -> float:
        """Seconds between two requests to the host of a request."""
        engine = self._crawler.engine
        slot = engine.downloader.slots.get(request.meta.get("download_slot", "")) if engine else None
        return slot.delay if slot else 0.0

    # Its life

    async def _alive(self) -> _Life | None:
        """A browser that may open one more page, None where there can be none."""
        async with self._starting:
            life = self._life
            if life and (life.left or life.began >= self._most_pages or memory_below() > self._most_memory):
                await self._leave(life)
            if self._life is None and not self.hindrance_told:
                try:
                    if why := hindrance(self._crawler.settings):
                        raise NotConfigured(why)
                    self._life = await self._start()
                except Exception as error:
                    self.hindrance_told = True
                    logger.warning("Pages that need a browser are left as they are: %s", _line(error))
            return self._life

    async def _start(self) -> _Life:
        from scrapy_playwright.handler import ScrapyPlaywrightDownloadHandler  # noqa: PLC0415

        if self._proxy is None:
            self._proxy = GuardedProxy()
            await self._proxy.start()
        handler = ScrapyPlaywrightDownloadHandler(self._crawler)
        life = _Life(handler)
        self._lives.add(life)
        config = handler.config
        config.launch_options = launch_options(self._crawler.settings, self._proxy.address)
        config.max_pages_per_context = 1
        config.startup_context_kwargs = {}
        # A dead browser is replaced here, with all that belongs to it.
        config.restart_disconnected_browser, config.target_closed_max_retries = False, 0
        handler.process_request_headers = None  # the browser's own; the User-Agent is that of the context
        try:
            await handler._launch()
            await handler._maybe_launch_browser()
        except BaseException:
            await self._end(life)
            raise
        self._count("started")
        return life

    async def _leave(self, life: _Life) -> None:
        """Give no more pages to a browser; it ends with its last one."""
        life.left = True
        if self._life is life:
            self._life = None
        if not life.open:
            await self._end(life)

    async def _end(self, life: _Life) -> None:
        if life not in self._lives:
            return
        self._lives.discard(life)
        if self._life is life:
            self._life = None
        with contextlib.suppress(Exception):  # what is dead already answers with all kinds of errors
            await asyncio.wait_for(life.handler.close(), 2 * _CLOSE_SECONDS)

    def _count(self, name: str, number: int = 1) -> None:
        if number:
            self._crawler.stats.inc_value(f"newscrawl/browser/{name}", number)


@dataclass
class _Look:
    """How one page is watched, and read."""

    url: str
    patience: float
    """seconds within which it is to come to rest"""
    clicks: int
    """at most, on the control for more"""
    pause: float
    """seconds before each"""
    most_bytes: int
    moved: tuple[int, str] | None = None
    """Status and Location of a redirect of the page itself"""
    more: list[str] = field(default_factory=list)
    """links that came by clicks"""
    body: bytes = b""
    """of the page as it was read, in UTF-8"""
    _loading: int = 0
    """requests under way"""
    _frame: str = ""
    _documents: int = 0

    async def begin(self, page: Page, _: Request) -> None:
        """Before anything is loaded: let the page open no other, and go nowhere else, and be read when it is at rest."""
        # The handler reads it as soon as it has begun to come: whole, and not at all while it loads itself again.
        page.content = partial(self._read, page)  # type: ignore[method-assign]
        # The page's own requests have a route of their own, by the handler: this is for whatever it opens.
        await page.context.route("**", lambda route: route.abort())
        page.on("popup", lambda popup: popup.close())
        page.on("request", lambda _: self._loads(1))
        page.on("requestfinished", lambda _: self._loads(-1))
        page.on("requestfailed", lambda _: self._loads(-1))
        session = await page.context.new_cdp_session(page)
        self._frame = (await session.send("Page.getFrameTree"))["frameTree"]["frame"]["id"]

        async def paused(event: dict[str, Any]) -> None:
            with contextlib.suppress(Exception):  # the page may have been closed meanwhile
                await self._decide(session, event)

        session.on("Fetch.requestPaused", paused)
        stages: tuple[Literal["Request", "Response"], ...] = ("Request", "Response")
        patterns = [{"urlPattern": "*", "resourceType": "Document", "requestStage": stage} for stage in stages]
        await session.send("Fetch.enable", {"patterns": patterns})

    def _loads(self, more: int) -> None:
        self._loading += more

    async def _decide(self, session: CDPSession, event: dict[str, Any]) -> None:
        """Whether a document is loaded: redirects of the page are the crawl's affair, its own wishes to leave nobody's."""
        refusal = None
        if event["frameId"] == self._frame:
            status = event.get("responseStatusCode")
            headers = {header["name"].lower(): header["value"] for header in event.get("responseHeaders", ())}
            if status in _REDIRECTS and (location := headers.get("location")):
                self.moved, refusal = (status, location.partition("\n")[0]), "BlockedByClient"
            elif status is None and "responseErrorReason" not in event:
                self._documents += 1
                same = event["request"]["url"].partition("#")[0] == self.url.partition("#")[0]
                if self._documents > 1 and not (same and self._documents <= 1 + _RELOADS):
                    refusal = "Aborted"  # the document that is there stays
        if refusal:
            await session.send("Fetch.failRequest", {"requestId": event["requestId"], "errorReason": refusal})
        else:
            await session.send("Fetch.continueRequest", {"requestId": event["requestId"]})

    async def _read(self, page: Page) -> str:
        """The page when it has come to rest and its control for more has brought what it brings."""
        if not self._frame:
            raise RuntimeError("the page could not be watched")
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self.patience):
                await page.wait_for_load_state("networkidle", timeout=0)
                while self._loading > 0:  # itself, again
                    await asyncio.sleep(0.1)
                await page.wait_for_load_state("networkidle", timeout=0)
        known = set(await page.evaluate(_LINKS)) if self.clicks else set()
        for _ in range(self.clicks):
            await asyncio.sleep(self.pause)
            if not await page.evaluate(_CLICK, MORE_WORDS):
                break
            news = await self._news(page, known)
            if not news:
                break
            known.update(news)
            self.more += news
        # One letter more than is kept: what the page has grown to does not come whole.
        html: str = await page.evaluate(f"document.documentElement.outerHTML.slice(0, {self.most_bytes + 1})")
        self.body = html.encode("utf-8", "replace")
        if len(self.body) > self.most_bytes:
            raise RuntimeError(f"more than {self.most_bytes} bytes")
        return self.body.decode()

    async def _news(self, page: Page, known: set[str]) -> list[str]:
        """Links that a click has brought, once it has; none where the page has come to rest without any."""
        end, quiet = time.monotonic() + _NEWS_SECONDS, 0
        news: list[str] = []
        while not news and quiet < 10 and time.monotonic() < end:
            await asyncio.sleep(0.1)
            quiet = 0 if self._loading > 0 else quiet + 1
            news = [href for href in dict.fromkeys(await page.evaluate(_LINKS)) if href not in known]
        return news


def _line(error: BaseException) -> str:
    return str(error).partition("\n")[0][:300] or type(error).__name__
