"""The page parsers on single pages: every form of the markup, and pages that are something else."""

import contextlib
import time

import pytest
from scrapy.http import HtmlResponse, Response, TextResponse, XmlResponse

from newscrawl.pages import Rejected, parse_article, parse_feed, parse_listing
from newscrawl.sites import get_site

SITE = get_site("maghress")
URL = "https://www.maghress.com/hespress/7"
TITLE = "عنوان الخبر"
LINE = "نشر في هسبريس يوم 12 - 11 - 2015"
CLOSING = 'انقر <a href="http://www.hespress.example/7.html?utm_source=x" rel="nofollow"><b>هنا</b></a> لقراءة الخبر من مصدره.'
TICKER = (
    '<marquee id="marquee"><span>'
    + "&nbsp;&nbsp;&nbsp;&nbsp;".join(f'<a href="/alalam/{n}">شريط رقم {n}</a>' for n in range(60))
    + "</span></marquee>"
)
MENU = '<ul class="ui-menu-child"><li><a class="ui-menuitem-link " href="/alalam"><span>العلم</span></a></li></ul>'
AFTER = '<div class="related"><h3>مواضيع ذات صلة</h3><ul><li><a href="/hespress/9">موضوع آخر</a></li></ul></div>'
HEAD = '<a href="/author/%D8%B9">علي المغربي</a><br/><a href="/hespress">هسبريس</a> نشر في <a href="/hespress">هسبريس</a> يوم 12 - 11 - 2015'


def page(main, *, title="مغرس : " + TITLE, head=""):
    return (
        '<?xml version="1.0" encoding="UTF-8" ?><!DOCTYPE html><html xmlns="//www.w3.org/1999/xhtml"><head>'
        f"<title>{title}\n        </title>{head}</head><body>{MENU}{TICKER}{main}{AFTER}</body></html>"
    )


def response(text, url=URL, **options):
    return HtmlResponse(url, body=text if isinstance(text, bytes) else text.encode(), **{"encoding": "utf-8"} | options)


def article(main, **options):
    return parse_article(response(page(main, **options)), SITE)


def family(content, tag="span"):
    return (
        f'<{tag} class="articletitle">{TITLE}</{tag}><{tag} class="articlenewspaper">{HEAD}</{tag}>'
        f'<{tag} class="articlecontent">{content}</{tag}>'
    )


@pytest.mark.parametrize("tag", ["span", "div", "h1", "SPAN", "DIV"])
@pytest.mark.parametrize(
    "content",
    [
        "<p>فقرة أولى</p>\n<p>فقرة ثانية</p>",
        "<p>فقرة أولى<p>فقرة ثانية",
        "فقرة أولى<br>فقرة ثانية",
        "فقرة أولى<br /><br/>\nفقرة\nثانية",
        "<P>فقرة أولى</P><P>فقرة ثانية</P>",
        "<div>فقرة أولى</div><div><b>فقرة</b> ثانية</div>",
        "<p>فقرة أولى</p><!-- تعليق --><script>var x = 'نص';</script><style>.x{}</style><p>فقرة ثانية</p>",
        '<p>فقرة أولى</p><noscript><img src="/pixel.gif">نص</noscript><p>فقرة ثانية</p>',
        "<p>فقرة أولى</p><div id='div-gpt-ad-1' class='main-ad'>إعلان</div><p>فقرة ثانية</p>",
        '<p>فقرة أولى</p><a href="#" class="reportlink">إبلاغ</a><p>فقرة ثانية</p>',
        '<p>فقرة أولى</p><a href="#">إبلاغ</a><p>فقرة ثانية</p>',
        "<p>فقرة أولى</p><img src='/x.jpg'/>إبلاغ<br/>فقرة ثانية",
        "<p>فقرة أولى</p><p>شكرا على الإبلاغ!</p>"
        "<p>سيتم حجب هذه الصورة تلقائيا عندما يتم الإبلاغ عنها من طرف عدة أشخاص.</p><p>فقرة ثانية</p>",
        "<p>فقرة أولى</p><iframe src='//video.example'>نص</iframe><p>فقرة ثانية</p>",
        "<table><tr><td>فقرة أولى</td></tr><tr><td>فقرة ثانية</td></tr></table>",
    ],
)
def test_every_form_of_the_content(tag, content):
    values = article(family(f"{content}<p>{CLOSING}</p>", tag))
    assert values.title == TITLE
    assert [" ".join(paragraph.split()) for paragraph in values.paragraphs] == ["فقرة أولى", "فقرة ثانية"]
    assert values.publisher == "هسبريس"
    assert values.authors == ["علي المغربي"]
    assert values.published_raw == LINE
    assert values.source_url == "http://www.hespress.example/7.html?utm_source=x"
    assert not values.fallback


