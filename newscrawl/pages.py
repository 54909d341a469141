"""Page parsers: a response and its `Site` give an article's values, or a listing's links. Pure functions, no network.

The markup is the family's as its stored home pages (2018) and public scrapers show it. Class names and strings of the
family stand at the top of this file; everything that is wrong about them is mended there.
"""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache, cached_property, lru_cache
from itertools import islice
from typing import TYPE_CHECKING, Final
from urllib.parse import urljoin

from lxml import etree
from scrapy.http import TextResponse

from newscrawl import arabic, charset, dates
from newscrawl.excerpt import CONTENT, around_article, has_signs, up_to_closing, without_ticker
from newscrawl.links import Links, addresses_in, links_among
from newscrawl.store import Kind

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from scrapy.http import Response

    from newscrawl.sites import Place, Site

_TEASER: Final = b"teasertitle"
# Attributes first: half the time of asking every element for its class.
_CLASSED: Final = etree.XPath("//@class[contains(., 'article') or contains(., 'ARTICLE')]/parent::*")
_HREFS: Final = etree.XPath("//a/@href", smart_strings=False)
# The ticker is a marquee, elsewhere a plain element whose links four no-break spaces part.
_TICKER: Final = etree.XPath("//marquee//a | //*[contains(@class, 'marquee')]//a")
_TICKER_GAP: Final = "\u00a0\u00a0"
_OWN_TEXT: Final = etree.XPath("//body//text()[not(ancestor::a or parent::script or parent::style)]")
_PUBLICATION: Final = etree.XPath(
    "//text()[contains(., 'نشر') or contains(., 'ublié') or contains(., 'ublished')]/parent::*"
)
_META: Final = etree.XPath("//meta[@property = $name or @name = $name]/@content", smart_strings=False)
_CANONICAL: Final = etree.XPath("//link[@rel = 'canonical']/@href", smart_strings=False)
_HEADINGS: Final = etree.XPath("//h1")
_TITLES: Final = etree.XPath("//title")
_REFRESH: Final = etree.XPath(
    "boolean(//meta[translate(@http-equiv, 'REFSH', 'refsh') = 'refresh' and contains(@content, '=')])"
)
_PASSWORD: Final = etree.XPath("boolean(//input[@type = 'password'])")
_CLOSING_LINKS: Final = etree.XPath(
    "//a[normalize-space() = 'هنا' or normalize-space() = 'ici' or normalize-space() = 'here']"
)
_NEXT_TEXT: Final = etree.XPath("string(following::text()[normalize-space()][1])", smart_strings=False)

