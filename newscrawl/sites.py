"""The aggregators: one frozen `Site` each, and what an address on any of them leads to.

Everything that is known or guessed of the family's addresses stands in this file. Adding an aggregator is one entry
in `SITES`. The facts come from stored home pages of 2018 and from addresses seen in the wild.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final, Literal
from urllib.parse import parse_qsl, quote, quote_plus, unquote, urlencode, urljoin, urlsplit

from newscrawl.links import href_of
from newscrawl.store import Kind

Edition = Literal["ar", "fr", "en"]
EDITIONS: Final[tuple[Edition, ...]] = ("ar", "fr", "en")

TOPICS: Final = ("politics", "economics", "international", "sports", "society", "culture", "religion", "health")

# First path segments that are no paper. A `/video/{number}` is a video page, `/faces/` the search form and its parts;
# the others are linked from the footer of the stored pages or usual on such sites.
_NOT_PAPERS: Final = frozenset(
    {*TOPICS, *EDITIONS, "video", "author", "city", "page", "rss", "faces", "resources", "widget", "about"}
    | {"advertisement", "search", "login"}
)

# How listings are paged is not known: these are the usual names of a page number in a query.
_PAGE_PARAMETERS: Final = frozenset({"page", "p", "pg"})

LONGEST_ADDRESS: Final = 2083
"""Letters of a link that is looked at, as Scrapy's URLLENGTH_LIMIT: places and links are remembered by the ten thousand."""

_LONGEST_PLAIN: Final = 100
_PLAIN_PATH = re.compile(r"/(?:(fr|en)/)?([A-Za-z0-9_-]+)(?:/([0-9]{1,12}))?")
# What `urljoin` would only put the host in front of, in twenty times the time.
_ROOTED = re.compile(r"/(?:[A-Za-z0-9_%+?=&#;,~:@-]++[./]?)*+")
_ABSOLUTE = re.compile(r"https?://([A-Za-z0-9.-]+)(?:[/?#]|$)")
_SEGMENT = re.compile(r"[A-Za-z0-9_-]+")
_TRACKING = re.compile(r"utm_|fbclid|gclid|jsessionid|sid$|phpsessid", re.IGNORECASE)
_SESSION = re.compile(r";[^/]*")


@dataclass(frozen=True, slots=True)
class Place:
    """What an address of a site leads to, judged by the address alone."""

    url: str
    """Canonical address: one for all spellings of the same page."""
    kind: Kind
    edition: Edition
    paper: str | None = None
    number: str | None = None
    """Sequence number of an article within its paper; None for listings and feeds."""
    page: int = 1
    """Page of a listing, from 1."""
    once: bool = False
    """An author, a city or a paper's feed: worth asking when it is first seen, not again in each run."""


