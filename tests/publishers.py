"""Pages as publishers make them, with the truth of each: for the tests of originals and for bench/originals.py."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date

from newscrawl.demo.content import Language, tell

MENU = [
    "الرئيسية",
    "سياسة",
    "اقتصاد",
    "مجتمع",
    "رياضة",
    "ثقافة وفن",
    "حوادث",
    "فيديو",
    "كتاب الرأي",
    "اتصل بنا",
    "من نحن",
]
MENUS = {"ar": MENU, "fr": ["Accueil", "Politique", "Économie", "Société", "Sport", "Culture", "Contact"]}
COMMENT = ("تعليق رائع شكرا لكم على هذا المقال", "لا أتفق مع الكاتب في ما ذهب إليه أبدا", "حسبنا الله ونعم الوكيل")


@dataclass
class PublisherPage:
    """The page of one original and what must be read from it."""

    name: str
    html: bytes
    title: str
    paragraphs: list[str]
    content_type: str = "text/html; charset=utf-8"
    published: str | None = None
    authors: list[str] = field(default_factory=list)
    section: str | None = None
    language: str = "ar"

    @property
    def body(self) -> str:
        """The text, paragraphs joined by one newline."""
        return "\n".join(self.paragraphs)


def pages(seed: int = 1) -> list[PublisherPage]:
    """One page of each make, in a fixed order."""
    return [make(name, number + 101 * seed) for number, name in enumerate(MAKES)]


def make(name: str, seed: int) -> PublisherPage:
    """A page of one make with a story of its own."""
    language: Language = "fr" if name == "french" else "ar"
    story, writer = tell(seed, seed, language)
    others = [writer.write("headline") for _ in range(12)]
    page = PublisherPage(name, b"", story.title, list(story.paragraphs), language=language)
    html: str | bytes = MAKES[name](page, others)
    page.html = html.encode() if isinstance(html, str) else html
    return page


def _paragraphs(page: PublisherPage) -> str:
    return "".join(f"<p>{paragraph}</p>" for paragraph in page.paragraphs)


def _shell(page: PublisherPage, others: list[str], main: str, head: str = "", *, after: str = "") -> str:
    """A page with what stands around an article: menu, most read, related, footer."""
    menu = "".join(f'<li><a href="/{n}">{word}</a></li>' for n, word in enumerate(MENUS[page.language]))
    most = "".join(f'<li><a href="/news/{n}.html">{title}</a></li>' for n, title in enumerate(others[:8]))
    return (
        f'<!DOCTYPE html><html lang="{page.language}" dir="rtl"><head><meta charset="utf-8">'
        f"<title>{page.title} | الجريدة</title>{head}<script>var ads=[];</script></head><body>"
        f'<header><nav><ul class="menu">{menu}</ul></nav></header><div class="container"><main>{main}</main>'
        f'<aside class="sidebar"><h3>الأكثر قراءة</h3><ul>{most}</ul></aside></div>{after}'
        f"<footer><p>جميع الحقوق محفوظة © الجريدة 2024</p><ul>{menu}</ul></footer></body></html>"
    )


def _json_ld(page: PublisherPage, **more: object) -> str:
    said = {
        "@context": "https://schema.org",
        "@type": "NewsArticle",
        "headline": page.title,
        "datePublished": page.published,
        "author": [{"@type": "Person", "name": name} for name in page.authors],
        "publisher": {"@type": "NewsMediaOrganization", "name": "الجريدة"},
        **more,
    }
    return f'<script type="application/ld+json">{json.dumps(said, ensure_ascii=False)}</script>'


def _wordpress(page: PublisherPage, others: list[str]) -> str:
    page.published, page.authors, page.section = "2019-03-07T18:45:00+01:00", ["سعيد أمزال"], "سياسة"
    crumbs = '{"@type":"BreadcrumbList","itemListElement":[]}'
    graph = (
        f'<script type="application/ld+json">{{"@context":"https://schema.org","@graph":[{crumbs},'
        + json.dumps(
            {
                "@type": "NewsArticle",
                "headline": page.title,
                "datePublished": page.published,
                "author": {"@type": "Person", "name": page.authors[0]},
                "articleSection": [page.section],
                "image": {"@type": "ImageObject", "url": "/uploads/lead.jpg"},
            },
            ensure_ascii=False,
        )
        + "]}</script>"
    )
    share = '<div class="share"><a href="#">شارك على فيسبوك</a><a href="#">تويتر</a></div>'
    related = "".join(f'<div class="item"><a href="/n/{n}"><h4>{t}</h4></a></div>' for n, t in enumerate(others[8:]))
    main = (
        f'<article class="post"><h1 class="entry-title">{page.title}</h1><div class="meta">{page.authors[0]} - الخميس</div>'
        f'{share}<div class="entry-content">{_paragraphs(page)}</div><div class="related"><h3>مواضيع ذات صلة</h3>{related}</div></article>'
    )
    return _shell(page, others, main, graph)


def _plain(page: PublisherPage, others: list[str]) -> str:
    page.published = "2018-06-12"
    head = f'<meta property="article:published_time" content="{page.published}">'
    return _shell(page, others, f"<h1>{page.title}</h1><div class='text'>{_paragraphs(page)}</div>", head)


def _breaks(page: PublisherPage, others: list[str]) -> str:
    page.published = "2012-11-03T09:15:00+00:00"
    time = '<time itemprop="datePublished" datetime="2012-11-03T09:15:00Z">3 نونبر 2012</time>'
    text = "<br><br>".join(page.paragraphs)
    return _shell(page, others, f"<h1>{page.title}</h1>{time}<div id='article_body'>{text}</div>")


def _table(page: PublisherPage, others: list[str]) -> bytes:
    links = "".join(f"<tr><td><a href='n{n}.htm'>{title}</a></td></tr>" for n, title in enumerate(others))
    html = (
        f"<html dir=rtl><head><meta http-equiv=Content-Type content='text/html; charset=windows-1256'><title>{page.title}</title>"
        f"</head><body><table width=100%><tr><td width=25%><table>{links}</table></td><td><h1>{page.title}</h1>"
        f"<div align=justify>{_paragraphs(page)}</div></td></tr></table></body></html>"
    )
    page.content_type = "text/html"
    return html.encode("cp1256", "xmlcharrefreplace")


def _comments(page: PublisherPage, others: list[str]) -> str:
    page.published = "2021-01-20T07:00:00+03:00"
    comments = "".join(
        f'<li class="comment"><b>زائر {n}</b><div class="comment-body"><p>{COMMENT[n % 3]}</p></div></li>'
        for n in range(30)
    )
    main = f"<article><h1>{page.title}</h1>{_paragraphs(page)}</article>"
    return _shell(
        page,
        others,
        main,
        _json_ld(page),
        after=f'<section id="comments"><h3>التعليقات</h3><ol>{comments}</ol></section>',
    )


def _broken_json(page: PublisherPage, others: list[str]) -> str:
    page.published = "2020-05-01T10:00:00+00:00"
    head = (
        '<script type="application/ld+json">{"@type": "NewsArticle", "headline": "قطع", </script>'
        f"<script type='application/ld+json'><!-- {json.dumps({'@type': ['Thing', 'Report', 'Article'], 'headline': page.title, 'datePublished': page.published})} --></script>"
    )
    return _shell(page, others, f'<div class="article-body"><h1>{page.title}</h1>{_paragraphs(page)}</div>', head)


def _declared_body(page: PublisherPage, others: list[str]) -> str:
    """The text stands whole in JSON-LD; what is shown comes by script."""
    page.published = "2023-09-09T00:30:00+01:00"
    head = _json_ld(page, articleBody="\n".join(page.paragraphs), isAccessibleForFree=True)
    return _shell(page, others, f"<h1>{page.title}</h1><div id='app' data-load='article'></div>", head)


def _lead_as_body(page: PublisherPage, others: list[str]) -> str:
    """What is declared as the text is its beginning."""
    page.published = "2022-02-02T22:02:00+02:00"
    head = _json_ld(
        page, articleBody=page.paragraphs[0][:300] + "…", author={"@type": "Organization", "name": "وكالات"}
    )
    return _shell(page, others, f"<article><h1>{page.title}</h1>{_paragraphs(page)}</article>", head)


def _sections(page: PublisherPage, others: list[str]) -> str:
    """Related links and an advertisement between the paragraphs."""
    page.published = "2017-07-17T17:17:17+01:00"
    parts = []
    for number, paragraph in enumerate(page.paragraphs):
        parts.append(f"<p>{paragraph}</p>")
        if number % 2 == 0:
            parts.append(
                f'<div class="related-inline"><a href="/x">اقرأ أيضا: {others[number % 12]}</a></div><div class="ad"><script>show()</script></div>'
            )
    return _shell(page, others, f"<article><h1>{page.title}</h1>{''.join(parts)}</article>", _json_ld(page))


def _quotes(page: PublisherPage, others: list[str]) -> str:
    page.published = "2016-01-01T12:00:00+00:00"
    page.paragraphs = [f"قال المتحدث: «{paragraph}»" for paragraph in page.paragraphs]
    return _shell(page, others, f"<article><h1>{page.title}</h1>{_paragraphs(page)}</article>", _json_ld(page))


def _french(page: PublisherPage, others: list[str]) -> str:
    page.published, page.authors = date(2019, 4, 4).isoformat(), ["Salma Alaoui"]
    return _shell(page, others, f"<article><h1>{page.title}</h1>{_paragraphs(page)}</article>", _json_ld(page))


def _large(page: PublisherPage, others: list[str]) -> str:
    """A page of 110 KB, most of it menus and teasers."""
    page.published = "2024-10-10T10:10:00+01:00"
    cards = "".join(
        f'<div class="card"><a href="/c/{n}"><img src="/i/{n}.jpg" alt=""><h3>{others[n % 12]}</h3></a><p>{others[(n + 5) % 12]}</p></div>'
        for n in range(250)
    )
    main = f"<article><h1>{page.title}</h1>{_paragraphs(page)}</article>"
    return _shell(page, others, main, _json_ld(page), after=f'<section class="cards">{cards}</section>')


MAKES: dict[str, Callable[[PublisherPage, list[str]], str | bytes]] = {
    "wordpress": _wordpress,
    "plain": _plain,
    "breaks": _breaks,
    "table_1256": _table,
    "comments": _comments,
    "broken_json": _broken_json,
    "declared_body": _declared_body,
    "lead_as_body": _lead_as_body,
    "inline_related": _sections,
    "quotes": _quotes,
    "french": _french,
    "large": _large,
}
