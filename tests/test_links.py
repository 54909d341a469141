"""Links read from the bytes of a page are those of its tree."""

import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from newscrawl import charset
from newscrawl.demo import DemoServer
from newscrawl.links import hrefs_of

FIXTURES = sorted((Path(__file__).parent / "fixtures").glob("*/*/body.html"))
PARSER = etree.HTMLParser(encoding="utf-8", huge_tree=True)


def tree_hrefs(body):
    root = etree.fromstring(body, PARSER)
    return [href for href in root.xpath("//a/@href") if href] if root is not None else []


@pytest.mark.parametrize("path", FIXTURES, ids=lambda path: path.parent.name)
def test_recorded_pages(path):
    body = charset.as_utf8(path.read_bytes()) or b"<p>"
    assert hrefs_of(body) == tree_hrefs(body)


def test_bundled_pages():
    server = DemoServer(120)
    read = 0
    for target in ["/", "/politics", *(article.path for article in server.corpus.articles)]:
        head, _, body = server.answer("GET", target).partition(b"\r\n\r\n")
        if b"text/html" in head and body.strip():
            body = charset.as_utf8(body)
            assert hrefs_of(body) == tree_hrefs(body)
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
    assert hrefs_of(body) == tree_hrefs(body)


@given(st.lists(st.sampled_from(PIECES + BROKEN), max_size=12))
def test_no_link_is_lost_in_broken_markup(pieces):
    body = f"<html><body>{''.join(pieces)}</body></html>".encode()
    assert set(tree_hrefs(body)) <= set(hrefs_of(body))


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
    ],
)
def test_hostile_pages_take_linear_time(unit):
    begun = time.process_time()
    hrefs_of(unit * (4_000_000 // len(unit)))
    assert time.process_time() - begun < 2