# The bold word carries the link to the original. The French and English wording is from memory: only its ends are held.
_CLOSING: Final = re.compile(
    r"(?:انقر\s*هنا\s*لقراءة\s+الخبر\s+من\s+مصدره"
    r"|Cliquez\s*ici\s*pour\s+lire\s+l.?article\s+depuis\s+sa\s+source"
    r"|Click\s*here\s*to\s+read\s+the\s+(?:story|article)\s+from\s+its\s+source)\s*\.?\s*$"
)
_CLOSING_GOES_ON: Final = re.compile(r"\s*(?:لقراءة|pour|to)\b")
# What the widget for reporting a picture says.
_NOTICE: Final = re.compile(
    r"شكرا على الإبلاغ!|سيتم حجب هذه الصورة تلقائيا|Merci d.avoir signalé|Cette image sera automatiquement bloquée"
    r"|Thank you for reporting!|This image will be automatically disabled"
)
_LONGEST_CLOSING: Final = 200
_SOURCE_SPACE: Final = re.compile(r"[ \t\r\n\f]{2,}|[\t\r\n\f]")  # all but the single space, which is most
MORE_WORDS: Final = (
    r"[\s›»>+…]*(?:(?:عرض |تحميل |شاهد |اقرأ )?المزيد|التالي|الصفحة التالية|المقالات التالية"
    r"|(?:load|show|view|see) more|more|next|older posts|(?:voir|afficher|charger|en voir) plus|plus|suivante?)[\s›»>+….]*"
)
"""Pattern of what a control says that brings more of a listing; read by Python and by a browser alike."""
_MORE: Final = re.compile(MORE_WORDS, re.IGNORECASE)
_BUTTONS: Final = etree.XPath("//button | //*[@role = 'button'] | //input[@type = 'button']")
_BUTTON_TAG: Final = re.compile(rb"[<=]\s*[\"']?button")
_SCRIPTS: Final = etree.XPath("boolean(//script[@src or string-length(.) > 0])")
_REPORT_LINKS: Final = frozenset({"إبلاغ", "أبلغ", "Signaler", "Report"})
# What a page says that has no such article; only asked of pages without the parts of an article.
_NOT_FOUND: Final = re.compile(
    r"غير موجود|لم يتم العثور|لا توجد|introuvable|n'existe pas|not found|\b404\b", re.IGNORECASE
)
# Scripts and titles of the checks themselves. The header of some stands on sound pages too; these do not.
_CHALLENGE_HEADERS: Final = {b"Cf-Mitigated": "Cloudflare", b"X-Amzn-Waf-Action": "AWS WAF"}
_CHALLENGE_HEAD: Final = 1 << 16
_CHALLENGES: Final[dict[str, tuple[bytes, ...]]] = {
    "Cloudflare": (
        b"window._cf_chl_opt",
        b"<title>just a moment",
        b"<title>attention required! | cloudflare",
        b"cf-turnstile",
    ),
    "DDoS-Guard": (b"<title>ddos-guard", b"/.well-known/ddos-guard/"),
    "Imperva": (b"_incapsula_resource", b"<title>pardon our interruption"),
    "Sucuri": (b"sucuri_cloudproxy_js",),
    "DataDome": (b"captcha-delivery.com",),
    "HUMAN": (b"px-captcha", b"/_px/"),
    "AWS WAF": (b"awswafintegration", b"awswafcookiedomainlist"),
    "Anubis": (
        b"making sure you're not a bot",
        b"making sure you&#39;re not a bot",
        b"making sure you\xe2\x80\x99re not a bot",
    ),
    "testcookie": (b"slowaes.decrypt",),
    "a captcha": (b'class="g-recaptcha"', b"class='g-recaptcha'", b'class="h-captcha"', b"class='h-captcha'"),
    "a browser check": (
        b"checking your browser",
        b"verifying your browser",
        b"checking you are human",
        b"checking you are a human",
        b"verifying you are human",
        b"verifying you are a human",
        b"enable javascript and cookies to continue",
    ),
}
"""In lower case: to look for each by itself takes a twentieth of the time of one pattern."""
# A title or a short text that says of the whole page what it is: no article is called so.
_BOILERPLATE: Final = re.compile(
    r"(?:4\d\d|5\d\d)?\W*(?:error|erreur|خطأ|forbidden|access denied|accès refusé|bad gateway|service unavailable|untitled"
    r"|internal server error|under (?:construction|maintenance)|maintenance|loading|chargement|جاري التحميل|تحت الصيانة"
    r"|(?:please )?enable javascript(?: to continue)?|يرجى تفعيل جافا ?سكريبت|index of /.*|home|accueil|الرئيسية)\W*(?:4\d\d|5\d\d)?",
    re.IGNORECASE,
)
_MISSING: Final = re.compile(
    r"(?:error|erreur|خطأ)?\W*(?:404)?\W*(?:(?:page|article|the page|la page)\W*)?(?:not found|introuvable|n'existe pas|غير موجودة?"
    r"|(?:الصفحة|المقال|الخبر)( المطلوبة?)? غير موجودة?|لم يتم العثور على (?:الصفحة|المقال)|404)\W*(?:404)?",
    re.IGNORECASE,
)
_TITLE_PARTS: Final = re.compile(r"\s[|–—:»-]\s")
_LOGIN: Final = re.compile(r"تسجيل الدخول|Connexion|Se connecter|Log ?in|Sign ?in", re.IGNORECASE)
# Where an article has no named author its author link names the paper or an agency.
_AGENCIES: Final = frozenset(
    arabic.normalise(name)
    for name in (
        "و م ع", "ومع", "وكالات", "وكالة", "رويترز", "أ ف ب", "أف ب", "فرانس برس", "أ ش أ", "واج", "وأج", "وات", "واس",
        "سبأ", "سونا", "الأناضول", "د ب أ", "MAP", "AFP", "Reuters", "APS", "TAP", "MENA", "Agences", "Agencies", "Xinhua",
    )
)  # fmt: skip

