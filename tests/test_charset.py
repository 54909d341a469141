"""The encoding of a page: what is declared may be wrong in every combination, the words decide."""

import time

import pytest
from scrapy.http import HtmlResponse

from newscrawl.charset import as_utf8, declared, detect
from newscrawl.pages import parse_article
from newscrawl.sites import get_site
from tests.hostile import TEXT, article

HEADERS = [
    "", "text/html", *(f"text/html; charset={name}" for name in ("utf-8", "windows-1256", "ISO-8859-1", "iso-8859-6", "gb2312", "nonsense")),
]  # fmt: skip
METAS = [
    "",
    *(f'<meta charset="{name}">' for name in ("utf-8", "windows-1256", "iso-8859-6", "x-unknown")),
    '<meta http-equiv="Content-Type" content="text/html; charset=windows-1252"/>',
]
FRENCH = "Le président a été élu à l'Assemblée où l'été créée, près de la forêt."


@pytest.mark.parametrize("header", HEADERS)
@pytest.mark.parametrize("meta", METAS)
@pytest.mark.parametrize(
    "xml", ["", "<?xml version='1.0' encoding='UTF-8' ?>", "<?xml version='1.0' encoding='ISO-8859-6'?>"]
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1256", "iso8859-6"])
def test_the_words_decide_whatever_is_declared(header, meta, xml, encoding):
    page = xml + article(head=meta)
    assert as_utf8(page.encode(encoding), header).decode() == page
    page = xml + article("Un été", FRENCH, head=meta).replace("نشر في", "").replace("يوم", "")
    french = xml + f"<html><head>{meta}</head><body><p>{FRENCH}</p></body></html>"
    if encoding == "cp1256":  # shares its accents with the encoding of the West
        assert as_utf8(french.encode("cp1252"), header).decode() == french


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_wide_encodings_with_and_without_their_mark(encoding):
    page = article()
    assert as_utf8(page.encode(encoding)).decode() == page


@pytest.mark.parametrize("header", HEADERS)
@pytest.mark.parametrize("cut", [1, 2, 3, 40, 41, 42, 43])
def test_utf_8_cut_inside_a_letter_stays_utf_8(header, cut):
    body = article(body=TEXT * 3).encode()
    body = body[: body.rindex(TEXT[-5:].encode()) + cut]
    text = as_utf8(body, header).decode()
    assert TEXT[:40] in text
    assert "Ø" not in text
    assert "Ù" not in text


def test_utf_8_damaged_in_places_stays_utf_8():
    body = article(body=TEXT * 20).encode().replace("الأمر".encode(), "الأمر".encode()[:-1], 5) + b"\xff\xed\xa0\x80"
    text = as_utf8(body, "text/html; charset=windows-1256").decode()
    assert text.count("\N{REPLACEMENT CHARACTER}") < 15
    assert TEXT in text


def long_article(**parts):
    menu = "".join(f'<a href="/press/{number}">عنوان</a>' for number in range(3000))
    return article(**parts).replace("<body>", f"<body>{menu}", 1)


@pytest.mark.parametrize("damaged", ["الأمر".encode()[:-1], b"\xff", b"\xc7\xe1\xce"])
def test_a_long_page_damaged_far_behind_its_beginning_is_read(damaged):
    body = long_article(body=f"{TEXT} XX {TEXT}").encode()
    assert body.index(b"XX") > 1 << 16
    response = HtmlResponse("https://www.demoress.example/press/1", body=body.replace(b"XX", damaged))
    (paragraph,) = parse_article(response, get_site("demo")).paragraphs
    assert paragraph.startswith(TEXT)
    assert paragraph.endswith(TEXT)
    assert paragraph[len(TEXT) : -len(TEXT)] == f" {damaged.decode('utf-8', 'replace')} "


@pytest.mark.parametrize("encoding", ["utf-8", "cp1256", "iso8859-6"])
def test_letters_that_begin_late_are_judged(encoding):
    page = article().replace("<head>", f"<head><script>{'x = 1; ' * 20_000}</script>", 1)
    assert as_utf8(page.encode(encoding)).decode() == page


@pytest.mark.parametrize("name", ["قال عمر", "فن", "زين"])
@pytest.mark.parametrize("encoding", ["cp1256", "iso8859-6"])
def test_a_few_letters_are_read_as_declared(name, encoding):
    body = f"<p>{name}</p>".encode(encoding)
    assert (
        name
        in as_utf8(body, f"text/html; charset={encoding.replace('cp', 'windows-').replace('iso', 'iso-')}").decode()
    )


def test_what_is_declared_counts_only_where_there_are_no_words():
    assert detect("日本".encode("shift_jis"), "text/html; charset=shift_jis").encoding in {"shift_jis", "cp932"}
    assert detect(b"\xff" * 100).evidence == "default"
    assert detect(b"plain") == detect("نص".encode())
    assert declared(b"<meta charset='utf-8'>", "text/html; charset=latin1") == ["cp1252", "utf-8"]


@pytest.mark.parametrize("encoding", ["cp1256", "iso8859-6"])
def test_an_article_is_read_in_its_encoding(encoding):
    headers = {"Content-Type": "text/html; charset=utf-8"}
    response = HtmlResponse("https://www.demoress.example/press/1", body=article().encode(encoding), headers=headers)
    assert parse_article(response, get_site("demo")).paragraphs == [TEXT]


@pytest.mark.parametrize(
    "body", [b"\xff", b"\xc7\xe1 ", b"\xe9a", b"\x80", b"\0", b"\0\xff", b"<meta charset="], ids=repr
)
def test_eight_megabytes_of_anything_are_decided_soon(body):
    started = time.process_time()
    as_utf8(body * ((8 << 20) // len(body)))
    assert time.process_time() - started < 1.0
