"""robots.txt, delays, holds and rights: the server counts what was asked and when."""

import email.utils
import sqlite3
import time
from itertools import pairwise

import pytest
from scrapy import Request
from scrapy.http import HtmlResponse

from newscrawl import settings
from newscrawl.frontier import ROBOTS
from newscrawl.pages import metas_of, tree_of
from newscrawl.politeness import Rules, _content_signal, reserved, retry_after, rights_of
from newscrawl.store import open_store
from tests.hostile import HostileServer, answer, article, drip, listing
from tests.hostile import quick_crawl as crawl

PAGES = {f"/press/{n}": answer(article(f"عنوان {n}", f"نص الخبر رقم {n}")) for n in range(1, 6)}
QUICK = ("NEWSCRAWL_LINGER=3", "NEWSCRAWL_RETRY_DELAYS=1,1")


def site(robots=None, pages=PAGES, **routes):
    """Routes of a small site: a home page that lists these pages."""
    found = {"/": answer(listing(*pages)), **pages, **routes}
    return found if robots is None else found | {"/robots.txt": robots}


def text(robots):
    return answer(robots, kind="text/plain")


def run(server, folder, *options):
    return crawl(folder, *(options or QUICK), site="demo", base_url=server.base_url)


def asked_pages(server):
    return {path for path in server.paths() if path.startswith("/press/")}


# robots.txt by its status


@pytest.mark.parametrize(
    "status", ["404 Not Found", "403 Forbidden", "401 Unauthorized", "410 Gone", "400 Bad Request"]
)
def test_without_a_robots_txt_everything_may_be_asked(status, tmp_path):
    with HostileServer(site(answer("User-agent: *\nDisallow: /", status))) as server:
        done = run(server, tmp_path)
        assert (done.status, len(done.articles)) == (0, 5), done.log
        assert server.paths()["/robots.txt"] == 1
        assert done.articles[0]["rights"] is None


@pytest.mark.parametrize("status", ["500 Internal Server Error", "503 Service Unavailable", "429 Too Many Requests"])
def test_while_robots_txt_cannot_be_had_nothing_is_asked(status, tmp_path):
    with HostileServer(site(answer("", status))) as server:
        done = run(server, tmp_path)
        assert done.status == 1
        assert set(server.paths()) == {"/robots.txt"}
        assert f"robots.txt of 127.0.0.1:{server.port} answers {status[:3]}" in done.log.splitlines()[-1]
        assert "demo is blocked" in done.log.splitlines()[-1]
        store = open_store(tmp_path / "state.sqlite", readonly=True)
        states = {count.state.name for count in store.counts()}
        store.close()
        assert states == {"PENDING"}  # not dead, not even tried
        before = len(server.asked)
        run(server, tmp_path)
        assert len(server.asked) == before  # the host is held across runs


def test_a_robots_txt_that_recovers_is_asked_again_and_then_obeyed(tmp_path):
    answers = [answer("", "503 Service Unavailable", Retry_After="1"), text("User-agent: *\nDisallow: /press/3\n")]
    routes = site()
    routes["/robots.txt"] = lambda send: send(answers.pop(0) if len(answers) > 1 else answers[0])
    with HostileServer(routes) as server:
        done = run(server, tmp_path)
        assert (done.status, len(done.articles)) == (0, 4), done.log
        assert server.paths()["/robots.txt"] == 2
        assert "/press/3" not in server.paths()
        assert "Skipped (robots): https://www.demoress.example/press/3" in done.log