_BLOCKS: Final = frozenset(
    [
        "address",
        "article",
        "aside",
        "blockquote",
        "br",
        "center",
        "dd",
        "div",
        "dl",
        "dt",
        "fieldset",
        "figcaption",
        "figure",
        "footer",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "header",
        "hr",
        "li",
        "main",
        "nav",
        "ol",
        "p",
        "pre",
        "section",
        "table",
        "tbody",
        "td",
        "tfoot",
        "th",
        "thead",
        "tr",
        "ul",
    ]
)
_UNREAD: Final = frozenset(
    [
        "applet",
        "audio",
        "button",
        "canvas",
        "embed",
        "form",
        "iframe",
        "input",
        "map",
        "marquee",
        "noscript",
        "object",
        "script",
        "select",
        "style",
        "svg",
        "template",
        "textarea",
        "video",
    ]
)
# Parts of a page that may stand inside the content, or fall into it where a tag was left open.
_FOREIGN: Final = re.compile(
    r"(?:^|[\s_-])(?:ads?|adv|advert\w*|adsbygoogle|adsense|banner|gpt|dfp|pub|publicite|sponsor\w*|report\w*|ticker"
    r"|marquee\w*|related\w*|mostread|most-read|popular|comments?|share|sharing|social|widget)(?=$|[\s_-])",
    re.IGNORECASE,
)
_CAPTION: Final = re.compile(r"(?:^|[\s_-])\w*(?:caption|legend)(?=$|[\s_-])", re.IGNORECASE)


_MOST_TAGS: Final = 60_000
"""Opening and closing; a real page has some 3,000. Eight megabytes of them cost seconds and half a gigabyte."""
_LARGE: Final = 1 << 16
# libxml2 compares each attribute of a tag with all before it: 100,000 of them took 11 s (measured 2026-11). This finds tags
# of some 150 with values, or of 19 kB without; a long quoted value, such as a picture in a `data:` address, counts once.
_ENDLESS_TAG: Final = re.compile(rb"<[A-Za-z](?:[^>=\"']{1,64}+|=\s*+(?:\"[^\"]*+\"|'[^']*+')?+|[\"']){300,}+")
_LONGEST_CONTROL: Final = 40
_CANDIDATES: Final = 15
"""Elements that are looked at for a publication or closing line; each may stand in half the page."""
_FEW_PARTS: Final = 20
"""Parts of an element's text that are read to see whether it is some short words: elements may be nested without end."""
_SHORT: Final = 100
_LONGEST_ANSWER: Final = 100_000
"""Letters in which a page that is no article is searched for what it is."""
_LONGEST_BODY: Final = 500_000
"""Letters of an article; cleaning and comparing more would cost seconds."""
_HEADING_AS_CONTENT: Final = re.compile(rb"<[hH][1-6]\s[^>]{0,300}articlecontent")
_HEADING_TAG: Final = re.compile(rb"(</?)[hH][1-6]\b")


