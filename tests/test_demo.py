"""The bundled aggregator: is what it serves what it says, and can all of it be found by following links?"""

import http.client
import itertools
import json
import re
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from html import unescape
from urllib.parse import unquote, urljoin, urlsplit

import pytest

from newscrawl.demo import DemoServer
from newscrawl.demo.corpus import COPY_KINDS, LAYOUTS
from newscrawl.demo.damage import REPAIRS

HOSTS = {"www.demoress.example", "demoress.example"}
ARTICLE_FIELDS = {
    "id", "url", "site", "edition", "language", "title", "body", "publisher", "publisher_id", "authors", "published",
    "published_raw", "source_url", "images", "repairs", "layout", "story", "copy", "via", "in_feed",
}  # fmt: skip


class Client:
    """One keep-alive connection."""

    def __init__(self, base_url: str) -> None:
        self.connection = http.client.HTTPConnection(base_url.removeprefix("http://"), timeout=5)

    def close(self) -> None:
        self.connection.close()

    def get(self, target: str, method: str = "GET") -> tuple[int, dict[str, str], bytes]:
        self.connection.request(method, target)
        answer = self.connection.getresponse()
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()

    def page(self, url: str) -> str:
        """An article's page as text, its first failure or redirect overcome, decoded as header or meta declare."""
        target = urlsplit(url).path
        for _ in range(2):
            status, headers, body = self.get(target)
            if status == 200:
                break
            target = headers.get("location", target)
        charset = re.search(r"charset=([\w-]+)", headers["content-type"] + body[:900].decode("latin-1"))
        assert charset
        return body.decode(charset[1])


@pytest.fixture(scope="module")
def demo() -> Iterator[DemoServer]:
    with DemoServer() as server:
        yield server


@pytest.fixture(scope="module")
def truth(demo: DemoServer) -> dict:
    return demo.truth()


@pytest.fixture
def client(demo: DemoServer) -> Iterator[Client]:
    with closing(Client(demo.base_url)) as client:
        yield client


def text_of(markup: str) -> str:
    """Words of a page in one line: enough to look for sentences, not a parser."""
    markup = re.sub(r"(?is)<!--.*?-->|<(script|style|noscript)\b.*?</\1>", " ", markup)
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", markup)).split())


def crawl(client: Client) -> tuple[dict[str, int], set[str]]:
    """Follows every link of the site; gives path -> status, and hosts or schemes of links that lead elsewhere."""
    queue, seen, off_site, endless = ["/", "/fr", "/en"], {}, set(), Counter()
    while queue:
        target = queue.pop()
        if target in seen:
            continue
        status, headers, body = client.get(target)
        if status == 500:
            status, headers, body = client.get(target)
        seen[target] = status
        links = [headers["location"]] if "location" in headers else []
        links += re.findall(r'(?i)(?:href="|<link>)([^"<]*)', body.decode("utf-8", "replace"))
        for link in links:
            parts = urlsplit(urljoin("https://www.demoress.example" + target, unescape(link)))
            if parts.hostname not in HOSTS:
                off_site.add(parts.hostname or parts.scheme)
                continue
            path = unquote(parts.path).rstrip("/") or "/"
            page = re.search(r"(?:page|p)=\d+", parts.query)
            if path.startswith(("/faces/", "/resources/")):
                continue
            if "/author/" in path or path.startswith("/city/"):
                path = parts.path
            if page and path == "/alwaha" and (endless.update([path]) or endless[path] > 12):
                continue
            queue.append(path + ("?" + page[0] if page else "") + ("/?ref=moved" if "ref=moved" in parts.query else ""))
    return seen, off_site


def test_every_article_is_reached_by_links_and_no_other_is(demo: DemoServer, truth: dict) -> None:
    with DemoServer() as server, closing(Client(server.base_url)) as client:
        seen, off_site = crawl(client)
    reached = {path for path, status in seen.items() if status in {200, 301} and re.search(r"/\d+$", path)}
    known = {urlsplit(article["url"]).path for article in truth["articles"].values()}
    dead = {urlsplit(url).path for url in truth["failures"]}
    assert known <= reached
    assert {path for path in seen if re.fullmatch(r"(/fr|/en)?/(?!video|page)\w+/\d+", path)} == known | dead
    assert {seen[path] for path in dead} == {200, 302, 404, 410}
    assert {"www.offsite.example", "www.demoress.example.offsite.example", "javascript", "mailto", "file"} <= off_site


def test_orphans_have_exactly_the_way_that_is_told(demo: DemoServer, truth: dict, client: Client) -> None:
    ways = Counter(article["via"] for article in truth["articles"].values())
    assert ways == {"listing": len(truth["ids"]) - 8, "ticker": 3, "related": 2, "rss": 2, "author": 1}
    home = client.get("/")[2].decode()
    linking: dict[str, set[str]] = {}
    for article in truth["articles"].values():
        if article["via"] in {"related", "rss", "author"}:
            assert article["url"].removeprefix("https://www.demoress.example") not in home
            linking[article["via"]] = {article["publisher_id"]}
        if article["via"] == "rss":
            feed = client.get(f"/{article['publisher_id']}/rss")[2].decode()
            assert f"<link>{article['url']}</link>" in feed


