"""Pages that need a browser: only they get one, it asks for nothing that the crawl would not, and it cannot stay or grow."""

import json
import os
import re
import shutil
import signal
import socket
import sqlite3
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.conftest import read_feed
from tests.hostile import TEXT, HostileServer, answer, listing, quick_crawl
from tests.test_sources import aggregator, page

needs_chromium = pytest.mark.skipif(
    not any(map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))),
    reason="chromium is missing: apt-get install chromium",
)

WORDS = json.dumps(TEXT)
TITLE = "عنوان"
"""What the title becomes by the script."""


def scripted(script="", body="", head=""):
    """A page of a publisher whose text a script brings."""
    return answer(
        f"<html><head><title>…</title>{head}</head><body>{body}<div id=app></div><script>{script};"
        f"document.title = 'عنوان'; document.getElementById('app').innerHTML = '<article>' + {WORDS} + '</article>'"
        "</script></body></html>"
    )


def crawl(folder, site, *settings, publishers=(), **given):
    """A crawl that reads originals; its log tells what of a browser was loaded."""
    folder.mkdir(exist_ok=True)
    if "mode" not in given:  # no listings, which take their time where all are rendered
        seeds = folder / "seeds.txt"
        seeds.write_text(
            "\n".join(f"https://www.demoress.example{path}" for path in site.routes if path.startswith("/press/"))
        )
        given |= {"mode": "urls", "seeds": str(seeds)}
    allowed = ",".join(f"{server._host}:{server.port}" for server in publishers)
    done = quick_crawl(
        folder, "NEWSCRAWL_LINGER=2", "NEWSCRAWL_SOURCE_DELAY=0", f"NEWSCRAWL_ALLOW_HOSTS={allowed}", "SPIDER_MODULES=tests.rendered",
        "STATS_DUMP=1", *settings, site="demo", base_url=site.base_url, source="fetch", **given,
    )  # fmt: skip
    done.sources = {
        line["id"].rpartition("/")[2]: line["source"] for line in read_feed(folder / "feeds" / "sources.jsonl")
    }
    done.browser = {name: int(number) for name, number in re.findall(r"'newscrawl/browser/(\w+)': (\d+)", done.log)}
    return done


def originals(folder, pages, *settings, host="127.0.0.2", **given):
    """Crawl the originals at these paths of one publisher."""
    with HostileServer(pages, host=host) as publisher:
        urls = [publisher.base_url + path for path in pages]
        with HostileServer(aggregator(urls)) as site:
            done = crawl(folder, site, *settings, publishers=[publisher], **given)
        done.asked = publisher.paths()
        done.times = {asked.path: asked.at for asked in publisher.asked}
    return done


def rendered_hosts(folder):
    with sqlite3.connect(folder / "state.sqlite") as state:
        known = dict(state.execute("SELECT host, renders FROM rendered_hosts"))
    state.close()
    return known


@needs_chromium
def test_a_page_without_text_is_rendered_and_one_with_text_is_not(tmp_path):
    picture = "<img src=/a.png><video src=/a.mp4></video><style>@font-face{font-family:x;src:url(/a.woff)}*{font-family:x}</style>"
    scripts, plain = (
        HostileServer({"/js": scripted(body=picture)}, host="127.0.0.2"),
        HostileServer({"/static": answer(page())}, host="127.0.0.3"),
    )
    with scripts, plain, HostileServer(aggregator([f"{scripts.base_url}/js", f"{plain.base_url}/static"])) as site:
        done = crawl(tmp_path, site, publishers=[scripts, plain])
    assert done.status == 0, done.log
    assert done.sources["1"]["rendered"], done.log
    assert done.sources["1"]["title"] == TITLE
    assert not done.sources["2"]["rendered"]
    assert scripts.paths() == {"/robots.txt": 1, "/js": 2}
    assert plain.paths() == {"/robots.txt": 1, "/static": 1}
    assert done.browser == {"started": 1, "pages": 1}
    assert "ERROR" not in done.log
    assert rendered_hosts(tmp_path) == {f"127.0.0.2:{scripts.port}": 1}