def test_content_in_a_table_cell_and_on_one_line():
    main = (
        f'<table><tr><td class="articletitle">{TITLE}</td></tr><tr><td class="articlenewspaper">{HEAD}</td></tr>'
        f'<tr><td class="articlecontent">فقرة أولى<br>{CLOSING}</td></tr></table>'
    )
    assert article(main.replace("\n", "")).paragraphs == ["فقرة أولى"]


def test_several_content_elements_are_joined():
    main = family("<p>أولى</p>") + f'<span class="articlecontent"><p>ثانية</p><p>{CLOSING}</p></span>'
    assert article(main).paragraphs == ["أولى", "ثانية"]


def test_what_follows_the_closing_line_is_not_the_article():
    left_open = family(f"<p>نص</p><p>{CLOSING}</p><ul><li>الأكثر قراءة</li></ul>").removesuffix("</span>")
    assert article(left_open).paragraphs == ["نص"]


def test_a_closing_line_at_the_end_of_a_paragraph():
    values = article(family(f"<p>نص الخبر. {CLOSING}</p>"))
    assert values.paragraphs == ["نص الخبر."]
    assert values.source_url is not None


@pytest.mark.parametrize(
    ("href", "source"),
    [
        (' href="//www.a.example/1"', "http://www.a.example/1"),
        (' href=" HTTPS://www.a.example/1?utm=2#x "', "HTTPS://www.a.example/1?utm=2#x"),
        (' href="javascript:alert(1)"', None),
        (' href="/hespress/1"', None),
        ("", None),
    ],
)
def test_the_source_is_a_web_address_or_nothing(href, source):
    closing = f"انقر <a{href}>هنا</a> لقراءة الخبر من مصدره."
    assert article(family(f"<p>نص</p><p>{closing}</p>")).source_url == source


def test_an_article_without_closing_line_has_no_source():
    values = article(family("<p>نص</p>"))
    assert (values.paragraphs, values.source_url) == (["نص"], None)


def test_pictures_and_their_captions():
    content = (
        '<p>أولى</p><div class="image"><img src="//images2.maghress.com/hespress/7"/>'
        '<span class="imagecaption">تعليق على الصورة</span></div><figure><img src="/resources/b.jpg">'
        "<figcaption>آخر</figcaption></figure><img src='data:image/png;base64,AA'><p>ثانية</p>"
    )
    values = article(family(content))
    assert values.images == [
        ("https://images2.maghress.com/hespress/7", "تعليق على الصورة"),
        ("https://www.maghress.com/resources/b.jpg", "آخر"),
    ]
    assert values.paragraphs == ["أولى", "ثانية"]


@pytest.mark.parametrize("author", ["هسبريس", "هسبـريس", "و م ع", "و.م.ع", "AFP", " "])
def test_the_paper_and_agencies_are_no_authors(author):
    main = family("<p>نص</p>").replace("علي المغربي", author)
    assert article(main).authors == []


@pytest.mark.parametrize(
    ("head", "body_title"),
    [
        (f'<meta property="og:title" content="مغرس : {TITLE}"/>', "<h2>شيء</h2>"),
        ("", f"<h1>{TITLE}</h1>"),
        ("", ""),
    ],
)
def test_after_a_redesign_the_facts_are_the_same(head, body_title):
    main = (
        f'<main><article class="x1">{body_title}<div class="x2">{LINE}</div>'
        f'<section class="x3"><p>فقرة أولى</p><p>فقرة ثانية</p><p>{CLOSING}</p></section></article></main>'
    )
    values = article(main, head=head)
    assert values.fallback
    assert (values.title, values.published_raw, values.publisher) == (TITLE, LINE, "هسبريس")
    assert values.paragraphs == ["فقرة أولى", "فقرة ثانية"]
    assert values.source_url == "http://www.hespress.example/7.html?utm_source=x"


def test_after_a_redesign_with_everything_in_one_element():
    main = f'<div class="x"><h1>{TITLE}</h1><p>{LINE}</p><p>فقرة</p><p>{CLOSING}</p></div>'
    assert article(main).paragraphs == ["فقرة"]