def test_a_robots_txt_that_never_ends_or_never_comes_is_no_permission(tmp_path):
    slow = drip(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n", b"# ", 0.2)
    with HostileServer(site() | {"/robots.txt": slow}) as server:
        done = run(server, tmp_path, "DOWNLOAD_TIMEOUT=1", *QUICK)
        assert done.status == 1
        assert set(server.paths()) == {"/robots.txt"}


def test_only_the_first_half_mebibyte_counts(tmp_path):
    body = (
        b"User-agent: *\nDisallow: /press/1\n" + b"# filler\n" * 70_000 + b"Disallow: /press/2\n" + b"# x\n" * 3_000_000
    )
    with HostileServer(site(text(body))) as server:
        done = run(server, tmp_path)
        assert len(done.articles) == 4, done.log
        assert "/press/1" not in server.paths()
        assert "/press/2" in server.paths()


@pytest.mark.parametrize(("hops", "articles"), [(5, 4), (6, 5)])
def test_five_redirects_of_robots_txt_are_followed(hops, articles, tmp_path):
    routes = {f"/r{n}": answer(status="302 Found", Location=f"/r{n + 1}") for n in range(1, hops)}
    routes[f"/r{hops}"] = text("User-agent: *\nDisallow: /press/3")
    first = answer(status="301 Moved Permanently", Location="/r1")
    with HostileServer(site(first) | routes) as server:
        assert len(run(server, tmp_path).articles) == articles


def test_robots_txt_is_asked_once_a_day_not_once_a_run(tmp_path):
    with HostileServer(site(text("User-agent: *\nDisallow: /press/3"))) as server:
        for _ in range(3):
            run(server, tmp_path)
        assert server.paths()["/robots.txt"] == 1
        assert "/press/3" not in server.paths()
        # What was forbidden is asked when it no longer is.
        server.routes["/robots.txt"] = text("")
        with sqlite3.connect(tmp_path / "state.sqlite") as state:
            state.execute("UPDATE robots SET fetched_at = fetched_at - 90000")
        state.close()
        run(server, tmp_path)
        assert server.paths()["/robots.txt"] == 2
        assert server.paths()["/press/3"] == 1


def test_a_crawl_that_robots_txt_forbids_ends_with_its_rule(tmp_path):
    with HostileServer(site(text("User-agent: newscrawl\nDisallow: /\n\nUser-agent: *\nAllow: /"))) as server:
        done = run(server, tmp_path)
        assert done.status == 1
        assert f"robots.txt of 127.0.0.1:{server.port} forbids it: 'Disallow: /'" in done.log.splitlines()[-1]
        assert "demo is blocked" in done.log.splitlines()[-1]
        assert set(server.paths()) == {"/robots.txt"}


def test_disobedience_is_explicit_and_loud(tmp_path):
    with HostileServer(site(text("User-agent: *\nDisallow: /"))) as server:
        done = run(server, tmp_path, "ROBOTSTXT_OBEY=0", *QUICK)
        assert len(done.articles) == 5
        assert done.log.count("ROBOTSTXT_OBEY is off: robots.txt is NOT asked and NOT obeyed") == 1
        assert "/robots.txt" not in server.paths()


ROBOTS_TXT = """
User-agent: news
Disallow: /

User-agent: other
User-agent: NewsCrawl/2.0
Disallow: /a
Allow: /a/b
Disallow: /*.pdf$
Disallow: /ا
Crawl-delay: 500

User-agent: *
Disallow: /c
"""


@pytest.mark.parametrize(
    ("path", "allowed", "rule"),
    [
        ("/", True, None),
        ("/a", False, "Disallow: /a"),
        ("/a/b/c", True, "Allow: /a/b"),
        ("/x.pdf", False, "Disallow: /*.pdf$"),
        ("/x.pdf?y", True, None),
        ("/%D8%A7x", False, "Disallow: /%D8%A7"),
        ("/%61", False, "Disallow: /a"),
        ("/c", True, None),
    ],
)
def test_the_rule_that_decides(path, allowed, rule):
    rules = Rules.parse(ROBOTS_TXT, "newscrawl", 0.0)
    verdict = rules.verdict(f"https://x.example{path}")
    assert (verdict.allowed, verdict.rule) == (allowed, rule)
    assert rules.delay == 120.0


def test_robots_txt_may_be_anything():
    hostile = [
        "",
        "\0\x1b[2J",
        "<html>404</html>",
        "Disallow: /",
        "User-agent\nDisallow",
        "a" * 500_000,
        "\n" * 500_000,
    ]
    hostile.append("User-agent: *\n" + "Disallow: /*a*a*a*a*a*a*a*a*b\n" * 15_000)
    hostile.append("User-agent: *\n" + "".join(f"Disallow: /{n}\n" for n in range(30_000)))
    for robots in hostile:
        started = time.process_time()
        rules = Rules.parse(robots, "newscrawl", 0.0)
        rules.verdict("https://x.example/" + "a" * 2000)
        assert time.process_time() - started < 1.0, robots[:30]


# Delays and holds


@pytest.mark.parametrize(("crawl_delay", "own"), [(0.3, 0), (0.1, 0.3)], ids=("of robots.txt", "of the site"))
def test_the_longer_of_two_delays_is_kept(crawl_delay, own, tmp_path):
    robots = text(f"User-agent: *\nCrawl-delay: {crawl_delay}")
    with HostileServer(site(robots, **{"/press": answer(listing(*PAGES))})) as server:
        options = (f"DOWNLOAD_DELAY={own}", "DOWNLOAD_DELAY_JITTER=0", "NEWSCRAWL_LINGER=0")
        done = crawl(tmp_path, *options, site="demo", base_url=server.base_url, paper="press", edition="ar")
        assert len(done.articles) == 5
        gaps = [after - before for before, after in pairwise(server.times(robots=True))]
        assert len(gaps) == 6
        assert min(gaps) > 0.28, gaps


@pytest.mark.parametrize(
    ("status", "as_date"), [("429 Too Many Requests", False), ("503 Service Unavailable", True)], ids=("429", "503")
)
def test_retry_after_holds_the_host(status, as_date, tmp_path):
    said = []

    def once(send):
        if said:
            send(PAGES["/press/1"])
        else:
            said.append(time.monotonic())
            after = email.utils.formatdate(time.time() + 3, usegmt=True) if as_date else "2"
            send(answer("", status, Retry_After=after))

    with HostileServer(site() | {"/press/1": once}) as server:
        done = run(server, tmp_path, "DOWNLOAD_DELAY=0.05", "NEWSCRAWL_LINGER=5", "NEWSCRAWL_RETRY_DELAYS=1,1")
        assert len(done.articles) == 5, done.log
        too_early = [at for at in server.times() if 0.3 < at - said[0] < 1.7]
        assert too_early == []


def test_a_hold_survives_a_restart_and_has_an_end(tmp_path):
    busy = answer("", "503 Service Unavailable", Retry_After="99999999")
    with HostileServer(site() | {"/": busy}) as server:
        run(server, tmp_path)
        before = len(server.asked)
        done = run(server, tmp_path)
        assert len(server.asked) == before, done.log
        store = open_store(tmp_path / "state.sqlite", readonly=True)
        assert 86_000 < store.hosts()[0].not_before - time.time() <= 86_400
        store.close()


def test_back_off_doubles_until_a_page_comes(tmp_path):
    times = []

    def busy(send):
        times.append(time.monotonic())
        send(answer("", "503 Service Unavailable") if len(times) < 3 else answer(listing("/press/1")))

    routes = site(pages={"/press/1": PAGES["/press/1"]}) | {"/": busy}
    with HostileServer(routes) as server:
        options = ("NEWSCRAWL_BACKOFF=0.8", "NEWSCRAWL_LINGER=9", "NEWSCRAWL_RETRY_DELAYS=1,1,1,1,1")
        done = crawl(tmp_path, *options, site="demo", base_url=server.base_url, edition="ar")
        gaps = [after - before for before, after in pairwise(times)]
        assert len(done.articles) == 1, done.log
        assert [gap > floor for gap, floor in zip(gaps, (0.95, 1.55), strict=True)] == [True] * 2, gaps


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("", None),
        ("120", 120),
        ("soon", None),
        ("-5", None),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 0),
        ("9" * 40, 999999999),
    ],
)
def test_retry_after_is_seconds_or_a_date(value, seconds):
    assert retry_after(HtmlResponse("https://x.example/", headers={"Retry-After": value})) == seconds


