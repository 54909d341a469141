"""The way to the original: each answer has its word, publishers are asked gently, and the article never waits for it."""

import json
import re
import sqlite3
import time
from collections import Counter
from itertools import pairwise

import jsonschema
import pytest

from newscrawl.items import SourceRecord, feed_schema
from newscrawl.sources import LinkRot, link_rot, original_url
from newscrawl.store.sources import SourceCount
from tests.conftest import read_feed, run_scrapy
from tests.hostile import TEXT, HostileServer, answer, article, listing, quick_crawl

GONE_DAY = "UPDATE urls SET not_before = not_before - 90000 WHERE kind = 4; UPDATE urls SET since = since - 90000 WHERE kind = 4"


def page(title="عنوان الخبر", body=TEXT, head=""):
    """A page of a publisher."""
    paragraphs = "".join(f"<p>{paragraph}</p>" for paragraph in body.split("\n"))
    return f"<html lang=ar><head><title>{title}</title>{head}</head><body><h1>{title}</h1><article>{paragraphs}</article></body></html>"


def aggregator(sources):
    """Routes of an aggregator whose articles point at these addresses; ids are /press/1, /press/2, …"""
    pages = {
        f"/press/{n}": answer(article(f"عنوان {n}", f"{TEXT} {n}").replace("http://source.example/1", url))
        for n, url in enumerate(sources, 1)
    }
    return {"/": answer(listing(*pages)), **pages}


def crawl(folder, site, *settings, publishers=(), mode="check", **given):
    allowed = ",".join(f"{server._host}:{server.port}" for server in publishers)
    done = quick_crawl(
        folder, "NEWSCRAWL_LINGER=2", "NEWSCRAWL_SOURCE_DELAY=0", f"NEWSCRAWL_ALLOW_HOSTS={allowed}", *settings,
        site="demo", base_url=site.base_url, source=mode, **given,
    )  # fmt: skip
    done.sources = read_feed(folder / "feeds" / "sources.jsonl")
    done.status_of = {line["id"].rpartition("/")[2]: line["source"]["status"] for line in done.sources}
    return done


CASES = {
    "/alive": (answer(page(head='<link rel="canonical" href="/true">')), "alive", 200),
    "/moved": (answer(status="301 Moved Permanently", Location="/alive"), "redirected", 200),
    "/slash": (answer(status="301 Moved Permanently", Location="/slash/"), "alive", 200),
    "/front": (answer(status="302 Found", Location="/"), "home_page", 200),
    "/home-by-canonical": (answer(page(head='<link rel="canonical" href="/">')), "home_page", 200),
    "/gone": (answer("", "404 Not Found"), "gone", 404),
    "/gone-for-good": (answer("", "410 Gone"), "gone", 410),
    "/soft-404": (answer(page("الصفحة غير موجودة", "404")), "gone", 200),
    "/forbidden": (answer("", "403 Forbidden"), "forbidden", 403),
    "/paid": (answer("", "402 Payment Required"), "forbidden", 402),
    "/error": (answer("", "500 Internal Server Error"), "server_error", 500),
    "/odd": (answer("", "418 I'm a teapot"), "unreadable", 418),
    "/pdf": (answer(b"%PDF", kind="application/pdf"), "unreadable", 200),
    "/empty": (answer(""), "unreadable", 200),
    "/cut": (answer(b"x", length=100), "unreachable", None),
    "/hangs-up": (b"", "unreachable", None),
    "/private": (answer(status="302 Found", Location="http://169.254.169.254/latest"), "refused_address", None),
    "/loop": (answer(status="302 Found", Location="/loop"), "unreachable", None),
    "/closed/1": (answer(page()), "robots", None),
}
ROUTES = {path: found for path, (found, _, _) in CASES.items()} | {
    "/robots.txt": answer("User-agent: *\nDisallow: /closed/", kind="text/plain"),
    "/": answer(page("الرئيسية")),
    "/slash/": answer(page()),
}


@pytest.fixture(scope="module")
def checked(tmp_path_factory):
    folder = tmp_path_factory.mktemp("checked")
    with HostileServer(ROUTES, host="127.0.0.2") as publisher, HostileServer(host="127.0.0.3") as canary:
        sources = [publisher.base_url + path for path in CASES]
        sources += [f"{canary.base_url}/canary", "http://no-such-host.invalid/1", "ftp://press.example/1"]
        with HostileServer(aggregator(sources)) as site:
            done = crawl(folder, site, publishers=[publisher])
            done.pages = site.paths()
        done.asked, done.canary, done.folder = publisher.paths(), canary.asked, folder
    return done


@pytest.mark.parametrize(("number", "path"), list(enumerate(CASES, 1)))
def test_each_answer_has_its_word(number, path, checked):
    _, status, http_status = CASES[path]
    (line,) = [line for line in checked.sources if line["id"] == f"demo/ar/press/{number}"]
    assert (line["source"]["status"], line["source"]["http_status"]) == (status, http_status), checked.log[-2000:]