class Rejected(Exception):
    """The page is not what its address promises; `reason` is the word it is counted under."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Challenge(Rejected):
    """A check whether a person is asking, in place of the page; it is not evaded. `by` names whose it is."""

    def __init__(self, by: str) -> None:
        super().__init__("challenge")
        self.by = by


@dataclass(slots=True)
class ArticleValues:
    """What an article page says, as it says it: not cleaned, not typed."""

    title: str
    paragraphs: list[str]
    publisher: str | None = None
    authors: list[str] = field(default_factory=list)
    published_raw: str | None = None
    source_url: str | None = None
    images: list[tuple[str, str | None]] = field(default_factory=list)
    """Absolute address and caption of each picture of the content."""
    metas: dict[str, str] = field(default_factory=dict)
    """Content of the named meta elements of the head."""
    fallback: bool = False
    """No class of the family was found: the markup has changed, and the values come from what a redesign leaves."""


@dataclass(frozen=True, slots=True)
class Listing:
    """What a listing leads to."""

    items: list[Place]
    """The listed articles."""
    next_pages: list[Place]
    """Further pages of this listing."""
    addresses: list[bytes]
    """Addresses of all links of the page, as written."""


def parse_article(response: Response, site: Site) -> ArticleValues:
    """The values of an article page.

    Raises:
        Rejected: the page is no article; the reason says what it is instead.
    """
    return Page(response, site).article()


def parse_listing(response: Response, site: Site) -> Listing:
    """The items and further pages of a listing.

    Raises:
        Rejected: the page is no listing.
    """
    return Page(response, site).listing()


def parse_feed(response: Response) -> list[str]:
    """Addresses of the articles of an RSS or Atom feed.

    Raises:
        Rejected: the response is no feed.
    """
    # No entities, no DTD, no network: a feed is data. `recover` because feeds with a bare `&` are common.
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, recover=True)
    root = etree.fromstring(response.body, parser) if response.body.strip() else None
    if root is None or etree.QName(root).localname.lower() not in {"rss", "feed", "rdf"}:
        raise Rejected("not_a_feed")
    found = root.xpath("//*[local-name() = 'item']/*[local-name() = 'link']/text()", smart_strings=False)
    found += root.xpath("//*[local-name() = 'entry']/*[local-name() = 'link']/@href", smart_strings=False)
    return [href.strip() for href in found]


def challenge_of(response: Response) -> str | None:
    """Whose check of browsers or persons stands in place of a page, None where it is none.

    Asked of answers that are no article only: scripts of such services stand on sound pages too.
    """
    for name, by in _CHALLENGE_HEADERS.items():
        if name in response.headers:
            return by
    head = response.body[:_CHALLENGE_HEAD].lower()
    return next((by for by, signs in _CHALLENGES.items() if any(sign in head for sign in signs)), None)


class Page:
    """One HTML page, parsed once; asked for an article, for a listing, or for its links."""

    def __init__(self, response: Response, site: Site, *, body: bytes | None = None) -> None:
        """Decode the page.

        Args:
            response: the page as it came.
            site: the aggregator.
            body: what is read of the page, in UTF-8; all of it where None.

        Raises:
            Rejected: there is nothing that can be read as HTML.
        """
        self.url = response.url
        self.site = site
        self._response = response
        if body is None:
            if not is_html(response):
                raise Rejected("not_html")
            body = readable(response.body, (response.headers.get(b"Content-Type") or b"").decode("latin-1"))
        self._body = body

    @cached_property
    def _lowered(self) -> bytes:
        return self._body.lower()

    @cached_property
    def _root(self) -> etree._Element:
        """The tree of the page but for its ticker, half of most pages, of which nothing but the links is asked."""
        return tree(without_ticker(self._body))

    @cached_property
    def _links(self) -> Links:
        if _has_many_tags(self._body):
            raise Rejected("too_many_tags")
        return Links(self._body, item=_TEASER)

    def addresses(self) -> list[bytes]:
        """What may be the address of a link of the page, of ticker, menus and related articles too: see `links.addresses_in`."""
        return addresses_in(self._body)[:_MOST_TAGS]

    def links_among(self, addresses: Sequence[bytes]) -> set[bytes]:
        """Those of these addresses that are links of the page."""
        return links_among(addresses, self._body)

    def listing(self) -> Listing:
        """The items of a listing and its further pages.

        Raises:
            Rejected: the page lists no article, or is one.
        """
        if self._content:
            raise Rejected("article_in_place_of_listing")
        if not (items := self._items):
            what = self._what_instead()
            raise Rejected("nothing_listed" if what == "not_an_article" else what)
        return Listing(items, self._next_pages, self._links.addresses())

    def needs_browser(self) -> bool:
        """Whether scripts may bring a listing more than it holds: its further pages, or its items.

        A listing of the family that is empty still leads to articles: by its ticker.
        One that leads to none is the shell of a page that scripts fill.
        """
        if not self._items:
            shell = bool(_SCRIPTS(self._root)) and not self._articles(self._links.addresses())
            return shell and not self._content and self._what_instead() in {"not_an_article", "empty"}
        if self._next_pages:
            return False
        return any(len(words) < _LONGEST_CONTROL and _MORE.fullmatch(words) for words in self._controls())

    def _controls(self) -> Iterator[str]:
        yield from self._links.controls()
        if b"button" in self._lowered and _BUTTON_TAG.search(self._lowered):  # no tree where there is none
            yield from (_words(button) or button.get("value") or "" for button in _BUTTONS(self._root))

    def article(self) -> ArticleValues:
        """The values of an article.

        Raises:
            Rejected: the page is no article, or one without title or text.
        """
        for cut in (around_article, up_to_closing):
            if (excerpt := cut(self._body)) is not None:
                with suppress(Rejected):
                    return Page(self._response, self.site, body=excerpt)._article(whole=self._body)
        return self._article()

    def _article(self, *, whole: bytes | None = None) -> ArticleValues:
        """The values of an article; of an excerpt of a page (`whole`), only where nothing of it is left in the page."""
        contents = self._content
        title = next(filter(None, map(_words, self._classed("articletitle"))), "")
        fallback = not contents
        if fallback:
            if (container := self._closing_container()) is None:
                raise Rejected("empty" if title else self._what_instead())
            contents = [container]
        text = _Text(self.url)
        for content in contents:
            text.read(content)
            if text.closed:
                break
        head = next(iter(self._classed("articlenewspaper")), None)
        published_raw = dates.find_publication_line(_words(head, " ")) if head is not None else None
        classed = bool(title and published_raw and not fallback)
        if whole is not None and not self._suffices(whole, closed=text.closed, classed=classed):
            raise Rejected("incomplete")
        if published_raw is None:
            head, published_raw = self._publication_line()
        title = title or self._fallback_title()
        if whole is not None and not (title and published_raw):
            raise Rejected("incomplete")
        paragraphs = text.paragraphs
        if fallback:
            paragraphs = _after_head(paragraphs, title, published_raw)
        if not paragraphs:
            raise Rejected("empty")
        if sum(map(len, paragraphs)) > _LONGEST_BODY:
            raise Rejected("too_long")
        if not title:
            raise Rejected("no_title")
        if what := _boilerplate(title, paragraphs):
            raise Rejected(what)
        publisher = (dates.publisher_of(published_raw) if published_raw else None) or self._publisher_link(head)
        return ArticleValues(
            title,
            paragraphs,
            publisher=publisher,
            authors=_authors(head, publisher),
            published_raw=published_raw,
            source_url=text.source_url,
            images=text.images,
            fallback=fallback,
            metas=metas_of(self._root),
        )

    def _suffices(self, whole: bytes, *, closed: bool, classed: bool) -> bool:
        """Whether all of the article is in this excerpt of a page.

        Args:
            whole: the page.
            closed: the closing line was read: no text follows.
            classed: text, title and publication line were found by their classes, which come before all other signs.
        """
        if whole.startswith(self._body):  # what follows may still hold a better sign of what was found
            return closed and (classed or not has_signs(whole[len(self._body) :]))
        return classed and (closed or whole.lower().count(CONTENT) == self._lowered.count(CONTENT))

    @cached_property
    def _marked(self) -> list[etree._Element]:
        found: list[etree._Element] = _CLASSED(self._root)
        return found

    def _classed(self, name: str) -> list[etree._Element]:
        """Elements of one of the article's classes, in document order, none inside another."""
        if name.encode() not in self._lowered:
            return []
        found: list[etree._Element] = []
        for element in self._marked:
            if name in element.get("class").lower().split() and not (found and found[-1] in element.iterancestors()):
                found.append(element)
        return found

    @cached_property
    def _content(self) -> list[etree._Element]:
        return self._classed("articlecontent")

    @cached_property
    def _items(self) -> list[Place]:
        """The listed articles; where no teaser class is known, all articles outside the ticker."""
        if teasers := self._articles(self._links.items()):
            return teasers
        ticker = {link.get("href") for link in _TICKER(self._root)}
        ticker |= {link.get("href") for link in self._root.iter("a") if (link.tail or "").startswith(_TICKER_GAP)}
        return self._articles(href for href in _HREFS(self._root) if href not in ticker)

    def _articles(self, hrefs: Iterable[str | bytes]) -> list[Place]:
        places = (self.site.locate(href, self.url) for href in dict.fromkeys(hrefs))
        return list({place.url: place for place in places if place and place.kind is Kind.ARTICLE}.values())

    @cached_property
    def _next_pages(self) -> list[Place]:
        said, others = self._links.further()
        places = [self.site.next_page(href, self.url) for href in said]
        places += [place for href in others if (place := self.site.locate(href, self.url)) and place.page > 1]
        return [place for place in places if place and place.kind is Kind.LISTING]

    def _what_instead(self) -> str:
        """The word for a page that is neither article nor listing where one of them was expected."""
        if by := challenge_of(self._response):
            raise Challenge(by)
        if self._links.items():
            return "home_page" if self._is_home() else "listing"
        words = " ".join(" ".join(_OWN_TEXT(self._root)).split())[:_LONGEST_ANSWER]
        if _PASSWORD(self._root) or _LOGIN.search(words):
            return "login_wall"
        if _NOT_FOUND.search(words):
            return "soft_404"
        if _REFRESH(self._root):
            return "interstitial"
        if self._items:
            return "home_page" if self._is_home() else "listing"
        return "not_an_article" if words else "empty"

    def _is_home(self) -> bool:
        """Whether the page says of itself that it is the home page."""
        for address in (*_META(self._root, name="og:url"), *_CANONICAL(self._root)):
            place = self.site.locate(address, self.url)
            return place is not None and place.url == self.site.home
        return any(_words(title) == self.site.name for title in _TITLES(self._root)[:1])

    def _closing_container(self) -> etree._Element | None:
        """The element that holds the text which ends in the closing line: the content, whatever its class."""
        words = cache(_words)  # of the same element, half of the page, for many links
        for link in _CLOSING_LINKS(self._root)[:_CANDIDATES]:
            if not _CLOSING_GOES_ON.match(_NEXT_TEXT(link)):
                continue
            line: etree._Element | None = link
            while line is not None and not _CLOSING.search(words(line)):
                line = line.getparent()
            # The line may have an element of its own: the content is the first that holds more than the line.
            while line is not None and _CLOSING.match(words(line)):
                line = line.getparent()
            if line is not None and line.tag not in {"body", "html"}:
                return line
        return None

    def _publication_line(self) -> tuple[etree._Element | None, str | None]:
        """The element that holds the publication line, found by the line's pattern, and the line."""
        words = cache(_words)  # many headlines may stand in one element
        for element in _PUBLICATION(self._root)[:_CANDIDATES]:
            # The paper's name may be a link of its own: then the date stands in the element around it.
            for candidate in (element, element.getparent()):
                if candidate is not None and (line := dates.find_publication_line(words(candidate, " "))):
                    return candidate, line
        return None, None

    def _fallback_title(self) -> str:
        """og:title, h1 or `<title>`, without the site's own name."""
        elements = [*_HEADINGS(self._root), *_TITLES(self._root)]
        candidates = [*_META(self._root, name="og:title"), *map(_words, elements)]
        name = re.escape(self.site.name)
        for candidate in candidates:
            title = re.sub(rf"^\s*{name}\s*[:|–-]|[:|–-]\s*{name}\s*$", "", candidate).strip()
            if title and title != self.site.name:
                return title
        return ""

    def _publisher_link(self, head: etree._Element | None) -> str | None:
        for link in head.iter("a") if head is not None else ():
            place = self.site.locate(link.get("href") or "", self.url)
            if place and place.kind is Kind.LISTING and place.paper and (name := _words(link)):
                return name
        return None


