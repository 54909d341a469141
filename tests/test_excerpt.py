"""An article read from an excerpt of its page is that of the whole page."""

import time
from dataclasses import asdict
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scrapy.http import HtmlResponse

from newscrawl import pages
from newscrawl.demo import DemoServer
from newscrawl.excerpt import around_article, up_to_closing, without_ticker
from newscrawl.pages import Page, Rejected, readable
from newscrawl.sites import get_site

FIXTURES = sorted((Path(__file__).parent / "fixtures").glob("*/*/body.html"))
SITE = get_site("demo")


def read(response, *, whole):
    """The values of a page, or the reason why it has none."""
    page = Page(response, SITE)
    try:
        return asdict(page._article() if whole else page.article())
    except Rejected as rejected:
        return rejected.reason


def alike(body, url="https://www.demoress.example/press/1", **headers):
    """Both ways to read a page give the same; answers whether an excerpt was enough.

    But where something behind the first closing line hides it from a reading of the whole, the excerpt ends there.
    """
    response = HtmlResponse(url, body=body, headers=headers)
    try:
        found = read(response, whole=False)
    except Rejected:
        return False
    whole = read(response, whole=True)
    assert found == whole or sees_the_end_alone(found, whole)
    return around_article(without_ticker(readable(body, ""))) is not None and isinstance(found, dict)


def sees_the_end_alone(found, whole):
    if isinstance(found, str) or not found["source_url"]:
        return False
    if isinstance(whole, str):
        return found["fallback"]
    return not whole["source_url"] and "\n".join(whole["paragraphs"]).startswith("\n".join(found["paragraphs"]))


@pytest.mark.parametrize("path", FIXTURES, ids=lambda path: path.parent.name)
def test_recorded_pages(path):
    alike(path.read_bytes())


def test_bundled_pages():
    server = DemoServer(400)
    enough = articles = 0
    for article in server.corpus.articles:
        head, _, body = server.answer("GET", article.path).partition(b"\r\n\r\n")
        if b"text/html" in head:
            articles += 1
            enough += alike(body)
    assert articles > 250
    assert enough > articles * 0.85  # the others have none of the classes


PIECES = [
    "<div>", "</div>", "<span>", "</span>", "<p>", "</p>", "<P>", "</P >", "<br>", "<br/>", "<hr>", "<b>", "</b>", "<h2>", "</h2>", "<td>",
    "<tr>", "</tr>", "<table><tr><td>", "</td></tr></table>", "</td>", "</table>", "<li>", "</li>", "<ul>", "</ul>", "<a href='/1'>", "</a>",
    "<form>", "</form>", "<center>", "</center>", "<o:p>", "</o:p>", "<marquee>", "</marquee>", "<iframe src=x></iframe>", "<iframe>",
    "<!-- ", " -->", "<!--x-->", "<!-->", "<!--->", "--!>", "<script>", "</script>", "<script>'<p>'</script>", "<style>", "</style>", "<noscript>", "</noscript>",
    "<textarea>",
    "<title>", "</title>", "<img src='/a.png' alt='</span>'>", '<a title="</div>">',  " < 3 ",
    "نص الخبر", "وقال الوزير", "text", "&amp;", "</body>", "</html>", "<body>", "</head>", "<?x?>", "</>", "<svg/>",
    '<span class="articletitle">عنوان</span>', '<span class="articlenewspaper">نشر في هسبريس يوم 12 - 11 - 2015</span>',
    '<span class="articlecontent">', '<div class="articlecontent">', '<p class="articlecontent">', '<div class="ArticleContent">',
    '<DIV CLASS="articlecontent">', '<td class="articlecontent">', "<div class='x ARTICLEcontent'>",
    "</div><div>إعلان</div><div class='articlecontent'>", "</span> <span class='articlecontent'>", "<p>نص<p>نص", "<p>انقر <a href='http://a.example/1'>هنا</a> لقراءة الخبر من مصدره.</p>",
]  # fmt: skip
NAMES = (
    "a b body button center dd div dl form frameset h2 head html iframe li noscript option p pre script select span style"
    " svg table tbody td template textarea title tr ul xmp"
)
NESTED = [
    f"<{name}>{inner}</{name}>" for name in NAMES.split() for inner in ("نص", "<p>نص</p>", "<div><td>نص</td></div>")
]
# An attribute or tag that is left open takes what follows into itself: before an article, an excerpt is spared that.
BROKEN = ["<p title='", "'>", '">', "<p", "<img alt=it's>", "</"]
TITLE = '<h1 class="articletitle">عنوان الخبر</h1>'
HEAD = '<div class="articlenewspaper"><a href="/press">هسبريس</a> نشر في هسبريس يوم 12 - 11 - 2015</div>'
some, any_of = (
    st.lists(st.sampled_from(pieces), max_size=6).map("".join) for pieces in (PIECES + NESTED, PIECES + NESTED + BROKEN)
)


