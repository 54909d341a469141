"""The family's markup, as bytes: article pages in all their layouts, listings, feeds and message pages."""

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, time
from email.utils import format_datetime
from html import escape

from newscrawl.demo.content import TOPICS
from newscrawl.demo.corpus import HOME, HOST, PAPERS, REDESIGNED, Article, Deadend, author_path, edition_path

UTF8 = "text/html;charset=UTF-8"
XML_DECLARATION = "<?xml version='1.0' encoding='UTF-8' ?>\n"
GAP = "&nbsp;" * 4
PAGE_SIZE = 12

WORDS = {
    "ar": {
        "site": "ديمورس", "home": "الرئيسية", "papers": "قائمة الصحف", "video": "بالفيديو", "here": "هنا",
        "report": "إبلاغ", "closing": "انقر {} لقراءة الخبر من مصدره.", "related": "مواضيع ذات صلة",
        "read": "الأكثر قراءة", "comments": "تعليقات القراء", "comment": "مقال مفيد، شكرا لكم على المتابعة.",
        "advert": "مساحة إعلانية", "thanks": "شكرا على الإبلاغ!", "count": "لدينا 52913288 خبرا ومقالا مفهرسا.",
        "blocked": "سيتم حجب هذه الصورة تلقائيا عندما يتم الإبلاغ عنها من طرف عدة أشخاص.",
    },
    "fr": {
        "site": "Demoress", "home": "Accueil", "papers": "Liste des journaux", "video": "Vidéos", "here": "ici",
        "report": "Signaler", "related": "Articles liés", "closing": "Cliquez {} pour lire l'article depuis sa source.",
        "read": "Les plus lus", "comments": "Commentaires", "comment": "Merci pour cet éclairage.",
        "advert": "Publicité", "thanks": "Merci d'avoir signalé!", "count": "52913288 articles indexés.",
        "blocked": "Cette image sera automatiquement bloquée après qu'elle soit signalée par plusieurs personnes.",
    },
    "en": {
        "site": "Demoress", "home": "Home", "papers": "Newspapers", "video": "Videos", "here": "here",
        "report": "Report", "closing": "Click {} to read the story from its source.", "related": "Related articles",
        "read": "Most read", "comments": "Comments", "comment": "Thanks for the update.", "advert": "Advertisement",
        "thanks": "Thank you for reporting!", "count": "52913288 articles indexed.",
        "blocked": "This image will be automatically disabled when it gets reported by several people.",
    },
}  # fmt: skip
TOPIC_NAMES = dict(
    zip(
        TOPICS,
        ("السياسية", "الاقتصادية", "الدولية", "الرياضية", "الاجتماعية", "الثقافية", "الدينية", "الصحية"),
        strict=True,
    )
)
NEXT_WORDS = {"path": "التالي", "next_page": "الصفحة التالية", "suivant": "Suivant", "next": "Next", "raquo": "»"}


def link(path: str, text: str, attributes: str = "") -> str:
    """An anchor; ``attributes`` is further markup of its tag."""
    return f'<a href="{escape(path)}"{attributes and " " + attributes}>{escape(text, quote=False)}</a>'


def address(article: Article | Deadend, place: int) -> str:
    """The article's link as it stands at this place of a list: mostly relative, sometimes in another spelling."""
    path = article.path
    match place % 29:
        case 3:
            return f"http://demoress.example{path}"
        case 8:
            return f"https://WWW.demoress.example:443{path}/?utm_source=demoress#top"
        case 13:
            return re.sub(r"/([a-z])", lambda first: f"/%{ord(first[1]):X}", path, count=1)
        case 19:
            return f"//{HOST}{path}"
        case 23:
            return f"{path}?PHPSESSID=0a1b2c3d4e5f#comments"
    return path


# --- frame of every page