@dataclass(frozen=True, slots=True)
class Site:
    """One aggregator of the family."""

    id: str
    host: str
    """Canonical host, with `www.` where the site has it."""
    name: str
    """What the site calls itself in page titles."""
    country: str
    """ISO 3166 code: decides how relative dates and clock times are read."""
    timezone: str
    editions: tuple[Edition, ...] = EDITIONS
    """Editions that a crawl starts from when it is not told which; links to others are understood all the same."""
    origin: str = ""
    """Scheme and authority that requests go to when it is not the canonical one: a mirror, a proxy, a test server."""

    @property
    def home(self) -> str:
        """Canonical address of the home page."""
        return f"https://{self.host}/"

    def served_from(self, base_url: str) -> Site:
        """The same site, asked at another address; ids and canonical addresses stay as they are.

        Raises:
            ValueError: `base_url` is not an absolute http or https address.
        """
        parts = urlsplit(base_url)
        if parts.scheme not in {"http", "https"} or not parts.hostname or parts.port == 0:
            raise ValueError(f"{base_url!r} is not an http or https address")
        return replace(self, origin=f"{parts.scheme}://{parts.netloc}")

    def address(self, url: str) -> str:
        """Where to ask for a canonical address.

        >>> get_site("demo").served_from("http://127.0.0.1:8000").address("https://www.demoress.example/alkhabar/7")
        'http://127.0.0.1:8000/alkhabar/7'
        """
        return self.origin + url[len(self.home) - 1 :] if self.origin else url

    def start_pages(self, editions: tuple[Edition, ...]) -> list[Place]:
        """Home, topics and the feed of each of these editions."""
        found = []
        for edition in editions:
            prefix = "" if edition == "ar" else f"/{edition}"
            topics = TOPICS if edition == "ar" else ()
            found += [self.locate(f"{prefix}/{path}") for path in ("", *topics, "rss")]
        return [place for place in found if place]

    def locate(self, href: str | bytes, base: str = "") -> Place | None:
        """The place that a link leads to; None for other hosts, other schemes and addresses of no interest.

        Every spelling of one page (host with or without www, http or https, port, trailing slash, tracking parameters,
        session id, fragment, percent-encoding) gives the same `Place.url`.

        Args:
            href: the link; as bytes, with quotes and character references as written in the page (see `newscrawl.links`).
            base: address of the page, one of the site's, for links that are not absolute.

        >>> maghress = get_site("maghress")
        >>> maghress.locate("http://MAGHRESS.com:80/hespress/12/?utm_source=x#top").url
        'https://www.maghress.com/hespress/12'
        >>> maghress.locate("/author/%d8%b9%D9%84%D9%8A%20x").url
        'https://www.maghress.com/author/%D8%B9%D9%84%D9%8A+x'
        >>> maghress.locate("https://www.turess.com/assabah/1") is None
        True
        """
        if len(href) > LONGEST_ADDRESS:
            return None
        if len(href) < _LONGEST_PLAIN and (place := _plain_place(self.host, href)):  # as nearly every link of a page
            return place
        if isinstance(href, bytes):
            href = href_of(href)
        absolute = _ABSOLUTE.match(href)
        if absolute and not self._serves(absolute[1].lower(), None):  # each article has one, to its source
            return None
        try:
            url = f"https://{self.host}{href}" if _ROOTED.fullmatch(href) else urljoin(base or self.home, href.strip())
            return _located(self, url)
        except ValueError:  # a malformed IPv6 host or port
            return None

    def next_page(self, href: str | bytes, base: str) -> Place | None:
        """The place behind a link that says it is a further page of the listing at `base`, whatever its address.

        >>> get_site("demo").next_page("?start=20&utm_source=x", "https://www.demoress.example/alkhabar").url
        'https://www.demoress.example/alkhabar?start=20'
        """
        if len(href) > LONGEST_ADDRESS:
            return None
        if isinstance(href, bytes):
            href = href_of(href)
        place = self.locate(href, base)
        if place is not None and (place.kind is not Kind.LISTING or place.page > 1):
            return place
        try:
            parts = urlsplit(urljoin(base, href.strip()))
            own = self._serves(parts.hostname or "", parts.port)
        except ValueError:
            return None
        query = sorted((k, v) for k, v in parse_qsl(parts.query) if not _TRACKING.match(k))
        if parts.scheme not in {"http", "https"} or not own or not (query or place is None):
            return place
        path = quote(unquote(_SESSION.sub("", parts.path)), safe="/+").strip("/")
        edition: Edition = "fr" if path.startswith("fr/") else "en" if path.startswith("en/") else "ar"
        url = f"{self.home}{path}" + (f"?{urlencode(query)}" if query else "")
        return Place(url, Kind.LISTING, edition, place.paper if place else None, page=2)

    def _serves(self, hostname: str, port: int | None) -> bool:
        """Whether this host is the site's own, or the one that the operator serves it from."""
        hostname = hostname.rstrip(".")
        if hostname.removeprefix("www.") == self.host.removeprefix("www.") and port in {None, 80, 443}:
            return True
        origin = urlsplit(self.origin)
        return bool(self.origin) and (hostname, port) == (origin.hostname, origin.port)


@lru_cache(maxsize=1 << 12)
def _located(site: Site, url: str) -> Place | None:
    """The place of an absolute address: menus, topics and page numbers come again on page after page.

    Raises:
        ValueError: its IPv6 host or its port is malformed.
    """
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not site._serves(parts.hostname or "", parts.port):
        return None
    segments = [unquote(part) for part in _SESSION.sub("", parts.path).split("/") if part not in {"", "."}]
    page = max((int(v) for k, v in parse_qsl(parts.query) if k in _PAGE_PARAMETERS and _is_number(v)), default=1)
    if len(segments) >= 2 and segments[-2] == "page" and _is_number(segments[-1]):
        page = int(segments.pop())
        segments.pop()
    edition = segments.pop(0) if segments and segments[0] in {"fr", "en"} else None
    return _place(site.home, edition, segments, page)