TAIL = "<p>" + "ذيل الصفحة " * 1500 + "</p>"
CLOSING = "<p>انقر <a href='http://a.example/1'>هنا</a> لقراءة الخبر من مصدره.</p>"


@given(some, any_of, any_of, any_of, st.sampled_from(["div", "span", "p", "td", "DIV"]))
def test_any_long_page(between, inside, behind, after, container):
    content = f'<{container} class="articlecontent">نص{inside}{CLOSING}{behind}</{container}>'
    alike(f"<html><head></head><body>{TITLE}{HEAD}{between}{content}{after}{TAIL}</body></html>".encode())


OTHER_PIECES = [
    CLOSING, "<h1>عنوان آخر</h1>", "<title>عنوان آخر</title>", "<meta property='og:title' content='عنوان آخر'>", "<div>نشر في هسبريس يوم 13 - 11 - 2015</div>",
    '<span class="articletitle">عنوان</span>', '<span class="articlenewspaper">نشر في هسبريس يوم 12 - 11 - 2015</span>', '<div class="articlecontent">',
    "شارك الخبر", "<p>نص آخر</p>", "<div>", "</div>", "<section>", "</section>", "<!-- مصدره -->", "من مصدره", "<a href='/2'>هنا</a>",
]  # fmt: skip
others = st.lists(st.sampled_from(OTHER_PIECES), max_size=5).map("".join)


@given(others, others, others, st.sampled_from(["", "<h1>عنوان الخبر</h1>"]), st.sampled_from(["", TAIL]))
def test_any_page_without_classes(before, behind, after, heading, tail):
    head = "<div>نشر في هسبريس يوم 12 - 11 - 2015</div>"
    alike(f"<title>عنوان</title><body>{heading}{before}{head}<div><p>نص{CLOSING}{behind}</div>{after}{tail}".encode())


def test_text_behind_the_closing_line_of_a_page_without_classes():
    closing = "انقر <a href='http://a.example/1'>هنا</a> لقراءة الخبر من مصدره."
    body = f"<h1>عنوان الخبر</h1><p>نشر في هسبريس يوم 12 - 11 - 2015</p><div><p>نص الخبر</p>{closing}<span>شارك</span></div>"
    values = Page(HtmlResponse("https://www.demoress.example/press/1", body=body.encode()), SITE).article()
    assert (values.title, values.paragraphs, values.fallback) == ("عنوان الخبر", ["نص الخبر"], True)
    assert values.source_url == "http://a.example/1"


@given(
    some,
    some,
    any_of | st.lists(st.sampled_from(NESTED)).map("".join),
    any_of,
    st.sampled_from(["div", "span", "p", "td", "DIV"]),
)
def test_any_markup(before, between, inside, after, container):
    content = f'<{container} class="articlecontent">نص{inside}ختام</{container}>'
    alike(
        f"<html><head><title>موقع</title></head><body>{before}{TITLE}{HEAD}{between}{content}{after}</body></html>".encode()
    )