# Rights


def response(head="", robots=None, **headers):
    request = Request("https://www.demoress.example/press/1")
    if robots is not None:
        request.meta[ROBOTS] = Rules.parse(robots, "newscrawl", 0.0).verdict(request.url)
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return HtmlResponse(request.url, request=request, body=article(head=head).encode(), headers=named)


@pytest.mark.parametrize(
    ("said", "rights", "names"),
    [
        ({}, None, set()),
        ({"robots": ""}, None, set()),
        ({"robots": "User-agent: *\nDisallow: /x"}, {"robots": {"allowed": True, "rule": None}}, set()),
        (
            {"robots": "User-agent: *\nContent-Signal: search=yes, ai-train=no\nAllow: /"},
            {"robots": {"allowed": True, "rule": "Allow: /"}, "content_signal": {"search": "yes", "ai-train": "no"}},
            {"ai-train"},
        ),
        ({"X_Robots_Tag": "noindex, NoAI"}, {"x_robots_tag": ["noindex", "noai"]}, {"noindex", "noai"}),
        ({"X_Robots_Tag": "googlebot: noindex"}, None, set()),
        ({"X_Robots_Tag": ["newscrawl: noarchive", "max-snippet: 5"]}, {"x_robots_tag": ["noarchive", "max-snippet: 5"]}, {"noarchive"}),
        ({"head": '<META NAME="ROBOTS" content="noai, follow">'}, {"meta_robots": ["noai", "follow"]}, {"noai"}),
        ({"head": '<meta name="newscrawl" content="noindex">'}, {"meta_robots": ["noindex"]}, {"noindex"}),
        (
            {"TDM_Reservation": "1", "TDM_Policy": "https://x.example/policy"},
            {"tdm_reservation": "1", "tdm_policy": "https://x.example/policy"},
            {"tdm-reservation"},
        ),
        ({"head": '<meta name="tdm-reservation" content="1">'}, {"tdm_reservation": "1"}, {"tdm-reservation"}),
        ({"TDM_Reservation": "0"}, {"tdm_reservation": "0"}, set()),
        ({"Content_Signal": "ai-input=no"}, {"content_signal": {"ai-input": "no"}}, {"ai-input"}),
    ],
)  # fmt: skip
def test_rights_hold_what_was_said_and_nothing_else(said, rights, names):
    page = response(**said)
    assert rights_of(page, metas_of(tree_of(page.body, ""))) == rights
    assert reserved(rights) == names


