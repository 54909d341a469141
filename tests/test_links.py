"""Links read from the bytes of a page are those of its tree."""

import time
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from lxml import etree

from newscrawl import charset
from newscrawl.demo import DemoServer
from newscrawl.links import Links, hrefs_of

FIXTURES = sorted((Path(__file__).parent / "fixtures").glob("*/*/body.html"))
PARSER = etree.HTMLParser(encoding="utf-8", huge_tree=True)


def tree_hrefs(body, links="//a"):
    root = etree.fromstring(body, PARSER)
    return [href for href in root.xpath(f"{links}/@href") if href] if root is not None else []


def assert_read(body):
    links = Links(body)
    assert hrefs_of(body) == links.hrefs() == tree_hrefs(body)
    assert links.of_class(b"teasertitle") == tree_hrefs(body, "//a[contains(@class, 'teasertitle')]")


@pytest.mark.parametrize("path", FIXTURES, ids=lambda path: path.parent.name)
def test_recorded_pages(path):
    body = charset.as_utf8(path.read_bytes()) or b"<p>"
    assert_read(body)


def test_bundled_pages():
    server = DemoServer(120)
    read = 0
    for target in ["/", "/politics", *(article.path for article in server.corpus.articles)]:
        head, _, body = server.answer("GET", target).partition(b"\r\n\r\n")
        if b"text/html" in head and body.strip():
            body = charset.as_utf8(body)
            assert_read(body)
            read += bool(hrefs_of(body))
    assert read > 100


PIECES = [
    "<a href='/1'>", '<a href="/2">x</a>', "<A HREF=/3>", "<a class=x title='a > b' href = '/4'>", "</a>", "<a>", "<a name=top>",
    '<a data-href="/5" href="/6?a=1&amp;b=2">', "<a href='/7' href='/8'>", "<a\nhref='/9'\n>", "<a href=''>", "<area href='/10'>",
    "<abbr href='/11'>", "<a/href=/12>", "<a title=\"href='/13'\">", "<a href=&#47;14>", "<a href='?a=1&copy=2'>",
    "<!--", "-->", "<!-->", "--!>", "<script>", "</script>", "<SCRIPT src=x>", "</Script >", "<style>", "</style>", "<title>", "</title>",
    "<textarea>", "</textarea>", "<noscript>", "</noscript>", "<div class='a'>", "</div>", "<p>نص", " < 3 ", "'", '"', "text", "&amp;", "<br/>",
]  # fmt: skip
BROKEN = ["<a x='", "<a href=\"/15'>", "<a href", '<a title="', "=\"<a href='/16'>"]


@given(st.lists(st.sampled_from(PIECES), max_size=12))
def test_any_markup(pieces):
    body = f"<html><body>{''.join(pieces)}</body></html>".encode()
    assert_read(body)


@given(st.lists(st.sampled_from(PIECES + BROKEN), max_size=12))
@example(["<a href=\"/15'>", '"', "<a href='/1'>"])
def test_no_link_is_lost_in_broken_markup(pieces):
    body = f"<html><body>{''.join(pieces)}</body></html>".encode()
    # What else each finds there differs: a tag that takes in the next one is read to its end by `Links` alone.
    assert set(tree_hrefs(body)) <= set(hrefs_of(body)) & set(Links(body).hrefs())


@pytest.mark.parametrize(
    "link",
    [
        "<a href=/x>2</a>",
        "<A HREF='/x' class=b>\n التالي </A>",
        '<a href="/x"><span class="page"><b>الصفحة\n التالية</b></span></a>',
        "<a href=/x>&nbsp;&raquo;</a>",
        "<a href=/x>&#1575;&#x644;تالي&nbsp;</a>",
        "<a href=/x><b>&#50;</b></a>",
        "<a href=/x>١٢</a>",
        "<a href=/x>۴</a>",
        "<a href=/x title='a > b'>\u00a0›<img src=x></a>",
        "<li><a href=/x>Suivant<li><a href=#>2",
        "<a class=a rel='nofollow next' href=/x>أخبار</a>",
        "<a href=/x rel=Next>أخبار</a>",
        "<A REL = 'NEXT' HREF=/x>أخبار</A>",
        "<link rel=next href=/x>",
        "<link href='/x' rel=\"prev next\"/><a href=/y>أخبار</a>",
    ],
)
def test_links_that_say_that_they_lead_further(link):
    said, others = Links(f"<p>1<a href=/1>عنوان 2</a>{link}<!-- <a href=/c>2</a> --><a>2</a>".encode()).further()
    assert (said, others) == (["/x"], [])


@pytest.mark.parametrize(
    "link",
    [
        "<a href=/x>2 3</a>",
        "<a href=/x>1234567</a>",
        "<a href=/x>التالي في الأخبار</a>",
        "<a href=/x>next week</a>",
        "<a href=/x rel=prev class=next>x</a>",
        "<a href=/x data-rel=next>x</a>",
        "<script>'<a href=/x>2</a>'</script>",
        "<a href=/x><!-- 2 --></a>",
    ],
)
def test_links_that_do_not_say_so(link):
    assert Links(link.encode()).further() == ([], [])


def test_addresses_that_may_be_of_a_further_page():
    links = Links(b"<a href='/a?p=2&amp;q=1'>x</a><a href=/a/page/3>y</a><a href=/page>z</a>")
    assert links.further() == ([], ["/a?p=2&q=1", "/a/page/3"])


def test_controls_are_links_that_lead_to_no_page():
    body = "<a>1</a><a href='#x'>2</a><a href=JavaScript:more()><i></i> 3&nbsp;</a><a href=/4 onClick='x()'>4</a><a href=/5>5</a>"
    assert list(Links(body.encode()).controls()) == ["1", "2", "3", "4"]


@pytest.mark.parametrize(
    "unit",
    [
        b"<!--",
        b"<script>",
        b"<style><",
        b"<a ",
        b"<a x='",
        b'<a x="<',
        b"<a href",
        b"<a href=",
        b"<a href='",
        b"<a x=y ",
        b"<A\n/",
        b"<a>",
        b"<a><b ",
        b"<a>&nbsp;",
        b"<a href=x>2<b>",
        b"<a>" + b"<b>" * 1000,
        b"<a " + b"x " * 1000,
        b"<link ",
        b"<link rel=next",
    ],
)
def test_hostile_pages_take_linear_time(unit):
    begun = time.process_time()
    page = unit * (4_000_000 // len(unit))
    hrefs_of(page)
    assert time.process_time() - begun < 2
    links = Links(page)
    links.further()
    assert {"", *links.hrefs()} == {"", *hrefs_of(page)}
    assert all(len(words) < 5000 for words in links.controls())
    assert time.process_time() - begun < 8