def test_without_a_page_that_needs_it_nothing_of_a_browser_is_loaded(tmp_path):
    done = originals(tmp_path, {f"/{n}": answer(page()) for n in range(3)})
    assert done.status == 0
    assert len(done.sources) == 3
    assert done.browser == {}
    assert "loaded: []" in done.log, done.log


def test_never_means_never(tmp_path):
    done = originals(tmp_path, {"/js": scripted()}, render="never")
    assert done.status == 0, done.log
    assert (done.sources["1"]["rendered"], done.browser, done.asked["/js"]) == (False, {}, 1)
    assert "loaded: []" in done.log


@needs_chromium
def test_a_host_is_remembered_over_runs(tmp_path):
    with HostileServer({f"/{n}": scripted() for n in range(4)}, host="127.0.0.2") as publisher:
        with HostileServer(aggregator([f"{publisher.base_url}/{n}" for n in range(2)])) as site:
            crawl(tmp_path, site, publishers=[publisher])
            assert sorted(publisher.paths().values()) == [1, 1, 2]  # robots.txt, and the second page at once
            site.routes.update(aggregator([f"{publisher.base_url}/{n}" for n in range(4)]))
            done = crawl(tmp_path, site, publishers=[publisher])
        assert publisher.paths()["/2"] == publisher.paths()["/3"] == 1
    assert all(source["rendered"] for source in done.sources.values())


@needs_chromium
def test_a_host_that_a_browser_does_not_help_is_left_to_the_crawl(tmp_path):
    done = originals(tmp_path, {f"/{n}": answer("<body><script>1</script></body>") for n in range(5)})
    assert done.status == 0, done.log
    assert [source["status"] for source in done.sources.values()] == ["alive"] * 5
    assert done.browser["pages"] == 3
    assert set(rendered_hosts(tmp_path).values()) == {0}


def test_where_there_is_no_browser_it_is_said_once(tmp_path):
    done = originals(
        tmp_path, {f"/{n}": scripted() for n in range(3)}, 'PLAYWRIGHT_LAUNCH_OPTIONS={"executable_path": "/nowhere"}'
    )
    assert done.status == 0, done.log
    assert [source["rendered"] for source in done.sources.values()] == [False] * 3
    assert done.asked == {"/robots.txt": 1, **{f"/{n}": 1 for n in range(3)}}
    (line,) = [line for line in done.log.splitlines() if "apt-get install chromium" in line]
    assert "WARNING Pages that need a browser are left as they are: no browser at /nowhere" in line


@needs_chromium
def test_a_browser_that_does_not_start_is_said_once(tmp_path):
    broken = 'PLAYWRIGHT_LAUNCH_OPTIONS={"executable_path": "/bin/false"}'
    done = originals(tmp_path, {f"/{n}": scripted() for n in range(2)}, broken)
    assert done.status == 0, done.log
    assert [source["rendered"] for source in done.sources.values()] == [False] * 2
    assert done.log.count("Pages that need a browser are left as they are") == 1
    assert "Traceback" not in done.log


# What it may ask for


