"""What is read from the page of a publisher, and how the aggregator's copy is held against it."""

import json

import jsonschema
import pytest

from bench.originals import alone, f1, ours
from newscrawl.items import SourceRecord, feed_schema
from newscrawl.originals import Original, compare, read_head, read_original
from newscrawl.pages import Rejected
from tests.conftest import read_feed
from tests.hostile import HostileServer, answer, article, listing, quick_crawl
from tests.publishers import make, pages

URL = "https://press.example/news/1.html"
PAGES = {page.name: page for page in pages()}


def read(name):
    page = PAGES[name]
    return page, read_original(page.html, URL, page.content_type, language=page.language)


@pytest.mark.parametrize("page", [page for seed in (2, 3) for page in pages(seed)], ids=lambda page: page.name)
def test_no_page_is_read_worse_than_by_trafilatura_alone(page):
    mine = f1(ours(page), page.body)
    assert mine >= f1(alone(page), page.body)
    assert mine > 0.9


@pytest.mark.parametrize("name", PAGES)
def test_title_date_authors_and_section_are_those_of_the_page(name):
    page, original = read(name)
    assert original.title == page.title
    assert original.published == page.published
    assert original.authors == page.authors
    if page.section:
        assert original.section == page.section


def test_the_text_keeps_its_paragraphs_and_nothing_that_stands_around_it():
    for name in ("wordpress", "plain", "comments"):
        page, original = read(name)
        assert original.text == page.body


def test_addresses_are_absolute():
    _, original = read("wordpress")
    assert original.image == "https://press.example/uploads/lead.jpg"
    head = read_head(
        b"<html><head><link rel=canonical href='javascript:alert(1)'><meta property=og:url content=/a></head>", URL
    )
    assert head.canonical_url == "https://press.example/a"


@pytest.mark.parametrize(
    ("declared", "published"),
    [
        ("2019-03-07T18:45:00+01:00", "2019-03-07T18:45:00+01:00"),
        ("2019-03-07T18:45:00Z", "2019-03-07T18:45:00+00:00"),
        ("2019-03-07T18:45+0100", "2019-03-07T18:45:00+01:00"),
        ("2019-03-07", "2019-03-07"),
        ("0001-01-01T00:00:00Z", None),
        ("2199-01-01T00:00:00Z", None),
        ("غدا", None),
        ({"a": 1}, None),
    ],
)
def test_dates_are_exact_or_nothing(declared, published):
    said = json.dumps({"@type": "NewsArticle", "datePublished": declared})
    page = (
        f'<html><head><script type="application/ld+json">{said}</script></head><body><h1>ع</h1><p>نص</p></body></html>'
    )
    assert read_original(page.encode(), URL).published == published


def test_hostile_declarations_are_left_alone():
    deep = "[" * 100_000 + "]" * 100_000
    many = json.dumps([{"@type": "Thing"}] * 5000 + [{"@type": "NewsArticle", "headline": "لا"}])
    for said in (
        deep,
        many,
        "null",
        "[1, [2]]",
        '{"@type": 5, "author": [[["x"]]]}',
        '{"@type":"Article","author":{"name":7},"headline":{}}',
    ):
        page = f'<html><body><script type="application/ld+json">{said}</script><h1>عنوان</h1></body></html>'
        original = read_original(page.encode(), URL)
        assert (original.title, original.authors) == ("عنوان", [])
    with pytest.raises(Rejected):
        read_original(b" ", URL)


def test_a_page_of_scripts_needs_one_and_a_page_in_another_language_is_not_the_article():
    page = b"<html><body><div id=root></div><noscript>JavaScript</noscript><script src=/app.js></script></body></html>"
    assert read_original(page, URL).needs_script
    assert not read_original(b"<html><body><p>x</p></body></html>", URL).needs_script
    french = PAGES["french"]
    other = read_original(french.html, URL, french.content_type, language="ar")
    assert (other.text, other.needs_script) == ("", False)


# Comparison


def compared(body, name="wordpress", title=None, published="2019-03-09", **changed):
    page, original = read(name)
    return compare(title or page.title, body, published, original)


def test_a_true_copy_is_alike_and_mends_nothing():
    found = compared(PAGES["wordpress"].body)
    assert (found.similarity, found.truncated, found.title_changed, found.date_gap_days) == (1.0, 0.0, False, 2)
    assert found.body_source is None


def test_spelling_and_punctuation_are_no_change_of_a_title():
    title = PAGES["wordpress"].title
    assert compared("نص", title=title.replace("أ", "ا").replace("ة", "ه") + " !").title_changed is False
    assert compared("نص", title="عنوان آخر تماما").title_changed is True