PIECES_OF_LONG_PAGES = [
    "<script>",
    "<!--",
    "<p title='",
    "<div>",
    "</p>",
    "<p x=",
    "<style >",
    "<p>",
    "<!-->",
    "<!-- -->",
]
# Where one content after the other ends, and something else stands in between.
PIECES_OF_LONG_PAGES += ["</div><div class='articlecontent'>", "</div><div>" * 8 + "articlecontent"]


@pytest.mark.parametrize("piece", PIECES_OF_LONG_PAGES)
def test_the_time_is_linear(piece):
    long = piece.encode() * (4_000_000 // len(piece))
    body = f'<head></head>{TITLE}<div class="articlecontent">'.encode() + long
    started = time.process_time()
    around_article(body)
    around_article(body.replace(b"<h1", long + b"<h1", 1))
    up_to_closing((piece + "مصدره").encode() * 200_000)
    assert time.process_time() - started < 2


def test_a_link_that_says_here_is_not_the_closing_line_for_that():
    menu = "<p>للاتصال اضغط <a href='/contact'>هنا</a></p>"
    body = f"<div>{menu}<h1>عنوان الخبر</h1><p>نشر في هسبريس يوم 12 - 11 - 2015</p><div><p>نص الخبر</p>{CLOSING}</div></div>"
    values = Page(HtmlResponse("https://www.demoress.example/press/1", body=body.encode()), SITE).article()
    assert (values.paragraphs, values.fallback) == (["نص الخبر"], True)


@pytest.mark.parametrize(
    "closing",
    [
        "<b>انقر</b> <a href='http://a.example/1'>هنا</a> <b>لقراءة الخبر من مصدره</b>.",
        "انقر <b><a href='http://a.example/1'>هنا</a></b><i> لقراءة</i> الخبر من <b>مصدره</b>.",
        "انقر\n<b><a href='http://a.example/1'>هنا</a>\n</b>\n<i>لقراءة الخبر</i>\nمن مصدره",
    ],
)
def test_elements_within_the_closing_line_of_a_page_without_classes(closing):
    body = f"<h1>عنوان الخبر</h1><p>نشر في هسبريس يوم 12 - 11 - 2015</p><div><p>نص الخبر</p><p>{closing}</p></div>"
    assert alike(body.encode()) is False  # it has no excerpt by classes
    values = Page(HtmlResponse("https://www.demoress.example/press/1", body=body.encode()), SITE).article()
    assert (values.paragraphs, values.source_url) == (["نص الخبر"], "http://a.example/1")


@pytest.mark.parametrize(
    "content",
    [
        "<div class='articlecontent'><p>نص</p></div>",
        "<div class='articlecontent'><p>نص<p>نص آخر<br></div>",
        "<div class='articlecontent'>نص<!-- <p> --><noscript><p>إعلان</p></noscript><!--x--!> نص آخر</div>",
        "<div class='articlecontent'>نص</div>\n<div>إعلان</div><div class='articlecontent'><p>نص آخر</div>",
    ],
)
def test_what_is_cut_out_is_not_parsed(monkeypatch, content):
    parsed = []
    tree = pages.tree
    monkeypatch.setattr(pages, "tree", lambda body: parsed.append(body) or tree(body))
    menu, tail = "<a href='/x'>قائمة</a>" * 50, "<p>ذيل</p>" * 50
    assert alike(f"<head></head><body>{menu}{TITLE}{HEAD}{content}{tail}".encode())
    assert [("قائمة".encode() in body, "ذيل".encode() in body) for body in parsed] == [(False, False), (True, True)]


def test_contents_far_from_each_other_are_all_read():
    content = "<div class='articlecontent'><p>نص</p></div>"
    body = f"<head></head><body>{TITLE}{HEAD}{content}{'<div>إعلان</div>' * 100}{content}{TAIL}"
    values = Page(HtmlResponse("https://www.demoress.example/press/1", body=body.encode()), SITE).article()
    assert (values.paragraphs, values.fallback) == (["نص", "نص"], False)
