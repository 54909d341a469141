"""Pages that need a browser: which originals and listings are handed to one, and of which hosts that is remembered.

A page that the browser (`newscrawl.browser`) cannot bring ends as it would have ended without one.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final, Self

from scrapy.exceptions import NotConfigured

from newscrawl.browser import RENDER, Browser
from newscrawl.frontier import STATIC, Frontier
from newscrawl.safety import BoundedHandler
from newscrawl.sources import NO_BROWSER
from newscrawl.store import Kind

if TYPE_CHECKING:
    from scrapy import Request
    from scrapy.crawler import Crawler
    from scrapy.http import Response

    from newscrawl.arguments import RenderMode
    from newscrawl.store import Leased

_IN_VAIN: Final = 3
"""Pages of a host in a row that a browser did not help, after which it is not tried there again."""


class RenderingHandler(BoundedHandler):
    """Handler of http and https: requests with `playwright` in their meta go to the browser, all others as ever."""

    async def download_request(self, request: Request) -> Response:
        """Answer from the browser; from before, or from the network, where there is none or it fails."""
        if not request.meta.get(RENDER):
            return await super().download_request(request)
        rendering = self._crawler.get_downloader_middleware(Rendering)
        response = await rendering.browser.fetch(request) if rendering else None
        if response is None:
            request.meta[NO_BROWSER] = True
            static: Response | None = request.meta.get(STATIC)
            response = static.replace(request=request) if static else await super().download_request(request)
        return response

    async def close(self) -> None:
        """Close the browser with the crawl."""
        await super().close()
        if rendering := self._crawler.get_downloader_middleware(Rendering):
            await rendering.browser.close()


class Rendering:
    """Downloader middleware: decides which originals and listings are asked for with the browser, and remembers hosts.

    The argument `render` of a spider is `auto` (where the answer without one showed that it is needed), `always` or
    `never`.
    """

    def __init__(self, crawler: Crawler, mode: RenderMode) -> None:
        self._crawler = crawler
        self._always = mode == "always"
        self._hosts: dict[str, bool] | None = None
        self._in_vain: Counter[str] = Counter()
        self.browser = Browser(crawler)

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        """Without a browser there is nothing to decide."""
        mode: RenderMode = getattr(getattr(crawler.spider, "arguments", None), "render", "auto")
        if mode == "never":
            raise NotConfigured
        return cls(crawler, mode)

    def process_request(self, request: Request) -> None:
        """Send a page of a host that is known to need the browser there at once."""
        frontier = self._frontier
        lease = frontier.lease_of(request) if frontier else None
        if lease is None or lease.kind not in {Kind.SOURCE, Kind.LISTING} or NO_BROWSER in request.meta:
            return
        if self._always or self._known.get(lease.host):
            request.meta[RENDER] = True

    def may_help(self, lease: Leased, response: Response) -> bool:
        """Whether a browser might bring more than this answer."""
        if RENDER in response.flags or self.browser.hindrance_told:
            return False
        return self._always or self._known.get(lease.host, True)

    def request(self, response: Response) -> Request:
        """The request that asks for the page of an answer again, with the browser."""
        assert response.request
        meta = {**response.request.meta, RENDER: True, STATIC: response}
        meta.pop("download_timeout", None)  # that of the first contact is short
        return response.request.replace(url=response.url, meta=meta, dont_filter=True)

    def note(self, host: str, *, helped: bool) -> None:
        """Remember whether the browser brought what the answer without it lacked."""
        frontier = self._frontier
        self._in_vain[host] = 0 if helped else self._in_vain[host] + 1
        if frontier and host not in self._known and (helped or self._in_vain[host] >= _IN_VAIN):
            self._known[host] = helped
            frontier.store.sources.note_renders(host, renders=helped)

    @property
    def _known(self) -> dict[str, bool]:
        if self._hosts is None:
            frontier = self._frontier
            self._hosts = frontier.store.sources.renders() if frontier else {}
        return self._hosts

    @property
    def _frontier(self) -> Frontier | None:
        scheduler = self._crawler.engine.scheduler if self._crawler.engine else None
        return scheduler if isinstance(scheduler, Frontier) else None