class _Text:
    """Reads content elements into paragraphs, pictures and the link of the closing line."""

    def __init__(self, base: str) -> None:
        self.paragraphs: list[str] = []
        self.images: list[tuple[str, str | None]] = []
        self.source_url: str | None = None
        self.closed = False
        """Whether the closing line has been read: what follows it belongs to the page, not to the article."""
        self._base = base
        self._pieces: list[str] = []
        self._links: list[str] = []

    def read(self, content: etree._Element) -> None:
        """Append what `content` holds."""
        walk = etree.iterwalk(content, events=("start", "end", "comment", "pi"))
        for event, node in walk:
            if event == "start":
                if node is not content and self._is_foreign(node):
                    walk.skip_subtree()
                    continue
                self._start(node)
            else:
                if event == "end" and node.tag in _BLOCKS:
                    self._end_paragraph()
                if node is not content and node.tail:
                    self._pieces.append(node.tail)
            if self.closed:
                return
        self._end_paragraph()

    def _start(self, node: etree._Element) -> None:
        if node.tag in _BLOCKS:
            self._end_paragraph()
        elif node.tag == "img":
            self._image(node.get("src") or node.get("data-src") or "")
        elif node.tag == "a" and (href := node.get("href")):
            self._links.append(href)
        if node.text:
            self._pieces.append(node.text)

    def _is_foreign(self, node: etree._Element) -> bool:
        """Whether an element inside the content is no part of the text; a caption goes to its picture."""
        if node.tag in _UNREAD:
            return True
        name = f"{node.get('class') or ''} {node.get('id') or ''}".strip()
        if node.tag == "figcaption" or (name and _CAPTION.search(name)):
            for image in node.iter("img"):
                self._image(image.get("src") or "")
            if self.images and (words := _words(node)):
                self.images[-1] = (self.images[-1][0], words)
            return True
        if name and _FOREIGN.search(name):
            for image in node.iter("img"):  # the report widget of a picture may stand around the picture
                self._image(image.get("src") or "")
            return True
        return node.tag in {"a", "span"} and _words(node, most=_FEW_PARTS) in _REPORT_LINKS

    def _image(self, src: str) -> None:
        url = urljoin(self._base if "://" in self._base else "https://", src.strip())
        if src.startswith("//"):
            url = f"https:{src}"  # the site is served over https, a test server or proxy may not be
        if url.startswith(("http://", "https://")):
            self.images.append((url, None))

    def _end_paragraph(self) -> None:
        if not self._pieces:
            return
        source, links = "".join(self._pieces), self._links
        self._pieces, self._links = [], []
        if not source or source.isspace():
            return
        # White space of the source is a space to a reader; other space characters are the text's own.
        plain = source.isprintable() and "  " not in source  # has no white space but single spaces
        paragraph = source if plain else _SOURCE_SPACE.sub(" ", source)
        may_close = "مصدره" in paragraph or "source" in paragraph  # a tenth of the time of the pattern
        if may_close and (closing := _CLOSING.search(paragraph, max(0, len(paragraph) - _LONGEST_CLOSING))):
            self.closed = True
            self.source_url = _absolute(links[-1]) if links else None
            paragraph = paragraph[: closing.start()]
        paragraph = paragraph.strip(" ")
        if paragraph.strip() and not _NOTICE.match(paragraph) and paragraph not in _REPORT_LINKS:
            self.paragraphs.append(paragraph)


