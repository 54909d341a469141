"""The aggregator spider: decides what to ask for and hands pages to their parsers."""

from __future__ import annotations

import asyncio
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any, Self

from scrapy import Request, Spider, signals

from newscrawl.arguments import Arguments
from newscrawl.browser import MORE
from newscrawl.demo import DemoServer
from newscrawl.frontier import AGAIN, PLACE, Frontier, frontier_of, hash_text
from newscrawl.loaders import load_article
from newscrawl.pages import Page, parse_feed
from newscrawl.politeness import rights_of
from newscrawl.sources import NO_BROWSER, NeedsBrowser, records_of
from newscrawl.store import Kind, Url

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Iterator

    from scrapy.crawler import Crawler
    from scrapy.http import Response

    from newscrawl.frontier import Sifted
    from newscrawl.sites import Place, Site

_PRIORITIES = {Kind.ARTICLE: 100, Kind.FEED: 60, Kind.LISTING: 50}
_TOGETHER = 500
"""Seeds queued at a time: as single requests they take 0.4 ms each, a seventh of a page's time."""
_DEEPEST_PAGE = 5000
"""Pages followed from one listing: an end for calendars and endless paging that no other rule ends."""
_BARREN_PAGES = 10
"""Pages in a row without a link that was new when they came, after which `latest` leaves a listing."""


@dataclass(frozen=True, slots=True)
class _Walk:
    """How a page of a listing was reached; kept with its request."""

    pages: int = 0
    """Pages of the listing so far."""
    before: str = ""
    """Key of the items on the page before."""
    mark: str = ""
    """Key of the items on page 1, 2, 4, 8, …: a circle of any length meets it (Brent 1980)."""
    barren: int = 0
    """Pages in a row that brought nothing new."""
    ended: bool = False

    def step(self, key: str, *, brought: bool) -> _Walk:
        """The walk after one more page, whose items have this key."""
        pages = self.pages + 1
        return _Walk(
            pages,
            before=key,
            mark=key if pages & (pages - 1) == 0 else self.mark,
            barren=0 if brought else self.barren + 1,
            ended=key in {self.before, self.mark} or pages >= _DEEPEST_PAGE,
        )