def test_signals_are_those_of_our_group():
    robots = "Content-Signal: search=no\nUser-agent: a\nUser-agent: newscrawl\nContent-Signal: ai-train=no\nUser-agent: *\nContent-Signal: ai-train=yes"
    assert _content_signal(robots, "newscrawl") == {"ai-train": "no"}
    assert _content_signal(robots, "third") == {"search": "no", "ai-train": "yes"}


def test_reserved_articles_are_flagged_or_skipped_as_the_operator_says(tmp_path):
    robots = text("User-agent: *\nContent-Signal: search=yes, ai-train=no\n")
    pages = PAGES | {"/press/9": answer(article("آخر", "نص آخر"), TDM_Reservation="1")}
    with HostileServer(site(robots, pages)) as server:
        flagged = run(server, tmp_path / "flag")
        assert len(flagged.articles) == 6
        assert all(line["rights"]["content_signal"] == {"search": "yes", "ai-train": "no"} for line in flagged.articles)
        skipped = run(server, tmp_path / "skip", "NEWSCRAWL_RIGHTS=skip", *QUICK)
        assert (len(skipped.articles), skipped.log.count("Skipped (rights_reserved)")) == (0, 6), skipped.log
        some = run(
            server, tmp_path / "some", "NEWSCRAWL_RIGHTS=skip", "NEWSCRAWL_RIGHTS_SIGNALS=tdm-reservation", *QUICK
        )
        assert len(some.articles) == 5
        wrong = run(server, tmp_path / "wrong", "NEWSCRAWL_RIGHTS=obey", *QUICK)
        assert "NEWSCRAWL_RIGHTS=obey: choose from flag, skip" in wrong.log


# What is sent


def test_no_referer_no_cookies_and_an_honest_name(tmp_path):
    pages = PAGES | {
        "/press/7": answer(status="302 Found", Location="/press/8", Set_Cookie="a=b"),
        "/press/8": PAGES["/press/1"],
    }
    with HostileServer(site(text("User-agent: *\nAllow: /"), pages)) as server:
        run(server, tmp_path, "NEWSCRAWL_CONTACT=https://me.example", *QUICK)
        assert len(server.asked) > 7
        for asked in server.asked:
            assert not {"referer", "cookie", "authorization"} & set(asked.headers)
            assert asked.headers["user-agent"].startswith("newscrawl/")


def test_doors_are_closed():
    assert settings.TELNETCONSOLE_ENABLED is settings.REMOTE_CONTROL_ENABLED is settings.COOKIES_ENABLED is False
    assert {name for name, handler in settings.DOWNLOAD_HANDLERS.items() if handler} == {"http", "https"}
    assert settings.HTTPPROXY_ENABLED is False
    assert settings.ROBOTSTXT_OBEY is True
