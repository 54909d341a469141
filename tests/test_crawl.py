"""Whole crawls of the bundled aggregator, as a user starts them, compared with the truth that it knows."""

import json
import os
import re
import socket
import subprocess
import sys
import urllib.request
from collections import Counter

import jsonschema
import pytest

from newscrawl.demo import DemoServer
from newscrawl.items import Article, feed_schema
from tests.conftest import crawl, run_scrapy

QUICK = "NEWSCRAWL_LINGER=5"


@pytest.fixture(scope="module")
def first(demo, tmp_path_factory):
    """A first crawl of everything."""
    return crawl(tmp_path_factory.mktemp("first"), QUICK, site="demo", base_url=demo.base_url)


def ids(lines):
    return [line["id"] for line in lines]


def differences(lines, truth):
    """(id, field) of every value that is not the truth's."""
    known = truth["articles"]
    return [
        (line["id"], name)
        for line in lines
        for name in line
        if name in known[line["id"]] and line[name] != known[line["id"]][name]
    ]


def test_every_article_once_and_every_field_as_it_is(first, demo):
    truth = demo.truth()
    assert first.status == 0, first.log
    found = ids(first.articles) + ids(first.duplicates)
    assert sorted(found) == sorted(truth["ids"])
    assert differences(first.articles + first.duplicates, truth) == []


def test_no_article_is_fetched_twice_and_nothing_off_the_site(demo, tmp_path):
    with DemoServer() as server:
        done = crawl(tmp_path, QUICK, site="demo", base_url=server.base_url)
        again = {target: count for target, count in server.requests.items() if count > 1}
        # Two articles answer 500 at first; start pages are asked by address, once.
        assert done.status == 0, done.log
        assert len(again) == 2, again
        assert all(target.startswith("/") for target in server.requests)
        assert not any("passwd" in target or target.startswith("//") for target in server.requests)


def test_lines_are_valid_and_duplicates_name_a_first(first):
    validator = jsonschema.Draft202012Validator(feed_schema(Article))
    for line in first.articles + first.duplicates:
        validator.validate(line)
    firsts = set(ids(first.articles))
    assert first.duplicates
    assert all(line["duplicate_of"] in firsts and 0.3 < line["similarity"] <= 1.0 for line in first.duplicates)
    assert all(line["duplicate_of"] is None for line in first.articles)


def test_each_story_is_in_the_feed_of_articles_once(first, demo):
    articles = demo.truth()["articles"]
    stories = Counter(articles[line["id"]]["story"] for line in first.articles)
    assert [story for story, times in stories.items() if times > 1] == []
    assert all(articles[line["id"]]["story"] == articles[line["duplicate_of"]]["story"] for line in first.duplicates)


def test_copies_are_marked_in_one_feed_or_not_looked_for(demo, tmp_path):
    split = "NEWSCRAWL_DUPLICATES=label"
    done = crawl(tmp_path / "label", QUICK, split, site="demo", base_url=demo.base_url)
    assert len(done.articles) == 260
    assert len([line for line in done.articles if line["duplicate_of"]]) > 20
    done = crawl(tmp_path / "off", QUICK, "NEWSCRAWL_DUPLICATES=off", site="demo", base_url=demo.base_url)
    assert (len(done.articles), len(done.duplicates)) == (260, 0)
    assert not any(line["duplicate_of"] for line in done.articles)


def test_pages_that_are_no_articles_are_counted_by_their_reason(first, demo):
    words = {"redirected_to_known": "redirected"}
    for url, reason in demo.truth()["failures"].items():
        assert f"({words.get(reason, reason)}): {url}" in first.log, first.log


def test_a_second_run_asks_listings_only_and_exports_nothing(tmp_path):
    with DemoServer() as server:
        crawl(tmp_path, QUICK, site="demo", base_url=server.base_url)
        before = server.requests.copy()
        done = crawl(tmp_path, QUICK, site="demo", base_url=server.base_url)
        assert done.status == 0, done.log
        asked = server.requests - before
        paths = {article["url"].split("/", 3)[3] for article in server.truth()["articles"].values()}
        assert [target for target in asked if target.strip("/") in paths] == []
        assert 10 < sum(asked.values()) < 60
        assert len(done.articles) + len(done.duplicates) == len(server.truth()["ids"])
        assert "Done: 0 articles, 0 duplicates" in done.log


def test_only_what_is_new_arrives_after_the_site_has_grown(tmp_path):
    with DemoServer() as server:
        crawl(tmp_path, QUICK, site="demo", base_url=server.base_url)
        new = server.grow(7)
        before = server.requests.copy()
        done = crawl(tmp_path, QUICK, site="demo", base_url=server.base_url)
        assert sorted(ids(done.articles) + ids(done.duplicates)) == sorted(server.truth()["ids"])
        asked = server.requests - before
        articles = server.truth()["articles"]
        fetched = [a for a in articles if articles[a]["url"].replace("https://www.demoress.example", "") in asked]
        assert sorted(fetched) == sorted(new)


def test_archive_finds_everything_too(demo, tmp_path):
    done = crawl(tmp_path, QUICK, site="demo", base_url=demo.base_url, mode="archive")
    assert sorted(ids(done.articles) + ids(done.duplicates)) == sorted(demo.truth()["ids"])
    assert done.status == 0