def test_absence_has_its_word_too(checked):
    last = len(CASES)
    assert checked.status_of[str(last + 1)] == "refused_address"
    assert checked.status_of[str(last + 2)] == "domain_gone"
    assert str(last + 3) not in checked.status_of  # no page of the web
    assert checked.canary == []


def test_the_article_never_waits_and_the_run_is_a_success(checked):
    assert checked.status == 0, checked.log
    assert len(checked.articles) == len(CASES) + 3
    assert "0 failures" in checked.log.splitlines()[-1]
    assert "originals (" in checked.log.splitlines()[-1]
    assert "demo is healthy" in checked.log.splitlines()[-1]


def test_addresses_are_told(checked):
    of = {line["id"].rpartition("/")[2]: line["source"] for line in checked.sources}
    base = of["1"]["url"].removesuffix("/alive")
    assert (of["1"]["final_url"], of["1"]["canonical_url"]) == (f"{base}/alive", f"{base}/true")
    assert (of["2"]["url"], of["2"]["final_url"]) == (f"{base}/moved", f"{base}/alive")
    assert of["17"]["final_url"] is None


def test_lines_are_valid_verified_and_counted(checked):
    validator = jsonschema.Draft202012Validator(feed_schema(SourceRecord))
    for line in checked.sources:
        validator.validate(line)
    verified = run_scrapy("feeds", "verify", data=checked.folder)
    assert verified.returncode == 0, verified.stdout
    known = json.loads(run_scrapy("status", "--json", data=checked.folder).stdout)["originals"]
    (row,) = known["by_publisher"]
    assert (row["group"], row["asked"]) == ("demo/press", len(checked.sources))
    lost = sum(status in {"gone", "home_page", "domain_gone"} for status in checked.status_of.values())
    assert row["lost"] == lost
    assert [row["group"] for row in known["by_year"]] == ["2015"]
    told = run_scrapy("status", data=checked.folder).stdout
    assert re.search(rf"demo/press +{len(checked.sources)} +\d+ +{lost} ", told), told
    made = run_scrapy("report", "-o", str(checked.folder / "report.html"), data=checked.folder)
    assert made.returncode == 0, made.stderr
    assert "<td>demo/press</td>" in (checked.folder / "report.html").read_text("utf-8")


def test_no_address_is_asked_twice_in_a_day_and_what_may_pass_is_asked_on_another(checked, tmp_path):
    calls = Counter()

    def flaky(send):
        calls["flaky"] += 1
        send(answer("", "500 Internal Server Error") if calls["flaky"] < 2 else answer(page()))
        return True

    routes = {"/flaky": flaky, "/alive": answer(page())}
    with HostileServer(routes, host="127.0.0.2") as publisher:
        urls = [publisher.base_url + path for path in ("/flaky", "/alive")]
        with HostileServer(aggregator(urls)) as site:
            for _ in range(2):
                done = crawl(tmp_path, site, publishers=[publisher])
            assert done.status == 0
            assert (publisher.paths()["/flaky"], publisher.paths()["/alive"]) == (1, 1)
            with sqlite3.connect(tmp_path / "state.sqlite") as state:
                state.executescript(GONE_DAY)
            state.close()
            time.sleep(1)  # a look is known by its second, and no day has really gone by
            done = crawl(tmp_path, site, publishers=[publisher])
            assert done.status == 0, done.log
            assert (publisher.paths()["/flaky"], publisher.paths()["/alive"]) == (2, 1)
    asked = [line["source"]["status"] for line in done.sources if line["id"].endswith("/1")]
    assert asked == ["server_error", "alive"], done.log
    assert done.status_of["1"] == "alive"


def test_an_address_that_several_articles_name_is_asked_once_for_all(tmp_path):
    with HostileServer({"/a": answer(page())}, host="127.0.0.2") as publisher:
        url = f"{publisher.base_url}/a"
        with HostileServer(aggregator([url, f"{url}#top", url])) as site:
            done = crawl(tmp_path, site, publishers=[publisher])
            with sqlite3.connect(tmp_path / "state.sqlite") as state:
                state.executescript(GONE_DAY)
            state.close()
            done = crawl(tmp_path, site, publishers=[publisher])
        assert publisher.paths()["/a"] <= 2
    assert set(done.status_of) == {"1", "2", "3"}


def test_publishers_are_asked_one_by_one_with_their_delay_and_robots(tmp_path):
    slow = answer("User-agent: *\nCrawl-delay: 0.6", kind="text/plain")
    servers = [
        HostileServer({f"/{n}": answer(page()) for n in range(4)} | ({"/robots.txt": slow} if k == 2 else {}), host=f"127.0.0.{k}")
        for k in (2, 3)
    ]  # fmt: skip
    with servers[0] as careful, servers[1] as other:
        urls = [f"{server.base_url}/{n}" for server in (careful, other) for n in range(4)]
        with HostileServer(aggregator(urls)) as site:
            done = crawl(tmp_path, site, "NEWSCRAWL_SOURCE_DELAY=0.2", publishers=[careful, other])
        assert len(done.sources) == 8, done.log
        for server, delay in ((careful, 0.6), (other, 0.2)):
            gaps = [later - earlier for earlier, later in pairwise(server.times())]
            assert len(gaps) == 3
            assert min(gaps) > delay - 0.05, gaps