def _menu(edition: str) -> str:
    def entry(path: str, text: str) -> str:
        return (
            '<li class="ui-menuitem ui-widget ui-corner-all" role="menuitem">'
            f'<a tabindex="-1" class="ui-menuitem-link ui-corner-all " href="{path}">'
            f'<span class="ui-menuitem-text">{escape(text, quote=False)}</span></a></li>'
        )

    words = WORDS[edition]
    entries = [entry(edition_path(edition) + "/", words["home"])]
    if edition == "ar":
        entries += [entry(f"/{topic}", name) for topic, name in TOPIC_NAMES.items()]
        entries += [entry("/video", words["video"]), entry("/fr", "Français"), entry("/en", "English")]
    papers = "".join(entry(paper.path, paper.name) for paper in PAPERS if paper.edition == edition)
    return (
        '<form id="j_idt34" method="post" action="/faces/index.xhtml">'
        '<input type="hidden" name="javax.faces.ViewState" value="g00NLLelP5g15jL7yGJvkOOSc4CavdBkZjmJOwFun2Nu" />'
        f'<div id="centeredmenu" class="ui-menu ui-menubar ui-widget" role="menubar"><ul class="ui-menu-list">'
        f'{"".join(entries)}<li class="ui-menu-parent" role="menuitem"><a href="#" class="ui-submenu-link">'
        f'<span class="ui-menuitem-text">{words["papers"]}</span></a><ul class="ui-menu-child">{papers}</ul></li>'
        "</ul></div></form>"
    )


def ticker(headlines: Sequence[Article], *, marquee: bool) -> str:
    """The headlines of the day on one line; the separator is what it is on the real sites: four no-break spaces."""
    links = GAP.join(link(article.path, article.raw_title) for article in headlines)
    if marquee:
        return f'<div class="marqueewrapper"><marquee direction="right" scrollamount="3">{links}</marquee></div>\n'
    return f"<div>{links}</div>\n"


def _footer(edition: str) -> str:
    return (
        f'<div id="footer"><ul><li>{link("/about", "?")}</li><li>{link("/widget", "RSS")}</li>'
        "<li><a href=\"javascript:void(window.open('/almassae/1'))\">+</a></li>"
        '<li><a href="mailto:contact@demoress.example">@</a></li><li><a href="file:///etc/passwd">…</a></li>'
        '<li><a href="/faces/contact.xhtml">✉</a></li>'
        '<li><a href="//www.offsite.example/alyaoum24/1"><img src="/resources/flag.png" alt="" /></a></li>'
        '<li><a href="https://www.demoress.example.offsite.example/almassae/2">↗</a></li>'
        f"<li><span>{WORDS[edition]['count']}</span></li></ul></div>\n"
        '<div id="social"><a href="//social.example/demoress" target="_blank">'
        '<img style="border:0px" src="/resources/social.png" alt="" /></a></div>'
    )


def page(edition: str, title: str, main: str, strip: str, *, head: str = "", og_title: bool = True) -> str:
    """A whole page of the site's own markup; ``strip`` is the ticker."""
    site = WORDS[edition]["site"]
    heading = f'<meta property="og:title" content="{escape(title)}" />\n' if og_title else ""
    return (
        f'{XML_DECLARATION}<!DOCTYPE html>\n<html xmlns="//www.w3.org/1999/xhtml"><head>'
        '<script src="/faces/javax.faces.resource/primefaces.js?ln=primefaces&amp;v=5.2"></script>\n'
        '<meta http-equiv="Content-Type" content="text/html; charset=UTF-8" />\n'
        f'<link href="/resources/layout_{edition}.css" rel="stylesheet" type="text/css" />\n{head}{heading}'
        f'<meta property="og:site_name" content="{site}" />\n'
        f"<title>{site} : {escape(title, quote=False)}\n        </title>\n"
        '<script type="text/javascript">var _gaq = _gaq || [];</script></head><body class="Link body">\n'
        f'<div class="wrap"><div id="container"><div class="header"><a href="{edition_path(edition)}/">'
        f'<img src="/resources/demoress-logo.png" alt="{site}" /></a></div>\n{_menu(edition)}\n{strip}'
        f'<div id="mainContent">\n{main}\n</div>\n{_footer(edition)}\n</div></div></body></html>\n'
    )


# --- articles


