"""The verdict on a run: what the counts of a site say."""

import json
from collections import Counter

import pytest

from newscrawl.demo import DemoServer
from newscrawl.store import Kind, State, open_store
from newscrawl.verdict import FIELDS, judge
from tests.conftest import read_feed
from tests.hostile import HostileServer, answer, article, listing
from tests.hostile import quick_crawl as crawl

A, L = Kind.ARTICLE, Kind.LISTING


def ends(**counts):
    """`A_done=3` or `L_dead_nothing_listed=2`."""
    found = Counter()
    for name, count in counts.items():
        kind, state, *reason = name.split("_", 2)
        found[Kind.ARTICLE if kind == "A" else Kind.LISTING, State[state.upper()], "".join(reason)] = count
    return found


PAST = [{"articles": 100, "missing": dict.fromkeys(FIELDS, 0.0) | {"authors": 0.7}}]


@pytest.mark.parametrize(
    ("counts", "options", "word", "why"),
    [
        ({"A_done": 50, "L_done": 5}, {"articles": 50}, "healthy", ""),
        ({"L_done": 5}, {}, "healthy", ""),
        ({}, {}, "healthy", ""),
        ({"L_done": 5, "A_skipped_gone": 3, "A_dead_soft_404": 2}, {}, "healthy", ""),
        ({"L_done": 5}, {"known": False}, "empty", "no article was found"),
        ({"L_done": 5, "A_dead_not_an_article": 9}, {}, "empty", "not_an_article 9"),
        ({"L_skipped_nothing_listed": 9}, {}, "empty", "nothing_listed 9"),
        ({"A_done": 50}, {"articles": 50, "missing": {"published": 50}}, "degraded", "published went missing"),
        ({"A_done": 50}, {"articles": 50, "missing": {"authors": 44}, "past": PAST}, "healthy", ""),
        ({"A_done": 50}, {"articles": 50, "missing": {"images": 15}, "past": PAST}, "degraded", "images went missing"),
        ({"A_done": 5}, {"articles": 5, "missing": {"published": 5}}, "healthy", ""),
        ({"A_done": 50, "A_deferred_http_500": 20}, {"articles": 50}, "degraded", "20 of 70 pages failed"),
        ({"A_done": 5, "A_dead_http_403": 9}, {"articles": 5}, "blocked", "9 of 14 pages refused"),
        ({"A_done": 9, "A_deferred_challenge": 1}, {"refused": "challenge (Cloudflare)"}, "blocked", "Cloudflare"),
        ({"L_skipped_robots": 9}, {"refused": "robots.txt: Disallow: /"}, "blocked", "Disallow: /"),
        ({"L_deferred_http_503": 9}, {}, "down", "http_503 9"),
        ({"L_deferred_timeout": 3}, {"unreachable": "timeout"}, "down", "timeout"),
    ],
)
def test_counts_have_a_verdict(counts, options, word, why):
    verdict = judge(ends(**counts), **options)
    assert verdict.verdict == word, verdict
    assert why in verdict.why


def test_the_verdict_is_in_log_file_and_state(tmp_path):
    with DemoServer(60) as server:
        done = crawl(tmp_path, "NEWSCRAWL_LINGER=5", site="demo", base_url=server.base_url)
        assert "demo is healthy" in done.log
        told = json.loads((tmp_path / "verdict.json").read_text("utf-8"))
        store = open_store(tmp_path / "state.sqlite", readonly=True)
        summary = store.runs(1)[0].summary
        store.close()
        assert summary["verdict"] == told["sites"]
        assert told["sites"]["demo"]["verdict"] == "healthy"
        assert told["sites"]["demo"]["articles"] == len(done.articles) + len(
            read_feed(tmp_path / "feeds" / "duplicates.jsonl")
        )
        again = crawl(tmp_path, "NEWSCRAWL_LINGER=5", site="demo", base_url=server.base_url)
        assert (again.status, "demo is healthy" in again.log) == (0, True), again.log


def test_a_broken_parser_is_told_from_nothing_new(tmp_path):
    pages = {f"/press/{n}": answer(article(f"عنوان {n}", f"نص {n}")) for n in range(1, 9)}
    routes = {"/": answer(listing(*pages)), **pages}
    with HostileServer(routes) as server:
        given = {"site": "demo", "base_url": server.base_url}
        assert crawl(tmp_path, "NEWSCRAWL_LINGER=0", **given).status == 0
        nothing_new = crawl(tmp_path, "NEWSCRAWL_LINGER=0", **given)
        assert nothing_new.status == 0, nothing_new.log
        changed = {
            f"/press/{n}": answer("<html><body><div class=x>نص آخر تماما</div></body></html>") for n in range(9, 15)
        }
        server.routes.update({"/": answer(listing(*changed)), **changed})
        broken = crawl(tmp_path, "NEWSCRAWL_LINGER=0", **given)
        assert broken.status == 1
        assert "demo is empty" in broken.log.splitlines()[-1]
        assert "not_an_article 6" in broken.log.splitlines()[-1]