def test_same_seed_same_bytes(demo: DemoServer) -> None:
    one, two, other = DemoServer(), DemoServer(), DemoServer(seed=2)
    targets = ["/", "/almassae?p=2", "/rss", *(article.path for article in one.corpus.articles)]
    assert one.truth() == demo.truth() != other.truth()
    assert [one.answer("GET", target) for target in targets] == [two.answer("GET", target) for target in targets]


def test_corpus_is_as_large_and_mixed_as_promised(truth: dict) -> None:
    articles = truth["articles"].values()
    editions = Counter(article["edition"] for article in articles)
    assert truth["ids"] == list(truth["articles"])
    assert len(truth["ids"]) == len(set(truth["ids"])) == 260
    assert editions["ar"] >= 200
    assert editions["fr"] >= 30
    assert editions["en"] >= 20
    assert [a["language"] for a in articles if a["language"] != a["edition"]] == ["fr"]
    assert len({a["publisher_id"] for a in articles if a["edition"] == "ar"}) >= 8
    keys = Counter(a["id"].split("/", 2)[2] for a in articles)
    assert max(keys.values()) == 2, "one paper and number in two editions"
    assert {(a["edition"], a["layout"]) for a in articles} == {(e, name) for e in LAYOUTS for name in LAYOUTS[e]}
    assert min(Counter(a["layout"] for a in articles).values()) >= 3
    assert {name for a in articles for name in a["repairs"]} == set(REPAIRS)
    assert {a["copy"] for a in articles} == {None, *COPY_KINDS}
    assert 0.1 < sum(a["copy"] is not None for a in articles) / len(articles) < 0.15
    assert {a["published"][:4] for a in articles} >= {"2010", "2026"}
    assert set(truth["failures"].values()) == {
        "gone", "soft_404", "listing", "home_page", "empty", "login_wall", "not_html", "redirected_to_known",
    }  # fmt: skip


def test_truth_has_the_fields_of_an_article_in_repaired_text(truth: dict) -> None:
    damaged = re.compile(
        "[\u200e\u200f\u202a-\u202e\u2028\u00a0\ufe70-\ufefc]|&\\w+;| \\?\\w|\\w\\?\\w|  |<|[ØÙÇá]|ط§ظ"
    )
    for article in truth["articles"].values():
        assert set(article) == ARTICLE_FIELDS
        assert (
            article["id"] == f"demo/{article['edition']}/{article['publisher_id']}/{article['url'].rsplit('/', 1)[1]}"
        )
        assert not damaged.search(article["title"] + "\n" + article["body"])
        assert "\n" not in article["title"]
        assert all(line == line.strip() != "" for line in article["body"].split("\n"))
        assert article["publisher"] not in article["authors"]
        year, month, day = article["published"].split("-")
        assert article["published_raw"].endswith(f" {day} - {month} - {year}")
        assert all(image["url"].startswith("https://images2.demoress.example/") for image in article["images"])
        assert 100 < len(article["body"]) < 4000


def test_undamaged_texts_stand_on_their_page_outside_the_ticker(demo: DemoServer, truth: dict, client: Client) -> None:
    for article in truth["articles"].values():
        shown = text_of(client.page(article["url"]))
        assert article["published_raw"] in shown
        if article["repairs"] or article["layout"] in {"several_contents", "inline_links"}:
            continue
        lines = [" ".join(line.split()) for line in (article["title"], *article["body"].split("\n"))]
        assert all(line in shown for line in lines), article["id"]
        assert (article["source_url"] or "") in unescape(client.page(article["url"]))


def test_layouts_look_as_they_are_called(truth: dict, client: Client) -> None:
    marks = {
        "span": '<span class="articlecontent">', "h1": '<h1 class="articletitle">', "td": '<td class="articlecontent">',
        "upper_case": '<DIV CLASS="articlecontent">', "clutter": "<noscript>", "picture": 'class="reportwidget"',
        "bare_report": 'return false;">إبلاغ</a><p>', "div_ticker": "<div><a ", "br": "<br /><br />\n",
    }  # fmt: skip
    for article in truth["articles"].values():
        page, layout = client.page(article["url"]), article["layout"]
        if layout in marks and article["edition"] == "ar":
            assert marks[layout] in page
        assert (page.count('class="articlecontent"') > 1) == (layout == "several_contents")
        assert ("articletitle" in page) == (not layout.startswith("redesign"))
        assert ("</p>" not in page[page.find("articlecontent") : page.find('class="related"')]) == (
            layout in {"br", "unclosed_p", "upper_case"} or layout.startswith("redesign")
        )
        assert ("\n" in page) == (layout != "minified")
        assert unescape(page).count("\N{NO-BREAK SPACE}" * 4) > (40 if article["edition"] == "ar" else 10)
        assert (article["source_url"] is None) or "نشر" in page or "Publi" in page