def test_feed_asks_feeds_only(demo, tmp_path):
    done = crawl(tmp_path, QUICK, site="demo", base_url=demo.base_url, mode="feed")
    expected = [a for a, article in demo.truth()["articles"].items() if article["in_feed"]]
    assert sorted(ids(done.articles) + ids(done.duplicates)) == sorted(expected)
    assert differences(done.articles, demo.truth()) == []


def test_urls_asks_the_seeds_only(demo, tmp_path):
    truth = demo.truth()
    chosen = truth["ids"][5:8]
    seeds = tmp_path / "seeds.txt"
    seeds.write_text("\n".join(truth["articles"][chosen_id]["url"] for chosen_id in chosen), "utf-8")
    with DemoServer() as server:
        done = crawl(tmp_path, QUICK, site="demo", base_url=server.base_url, mode="urls", seeds=str(seeds))
        assert sorted(ids(done.articles) + ids(done.duplicates)) == sorted(chosen)
        assert sum(server.requests.values()) - server.requests["/robots.txt"] == 3


def test_an_edition_and_a_paper(demo, tmp_path):
    truth = demo.truth()["articles"]
    done = crawl(tmp_path / "fr", QUICK, site="demo", base_url=demo.base_url, edition="fr")
    listed = [a for a in truth if a.startswith("demo/fr/")]
    assert sorted(ids(done.articles) + ids(done.duplicates)) == sorted(listed)
    done = crawl(tmp_path / "paper", QUICK, site="demo", base_url=demo.base_url, paper="almassae", edition="ar")
    found = ids(done.articles) + ids(done.duplicates)
    assert set(found) >= {a for a in truth if a.startswith("demo/ar/almassae/") and truth[a]["via"] == "listing"}
    assert all(found_id.startswith("demo/ar/almassae/") for found_id in found)


def test_dates_and_limit(demo, tmp_path):
    truth = demo.truth()["articles"]
    done = crawl(tmp_path / "dates", QUICK, site="demo", base_url=demo.base_url, since="2015-01-01", until="2018-12-31")
    within = [a for a in truth if "2015-01-01" <= (truth[a]["published"] or "") <= "2018-12-31"]
    assert sorted(ids(done.articles) + ids(done.duplicates)) == sorted(within)
    done = crawl(tmp_path / "limit", QUICK, site="demo", base_url=demo.base_url, limit="10")
    assert (len(done.articles), done.status) == (10, 0)
    done = crawl(tmp_path / "limit", QUICK, site="demo", base_url=demo.base_url)
    assert sorted(ids(done.articles) + ids(done.duplicates)) == sorted(truth)


def test_the_demo_starts_and_ends_with_its_run(tmp_path):
    done = crawl(tmp_path, site="demo")
    assert done.status == 0, done.log
    assert len(done.articles) + len(done.duplicates) == 260
    assert "Done: " in done.log.splitlines()[-1]


def test_scrapys_own_exports_work_beside_the_feed(demo, tmp_path):
    done = run_scrapy(
        "crawl", "aggregator", "-a", "site=demo", "-a", f"base_url={demo.base_url}", "-a", "limit=5",
        "-O", str(tmp_path / "out.jsonl"), "-O", str(tmp_path / "out.csv"), data=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text("utf-8").splitlines()]
    assert len(lines) >= 5
    assert "\\u06" not in (tmp_path / "out.jsonl").read_text("utf-8")
    assert (tmp_path / "out.csv").read_text("utf-8").startswith("id,url,site,edition,language,title,body")


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (["-a", "mode=all"], "newscrawl: argument mode: 'all' is none of latest, archive, feed, urls"),
        (["-a", "sites=x"], "newscrawl: unknown argument 'sites': valid are site, edition, paper, mode, seeds"),
        (["-a", "seeds=/nowhere"], "newscrawl: argument seeds: cannot read /nowhere: No such file or directory"),
    ],
)
def test_a_wrong_argument_is_one_line_and_no_request(given, says, tmp_path):
    done = run_scrapy("crawl", "aggregator", *given, data=tmp_path)
    assert done.returncode == 2
    assert says in done.stderr
    assert len(done.stderr.splitlines()) == 1, done.stderr
    assert not (tmp_path / "state.sqlite").exists()


def test_an_unknown_spider_is_one_line(tmp_path):
    done = run_scrapy("crawl", "aggregatr", data=tmp_path)
    assert (done.returncode, done.stderr) == (2, "newscrawl: unknown spider 'aggregatr': choose from aggregator\n")


def test_a_site_without_an_answer_ends_soon_and_says_what_to_do(tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    done = crawl(tmp_path, site="demo", base_url=f"http://127.0.0.1:{port}")
    assert done.status == 1
    last = done.log.splitlines()[-1]
    assert "Not done: no answer from www.demoress.example (connection_refused) after 3 tries" in last
    assert "Traceback" not in done.log


def test_a_first_crawl_that_finds_nothing_is_no_success(tmp_path):
    folder = tmp_path / "site"
    folder.mkdir()
    command = [sys.executable, "-m", "http.server", "--bind", "127.0.0.1", "--directory", str(folder), "0"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONUNBUFFERED": "1"}
    ) as server:
        base_url = re.search(r"http://127.0.0.1:\d+", server.stdout.readline())[0]
        done = crawl(tmp_path / "data", QUICK, site="demo", base_url=base_url)
        server.terminate()
    assert done.status == 1
    assert "Not done: the site refused every page (gone " in done.log


def test_the_servers_own_count_is_what_it_served(demo):
    with urllib.request.urlopen(f"{demo.base_url}/__count") as answer:
        assert json.load(answer)["requests"] == sum(demo.requests.values())
