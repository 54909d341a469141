"""The frontier and the settlement under spiders of other makes: what a Scrapy user expects still holds."""

import json
import textwrap
import threading
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from scrapy import Request
from scrapy.utils.test import get_crawler

from newscrawl.extensions import Stats
from newscrawl.frontier import Frontier
from newscrawl.sites import get_site
from newscrawl.spiders.aggregator import AggregatorSpider
from newscrawl.store import State, open_store
from tests.conftest import run_scrapy


@pytest.fixture
def server():
    """Answers a path by `server.routes[path](nth request for it)` -> (status, headers, body)."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            length = int(self.headers.get("Content-Length") or 0)
            sent = self.rfile.read(length)
            path = self.path
            httpd.asked[path] += 1
            httpd.cookies.append(self.headers.get("Cookie"))
            status, headers, body = httpd.routes.get(path, lambda n: (404, {}, b""))(httpd.asked[path])
            self.send_response(status)
            for name, value in {
                "Content-Length": str(len(body)),
                "Content-Type": "text/html",
            }.items() | headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body if path != "/echo" else sent)

        do_POST = do_GET

        def log_message(self, *arguments):
            pass

    httpd = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    httpd.routes, httpd.asked, httpd.cookies = {}, Counter(), []
    httpd.url = f"http://127.0.0.1:{httpd.server_port}"
    thread = threading.Thread(target=httpd.serve_forever, daemon=True)
    thread.start()
    yield httpd
    httpd.shutdown()
    httpd.server_close()
    thread.join()


def ok(body=b"<html><body>ok</body></html>", **headers):
    return lambda n: (200, headers, body)


def run_spider(tmp_path, source, *settings):
    """Run a spider given by the body of its class; answers (exported items, states by path, log)."""
    spider = tmp_path / "spider.py"
    body = textwrap.indent(textwrap.dedent(source), "    ")
    spider.write_text(
        f"import scrapy\nfrom scrapy import Request\n\n\nclass S(scrapy.Spider):\n    name = 's'\n{body}", "utf-8"
    )
    options = [
        part
        for setting in ("NEWSCRAWL_LINGER=3", "NEWSCRAWL_ALLOW_HOSTS=127.0.0.0/8", *settings)
        for part in ("-s", setting)
    ]
    done = run_scrapy("runspider", str(spider), "-O", str(tmp_path / "items.jsonl"), *options, data=tmp_path / "data")
    items = [json.loads(line) for line in (tmp_path / "items.jsonl").read_text("utf-8").splitlines()]
    return items, states(tmp_path), done.stderr


def states(tmp_path):
    import sqlite3

    open_store(tmp_path / "data" / "state.sqlite", readonly=True).close()
    with sqlite3.connect(f"file:{tmp_path / 'data' / 'state.sqlite'}?mode=ro", uri=True) as connection:
        rows = connection.execute("SELECT key, state, reason FROM urls").fetchall()
    connection.close()
    return {key.split("/", 3)[-1]: (State(state).name.lower(), reason) for key, state, reason in rows}


def test_callbacks_with_keyword_arguments_headers_and_bodies(server, tmp_path):
    server.routes = {"/": ok(), "/a": ok(), "/echo": lambda n: (200, {"Content-Length": "3"}, b"   ")}
    items, found, log = run_spider(
        tmp_path,
        f"""
        async def start(self):
            yield Request("{server.url}/")

        def parse(self, response):
            yield Request("{server.url}/a", self.second, cb_kwargs={{"n": 7}}, meta={{"colour": "red"}}, headers={{"X-A": "1"}})
            yield Request("{server.url}/echo", self.third, method="POST", body=b"\\xffab")

        def second(self, response, n):
            yield {{"n": n, "colour": response.meta["colour"], "header": response.request.headers["X-A"].decode()}}

        def third(self, response):
            yield {{"echo": response.body.hex()}}
        """,
        "ROBOTSTXT_OBEY=False",
    )
    assert {"n": 7, "colour": "red", "header": "1"} in items, log
    assert {"echo": "ff6162"} in items, log
    assert {state for state, _ in found.values()} == {"done"}


def test_the_same_url_is_asked_once_and_dont_filter_asks_again(server, tmp_path):
    server.routes = {"/": ok(), "/once": ok(), "/again": ok()}
    _, _, log = run_spider(
        tmp_path,
        f"""
        async def start(self):
            yield Request("{server.url}/")

        def parse(self, response):
            for _ in range(3):
                yield Request("{server.url}/once", self.ended)
            yield Request("{server.url}/again", self.ended)

        def ended(self, response):
            if response.url.endswith("/again") and not hasattr(self, "asked"):
                self.asked = True
                yield Request("{server.url}/again", self.ended, dont_filter=True)
        """,
        "ROBOTSTXT_OBEY=False",
    )
    assert (server.asked["/once"], server.asked["/again"]) == (1, 2), log


def test_cookies_follow_where_they_are_enabled(server, tmp_path):
    server.routes = {"/": ok(**{"Set-Cookie": "a=1"}), "/next": ok()}
    run_spider(
        tmp_path,
        f"""
        async def start(self):
            yield Request("{server.url}/")

        def parse(self, response):
            yield Request("{server.url}/next", self.ended)

        def ended(self, response):
            pass
        """,
        "ROBOTSTXT_OBEY=False",
        "COOKIES_ENABLED=True",
    )
    assert "a=1" in server.cookies


def test_redirects_settle_and_their_target_is_fetched_once(server, tmp_path):
    server.routes = {
        "/": ok(),
        "/old": lambda n: (301, {"Location": "/new"}, b""),
        "/older": lambda n: (302, {"Location": "/new"}, b""),
        "/new": ok(),
        "/loop": lambda n: (302, {"Location": "/pool"}, b""),
        "/pool": lambda n: (302, {"Location": "/loop"}, b""),
        "/self": lambda n: (302, {"Location": "/self"}, b""),
    }
    items, found, log = run_spider(
        tmp_path,
        f"""
        async def start(self):
            yield Request("{server.url}/")

        def parse(self, response):
            if response.url.endswith("/new"):
                yield {{"url": response.url}}
            for path in ("old", "older", "loop", "self"):
                yield Request("{server.url}/" + path, dont_filter=False)
        """,
        "ROBOTSTXT_OBEY=False",
    )
    assert server.asked["/new"] == 1, log
    assert len(items) == 1
    assert found["old"] == found["older"] == ("skipped", "redirected")
    assert found["loop"] == found["pool"] == ("skipped", "redirected")
    assert found["self"][0] in {"skipped", "dead"}


def test_an_exception_in_a_callback_leaves_the_url_to_be_tried_again(server, tmp_path):
    server.routes = {"/": ok(), "/b": ok()}
    _, found, log = run_spider(
        tmp_path,
        f"""
        async def start(self):
            yield Request("{server.url}/")

        def parse(self, response):
            yield Request("{server.url}/b", self.broken)
            yield {{"first": 1}}

        def broken(self, response):
            yield {{"second": 1}}
            raise RuntimeError("broken")
        """,
        "ROBOTSTXT_OBEY=False",
        "NEWSCRAWL_RETRY_DELAYS=0,0",
    )
    assert server.asked["/b"] == 3, log
    assert found["b"] == ("dead", "exception_RuntimeError")
    assert found[""] == ("done", None)


def asking_for(server, path):
    return f"""
        async def start(self):
            yield Request("{server.url}/")

        def parse(self, response):
            yield Request("{server.url}{path}")
        """


def test_a_failing_page_is_tried_as_the_ladder_says_then_dead(server, tmp_path):
    server.routes = {"/": ok(), "/500": lambda n: (500, {}, b"")}
    _, found, log = run_spider(
        tmp_path, asking_for(server, "/500"), "ROBOTSTXT_OBEY=False", "NEWSCRAWL_RETRY_DELAYS=0,0"
    )
    assert found["500"] == ("dead", "http_500"), log
    assert server.asked["/500"] == 3


def test_what_falls_due_after_the_linger_is_left_to_the_next_run(server, tmp_path):
    server.routes = {"/": ok(), "/later": lambda n: (503, {"Retry-After": "3600"}, b"")}
    _, found, log = run_spider(tmp_path, asking_for(server, "/later"), "ROBOTSTXT_OBEY=False")
    assert found["later"] == ("deferred", "http_503"), log
    assert server.asked["/later"] == 1


def test_a_request_that_cannot_be_stored_is_a_clear_error(server, tmp_path):
    server.routes = {"/": ok()}
    _, found, log = run_spider(
        tmp_path,
        f"""
        async def start(self):
            yield Request("{server.url}/")

        def parse(self, response):
            yield Request("{server.url}/x", meta={{"thing": object()}})
        """,
        "ROBOTSTXT_OBEY=False",
        "NEWSCRAWL_RETRY_DELAYS=0",
    )
    assert "cannot be queued" in log
    assert "carry JSON values in meta and cb_kwargs" in log
    assert found[""] == ("dead", "exception_ValueError")


def test_errbacks_are_called_and_failures_are_settled(server, tmp_path):
    server.routes = {"/": ok(), "/404": lambda n: (404, {}, b"")}
    items, found, log = run_spider(
        tmp_path,
        f"""
        async def start(self):
            yield Request("{server.url}/")

        def parse(self, response):
            yield Request("{server.url}/404", errback=self.missing)

        def missing(self, failure):
            yield {{"failed": type(failure.value).__name__}}
        """,
        "ROBOTSTXT_OBEY=False",
    )
    assert items == [{"failed": "Rejected"}], log
    assert found["404"] == ("skipped", "gone")


def test_counters_take_the_argument_that_scrapys_own_take():
    crawler = get_crawler(settings_dict={"STATS_CLASS": "newscrawl.extensions.Stats"})
    assert type(crawler.stats) is Stats
    crawler.stats.inc_value("pages", spider=None)
    crawler.stats.inc_value("pages", 2)
    crawler.stats.max_value("peak", 3)
    assert crawler.stats.get_value("pages") == 3
    assert crawler.stats.get_stats() == {"pages": 3, "peak": 3}


@pytest.mark.parametrize(
    ("href", "asked"),
    [
        ("?page=2", "http://127.0.0.2:8/alkhabar?page=2"),
        ("?start=20", "http://127.0.0.2:8/alkhabar?start=20"),
        ("/archives/x?from=3", "http://127.0.0.2:8/archives/x?from=3"),  # no rule locates it
    ],
)
def test_a_further_page_is_asked_where_the_next_run_is_told(href, asked):
    one, other = (AggregatorSpider(site="demo", base_url=f"http://127.0.0.{end}") for end in ("1:9", "2:8"))
    before, after = object.__new__(Frontier), object.__new__(Frontier)
    before._spider, after._spider = one, other
    place = get_site("demo").next_page(href, "https://www.demoress.example/alkhabar")
    stored = json.loads(before._stored(Request(one.address(place.url), cb_kwargs={"pages": 1}), place.url))
    assert stored["cb_kwargs"] == {"pages": 1}
    assert stored.get("url", after._address(place.url)) == asked