def canaried(canary, udp, public):
    """A page that tries to reach a private address in every way that a page knows."""
    at, ws = canary.base_url, canary.base_url.replace("http", "ws")
    return scripted(
        script=f"""
        fetch('{at}/fetch').catch(() => 0); fetch('{at}/cors', {{mode: 'no-cors', method: 'POST', body: 'x'}}).catch(() => 0);
        let x = new XMLHttpRequest(); x.open('GET', '{at}/xhr'); x.send();
        try {{ new WebSocket('{ws}/websocket') }} catch (e) {{}}
        try {{ new EventSource('{at}/events') }} catch (e) {{}}
        navigator.sendBeacon('{at}/beacon', 'x');
        navigator.serviceWorker?.register('/worker.js');
        try {{ new Worker(URL.createObjectURL(new Blob(["fetch('{at}/worker'); new WebSocket('{ws}/worker-socket')"]))) }} catch (e) {{}}
        let pc = new RTCPeerConnection({{iceServers: [{{urls: 'stun:127.0.0.9:{udp}'}}]}});
        pc.createDataChannel('x'); pc.createOffer().then(o => pc.setLocalDescription(o));
        window.open('{at}/popup'); setTimeout(() => location.href = '{at}/location', 300);
        fetch('{public}/redirect').catch(() => 0); fetch('http://localhost:{canary.port}/name').catch(() => 0);
        fetch('http://[::ffff:7f00:9]:{canary.port}/mapped').catch(() => 0);
        fetch('http://2130706441:{canary.port}/decimal').catch(() => 0);
        fetch('file:///etc/passwd').catch(() => 0)
        """,
        head=f"""<link rel=preconnect href={at}><link rel=prefetch href={at}/prefetch><link rel=preload as=fetch href={at}/preload>
        <link rel=stylesheet href={at}/style.css><link rel=dns-prefetch href={at}><link rel=manifest href={at}/manifest>
        <script type=speculationrules>{{"prerender": [{{"source": "list", "urls": ["{at}/prerender"]}}]}}</script>
        <meta http-equiv=refresh content="1;url={at}/refresh">""",
        body=f"""<img src={at}/img><script src={at}/script></script><iframe src={at}/iframe></iframe><iframe src={public}/redirect></iframe>
        <object data={at}/object></object><embed src={at}/embed><video src={at}/video></video><audio src={at}/audio></audio>
        <form id=f action={at}/form method=post></form><script>setTimeout(() => f.submit(), 500)</script>
        <a id=d href={at}/download download></a><script>setTimeout(() => d.click(), 100)</script>""",
    )


@needs_chromium
def test_nothing_reaches_an_address_that_the_crawl_would_not_ask(tmp_path):
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    udp.bind(("127.0.0.9", 0))
    udp.setblocking(False)
    with HostileServer(host="127.0.0.9") as canary, HostileServer(host="127.0.0.2") as publisher:
        publisher.routes["/canary"] = canaried(canary, udp.getsockname()[1], publisher.base_url)
        publisher.routes["/redirect"] = answer(status="302 Found", Location=f"{canary.base_url}/redirected")
        publisher.routes["/moved"] = answer(status="302 Found", Location=f"{canary.base_url}/moved")
        publisher.routes["/worker.js"] = answer(f"fetch('{canary.base_url}/service')", kind="text/javascript")
        urls = [f"{publisher.base_url}{path}" for path in ("/canary", "/moved")]
        with HostileServer(aggregator(urls)) as site:
            # The operator has named the canary too: that holds for its own pages, no other page may reach into it.
            done = crawl(tmp_path, site, publishers=[publisher, canary], render="always")
        asked = publisher.paths()
    assert canary.paths() == {"/robots.txt": 1, "/moved": 1}
    with pytest.raises(BlockingIOError):
        udp.recv(100)
    udp.close()
    assert done.sources["1"]["rendered"], done.log
    assert done.sources["1"]["title"] == TITLE
    assert done.sources["2"]["status"] == "gone"
    assert done.browser["refused"] >= 8
    assert asked["/redirect"] >= 1