def article_page(article: Article, headlines: Sequence[Article], popular: Sequence[Article]) -> tuple[bytes, str]:
    """The page of an article and its Content-Type; its layout decides the markup, never the text."""
    layout = article.layout
    strip = ticker(headlines, marquee=layout not in {"div_ticker", "minified", *REDESIGNED})
    after = _after_content(article, popular)
    if layout in REDESIGNED:
        return _redesigned(article, strip, after).encode(), UTF8
    element = {"td": "td"} | dict.fromkeys(("div", "h1", "several_contents", "upper_case"), "div")
    tag = element.get(layout, "span")
    heading = f'class="articletitle">{escape(article.raw_title, quote=False)}'
    heading = {
        "h1": f"<h1 {heading}</h1>",
        "div": f"<div {heading}</div>",
        "upper_case": f"<div {heading}</div>",
        "td": f"<table><tr><td {heading}</td></tr>",
    }.get(layout, f"<h1><span {heading}</span></h1>")
    byline = f"{_author(article)}{link(article.paper.path, article.paper.name)} {_publication_line(article)}"
    blocks = _content(article)
    if layout == "several_contents":
        third = max(1, len(blocks) // 3)
        parts = ["\n".join(blocks[:third]), "\n".join(blocks[third : 2 * third]), "\n".join(blocks[2 * third :])]
        between = f'<div class="main-ad">{WORDS[article.edition]["advert"]}</div>'
        content = between.join(f'<div class="articlecontent">{part}</div>\n' for part in parts if part)
    else:
        content = f'<{tag} class="articlecontent">{chr(10).join(blocks)}</{tag}>'
    line = f'<{tag} class="articlenewspaper">{byline}</{tag}>'
    if layout == "td":
        line, content = f"<tr>{line}</tr>", f"<tr>{content}</tr></table>"
    main = f"{_report_dialog(article)}{heading}\n{line}\n{content}\n{after}"
    text = page(article.edition, article.raw_title, main, strip, og_title=layout not in {"h1", "cp1256_meta"})
    return _encoded(text, layout)


def _encoded(text: str, layout: str) -> tuple[bytes, str]:
    """The page as its layout sends it, and its Content-Type."""
    if layout == "upper_case":
        text = re.sub(r"<[a-zA-Z/][^>]*>", lambda tag: _upper(tag[0]), text)
    elif layout == "minified":
        text = re.sub(r"\n\s*", "", text)
    elif layout == "plain_html":
        text = text.removeprefix(XML_DECLARATION).replace(' xmlns="//www.w3.org/1999/xhtml"', "")
    elif layout.startswith("cp1256"):
        text = text.removeprefix(XML_DECLARATION).replace("charset=UTF-8", "charset=windows-1256")
        kind = "text/html; charset=windows-1256" if layout == "cp1256_header" else "text/html"
        return text.encode("cp1256", "xmlcharrefreplace"), kind
    return text.encode(), UTF8


def _upper(tag: str) -> str:
    tag = re.sub(r"^</?\w+", lambda name: name[0].upper(), tag)
    return re.sub(r'\s[a-z:-]+="', lambda name: name[0].upper(), tag)


def _author(article: Article) -> str:
    if not article.author_link:
        return ""
    return link(author_path(article.edition, article.author_link), article.author_link) + "<br />"


def _publication_line(article: Article) -> str:
    before, after = article.published_raw.rsplit(article.paper.name, 1)
    return before + link(article.paper.path, article.paper.name) + after


def _report_dialog(article: Article) -> str:
    words = WORDS[article.edition]
    return f'<div id="reportdialog" style="display:none"><p>{words["thanks"]}</p><p>{words["blocked"]}</p></div>\n'


def _content(article: Article) -> list[str]:
    """The blocks of the content element: paragraphs, what disturbs them, and the closing line."""
    words, layout = WORDS[article.edition], article.layout
    paragraphs = [escape(text, quote=False) for text in article.raw_paragraphs]
    if layout == "inline_links":
        paragraphs = [_with_links(text, article) for text in paragraphs]
    closing = _closing_line(article)
    if layout == "br":
        return ["<br /><br />\n".join([*paragraphs, closing] if closing else paragraphs)]
    opening = "<p>" if layout == "unclosed_p" else '<p style="text-align: justify">' if layout == "div" else "<p>"
    ending = "" if layout == "unclosed_p" else "</p>"
    blocks = [f"{opening}{text}{ending}" for text in ([*paragraphs, closing] if closing else paragraphs)]
    if layout == "picture":
        for place, (source, caption) in zip((0, -1), article.images, strict=True):
            blocks.insert(place, _picture(article, source, caption))
    elif layout == "bare_report":
        picture = f'<img src="{article.images[0][0]}" alt="" />'
        notices = f"<p>{words['thanks']}</p><p>{words['blocked']}</p>"
        blocks.insert(1, f'{picture}<br /><a href="#" onclick="return false;">{words["report"]}</a>{notices}')
    elif layout == "clutter":
        blocks[1:1] = _clutter(article)
    return blocks


def _closing_line(article: Article) -> str:
    if article.source_url is None:
        return ""
    words = WORDS[article.edition]
    return words["closing"].format(link(article.source_url, words["here"], 'target="_blank" rel="nofollow"'))


def _with_links(text: str, article: Article) -> str:
    """Some words of the text as ordinary links and in bold: they stay text."""
    first, second, *rest = text.split(" ")
    linked = f'<a href="{article.paper.path}"><b>{second}</b></a>'
    tail = f'<a href="https://www.offsite.example/tag/1">{rest[-1]}</a>' if "&" not in rest[-1] else rest[-1]
    return " ".join([first, linked, *rest[:-1], tail])


def _picture(article: Article, source: str, caption: str | None) -> str:
    words = WORDS[article.edition]
    report = f'<a href="#" class="report" onclick="return false;">{words["report"]}</a>'
    notice = f'<div class="reportwidget">{report}<p>{words["thanks"]}</p><p>{words["blocked"]}</p></div>'
    image = f'<img class="mainimage" src="{source}" alt="{escape(article.raw_title)}" />'
    if caption is None:
        return f'<div class="imagewrapper">{image}{notice}</div>'
    if article.number % 2:
        return f"<figure>{image}<figcaption>{escape(caption)}</figcaption></figure>{notice}"
    return f'<div class="imagewrapper">{image}<div class="imagecaption">{escape(caption)}</div>{notice}</div>'


def _clutter(article: Article) -> list[str]:
    """Everything that stands inside contents and is not text, with one picture in its midst."""
    words = WORDS[article.edition]
    return [
        f'<script type="text/javascript">document.write("<p>{words["advert"]}</p>");</script>',
        "<style>.articlecontent p { color: #003399 } /* المقال */</style>",
        f'<noscript><img src="//pixel.example/1.gif" alt="" /><p>{words["advert"]}</p></noscript>',
        f'<div id="div-gpt-ad-260573520-0" style="text-align: center">{words["advert"]}'
        "<script>googletag.cmd.push(function() { googletag.display('div-gpt-ad-260573520-0'); });</script></div>",
        f'<div class="main-ad"><a href="https://ads.example/?c=1" rel="sponsored">{words["advert"]}</a></div>',
        f"<!-- <p>{words['comment']}</p> {words['closing'].format(words['here'])} -->",
        f'<p><img src="{article.images[0][0]}" /></p>',
        '<iframe src="https://video.example/embed/1"></iframe>',
    ]


def _after_content(article: Article, popular: Sequence[Article]) -> str:
    words = WORDS[article.edition]

    def links(articles: Iterable[Article]) -> str:
        return "".join(f"<li>{link(address(item, item.order), item.raw_title)}</li>" for item in articles)

    comments = (
        f'<div id="comments"><h3>{words["comments"]}</h3><div class="comment"><p>{words["comment"]}</p></div></div>'
    )
    return (
        f'<div class="related"><div class="tableheader">{words["related"]}</div>'
        f"<ul>{links(article.related)}</ul></div>\n"
        f'<div class="mostread"><div class="tableheader">{words["read"]}</div><ul>{links(popular)}</ul></div>\n'
        f"{comments if article.order % 3 == 0 else ''}"
    )


def _redesigned(article: Article, strip: str, after: str) -> str:
    """A page of which no class is known: title from og:title or h1, the rest by pattern."""
    site, title = WORDS[article.edition]["site"], escape(article.raw_title)
    by_og = article.layout == "redesign_og"
    after = re.sub(r' class="[^"]*"| id="[^"]*"', "", after)
    paragraphs = "\n".join(f"<p>{escape(text, quote=False)}</p>" for text in article.raw_paragraphs)
    return (
        f'<!doctype html>\n<html lang="{article.edition}"><head><meta charset="utf-8">\n'
        + (f'<meta property="og:title" content="{title}">\n' if by_og else "")
        + f"<title>{title} | {site}</title></head>\n<body><header>{link(edition_path(article.edition) + '/', site)}\n"
        f"<nav>{' '.join(link(paper.path, paper.name) for paper in PAPERS)}</nav></header>\n{strip}<main>\n"
        + (f'<div class="x-t1">{title}</div>\n' if by_og else f"<h1>{title}</h1>\n")
        + f'<div class="x-m1">{_author(article)}{_publication_line(article)}</div>\n'
        f'<div class="x-b1">{paragraphs}\n<p>{_closing_line(article)}</p></div>\n<aside>{after}</aside>\n'
        "</main></body></html>"
    )


# --- listings, feeds, messages


def teaser(item: Article | Deadend, place: int) -> str:
    """One item of a listing: the first three of a page are large and carry a text, the others are small."""
    path, title, paper = escape(address(item, place)), escape(item.raw_title, quote=False), item.paper
    picture = f"//images2.demoress.example/{paper.slug}/{item.number if place % 3 else paper.slug}"
    names = (
        f'<a class="teaserauthor" href="{author_path(paper.edition, item.author_link or paper.name)}">'
        f"{escape(item.author_link or paper.name, quote=False)}</a>\n"
        f'<a class="teasernewspaper" href="{paper.path}">{escape(paper.name, quote=False)}</a>\n'
    )
    titles = f'<a href="{path}" class="teasertitle">\n{title}\n</a><br /><a href="{path}" class="teasersubtitle">\n</a>'
    if place < 3:
        return (
            f'<div class="maincontainer"><a class="mainimagelink" href="{path}"><img class="mainimage" src="{picture}" '
            f'alt="{escape(item.raw_title)}" /></a>\n<div class="maintitlewrapper">{titles}<table class="maincontent">'
            f"<tbody><tr><td>\n{escape(item.raw_teaser, quote=False)} (...)\n</td></tr></tbody></table></div>\n"
            f'<div class="mainauthorwrapper">{names}</div></div>\n'
        )
    return (
        f'<div class="teasercontainer"><a href="{path}" class="teaserimagelink"><img class="teaserimage" '
        f'src="{picture}/thumb" alt="{escape(item.raw_title)}" /></a>\n<div class="teasertitlewrapper">{titles}</div>\n'
        f'<div class="teaserauthorwrapper">{names}</div></div>\n'
    )


def paging(style: str, path: str, number: int, pages: int) -> tuple[str, str]:
    """How this page of a listing points to the next: markup for the head, markup under the items."""
    following = number + 1
    if style == "endless":
        return "", f'<div class="paging">{link(f"{path}?page={following}", NEXT_WORDS["path"])}</div>'
    if number >= pages:
        return "", ""
    match style:
        case "rel":
            return f'<link rel="next" href="{path}?page={following}" />\n', ""
        case "numbers":
            numbered = [link(f"{path}?p={n}", str(n)) for n in range(1, pages + 1) if n != number]
            return "", f'<div class="paging">{" ".join(numbered)}</div>'
        case "path":
            target = f"{path}/page/{following}"
        case _:
            target = f"{path}?page={following}"
    return "", f'<div class="paging">{link(target, NEXT_WORDS[style])}</div>'


def listing_page(
    edition: str,
    name: str,
    path: str,
    items: Sequence[Article | Deadend],
    headlines: Sequence[Article],
    *,
    feed: str | None,
    pager: tuple[str, str] = ("", ""),
    extra: str = "",
) -> bytes:
    """A listing; ``feed`` is the path of its RSS feed, ``extra`` further markup below the items."""
    rss = (
        f'<a title="RSS" href="{feed}">\n<img class="rssimage" src="/resources/rss.png" alt="rss" /></a>'
        if feed
        else ""
    )
    teasers = "".join(teaser(item, place) for place, item in enumerate(items))
    city = '<iframe src="/city" scrolling="no" class="main-showcity"></iframe>' if path == "/" else ""
    main = (
        f'<div class="pagetitlewraper"><span class="pagetitle">{escape(name, quote=False)}</span>\n{rss}</div>\n{city}'
        f"{teasers}{extra}{pager[1]}"
    )
    return page(edition, name, main, ticker(headlines, marquee=True), head=pager[0]).encode()


def link_list(links: Iterable[tuple[str, str]], attributes: str = "") -> str:
    """A list of anchors from pairs of path and text."""
    return f"<ul>{''.join(f'<li>{link(path, text, attributes)}</li>' for path, text in links)}</ul>"


def message_page(title: str, main: str, headlines: Sequence[Article]) -> bytes:
    """A page of the site that is neither article nor listing."""
    return page("ar", title, main, ticker(headlines, marquee=True)).encode()


def feed_document(edition: str, name: str, path: str, articles: Sequence[Article]) -> bytes:
    """RSS 2.0, newest first, with absolute links to the canonical host."""
    items = "".join(
        f"<item><title>{escape(item.raw_title)}</title><link>{HOME}{item.path}</link>"
        f'<guid isPermaLink="true">{HOME}{item.path}</guid><description>{escape(item.raw_teaser)} (...)</description>'
        f"<pubDate>{format_datetime(datetime.combine(item.published, time(9), UTC))}</pubDate></item>\n"
        for item in articles
    )
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<rss version="2.0"><channel><title>{escape(name)}</title>'
        f"<link>{HOME}{path}</link><description>{WORDS[edition]['site']}</description>\n{items}</channel></rss>\n"
    ).encode()
