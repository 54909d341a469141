"""Links read from the bytes of a page are those of its tree."""

import re
import time
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from lxml import etree

from newscrawl import charset
from newscrawl.demo import DemoServer
from newscrawl.links import Links, addresses_in, href_of, links_among

FIXTURES = sorted((Path(__file__).parent / "fixtures").glob("*/*/body.html"))
PARSER = etree.HTMLParser(encoding="utf-8", huge_tree=True)


def tree_hrefs(body, links="//a"):
    root = etree.fromstring(body, PARSER)
    return [href for href in root.xpath(f"{links}/@href") if href] if root is not None else []


def links_of(body):
    return set(map(href_of, links_among(addresses_in(body), body)))


def links_read(body, item=b"teasertitle"):
    return Links(body, item=item)


def assert_read(body):
    links = links_read(body)
    hrefs = tree_hrefs(body)
    assert links_of(body) == set(hrefs)
    assert sorted(map(href_of, links.addresses())) == sorted(hrefs)
    assert list(map(href_of, links.items())) == tree_hrefs(body, "//a[contains(@class, 'teasertitle')]")
    return hrefs


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
            read += bool(assert_read(body))
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
    page = "".join(pieces)
    body = f"<html><body>{page}</body></html>".encode()
    if re.search(r"<script\b.*<!--.*<script\b", page, re.IGNORECASE | re.DOTALL):
        # A script in a comment in a script goes on to its second end; it is read to its first.
        assert set(tree_hrefs(body)) <= links_of(body) & set(map(href_of, links_read(body).addresses()))
    else:
        assert_read(body)


@given(st.lists(st.sampled_from(PIECES + BROKEN), max_size=12))
@example(["<a href=\"/15'>", '"', "<a href='/1'>"])
@example(["<a href=\"/15'>", '"', "<script>", "<a href='/1'>"])
def test_no_link_is_lost_in_broken_markup(pieces):
    body = f"<html><body>{''.join(pieces)}</body></html>".encode()
    # What else each finds there differs: a tag that takes in the next one is read to its end by `Links` alone.
    assert set(tree_hrefs(body)) <= links_of(body) & set(map(href_of, links_read(body).addresses()))


@given(st.lists(st.sampled_from(PIECES + BROKEN + [" href=", "href='", 'HreF = "', "\n"]), max_size=12))
def test_addresses_of_links_are_among_those_in_the_page(pieces):
    body = "".join(pieces).encode()
    hrefs = map(href_of, links_read(body).addresses())
    # HTML forbids these in an address without quotes, which ends there.
    assert {href for href in hrefs if not set("<\"'") & set(href)} <= set(map(href_of, addresses_in(body)))


@pytest.mark.parametrize("before", ["", "H", "Hre", "H" * 499, "H" * 500, "Href " * 600])
def test_addresses_in_capitals(before):
    assert addresses_in(f"{before} <A HREF='/1'>H <a Href=/2> <a hREF='/3'>".encode()) == [b"'/3'", b"'/1'", b"/2"]


def test_an_address_is_looked_for_as_far_as_it_stands_and_further_where_it_is_no_link_there():
    page = b"<!-- <a href='/1'> <a href='/2'> --> /1 <a href='/1'>x</a> <script>'<a href=\"/3\">'</script><a title='\"/3\"' href=/4>"
    assert links_among([b"'/1'", b"'/2'", b'"/3"', b"/4"], page) == {b"'/1'", b"/4"}
    assert links_among([b"'/1'"], page) == {b"'/1'"}
    assert links_among([], page) == set()


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
    said, others = links_read(f"<p>1<a href=/1>عنوان 2</a>{link}<!-- <a href=/c>2</a> --><a>2</a>".encode()).further()
    assert (list(map(href_of, said)), others) == (["/x"], [])


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
    assert links_read(link.encode()).further() == ([], [])


def test_addresses_that_may_be_of_a_further_page():
    links = links_read(b"<a href='/a?p=2&amp;q=1'>x</a><a href=/a/page/3>y</a><a href=/page>z</a>")
    assert links.further() == ([], [b"'/a?p=2&amp;q=1'", b"/a/page/3"])


def test_controls_are_links_that_lead_to_no_page():
    body = "<a>1</a><a href='#x'>2</a><a href=JavaScript:more()><i></i> 3&nbsp;</a><a href=/4 onClick='x()'>4</a><a href=/5>5</a>"
    assert list(links_read(body.encode()).controls()) == ["1", "2", "3", "4"]


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
    found = links_of(page)
    assert time.process_time() - begun < 2
    links = links_read(page)
    links.further()
    hrefs = set(map(href_of, links.addresses()))
    assert {href for href in hrefs if "<" not in href} <= found <= hrefs  # which an address may have in quotes only
    assert all(len(words) < 5000 for words in links.controls())
    assert time.process_time() - begun < 8