@needs_chromium
def test_redirects_of_a_page_are_followed_by_the_crawl_and_its_wish_to_leave_by_nobody(tmp_path):
    pages = {
        "/robots.txt": answer("User-agent: *\nDisallow: /closed/", kind="text/plain"),
        "/moved": answer(status="301 Moved Permanently", Location="/there"),
        "/to-closed": answer(status="302 Found", Location="/closed/1"),
        "/private": answer(status="302 Found", Location="http://169.254.169.254/latest"),
        "/leaves": scripted("setTimeout(() => location.href = '/closed/2', 100)"),
        "/refreshes": scripted(head="<meta http-equiv=refresh content='0;url=/closed/3'>"),
        # Several, for it is a race whether one is read while it loads itself again.
        **{
            f"/reloads-{n}": scripted("if (!document.cookie) { document.cookie = 'seen=1'; location.reload() }")
            for n in range(5)
        },
        "/for-ever": scripted("setTimeout(() => location.reload(), 10)"),
        "/there": scripted(),
        "/closed/1": scripted(),
    }
    done = originals(tmp_path, pages, render="always")
    of = {
        source["url"].partition(":")[2].partition("/")[2].partition("/")[2].partition("/")[2]: source
        for source in done.sources.values()
    }
    assert (of["moved"]["status"], of["moved"]["rendered"], of["moved"]["title"]) == ("redirected", True, TITLE), (
        done.log
    )
    reloads = [name for name in of if name.startswith("reloads-")]
    assert len(reloads) == 5
    assert of["private"]["status"] == "refused_address"
    assert of["to-closed"]["status"] == of["closed/1"]["status"] == "robots"
    assert all(of[name]["title"] == TITLE for name in ("leaves", "refreshes", *reloads, "there")), done.log
    assert not [path for path in done.asked if path.startswith("/closed")]
    assert [done.asked[f"/{name}"] for name in (*reloads, "moved")] == [2] * len(reloads) + [1]
    assert done.asked["/for-ever"] <= 3  # the last time without a browser
    assert done.browser["started"] == 1


@needs_chromium
def test_a_page_has_its_bytes_and_its_time(tmp_path):
    pages = {
        "/large": scripted(head="<script async src=/endless></script>"),
        "/grows": scripted("document.body.append('x'.repeat(3 << 20))"),
        "/spins": scripted("for (;;);"),
        "/hangs": scripted(head="<script async src=/hanging></script>"),
        "/asks": scripted("alert(1); confirm(2); prompt(3); window.open('/popup'); onbeforeunload = () => 'stay'"),
    }
    sent = Counter()

    def endless(send):
        send(b"HTTP/1.1 200 OK\r\nContent-Type: text/javascript\r\n\r\n")
        for _ in range(4000):
            send(b"//" + b"x" * 65534)
            sent["bytes"] += 65536

    publisher = HostileServer({**pages, "/endless": endless, "/hanging": lambda send: time.sleep(20)}, host="127.0.0.2")
    with publisher, HostileServer(aggregator([publisher.base_url + path for path in pages])) as site:
        bounds = ("DOWNLOAD_MAXSIZE=2000000", "DOWNLOAD_TIMEOUT=3")
        done = crawl(tmp_path, site, *bounds, publishers=[publisher], render="always")
    assert done.status == 0, done.log
    titles = {number: source["title"] for number, source in done.sources.items()}
    assert titles == {"1": TITLE, "2": None, "3": None, "4": TITLE, "5": TITLE}
    assert sent["bytes"] < 12_000_000  # what the sockets between hold
    assert "/popup" not in publisher.paths()
    assert "Traceback" not in done.log


# How it is kept


