"""Guards against requests to internal addresses, bodies without end, and text that moves cursors."""

import gzip
import io
import logging
import subprocess
import sys
import zlib
from ipaddress import ip_address

import brotli
import pytest
import zstandard
from scrapy import Request
from scrapy.http import HtmlResponse, Response
from scrapy.settings import Settings

from newscrawl.safety import (
    AddressGuard,
    BoundedDecoding,
    BrokenBody,
    Exempt,
    ForbiddenAddress,
    SafeRecord,
    TooLarge,
    UnknownEncoding,
    decoded,
    is_internal,
    literal_address,
    printable,
)
from tests.conftest import run_scrapy
from tests.hostile import HostileServer, answer, article, listing

LIMIT = 1 << 20

SPELLINGS = [
    "127.0.0.1", "127.1", "127.0.1", "2130706433", "0x7f000001", "0x7f.0x0.0x0.0x1", "0177.0.0.1", "017700000001",
    "0x7f.1", "127.0.0.1.", "127.000.000.001", "%31%32%37.0.0.1", "１２７.0.0.1", "①②⑦.⓪.⓪.①", "127。0。0。1", "0", "0.0.0.0",
    "[::1]", "[::]", "[0:0:0:0:0:0:0:1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::127.0.0.1]", "[64:ff9b::127.0.0.1]",
    "[2002:7f00:1::]", "[2001:0:1::1]", "[fe80::1%25lo]", "[fd00:ec2::254]", "[ff02::1]", "[fec0::1]", "10.0.0.1",
    "172.16.0.1", "192.168.1.1", "169.254.169.254", "169.254.43518", "0xa9fea9fe", "2852039166", "100.64.0.1",
    "100.100.100.200", "168.63.129.16", "224.0.0.1", "240.0.0.1", "255.255.255.255", "192.0.0.192", "198.18.0.1",
    "[64:ff9b:1::1]", "user@127.0.0.1", "public.example@127.0.0.1", "public.example:80@127.0.0.1",
]  # fmt: skip


def guard(*allowed, origins=()):
    exempt = Exempt.from_settings(Settings({"NEWSCRAWL_ALLOW_HOSTS": list(allowed)}))
    for origin in origins:
        exempt.add(origin)
    return AddressGuard(exempt)


@pytest.mark.parametrize("host", SPELLINGS)
def test_no_spelling_of_an_internal_address_passes(host):
    for scheme in ("http", "https"):
        request = Request("http://x.example/")
        request._set_url(f"{scheme}://{host}/") if "%" not in host else None
        request._url = f"{scheme}://{host}/"  # whatever Scrapy would have made of it
        with pytest.raises(ForbiddenAddress):
            guard().process_request(request)


@pytest.mark.parametrize("url", ["http://93.184.216.34/", "https://[2606:4700::1111]/", "http://www.maghress.com/a/1"])
def test_public_addresses_and_names_pass(url):
    guard().process_request(Request(url))


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://x.example/", "data:,x", "s3://b/k", "http:///x"])
def test_only_http_and_https_pass(url):
    with pytest.raises(ForbiddenAddress):
        guard().process_request(Request(url))


def test_what_the_operator_names_is_exempt_and_nothing_beside_it():
    named = guard("127.0.0.1:8000", "10.1.0.0/16", origins=["http://192.168.0.9"])
    for url in ("http://127.0.0.1:8000/x", "https://10.1.2.3/", "http://192.168.0.9/", "http://192.168.0.9:80/"):
        named.process_request(Request(url))
    for url in ("http://127.0.0.1:8001/", "http://127.0.0.1/", "http://10.2.0.1/", "http://192.168.0.9:81/"):
        with pytest.raises(ForbiddenAddress):
            named.process_request(Request(url))


@pytest.mark.parametrize("entry", ["127.0.0.1", "10.0.0.1/8", "host:port", "/", ":80"])
def test_a_malformed_exception_is_said(entry):
    with pytest.raises(ValueError, match="NEWSCRAWL_ALLOW_HOSTS"):
        guard(entry)


def test_a_name_is_no_literal_address():
    assert literal_address("www.maghress.com") is None
    assert literal_address("dead.beef") is None
    assert not is_internal(ip_address("1.1.1.1"))


CANARY_SPIDER = """
import scrapy

class Everything(scrapy.Spider):
    name = "everything"
    start_urls = ["{start}"]
    origins = ["{start}"]

    def parse(self, response):
        for href in response.xpath("//@href | //loc/text() | //link/text()").getall():
            try:
                yield response.follow(href, errback=self.failed)
            except ValueError:
                pass

    def failed(self, failure):
        pass
"""