@pytest.mark.parametrize(
    ("line", "closing", "publisher"),
    [
        (
            "Publié dans Aujourd'hui le Maroc le 02 - 03 - 2016",
            "Cliquez {} pour lire l'article depuis sa source.",
            "Aujourd'hui le Maroc",
        ),
        (
            "Published in Morocco World News on 02 - 03 - 2016",
            "Click {} to read the story from its source.",
            "Morocco World News",
        ),
    ],
)
def test_french_and_english(line, closing, publisher):
    word = "ici" if "Cliquez" in closing else "here"
    link = f'<a href="http://a.example/1">{word}</a>'
    main = (
        f'<h1 class="articletitle">Titre</h1><span class="articlenewspaper">{line}</span>'
        f'<div class="articlecontent"><p>Texte</p><p>{closing.format(link)}</p></div>'
    )
    values = article(main)
    assert (values.paragraphs, values.source_url, values.publisher) == (["Texte"], "http://a.example/1", publisher)


@pytest.mark.parametrize(
    ("headers", "meta"),
    [
        ({"Content-Type": "text/html; charset=windows-1256"}, ""),
        ({"Content-Type": "text/html"}, '<meta http-equiv="Content-Type" content="text/html; charset=windows-1256"/>'),
    ],
)
def test_windows_1256(headers, meta):
    text = page(family(f"<p>نص</p><p>{CLOSING}</p>"), head=meta).split("?>", 1)[1]
    body = text.encode("windows-1256")
    values = parse_article(HtmlResponse(URL, body=body, headers=headers), SITE)
    assert (values.title, values.paragraphs) == (TITLE, ["نص"])


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "empty"),
        (b"   \n", "empty"),
        (page(family("")), "empty"),
        (page(family(f"<p>{CLOSING}</p>")), "empty"),
        (page(f'<h1 class="articletitle">{TITLE}</h1>'), "empty"),
        (page('<div class="articlecontent"><p>نص</p></div>', title="مغرس"), "no_title"),
        (page("<h1>الصفحة غير موجودة</h1>"), "soft_404"),
        (page("<p>Page introuvable</p>"), "soft_404"),
        (page('<form><input type="password"></form>'), "login_wall"),
        (page("<p>يجب تسجيل الدخول</p>"), "login_wall"),
        (page('<a class="teasertitle" href="/hespress/3">عنوان</a>'), "listing"),
        (page("<p>من نحن</p>").replace(AFTER, ""), "not_an_article"),
    ],
)
def test_what_is_no_article_says_what_it_is(body, reason):
    with pytest.raises(Rejected) as caught:
        parse_article(response(body), SITE)
    assert caught.value.reason == reason


def test_a_file_is_no_page():
    for body in (
        Response(URL, body=b"%PDF-1.4"),
        TextResponse(URL, body=b"%PDF", headers={"Content-Type": "application/pdf"}),
    ):
        with pytest.raises(Rejected, match="not_html"):
            parse_article(body, SITE)


def teaser(number):
    return (
        f'<div class="teasercontainer"><a href="/hespress/{number}" class="teaserimagelink"><img class="teaserimage"/></a>'
        f'<a href="/hespress/{number}" class="teasertitle">\nعنوان\n</a><a href="/hespress/{number}" class="teasersubtitle"></a>'
        '<a class="teaserauthor" href="/author/a">كاتب</a><a class="teasernewspaper" href="/hespress">هسبريس</a></div>'
    )


@pytest.mark.parametrize(
    ("paging", "pages"),
    [
        ('<link rel="next" href="/hespress?page=2"/>', ["/hespress?page=2"]),
        ('<a rel="next" href="?page=2">x</a>', ["/hespress?page=2"]),
        ('<a href="?p=2">2</a><a href="?p=3">3</a>', ["/hespress?page=2", "/hespress?page=3"]),
        ('<a href="/hespress/page/2/">الصفحة التالية</a>', ["/hespress?page=2"]),
        ('<a href="/hespress?start=20">التالي</a>', ["/hespress?start=20"]),
        ('<a href="/hespress?start=20"><span>Suivant</span></a>', ["/hespress?start=20"]),
        ('<a href="/hespress?start=20">»</a>', ["/hespress?start=20"]),
        ('<a href="#">2</a><a href="javascript:next()">التالي</a><a href="//other.example/?page=2">2</a>', []),
        ("", []),
    ],
)
def test_listing_items_and_further_pages(paging, pages):
    main = "".join(map(teaser, (11, 12, 13))) + '<a href="/video/5" class="teasertitle">فيديو</a>' + paging
    listing = parse_listing(response(page(main), "https://www.maghress.com/hespress"), SITE)
    assert [item.number for item in listing.items] == ["11", "12", "13"]
    assert [further.url for further in listing.next_pages] == [f"https://www.maghress.com{path}" for path in pages]