def test_encodings_are_as_declared(truth: dict, client: Client) -> None:
    for article in truth["articles"].values():
        if article["layout"].startswith("cp1256"):
            _, headers, body = client.get(urlsplit(article["url"]).path)
            declared = "windows-1256" in headers["content-type"]
            assert declared == (article["layout"] == "cp1256_header")
            assert b'content="text/html; charset=windows-1256"' in body
            with pytest.raises(UnicodeDecodeError):
                body.decode("utf-8")


def shingles(text: str) -> set[tuple[str, ...]]:
    words = re.findall(r"\w+", text)
    return set(zip(words, words[1:], words[2:], strict=False))


def test_different_stories_share_few_shingles(truth: dict) -> None:
    originals = [shingles(a["body"]) for a in truth["articles"].values() if a["copy"] is None]
    pairs = [(len(a & b), len(a), len(b)) for a, b in itertools.combinations(originals, 2)]
    assert max(common / (one + other - common) for common, one, other in pairs) < 0.25
    assert max(common / min(one, other) for common, one, other in pairs if min(one, other) > 100) < 0.45


def test_copies_are_the_same_story(truth: dict) -> None:
    folded = str.maketrans("أإى", "ااي", "ًّـ")
    for article in truth["articles"].values():
        if article["copy"]:
            same = [a for a in truth["articles"].values() if a["story"] == article["story"]]
            original = next(a for a in same if a["copy"] is None)
            here, there = (shingles(a["body"].translate(folded)) for a in (article, original))
            assert len(here & there) / min(len(here), len(there)) > 0.9
            assert original["publisher"] != article["publisher"]
            assert original["published"] <= article["published"]
            if article["copy"] == "exact":
                assert set(article["body"]) - set(original["body"]) <= set('"\N{REPLACEMENT CHARACTER}ـ')


def test_paging_ends_or_repeats_as_each_listing_does(demo: DemoServer, client: Client) -> None:
    def items(target: str) -> list[str]:
        return re.findall(r'href="([^"]*)" class="teasertitle"', client.get(target)[2].decode())

    assert len(items("/almassae")) == 12
    assert items("/almassae?p=40") == []
    assert [client.get(t)[0] for t in ("/almassae?p=40", "/febrayer/page/99", "/nosuchpaper")] == [200, 200, 404]
    assert items("/alwaha?page=1000") == items("/alwaha?page=1001") != []
    assert 'rel="next" href="/alyaoum24?page=2"' in client.get("/alyaoum24")[2].decode()
    assert ">التالي<" in client.get("/febrayer")[2].decode()
    assert 'href="/febrayer/page/2"' in client.get("/febrayer")[2].decode()
    assert ">Suivant<" in client.get("/fr")[2].decode()
    assert client.get("/fr/aujourdhui/rss")[2].count(b"<item>") == 15
    cities = re.findall(r'"(/city/%[^"]+)"', client.get("/city")[2].decode())
    assert len(items(cities[0])) > 1


def test_endpoints_count_and_grow() -> None:
    with DemoServer(articles=80, seed=3) as server, closing(Client(server.base_url)) as client:
        assert b"Disallow: /faces/" in client.get("/robots.txt")[2]
        status, headers, body = client.get("/", "HEAD")
        assert (status, body) == (200, b"")
        assert int(headers["content-length"]) == len(client.get("/")[2])
        assert json.loads(client.get("/__count")[2]) == {"requests": 3, "paths": {"/robots.txt": 1, "/": 2}}
        assert server.requests == {"/robots.txt": 1, "/": 2}
        before = json.loads(client.get("/__truth")[2])
        added = json.loads(client.get("/__grow?n=5", "POST")[2])
        after = json.loads(client.get("/__truth")[2])
        assert after["ids"] == before["ids"] + added
        path = urlsplit(after["articles"][added[-1]]["url"]).path
        assert path in client.get("/")[2].decode()
        assert client.get(path)[0] == 200
    with DemoServer(articles=80, seed=3) as again:
        assert again.grow(5) == added


def test_stops_with_open_connections_and_leaves_no_thread() -> None:
    before = set(threading.enumerate())
    server = DemoServer(articles=30)
    server.start()
    clients = [Client(server.base_url) for _ in range(3)]
    assert [client.get("/")[0] for client in clients] == [200] * 3
    server.stop()
    assert set(threading.enumerate()) <= before
    for client in clients:
        client.close()
    with pytest.raises(RuntimeError, match="not started"):
        _ = server.base_url


def test_stands_alone() -> None:
    command = [sys.executable, "-m", "newscrawl.demo", "--articles", "20"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        line = process.stdout.readline()
        assert line.startswith("demo aggregator at http://127.0.0.1:")
        with closing(Client(line.split()[-1])) as client:
            assert client.get("/rss")[0] == 200
        process.terminate()
        assert process.wait(5) == 0