def test_a_canary_is_never_asked(tmp_path):
    with (
        HostileServer(fallback=lambda path: answer("<p>caught</p>")) as canary,
        HostileServer(fallback=lambda path: answer("<p>caught</p>"), host="127.0.0.9") as other,
    ):
        port = canary.port
        addresses = [f"http://{host}:{port}/{n}" for n, host in enumerate(SPELLINGS[:29])]
        addresses += [
            f"http://localhost:{port}/x",
            f"http://LOCALHOST.:{port}/",
            f"{other.base_url}/",
            "file:///etc/passwd",
        ]
        addresses += [f"//127.0.0.1:{port}/", f"https://127.0.0.1:{port}/", "data:,x", f"ftp://127.0.0.1:{port}/"]
        routes = {"/": answer("".join(f'<a href="{a}">x</a><a href="/to/{n}">x</a>' for n, a in enumerate(addresses))
                  + '<a href="/refresh">x</a><a href="/sitemap.xml">x</a>')}  # fmt: skip
        routes |= {
            f"/to/{n}": answer(status="302 Found", Location=a.encode().decode("latin-1"))
            for n, a in enumerate(addresses)
        }
        routes["/refresh"] = answer(f'<meta http-equiv="refresh" content="0; url={addresses[0]}">')
        entries = "".join(f"<url><loc>{a}</loc></url>" for a in addresses)
        routes["/sitemap.xml"] = answer(f"<urlset>{entries}</urlset>", kind="application/xml")
        with HostileServer(routes) as server:
            script = tmp_path / "everything.py"
            script.write_text(CANARY_SPIDER.format(start=f"{server.base_url}/"))
            done = run_scrapy(
                "runspider", str(script), "-s", "NEWSCRAWL_LINGER=0", "-s", "METAREFRESH_ENABLED=1",
                "-s", "NEWSCRAWL_RETRY_DELAYS=1", "-s", "DNS_TIMEOUT=3", data=tmp_path,
            )  # fmt: skip
            assert done.returncode == 0, done.stderr
            assert len(server.paths()) > len(addresses), done.stderr
            assert "forbidden_address" in done.stderr
        assert canary.asked == []
        assert other.asked == []


def test_the_aggregator_asks_nothing_outside_its_site(tmp_path):
    with HostileServer(fallback=lambda path: answer("caught")) as canary:
        away = f"http://127.0.0.1:{canary.port}"
        feed = f"<rss><channel><item><link>{away}/feed/1</link></item></channel></rss>"
        routes = {
            "/": answer(listing("/press/1", f"{away}/press/2", tail=f'<a rel="next" href="{away}/?page=2">2</a>')),
            "/rss": answer(feed, kind="application/rss+xml"),
            "/press/1": article(tail=f'<a href="{away}/press/3">x</a><link rel="next" href="{away}/press?page=2">'),
            "/press": answer(status="302 Found", Location=f"{away}/press"),
            "/press/4": answer(status="301 Moved", Location=f"http://localhost:{canary.port}/press/4"),
            "/robots.txt": answer(status="302 Found", Location=f"{away}/robots.txt"),
        }
        with HostileServer(routes) as server:
            done = run_scrapy(
                "crawl", "aggregator", "-a", "site=demo", "-a", f"base_url={server.base_url}", "-s", "NEWSCRAWL_LINGER=0",
                data=tmp_path,
            )  # fmt: skip
            assert "1 articles" in done.stderr, done.stderr
        assert canary.asked == []


def test_a_name_that_leads_to_an_internal_address_is_refused_where_it_is_connected():
    script = """
import sys
from scrapy import Spider, Request
from scrapy.crawler import CrawlerProcess
class Names(Spider):
    name = "names"
    async def start(self):
        yield Request(sys.argv[1], errback=self.failed)
    def failed(self, failure):
        print("FAILED", type(failure.value).__name__)
    def parse(self, response):
        print("GOT", response.status)
settings = {"TWISTED_DNS_RESOLVER": "newscrawl.safety.GuardedResolver", "LOG_ENABLED": False, "RETRY_ENABLED": False,
    "DOWNLOADER_MIDDLEWARES": {"newscrawl.safety.AddressGuard": 10}, "TELNETCONSOLE_ENABLED": False,
    "REMOTE_CONTROL_ENABLED": False, "NEWSCRAWL_ALLOW_HOSTS": sys.argv[2:]}
process = CrawlerProcess(settings)
process.crawl(Names)
process.start()
"""
    with HostileServer({"/": "x"}) as server:
        url = f"http://localhost:{server.port}/"

        def run(*allow):
            return subprocess.run(
                [sys.executable, "-c", script, url, *allow], capture_output=True, text=True, timeout=60, check=True
            ).stdout

        assert run() == "FAILED ForbiddenAddress\n"
        assert server.asked == []
        assert run(f"localhost:{server.port}") == "GOT 200\n"
        assert run("127.0.0.0/8") == "GOT 200\n"