def test_a_cut_copy_tells_how_much_it_lacks_and_is_mended():
    page = PAGES["wordpress"]
    found = compared("\n".join(page.paragraphs[:2]))
    words = [len(paragraph.split()) for paragraph in page.paragraphs]
    assert found.truncated == pytest.approx(sum(words[2:]) / sum(words), abs=0.1)
    assert found.body_source == page.body


@pytest.mark.parametrize(
    "damage", [lambda text: text.replace("ا", "\ufffd", 3), lambda text: text.replace("«", "").replace("»", "")]
)
def test_lost_letters_and_lost_quotes_are_mended(damage):
    assert compared(damage(PAGES["quotes"].body), "quotes").body_source == PAGES["quotes"].body


def test_another_story_mends_nothing():
    found = compared(PAGES["comments"].body.replace("ا", "\ufffd", 3))
    assert found.similarity < 0.2
    assert found.body_source is None


def test_what_costs_is_no_original_to_compare_with():
    _, original = read("declared_body")
    teaser = Original(**{name: getattr(original, name) for name in original.__slots__} | {"free": False})
    found = compare("عنوان", "نص", "2023-09-08", teaser)
    assert (found.similarity, found.truncated, found.body_source, found.date_gap_days) == (None, None, None, -1)


# A crawl


@pytest.fixture(scope="module")
def fetched(tmp_path_factory):
    """A crawl with `source=fetch` of four articles: a true copy, a cut one, one behind a paywall, one whose use is reserved."""
    folder = tmp_path_factory.mktemp("fetched")
    whole, cut, paid, reserved = (make("wordpress", seed) for seed in (11, 12, 13, 14))
    paid_html = paid.html.replace(b'"articleSection"', b'"isAccessibleForFree": "False", "articleSection"')
    assert paid_html != paid.html
    routes = {
        "/whole": answer(whole.html),
        "/cut": answer(cut.html),
        "/paid": answer(paid_html),
        "/reserved": answer(reserved.html, **{"TDM-Reservation": "1"}),
    }
    with HostileServer(routes, host="127.0.0.2") as publisher:
        copies = {
            "/press/1": (whole, whole.body, "/whole"),
            "/press/2": (cut, cut.paragraphs[0] + "\n" + cut.paragraphs[1], "/cut"),
            "/press/3": (paid, paid.body, "/paid"),
            "/press/4": (reserved, reserved.paragraphs[0], "/reserved"),
        }
        shown = {
            path: answer(article(page.title, body).replace("http://source.example/1", publisher.base_url + at))
            for path, (page, body, at) in copies.items()
        }
        with HostileServer({"/": answer(listing(*shown)), **shown}) as site:
            done = quick_crawl(
                folder, "NEWSCRAWL_SOURCE_DELAY=0", f"NEWSCRAWL_ALLOW_HOSTS={publisher._host}:{publisher.port}",
                "NEWSCRAWL_RIGHTS=skip", site="demo", base_url=site.base_url, source="fetch",
            )  # fmt: skip
    done.pages = {"1": whole, "2": cut, "3": paid, "4": reserved}
    done.sources = {line["id"].rpartition("/")[2]: line for line in read_feed(folder / "feeds" / "sources.jsonl")}
    return done


def test_originals_are_exported_beside_their_copies(fetched):
    assert fetched.status == 0, fetched.log
    assert len(fetched.articles) == 4
    assert sorted(fetched.sources) == ["1", "2", "3", "4"]
    validator = jsonschema.Draft202012Validator(feed_schema(SourceRecord))
    for number, line in fetched.sources.items():
        validator.validate(line)
        source, page = line["source"], fetched.pages[number]
        assert (source["status"], source["title"], source["published"]) == ("alive", page.title, page.published)
        assert (source["authors"], source["section"], source["rendered"]) == (page.authors, page.section, False)


def test_the_copy_is_compared_and_mended(fetched):
    whole, cut = fetched.sources["1"], fetched.sources["2"]
    assert (whole["source"]["similarity"], whole["source"]["title_changed"], whole["body_source"]) == (1.0, False, None)
    assert cut["source"]["truncated"] > 0.3
    assert cut["body_source"] == fetched.pages["2"].body
    assert {line["id"]: line["body"] for line in fetched.articles}[cut["id"]] != cut["body_source"]


def test_a_paywall_is_told_and_not_compared(fetched):
    paid = fetched.sources["3"]
    assert paid["source"]["accessible_for_free"] is False
    assert (paid["source"]["similarity"], paid["source"]["truncated"], paid["body_source"]) == (None, None, None)


def test_a_text_whose_use_is_reserved_is_not_offered(fetched):
    reserved = fetched.sources["4"]
    assert reserved["source"]["rights"]["tdm_reservation"] == "1"
    assert reserved["source"]["truncated"] > 0.3
    assert reserved["body_source"] is None