def is_html(response: Response) -> bool:
    """Whether a response claims to be a page, and its bytes do not belie it."""
    kind = (response.headers.get(b"Content-Type") or b"text/html").lower()
    return isinstance(response, TextResponse) and (b"html" in kind or b"xml" in kind or b"text/plain" in kind)


def metas_of(root: etree._Element) -> dict[str, str]:
    """Content of the named meta elements of the head, by lower-cased name; the first of a name counts."""
    found: dict[str, str] = {}
    head = root.find("head")
    for meta in head.iterchildren("meta") if head is not None else ():
        if name := meta.get("name"):
            found.setdefault(name.strip().lower(), meta.get("content") or "")
    return found


def says_missing(text: str) -> bool:
    """Whether a title or a heading, the whole or a part of it, says that there is no such page.

    >>> says_missing("الصفحة غير موجودة | هسبريس"), says_missing("قتيل غير موجود بالمكان")
    (True, False)
    """
    return len(text) < _SHORT and any(_MISSING.fullmatch(part.strip()) for part in _TITLE_PARTS.split(text))


def tree_of(content: bytes, content_type: str, parser: etree.HTMLParser | None = None) -> etree._Element:
    """The root of a page's tree.

    Args:
        content: the page, decoded from its Content-Encoding.
        content_type: the header of that name.
        parser: of UTF-8; the one that pages of the aggregators need where None.

    Raises:
        Rejected: the page is empty, costs too much, or no element could be made of it.
    """
    return tree(readable(content, content_type), parser)


