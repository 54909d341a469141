"""What stands at which address: articles, listings, feeds, and what only looks like an article."""

import re
from collections.abc import Sequence
from http import HTTPStatus
from typing import NamedTuple
from urllib.parse import parse_qs, quote, quote_plus, unquote, unquote_plus, urlsplit

from newscrawl.demo import markup
from newscrawl.demo.content import TOPICS
from newscrawl.demo.corpus import DEADENDS, PAPERS, Article, Corpus, Deadend, Paper, edition_path

ROBOTS = b"""# demo aggregator
User-agent: *
Content-Signal: search=yes, ai-train=no
Disallow: /faces/
"""
PAGING = {
    "/alyaoum24": "rel", "/almassae": "numbers", "/febrayer": "path", "/aloufoq": "next_page", "/sadaljiha": "raquo",
    "/minbarcharq": "rel", "/addifa": "numbers", "/alwaha": "endless", "/annachra": "path", "/fr": "suivant",
    "/fr/aujourdhui": "suivant", "/fr/alyaoum24": "raquo", "/en": "next", "/en/onsunday": "next",
    "/politics": "rel", "/economics": "numbers", "/international": "path", "/sports": "next_page", "/society": "raquo",
}  # fmt: skip
"""How a listing is paged (see ``markup.paging``); those not named have ``next_page``."""

VIDEOS = range(3578101, 3578113)
VIDEO_TITLE = "شاهد بالفيديو رقم"
PDF = b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n1 0 obj\n<<>>\nendobj\ntrailer\n<<>>\n%%EOF\n"
MISSING = "الصفحة غير موجودة"
LOGIN = "يجب تسجيل الدخول"
LOGIN_FORM = (
    f"<p>{LOGIN} لقراءة هذا المقال.</p>"
    '<form method="post" action="/faces/login.xhtml"><input type="password" name="p" /><input type="submit" /></form>'
)