def test_a_publisher_that_asks_to_be_left_alone_is(tmp_path):
    busy = answer("", "429 Too Many Requests", Retry_After="3600")
    with HostileServer({"/1": busy, "/2": busy}, host="127.0.0.2") as publisher:
        urls = [f"{publisher.base_url}/{n}" for n in (1, 2)]
        with HostileServer(aggregator(urls)) as site:
            done = crawl(tmp_path, site, publishers=[publisher])
        assert done.status == 0, done.log
        (first,) = set(publisher.paths()) - {"/robots.txt"}  # either article may come first
        assert publisher.paths()[first] == 1
    assert done.status_of == {first.removeprefix("/"): "busy"}


def test_a_host_without_an_answer_costs_three_tries_not_one_a_page(tmp_path):
    with HostileServer(host="127.0.0.2") as publisher:
        publisher.routes = {}
        publisher.fallback = lambda path: b""
        urls = [f"{publisher.base_url}/{n}" for n in range(30)]
        with HostileServer(aggregator(urls)) as site:
            done = crawl(tmp_path, site, publishers=[publisher])
        assert done.status == 0
        assert len(done.articles) == 30
        assert len(publisher.asked) <= 12
    assert set(done.status_of.values()) == {"unreachable"}


def test_after_the_limit_the_originals_are_still_asked(tmp_path):
    with HostileServer({f"/{n}": answer(page()) for n in range(9)}, host="127.0.0.2") as publisher:
        urls = [f"{publisher.base_url}/{n}" for n in range(9)]
        with HostileServer(aggregator(urls)) as site:
            done = crawl(tmp_path, site, publishers=[publisher], limit="4")
    assert done.status == 0
    assert len(done.articles) == 4
    assert {line["id"] for line in done.sources} == {line["id"] for line in done.articles}


def test_without_the_argument_nothing_is_asked(tmp_path):
    with HostileServer({"/1": answer(page())}, host="127.0.0.2") as publisher:
        with HostileServer(aggregator([f"{publisher.base_url}/1"])) as site:
            done = crawl(tmp_path, site, publishers=[publisher], mode="off")
        assert publisher.asked == []
    assert (done.status, len(done.articles), done.sources) == (0, 1, [])


def test_a_thousand_pages_of_two_hundred_hosts(tmp_path):
    """The bound of 100 pages/s and 600 MB is that of docs/sources.md; here with room for a busy machine."""
    body = "\n".join(f"{TEXT} {n}" for n in range(40))
    servers = [
        HostileServer({f"/{n}": answer(page(body=body)) for n in range(5)}, host=f"127.0.1.{k}") for k in range(1, 201)
    ]
    for server in servers:
        server.__enter__()
    try:
        urls = [f"{server.base_url}/{n}" for n in range(5) for server in servers]
        with HostileServer(aggregator(urls)) as site:
            began = time.monotonic()
            done = crawl(tmp_path, site, publishers=servers)
            seconds = time.monotonic() - began
    finally:
        for server in servers:
            server.__exit__()
    assert Counter(done.status_of.values()) == {"alive": 1000}
    assert all(server.paths()["/robots.txt"] == 1 and len(server.asked) == 6 for server in servers)
    assert done.peak_mb < 600
    assert 2000 / seconds > 60  # articles and originals, the start of the process included


@pytest.mark.parametrize(
    ("given", "asked"),
    [
        ("http://Press.example:80/a#b", "http://press.example/a"),
        ("https://press.example", "https://press.example/"),
        ("https://press.example:8443/a?utm_source=x", "https://press.example:8443/a?utm_source=x"),
        ("http://[::1]:99/a", "http://[::1]:99/a"),
        ("http://[::1/a", None),
        ("javascript:alert(1)", None),
        ("file:///etc/passwd", None),
        ("http:///nowhere", None),
        ("http://press.example/" + "a" * 3000, None),
    ],
)
def test_what_is_asked_for_a_source_url(given, asked):
    assert original_url(given) == asked


def test_link_rot_is_counted_by_publisher_and_year():
    counts = [
        SourceCount("demo", "a", 2015, "alive", 3),
        SourceCount("demo", "a", 2016, "gone", 2),
        SourceCount("demo", "b", 2016, "domain_gone", 1),
        SourceCount("demo", "b", None, "robots", 4),
        SourceCount("demo", "b", 2016, None, 9),
    ]
    assert link_rot(counts, "publisher") == [LinkRot("demo/a", 5, 3, 2, 0), LinkRot("demo/b", 5, 0, 1, 4)]
    assert [(row.group, row.share_lost) for row in link_rot(counts, "year")] == [("2015", 0), ("2016", 1), ("?", 0)]