def readable(content: bytes, content_type: str) -> bytes:
    """A page in UTF-8, without what ends it for libxml2.

    Raises:
        Rejected: the page is empty.
    """
    if not content or content.isspace():
        raise Rejected("empty")
    return charset.as_utf8(content, content_type).replace(b"\0", b"")  # libxml2 ends a document at the first NUL


def tree(body: bytes, parser: etree.HTMLParser | None = None) -> etree._Element:
    """The root of the tree of a page in UTF-8.

    Raises:
        Rejected: it costs too much, or no element could be made of it.
    """
    if _has_many_tags(body) or (len(body) > _LARGE and _ENDLESS_TAG.search(body)):
        raise Rejected("too_many_tags")
    if _HEADING_AS_CONTENT.search(body):  # libxml2 ends a heading where a paragraph begins, browsers do not
        body = _HEADING_TAG.sub(rb"\1div", body)
    body = charset.mended(body)
    root: etree._Element | None = etree.fromstring(body, parser or _parser()) if body.strip() else None
    if root is None:
        raise Rejected("unreadable")
    return root


def _has_many_tags(body: bytes) -> bool:
    return len(body) > _LARGE and body.count(b"<") > _MOST_TAGS


@lru_cache(maxsize=1)
def _parser() -> etree.HTMLParser:
    # Without a table of ids, which nothing here asks: a sixth of the time.
    return etree.HTMLParser(encoding="utf-8", huge_tree=True, remove_pis=True, collect_ids=False)