@lru_cache(maxsize=1 << 14)
def _plain_place(host: str, href: str | bytes) -> Place | None:
    """The place of a paper or an article by its plain path, None for any other: the links of a site come again and again."""
    path = (href_of(href) if isinstance(href, bytes) else href).removeprefix(f"https://{host}")
    plain = _PLAIN_PATH.fullmatch(path)
    if plain is None or plain[2] in _NOT_PAPERS:
        return None
    prefix, *segments = plain.groups()
    return _place(f"https://{host}/", prefix, [segment for segment in segments if segment], 1)


def _place(home: str, prefix: str | None, segments: list[str], page: int) -> Place | None:
    edition: Edition = "fr" if prefix == "fr" else "en" if prefix == "en" else "ar"
    root = home + (f"{edition}/" if edition != "ar" else "")

    def listing(path: str, *, paper: str | None = None, once: bool = False) -> Place:
        url = f"{root}{path}" if path else root.rstrip("/") + ("/" if edition == "ar" else "")
        return Place(f"{url}?page={page}" if page > 1 else url, Kind.LISTING, edition, paper, page=page, once=once)

    match segments:
        case [first, *_] if "\0" in "".join(segments):
            return None
        case []:
            return listing("")
        case [*head, "rss"] if len(head) <= 1 and not (head and head[0] in _NOT_PAPERS):
            path = "/".join(segments)
            return Place(f"{root}{path}", Kind.FEED, edition, head[0] if head else None, once=bool(head))
        case ["author", name]:
            # Names are written with `+` for a space; %20 and %2B-less spellings are the same author.
            return listing(f"author/{quote_plus(name.replace('+', ' '))}", once=True)
        case ["city"]:
            return listing("city", once=True)
        case ["city", name]:
            return listing(f"city/{quote(name, safe='+')}", once=True)
        case [topic] if topic in TOPICS:
            return listing(topic)
        case [first, *_] if first in _NOT_PAPERS or not _SEGMENT.fullmatch(first):
            return None
        case [paper]:
            return listing(paper, paper=paper)
        case [paper, number] if _is_number(number) and len(number) <= 12:
            return Place(f"{root}{paper}/{number}", Kind.ARTICLE, edition, paper, number)
    return None


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 12


_FAMILY = (
    # The editions are those that the menus of the stored pages lead to; the last two sites are not stored.
    Site("maghress", "www.maghress.com", "مغرس", "MA", "Africa/Casablanca", ("ar", "fr")),
    Site("djazairess", "www.djazairess.com", "جزايرس", "DZ", "Africa/Algiers", ("ar", "fr")),
    Site("turess", "www.turess.com", "تورس", "TN", "Africa/Tunis", ("ar", "fr")),
    Site("masress", "www.masress.com", "مصرس", "EG", "Africa/Cairo", ("ar", "en")),
    Site("sudaress", "www.sudaress.com", "سودارس", "SD", "Africa/Khartoum", ("ar",)),
    Site("sauress", "www.sauress.com", "سعورس", "SA", "Asia/Riyadh"),
    Site("yemeress", "www.yemeress.com", "يمرس", "YE", "Asia/Aden"),
    # The bundled aggregator; `.example` is reserved (RFC 2606), so the address can never be a live site.
    Site("demo", "www.demoress.example", "ديمورس", "MA", "Africa/Casablanca"),
)

SITES: Final[dict[str, Site]] = {site.id: site for site in _FAMILY}
"""Every known aggregator by its id."""


def get_site(site_id: str) -> Site:
    """The site of this id.

    Raises:
        ValueError: there is no such site; the message names those that there are.
    """
    try:
        return SITES[site_id]
    except KeyError:
        raise ValueError(f"unknown site {site_id!r}: choose from {', '.join(SITES)}") from None
