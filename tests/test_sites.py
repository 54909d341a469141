import pytest

from newscrawl.sites import LONGEST_ADDRESS, SITES, get_site
from newscrawl.store import Kind

MAGHRESS = get_site("maghress")
ARTICLE = "https://www.maghress.com/hespress/12"


@pytest.mark.parametrize(
    "spelling",
    [
        "/hespress/12",
        "/hespress/12/",
        "//www.maghress.com/hespress/12",
        "http://maghress.com/hespress/12",
        "https://maghress.com:443/hespress/12",
        "http://www.maghress.com:80/hespress/12",
        "HTTPS://WWW.Maghress.COM/hespress/12",
        "https://www.maghress.com./hespress/12",
        "https://www.maghress.com/hespress/12?utm_source=rss&x=1",
        "https://www.maghress.com/hespress/12#comments",
        "https://www.maghress.com//hespress//12",
        "/%68espress/12",
        "/hespress/%31%32",
        "/hespress/12;jsessionid=0A1B2C",
        "  /hespress/12\n",
        "../hespress/12",
    ],
)
def test_every_spelling_of_an_article_is_one_address(spelling):
    place = MAGHRESS.locate(spelling, "https://www.maghress.com/alalam/3")
    assert place is not None
    assert place.url == ARTICLE
    assert (place.kind, place.edition, place.paper, place.number) == (Kind.ARTICLE, "ar", "hespress", "12")


@pytest.mark.parametrize(
    "href",
    [
        "https://www.turess.com/assabah/1",
        "https://maghress.com.evil.example/hespress/1",
        "https://maghress.com@evil.example/hespress/1",
        "https://www.maghress.com:8080/hespress/1",
        "https://images2.maghress.com/hespress/1",
        "javascript:alert(1)",
        "mailto:a@maghress.com",
        "file:///etc/passwd",
        "data:text/html,x",
        "ftp://www.maghress.com/hespress/1",
        "http://[::1",
        "http://www.maghress.com:99999999/hespress/1",
        "/video/22220",
        "/faces/index.xhtml",
        "/widget",
        "/about",
        "/hespress/abc",
        "/hespress/12/print",
        "/hespress/1234567890123",
        "/hespress/١٢",
        "/favicon.ico",
        "/hespress\0/12",
    ],
)
def test_what_is_no_page_of_interest_has_no_place(href):
    assert MAGHRESS.locate(href) is None


@pytest.mark.parametrize(
    ("href", "url", "kind", "page", "once"),
    [
        ("/", "https://www.maghress.com/", Kind.LISTING, 1, False),
        ("https://maghress.com", "https://www.maghress.com/", Kind.LISTING, 1, False),
        ("/?page=3", "https://www.maghress.com/?page=3", Kind.LISTING, 3, False),
        ("/page/2", "https://www.maghress.com/?page=2", Kind.LISTING, 2, False),
        ("/fr", "https://www.maghress.com/fr", Kind.LISTING, 1, False),
        ("/fr/", "https://www.maghress.com/fr", Kind.LISTING, 1, False),
        ("/politics/page/2/", "https://www.maghress.com/politics?page=2", Kind.LISTING, 2, False),
        ("/hespress?p=4&utm_x=1", "https://www.maghress.com/hespress?page=4", Kind.LISTING, 4, False),
        ("/fr/lematin", "https://www.maghress.com/fr/lematin", Kind.LISTING, 1, False),
        ("/fr/lematin/7", "https://www.maghress.com/fr/lematin/7", Kind.ARTICLE, 1, False),
        ("/author/a+b", "https://www.maghress.com/author/a+b", Kind.LISTING, 1, True),
        ("/author/a%20b", "https://www.maghress.com/author/a+b", Kind.LISTING, 1, True),
        ("/city", "https://www.maghress.com/city", Kind.LISTING, 1, True),
        ("/rss", "https://www.maghress.com/rss", Kind.FEED, 1, False),
        ("/hespress/rss", "https://www.maghress.com/hespress/rss", Kind.FEED, 1, True),
        ("/fr/rss", "https://www.maghress.com/fr/rss", Kind.FEED, 1, False),
        ("/elbotola/1803221451", "https://www.maghress.com/elbotola/1803221451", Kind.ARTICLE, 1, False),
    ],
)
def test_places(href, url, kind, page, once):
    place = MAGHRESS.locate(href)
    assert place is not None
    assert (place.url, place.kind, place.page, place.once) == (url, kind, page, once)


@pytest.mark.parametrize("site", SITES.values(), ids=SITES)
def test_start_pages_are_their_own_canonical_addresses(site):
    places = site.start_pages(site.editions)
    assert len(places) == len({place.url for place in places}) >= 10
    for place in places:
        assert site.locate(place.url) == place


def test_a_site_served_from_elsewhere_keeps_its_canonical_addresses():
    site = MAGHRESS.served_from("http://127.0.0.1:8123/")
    for spelling in ("/hespress/12", "http://127.0.0.1:8123/hespress/12", "https://maghress.com/hespress/12"):
        assert site.locate(spelling, "http://127.0.0.1:8123/").url == ARTICLE
    assert site.address(ARTICLE) == "http://127.0.0.1:8123/hespress/12"
    assert site.locate("http://127.0.0.1:9000/hespress/12") is None


@pytest.mark.parametrize("base_url", ["", "127.0.0.1:80", "ftp://127.0.0.1", "file:///x", "http://", "http://a:b"])
def test_a_base_url_that_is_no_address_is_refused(base_url):
    with pytest.raises(ValueError, match=r"not an http|Port"):
        MAGHRESS.served_from(base_url)


def test_a_further_page_with_an_address_of_its_own_kind():
    place = MAGHRESS.next_page("/hespress?start=20&jsessionid=9", "https://www.maghress.com/hespress")
    assert (place.url, place.kind) == ("https://www.maghress.com/hespress?start=20", Kind.LISTING)
    assert MAGHRESS.next_page("https://elsewhere.example/?page=2", MAGHRESS.home) is None
    assert MAGHRESS.next_page("javascript:next()", MAGHRESS.home) is None


def test_an_unknown_site_names_the_known_ones():
    with pytest.raises(ValueError, match=r"unknown site 'x': choose from maghress, .*demo"):
        get_site("x")


def test_a_link_that_is_too_long_leads_nowhere():
    listing = f"{MAGHRESS.home}hespress"
    for long in ("/{}/1", "/a/1?{}", "https://www.maghress.com/{}/1"):
        assert MAGHRESS.locate(long.format("a" * LONGEST_ADDRESS)) is None
        assert MAGHRESS.locate(long.format("a" * 80)) is not None
    assert MAGHRESS.next_page(f"?start={'1' * LONGEST_ADDRESS}", listing) is None
    assert MAGHRESS.next_page(f"?start={'1' * 80}", listing) is not None
