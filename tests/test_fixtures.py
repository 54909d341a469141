"""Every recorded page gives its expected values; the bytes are those that a server sent."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from scrapy.http import Headers
from scrapy.responsetypes import responsetypes

from newscrawl.items import feed_line
from newscrawl.loaders import load_article
from newscrawl.pages import Rejected, parse_article, parse_feed, parse_listing
from newscrawl.sites import get_site
from newscrawl.store import Kind

FIXTURES = Path(__file__).parent / "fixtures"
CASES = sorted(path.parent for path in FIXTURES.glob("*/*/meta.json"))
NOW = datetime(2026, 2, 16, 12, tzinfo=UTC)


def saved_response(case):
    meta = json.loads((case / "meta.json").read_text("utf-8"))
    body = (case / "body.html").read_bytes()
    headers = Headers(meta["headers"])
    response_class = responsetypes.from_args(headers=headers, url=meta["url"], body=body)
    return meta, response_class(meta["url"], status=meta["status"], headers=headers, body=body)


def parsed(case):
    """What the parsers make of a saved page, as JSON."""
    meta, response = saved_response(case)
    site = get_site(meta["site"])
    place = site.locate(meta["url"])
    try:
        if place.kind is Kind.FEED:
            return {"links": parse_feed(response)}
        if place.kind is Kind.LISTING:
            listing = parse_listing(response, site)
            return {
                "items": [item.url for item in listing.items],
                "next_pages": [further.url for further in listing.next_pages],
            }
        return json.loads(feed_line(load_article(parse_article(response, site), site, place, now=NOW)))
    except Rejected as rejected:
        return {"rejected": rejected.reason}


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.parent.name}/{case.name}")
def test_page(case, request):
    expected, found = case / "expected.json", parsed(case)
    if request.config.getoption("--update-expected"):
        expected.write_text(json.dumps(found, ensure_ascii=False, indent=1) + "\n", "utf-8")
    assert found == json.loads(expected.read_text("utf-8"))


def test_there_are_pages_of_each_kind():
    kinds = {get_site(meta["site"]).locate(meta["url"]).kind for meta, _ in map(saved_response, CASES)}
    assert kinds == {Kind.ARTICLE, Kind.LISTING, Kind.FEED}


def test_the_page_that_the_project_began_from(shared):
    expected = json.loads((shared / "seed" / "expected.json").read_text("utf-8"))
    site = get_site("maghress")
    body = (shared / "seed" / "page.html").read_bytes()
    headers = Headers({"Content-Type": "text/html; charset=UTF-8"})
    response = responsetypes.from_args(headers=headers)(expected["url"], headers=headers, body=body)
    article = load_article(parse_article(response, site), site, site.locate(expected["url"]), now=NOW)
    line = json.loads(feed_line(article))
    assert {name: line[name] for name in expected} == expected