def _boilerplate(title: str, paragraphs: list[str]) -> str | None:
    """The word for a page whose title or whole text is what servers say in place of an article."""
    texts = [title]
    if len(paragraphs) <= 3 and sum(map(len, paragraphs)) < _SHORT:
        texts.append(" ".join(paragraphs))
    for text in texts:
        if len(text) < _SHORT:
            if _MISSING.fullmatch(text.strip()):
                return "soft_404"
            if _BOILERPLATE.fullmatch(text.strip()):
                return "boilerplate"
    return None


def _words(element: etree._Element, separator: str = "", *, most: int | None = None) -> str:
    """The text of an element on one line, or of its first `most` parts; `separator` stands between them."""
    # A walk takes five times as long, and most elements that are asked hold text alone.
    text = separator.join(islice(element.itertext("*"), most)) if len(element) else element.text or ""
    return " ".join(text.split())


def _after_head(paragraphs: list[str], title: str, published_raw: str | None) -> list[str]:
    """The paragraphs below title and publication line, where the container holds these too."""
    start = 0
    for number, paragraph in enumerate(paragraphs, 1):
        words = " ".join(paragraph.split())
        if words == title or (published_raw and published_raw in words):
            start = number
    return paragraphs[start:]


@lru_cache(maxsize=4096)
def _short_name_key(name: str) -> str:
    return arabic.normalise(name)


def _name_key(name: str) -> str:
    """What a name is compared by; papers and authors come again and again."""
    return _short_name_key(name) if len(name) < _SHORT else arabic.normalise(name)


def _authors(head: etree._Element | None, publisher: str | None) -> list[str]:
    """Names behind the author links of the head, without the paper's own and without agencies."""
    paper = _name_key(publisher or "")
    names = []
    for link in head.iter("a") if head is not None else ():
        if "/author/" in (link.get("href") or "") and (name := _words(link)) != publisher:
            key = _name_key(name)
            if key and key != paper and key not in _AGENCIES:
                names.append(name)
    return list(dict.fromkeys(names))


def _absolute(href: str) -> str | None:
    """The link of the closing line as given, where it is one to a web page."""
    href = href.strip()
    if href.startswith("//"):
        href = f"http:{href}"
    return href if href.lower().startswith(("http://", "https://")) else None