class AggregatorSpider(Spider):
    """Crawls the papers of Arabic news aggregators.

    Arguments (`-a name=value`): site, edition, paper, mode, seeds, since, until, limit, base_url, refresh,
    source, render; see `newscrawl.arguments`.
    """

    name = "aggregator"

    def __init__(self, **given: str) -> None:
        super().__init__()
        self.arguments = Arguments.parse(given)
        self.scope = self.arguments.scope
        self._sites = {site.id: site for site in self.arguments.sites}

    @classmethod
    def from_crawler(cls, crawler: Crawler, *args: Any, **kwargs: Any) -> Self:
        """Start the bundled aggregator where it is asked for; it ends with the run."""
        spider = super().from_crawler(crawler, *args, **kwargs)
        demo = spider._sites.get("demo")
        if demo and not demo.origin:
            server = DemoServer()
            server.start()
            crawler.signals.connect(server.stop, signal=signals.spider_closed, weak=False)
            spider._sites["demo"] = demo.served_from(server.base_url)
        return spider

    @classmethod
    def check_arguments(cls, given: dict[str, str]) -> None:
        """Raise ArgumentError where a run with these arguments would refuse to start."""
        Arguments.parse(given)

    @property
    def origins(self) -> list[str]:
        """Addresses that the operator named, which the guard lets pass wherever they lie."""
        return [site.origin for site in self._sites.values() if site.origin]

    # What the frontier asks

    def locate(self, url: str) -> Place | None:
        """The place of an address, on whatever site of this run it lies."""
        return next((place for site in self._sites.values() if (place := site.locate(url))), None)

    def site_of(self, place: Place) -> Site:
        """The site that a place lies on."""
        return next(site for site in self._sites.values() if place.url.startswith(site.home))

    def address(self, url: str) -> str:
        """Where a canonical address is asked for; any other is its own."""
        return next((site.address(url) for site in self._sites.values() if url.startswith(site.home)), url)

    # Requests

    async def start(self) -> AsyncIterator[Request]:
        """Ask for the start pages of this run; listings are asked again in every run."""
        for site in self._sites.values():
            articles = []
            for place in self._start_places(site):
                if place.kind is Kind.ARTICLE:
                    articles.append(Url(place.url, site.id, site.host, place.kind, _PRIORITIES[place.kind]))
                else:
                    yield self._request(site, place, dont_filter=True)
            for start in range(0, len(articles), _TOGETHER):
                self._frontier.queue(articles[start : start + _TOGETHER])
                await asyncio.sleep(0)  # the first are asked before the last are queued

    def _start_places(self, site: Site) -> Iterable[Place]:
        arguments = self.arguments
        if arguments.seeds:
            return [place for owner, place in arguments.seeds if owner.id == site.id]
        editions = arguments.editions or site.editions
        if arguments.papers:
            ending = "/rss" if arguments.mode == "feed" else ""
            prefixes = ["" if edition == "ar" else f"/{edition}" for edition in editions]
            addresses = [f"{prefix}/{paper}{ending}" for prefix in prefixes for paper in sorted(arguments.papers)]
            return [place for address in addresses if (place := site.locate(address))]
        pages = site.start_pages(editions)
        return [place for place in pages if place.kind is Kind.FEED] if arguments.mode == "feed" else pages

    def _request(self, site: Site, place: Place, *, again: bool = False, **options: Any) -> Request:
        # Articles first, then fresh listings, then deep paging.
        priority = _PRIORITIES[place.kind] - min(place.page - 1, 40)
        meta = {PLACE: place, AGAIN: again} if again else {PLACE: place}
        return Request(site.address(place.url), priority=priority, meta=meta, **options)

    # Pages

    def parse(self, response: Response, **kwargs: Any) -> Iterator[Any]:
        """Hand a page to the parser of what it was asked for.

        Args:
            response: the page.
            kwargs: for a further page of a listing, how it was reached: see `_Walk`.
        """
        place: Place = response.meta[PLACE]
        site = self.site_of(place)
        if place.kind is Kind.FEED:
            yield from self._parse_feed(response, site)
        else:
            page = Page(response, site)
            if place.kind is Kind.ARTICLE:
                yield from self._parse_article(response, page, site, place)
            else:
                yield from self._parse_listing(response, page, site, place, _Walk(**kwargs))

    def parse_source(self, response: Response) -> Iterator[Any]:
        """Hand the page of a publisher on, with the articles that name it."""
        frontier = self._frontier
        lease = frontier.lease_of(response.request) if response.request else None
        if lease and (rows := frontier.store.sources.of(lease.key)):
            yield from records_of(response, rows, partial(rights_of, response))

    def _parse_article(self, response: Response, page: Page, site: Site, place: Place) -> Iterator[Any]:
        values = page.article()
        if values.fallback:
            self._count("fallback_pages")
        article = load_article(values, site, place, now=datetime.now(UTC))
        article.rights = rights_of(response, values.metas)
        yield article
        if self.arguments.mode in {"latest", "archive"}:
            links = self._located(site, page.addresses(), response.url)
            new = [a for a, place in links.items() if place and not self._frontier.is_sifted(place)]
            for address in {*new} - page.links_among(new):  # it stands in a comment or a script
                del links[address]
            yield from self._discover(site, links)

    def _parse_listing(
        self, response: Response, page: Page, site: Site, place: Place, walk: _Walk
    ) -> Iterator[Request]:
        if NO_BROWSER not in response.meta and page.needs_browser():
            raise NeedsBrowser(response.url)
        listing = page.listing()
        sifted = self._frontier.sift(self.arguments.wanted(listing.items), refresh=self.arguments.refresh)
        yield from self._requests_of(site, sifted)
        if self.arguments.mode == "urls":
            return
        # A paper or author without a new article leads to no further listings: some sites invent them for ever. What it
        # would lead to is also linked from the pages of its articles.
        leads_on = bool(sifted.ask) or not (place.paper or place.once)
        links = self._located(site, listing.addresses, response.url)
        links |= {
            f'"{href}"'.encode("utf-8", "replace"): site.locate(href, response.url)
            for href in response.meta.get(MORE, ())
        }
        if not leads_on:
            links = {address: place for address, place in links.items() if place and place.kind is Kind.ARTICLE}
        yield from self._discover(site, links)
        # `latest` ends where a page brings nothing that was unknown before this round; `archive` goes to the end. Some
        # listings have none: they repeat their last page, or go round in a circle, for ever.
        items_key = hash_text(" ".join(item.url for item in listing.items))
        walk = walk.step(items_key, brought=bool(sifted.ask))
        if walk.ended:
            self._count("endless_listings")
        elif self.arguments.mode == "archive" or (sifted.fresh and walk.barren < _BARREN_PAGES):
            further = self._frontier.sift(self.arguments.wanted(listing.next_pages))
            for next_page in further.ask:
                yield self._request(site, next_page, again=next_page.url in further.again, cb_kwargs=asdict(walk))

    def _parse_feed(self, response: Response, site: Site) -> Iterator[Request]:
        places = [
            place for href in parse_feed(response) if (place := site.locate(href, response.url)) and place.page == 1
        ]
        yield from self._requests(site, places)
        if self.arguments.mode == "feed":
            prefixes = {f"/{p.edition}/{p.paper}" if p.edition != "ar" else f"/{p.paper}" for p in places if p.paper}
            yield from self._requests(
                site, [feed for prefix in sorted(prefixes) if (feed := site.locate(f"{prefix}/rss"))]
            )

    def _located(self, site: Site, addresses: Iterable[bytes], base: str) -> dict[bytes, Place | None]:
        """Where the links of a page lead that were not handled of late."""
        return {address: site.locate(address, base) for address in self._frontier.unhandled(addresses)}

    def _discover(self, site: Site, links: dict[bytes, Place | None]) -> Iterator[Request]:
        """Requests for what these links lead to that was not known; further pages are the listing's affair."""
        yield from self._requests(site, [place for place in links.values() if place and place.page == 1])
        self._frontier.handled(links)

    def _requests(self, site: Site, places: Iterable[Place]) -> Iterator[Request]:
        """Requests for those of these places that are wanted and worth asking."""
        sifted = self._frontier.sift(self.arguments.wanted(places), refresh=self.arguments.refresh)
        yield from self._requests_of(site, sifted)

    def _requests_of(self, site: Site, sifted: Sifted) -> Iterator[Request]:
        for place in sifted.ask:
            yield self._request(site, place, again=place.url in sifted.again)

    def _count(self, name: str) -> None:
        self.crawler.stats.inc_value(f"newscrawl/{name}")

    @property
    def _frontier(self) -> Frontier:
        return frontier_of(self.crawler)