def response(status: int, body: bytes = b"", kind: str = markup.UTF8, header: str = "") -> bytes:
    """A whole HTTP/1.1 response; `header` is one more line of its head."""
    more = f"{header}\r\n" if header else ""
    head = (
        f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\nServer: demoress\r\nContent-Type: {kind}\r\n{more}"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


class Listing(NamedTuple):
    """All items of a listing, newest first, and the path of its feed."""

    name: str
    items: Sequence[Article | Deadend]
    feed: str | None = None


class Routes:
    """Answers targets from a corpus; what was rendered once is kept until ``refresh``."""

    def __init__(self, corpus: Corpus) -> None:
        self.corpus = corpus
        self.rendered: dict[str, bytes] = {}
        self._failed_once: set[str] = set()
        self.refresh()

    def refresh(self) -> None:
        """Forgets rendered pages and sets the headlines of the day: new and old, and those that only tickers show."""
        self.rendered.clear()
        self._articles = {article.path: article for article in self.corpus.articles}
        self._headlines: dict[str, list[Article]] = {}
        self._popular: dict[str, list[Article]] = {}
        for edition in ("ar", "fr", "en"):
            listed = self.corpus.listed(edition)
            hidden = [item for item in self.corpus.articles if item.via == "ticker" and item.edition == edition]
            self._headlines[edition] = [*listed[:20], *hidden, *listed[20 :: max(1, len(listed) // 37)]][:60]
            self._popular[edition] = listed[5 : 5 + 40 : 7]

    def answer(self, target: str) -> bytes:
        """The response to a GET of this target, in whatever spelling."""
        if target in self.rendered:
            return self.rendered[target]
        path = "/" + unquote(urlsplit(target).path).strip("/")
        if article := self._articles.get(path):
            if article.quirk == "recovers" and path not in self._failed_once:
                self._failed_once.add(path)
                # It says when it will be well again, so that a crawl of the demo need not wait for its own ladder.
                return response(500, b"<html><body><h1>HTTP Status 500</h1></body></html>", header="Retry-After: 1")
            if article.quirk == "respelled" and target == path:
                return response(301, header=f"Location: {path}/?ref=moved")
            headlines, popular = self._headlines[article.edition], self._popular[article.edition]
            page = response(200, *markup.article_page(article, headlines, popular))
        elif deadend := DEADENDS.get(path):
            page = self._deadend(deadend)
        elif path == "/robots.txt":
            page = response(200, ROBOTS, "text/plain; charset=utf-8")
        elif video := re.fullmatch(r"/video/(\d+)", path):
            embedded = f'<h1>{VIDEO_TITLE} {video[1]}</h1><iframe src="//video.example/embed/{video[1]}"></iframe>'
            page = self._message(200 if int(video[1]) in VIDEOS else 404, f"{VIDEO_TITLE} {video[1]}", embedded)
        else:
            page = self._feed_or_listing(target, path)
        self.rendered[target] = page
        return page

    def _message(self, status: int, title: str, main: str) -> bytes:
        return response(status, markup.message_page(title, main, self._headlines["ar"]))

    def _deadend(self, end: Deadend) -> bytes:
        match end.behaviour:
            case "gone_404":
                return self._message(404, MISSING, "<h1>404</h1>")
            case "gone_410":
                return self._message(410, "تم حذف المقال", "<h1>410</h1>")
            case "soft_404":
                return self._message(200, MISSING, f"<h1>{MISSING}</h1><p>عد إلى الرئيسية.</p>")
            case "listing":
                items = self.corpus.listed("ar")[: markup.PAGE_SIZE]
                return self._page_of("ar", end.paper.path, Listing(end.paper.name, items), 1)
            case "without_content":
                title = f'<h1><span class="articletitle">{end.raw_title}</span></h1>'
                return self._message(200, end.raw_title, f'{title}<span class="articlecontent"></span>')
            case "to_home":
                return response(302, header="Location: /")
            case "to_known":
                return response(302, header=f"Location: {self.corpus.listed('ar')[-1].path}")
            case "pdf":
                return response(200, PDF, "application/pdf")
            case "zero_bytes":
                return response(200)
        return self._message(200, LOGIN, LOGIN_FORM)

    def _feed_or_listing(self, target: str, path: str) -> bytes:
        parts = urlsplit(target)
        query = parse_qs(parts.query)
        digits = (query.get("page") or query.get("p") or ["1"])[0]
        if paged := re.fullmatch(r"(.*)/page/(\d+)", path):
            path, digits = paged[1] or "/", paged[2]
        edition = path[1:3] if re.match(r"/(fr|en)(/|$)", path) else "ar"
        rest = path.removeprefix(edition_path(edition)).strip("/")
        if feed := re.fullmatch(r"(?:(\w+)/)?rss", rest):
            return self._feed(edition, feed[1])
        if re.match("(author|city)/", rest):
            rest = unquote_plus(parts.path.removeprefix(edition_path(edition))).strip("/")
        listing = self._listing(edition, rest)
        if listing is None:
            return self._message(404, MISSING, "<p>404</p>")
        return self._page_of(edition, path, listing, int(digits) if digits.isdigit() else 1)

    def _paper(self, edition: str, slug: str) -> Paper | None:
        return next((paper for paper in PAPERS if (paper.edition, paper.slug) == (edition, slug)), None)

    def _feed(self, edition: str, slug: str | None) -> bytes:
        paper = self._paper(edition, slug) if slug else None
        if slug and not paper:
            return response(404)
        name = paper.name if paper else markup.WORDS[edition]["site"]
        path = paper.path if paper else edition_path(edition) + "/"
        document = markup.feed_document(edition, name, path, self.corpus.feed(edition, paper))
        return response(200, document, "application/rss+xml;charset=UTF-8")

    def _listing(self, edition: str, rest: str) -> Listing | None:
        """The listing of an edition at this path, or None if there is no such page."""
        listed = self.corpus.listed(edition)
        section, _, name = rest.partition("/")
        if rest == "":
            return Listing(markup.WORDS[edition]["home"], listed, edition_path(edition) + "/rss")
        if paper := self._paper(edition, rest):
            own = [item for item in listed if item.paper == paper]
            ends = [end for end in DEADENDS.values() if end.paper == paper]
            return Listing(paper.name, [*own[:4], *ends, *own[4:]], f"{paper.path}/rss")
        if section == "author" and name:
            written = [item for item in reversed(self.corpus.articles) if item.author_link == name]
            shown = {"listing", "author"}
            return Listing(name, [item for item in written if item.edition == edition and item.via in shown])
        if edition != "ar":
            return None
        if rest in TOPICS:
            return Listing(markup.TOPIC_NAMES[rest], [item for item in listed if item.story.topic == rest])
        if section == "city":
            return Listing("المدن", [item for item in listed if item.story.city == name])
        return Listing(markup.WORDS["ar"]["video"], []) if rest == "video" else None

    def _page_of(self, edition: str, path: str, listing: Listing, number: int) -> bytes:
        """One page of a listing; the home page has a single one, an endless listing repeats its last."""
        style = PAGING.get(path, "next_page")
        size = 20 if path == "/" else markup.PAGE_SIZE
        pages = 1 if path == "/" else max(1, -(-len(listing.items) // size))
        place = min(number, pages) if style == "endless" else number
        shown = listing.items[(place - 1) * size : place * size] if place <= pages else []
        extra = ""
        if path == "/city":
            cities = sorted({article.story.city for article in self.corpus.listed("ar")})
            extra = markup.link_list((f"/city/{quote_plus(city)}", city) for city in cities)
        elif path == "/video" and number == 1:
            videos = ((f"/video/{video}", f"{VIDEO_TITLE} {video}") for video in VIDEOS)
            extra = markup.link_list(videos, 'class="teasertitle"')
        pager = markup.paging(style, quote(path, safe="/+"), number, pages)
        headlines = self._headlines[edition]
        page = markup.listing_page(
            edition, listing.name, path, shown, headlines, feed=listing.feed, pager=pager, extra=extra
        )
        return response(200, page)