def test_a_redesigned_listing_is_read_without_the_ticker():
    main = "".join(f'<h3><a href="/hespress/{number}">عنوان</a></h3>' for number in (1, 2))
    text = page(main).replace(AFTER, "")
    listing = parse_listing(response(text, "https://www.maghress.com/hespress"), SITE)
    assert [item.number for item in listing.items] == ["1", "2"]
    plain_ticker = text.replace('<marquee id="marquee"><span>', "<div>").replace("</span></marquee>", "</div>")
    listing = parse_listing(response(plain_ticker, "https://www.maghress.com/hespress"), SITE)
    assert {item.number for item in listing.items if item.paper == "hespress"} == {"1", "2"}
    assert len(listing.items) <= 3


def test_an_article_in_place_of_a_listing_is_said():
    with pytest.raises(Rejected, match="article_in_place_of_listing"):
        parse_listing(response(page(family("<p>نص</p>"))), SITE)


def test_feeds():
    rss = b"<?xml version='1.0'?><rss><channel><link>https://x/</link><item><link> https://www.maghress.com/a/1 </link></item></channel></rss>"
    assert parse_feed(XmlResponse(URL, body=rss)) == ["https://www.maghress.com/a/1"]
    atom = (
        b'<feed xmlns="http://www.w3.org/2005/Atom"><entry><link href="https://www.maghress.com/a/2"/></entry></feed>'
    )
    assert parse_feed(XmlResponse(URL, body=atom)) == ["https://www.maghress.com/a/2"]
    for body in (b"", b"<html><body>no</body></html>", b"plain"):
        with pytest.raises(Rejected, match="not_a_feed"):
            parse_feed(TextResponse(URL, body=body))


def test_a_feed_expands_no_entity_and_reads_no_file():
    bomb = (
        b'<?xml version="1.0"?><!DOCTYPE rss [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">'
        b'<!ENTITY c SYSTEM "file:///etc/passwd">]><rss><item><link>&c;&b;https://www.maghress.com/a/1</link></item></rss>'
    )
    assert not any("root:" in link or "aaaa" in link for link in parse_feed(XmlResponse(URL, body=bomb)))


@pytest.mark.parametrize(
    "body",
    [
        b"\x00" * 100_000,
        b"<div>" * 200_000,
        ("<p>" * 200_000).encode(),
        ("<b>" * 50_000 + family("<p>نص</p>")).encode(),
        page(family("<p>" + "كلمة " * 250_000 + "</p>")).encode(),
        page(family("<br>" * 100_000 + "نص")).encode(),
        (page(family("<p>نص</p>")) + "<a href='/hespress/1'>x</a>" * 50_000).encode(),
        page(family("<p>نص</p>")).encode()[:-400] + b"\xd9",
        "نص".encode()[:3] * 1000,
        page(family("<p>ن\x00ص</p>")).encode(),
        b"\xff\xfe" + page(family("<p>x</p>")).encode("utf-16-le"),
        b"<" * 500_000,
        b"&" * 500_000,
        b"<a href='" * 50_000,
    ],
    ids=lambda body: repr(body[:12]),
)
def test_any_page_is_an_article_or_a_reason_within_a_second(body):
    started = time.process_time()
    for parse in (parse_article, parse_listing):
        with contextlib.suppress(Rejected):
            parse(HtmlResponse(URL, body=body), SITE)
    assert time.process_time() - started < 2.0  # two parses, each under a second


LONG_REST = "<p>" + "ذيل الصفحة " * 4000 + "</p>"


def test_what_follows_the_closing_line_is_not_needed():
    main = family(f"<p>نص الخبر الأول</p><p>{CLOSING}</p>")
    assert article(main + LONG_REST) == article(main)
    assert article(main + LONG_REST).source_url


def test_an_article_with_parts_behind_its_closing_line_is_read_whole():
    title, content = family(f"<p>نص الخبر</p><p>{CLOSING}</p>").split('<span class="articlecontent">')
    values = article(f'<span class="articlecontent">{content}{title}{LONG_REST}')
    assert values.paragraphs == ["نص الخبر"]
    assert (values.title, values.published_raw) == (TITLE, "نشر في هسبريس يوم 12 - 11 - 2015")
    early = family(f"<p>قال إن الخبر من مصدره وهو</p><p>نص</p>{LONG_REST}<p>{CLOSING}</p>")
    assert len(article(early).paragraphs) == 3


@pytest.mark.parametrize("ticker", ["<marquee>", "<marquee><a href='/press/1'>عنوان</a>", "<MARQUEE>"])
def test_a_ticker_that_is_left_open_takes_no_article_along(ticker):
    main = f"{ticker}{family('<p>نص الخبر الأول</p>')}<marquee>ذيل</marquee>"
    text = page(main).replace(TICKER, "")
    assert parse_article(response(text), SITE).title == TITLE