# Decoding


def packed(data):
    raw = zlib.compressobj(9, zlib.DEFLATED, -15)
    return {
        "gzip": gzip.compress(data),
        "x-gzip": gzip.compress(data),
        "deflate": zlib.compress(data),
        "raw deflate": raw.compress(data) + raw.flush(),
        "br": brotli.compress(data),
        "zstd": zstandard.compress(data),
    }


@pytest.mark.parametrize("name", packed(b""))
def test_a_whole_stream_is_decoded_and_a_cut_one_is_not_a_page(name):
    data = bytes(range(256)) * 1000 + b"a" * 300_000
    body = packed(data)[name]
    encoding = name.removeprefix("raw ")
    assert decoded(body, [encoding], LIMIT) == data
    assert decoded(packed(b"")[name], [encoding], LIMIT) == b""
    for cut in (1, 5, len(body) // 2, len(body) - 1):
        with pytest.raises(BrokenBody):
            decoded(body[:-cut], [encoding], LIMIT)
    with pytest.raises(TooLarge):
        decoded(packed(data * 3)[name], [encoding], LIMIT)


def test_damage_several_members_and_several_encodings():
    page = b"page" * 1000
    flipped = bytearray(gzip.compress(page))
    flipped[-6] ^= 1  # the checksum
    for body in (bytes(flipped), b"<html>no gzip at all</html>"):
        with pytest.raises(BrokenBody):
            decoded(body, ["gzip"], LIMIT)
    assert decoded(gzip.compress(page) * 2, ["gzip"], LIMIT) == page * 2
    assert decoded(zstandard.compress(page) * 2, ["zstd"], LIMIT) == page * 2
    assert decoded(gzip.compress(page) + b"\0" * 10, ["gzip"], LIMIT) == page
    assert decoded(brotli.compress(gzip.compress(page)), ["gzip", " BR "], LIMIT) == page
    assert decoded(page, ["identity", ""], LIMIT) == page
    for names in (["compress"], ["gzip"] * 4):
        with pytest.raises(UnknownEncoding):
            decoded(page, names, LIMIT)


def test_the_response_is_as_if_it_had_come_plain():
    middleware = BoundedDecoding(LIMIT)
    request = Request("https://x.example/")
    middleware.process_request(request)
    assert request.headers[b"Accept-Encoding"] == b"gzip, deflate, br, zstd"
    headers = {"Content-Encoding": "gzip", "Content-Type": "text/html"}
    sent = Response(request.url, body=gzip.compress("<p>نص".encode()), headers=headers)
    response = middleware.process_response(request, sent)
    assert isinstance(response, HtmlResponse)
    assert response.body == "<p>نص".encode()
    assert b"Content-Encoding" not in response.headers
    empty = Response(request.url, headers=headers)
    assert middleware.process_response(request, empty).body == b""


# Terminals and logs


def test_control_characters_reach_no_line_of_the_log():
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    record = SafeRecord(
        "x", logging.INFO, "f", 1, "Deferred: %s", ("\x1b]0;owned\x07\r\n12:00 INFO forged\x9b2J\u2028x\u202e",), None
    )
    handler.emit(record)
    try:
        raise ValueError("\x1b[31mred\r")
    except ValueError:
        handler.emit(SafeRecord("x", logging.ERROR, "f", 1, "failed", (), sys.exc_info()))
    told = stream.getvalue()
    assert not [c for c in told if (ord(c) < 32 and c != "\n") or 127 <= ord(c) < 160 or c in "\u2028\u202e"]
    assert told.splitlines()[0].startswith(r"Deferred: \x1b]0;owned\x07\r\n12:00 INFO forged")
    assert "Traceback" in told


def test_printable_leaves_words_alone():
    assert printable("نص عربي plain") == "نص عربي plain"
    assert printable("a\tb\ud800") == r"a\tb\ud800"