def browsers():
    """Browsers (their first processes) of this machine that belong to this test's crawls, by pid."""
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                line = (folder / "cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            if b"--proxy-bypass-list=<-loopback>" in line and not any(part.startswith(b"--type=") for part in line):
                found.append(int(folder.name))
    return found


@needs_chromium
def test_a_browser_that_dies_is_replaced_and_its_pages_are_read(tmp_path):
    killed = []

    def kills(send):
        if not killed and (found := browsers()):
            killed.extend(found)
            for pid in found:
                os.kill(pid, signal.SIGKILL)
        send(scripted())
        return True

    done = originals(tmp_path, {"/1": scripted(), "/2": kills, "/3": scripted()}, render="always")
    assert done.status == 0, done.log
    assert killed
    assert [source["title"] for source in done.sources.values()] == [TITLE] * 3
    assert (done.browser["started"], done.browser["restarted"], done.browser["pages"]) == (2, 1, 3)
    assert "Traceback" not in done.log
    assert browsers() == []


@needs_chromium
def test_the_browser_is_renewed_and_a_host_has_one_page_at_a_time(tmp_path):
    under_way, most = Counter(), Counter()
    lock = threading.Lock()

    def slowly(host):
        def write(send):
            with lock:
                under_way[host] += 1
                under_way["all"] += 1
                for name in (host, "all"):
                    most[name] = max(most[name], under_way[name])
            time.sleep(0.3)
            with lock:
                under_way[host] -= 1
                under_way["all"] -= 1
            send(scripted())
            return True

        return write

    hosts = [f"127.0.0.{n}" for n in range(2, 5)]
    servers = [HostileServer({f"/{n}": slowly(host) for n in range(2)}, host=host).__enter__() for host in hosts]
    try:
        with HostileServer(aggregator([f"{server.base_url}/{n}" for server in servers for n in range(2)])) as site:
            settings = ("NEWSCRAWL_BROWSER_PAGES=2", "NEWSCRAWL_BROWSER_RENEW=3")
            done = crawl(tmp_path, site, *settings, publishers=servers, render="always")
    finally:
        for server in servers:
            server.__exit__()
    assert done.status == 0, done.log
    assert [source["rendered"] for source in done.sources.values()] == [True] * 6
    assert all(most[host] == 1 for host in hosts)
    assert most["all"] == 2
    assert done.browser["started"] == 2
    assert "'playwright/context_count': 6" in done.log
    assert browsers() == []


# Listings


def paged(script, control, tail=""):
    """A listing of two articles with a control whose script brings more; without a control, one that a script fills."""
    if not control:
        return answer(
            f"<html><body><script>document.body.innerHTML = {json.dumps(listing('/press/1', '/press/2'))}</script></body></html>"
        )
    return answer(
        listing("/press/1", "/press/2", tail=f"<div id=more></div>{control}<script>let n = 3; {script}</script>{tail}")
    )


APPENDS = """function more() { if (n < 9) setTimeout(() => {
    for (let k = 0; k < 2; k++) document.getElementById('more').innerHTML += `<a class=teasertitle href=/press/${n++}>x</a>` }, 50) }"""
REPLACES = """function more() { if (n < 9) document.getElementById('more').innerHTML = `<a class=teasertitle href=/press/${n++}>x</a>` }"""
CASES = {
    "appends": (APPENDS, "<a href='#'>المزيد</a><p><button onclick='more()'>تحميل المزيد</button>", 8),
    "replaces": (REPLACES, "<a href='#' onclick='more(); return false'>التالي »</a>", 8),
    "a shell": ("", "", 2),
    "a menu": ("", "<a href='#'>المزيد</a>", 2),
}


def listings(folder, page, *settings, **given):
    home = {f"/press/{n}": answer(found) for n in range(1, 10) for found in [article_of(n)]}
    with HostileServer({"/": page, **home}) as site:
        done = crawl(folder, site, *settings, mode="latest", **given)
        done.asked = site.paths()
        done.times = [asked.at for asked in site.asked]
    return done


def article_of(n):
    return (
        aggregator(["http://source.example/1"])["/press/1"]
        .split(b"\r\n\r\n", 1)[1]
        .decode()
        .replace("عنوان 1", f"عنوان {n}")
        .replace("كلها", f"كلها {n}")
    )


@pytest.fixture(scope="module")
def clicked(tmp_path_factory):
    folder = tmp_path_factory.mktemp("clicked")

    def run(case):
        return listings(folder / case, paged(*CASES[case][:2]))

    with ThreadPoolExecutor() as at_once:
        return dict(zip(CASES, at_once.map(run, CASES), strict=True)), folder


@needs_chromium
@pytest.mark.parametrize("case", CASES)
def test_a_control_for_more_is_clicked(case, clicked):
    done, articles = clicked[0][case], CASES[case][2]
    assert done.status == 0, done.log
    assert len(done.articles) == articles, done.log
    assert done.asked["/"] == 2
    assert set(rendered_hosts(clicked[1] / case).values()) <= {articles > 2}
