from datetime import date
from pathlib import Path

import pytest

from newscrawl.arguments import ArgumentError, Arguments
from newscrawl.sites import SITES

SEEDS = Path(__file__).parent.parent / "seeds"


def test_defaults():
    arguments = Arguments.parse({})
    assert [site.id for site in arguments.sites] == ["maghress"]
    assert (arguments.mode, arguments.editions, arguments.papers) == ("latest", (), frozenset())


def test_everything_at_once():
    arguments = Arguments.parse(
        {
            "site": "maghress,turess",
            "edition": "fr,en",
            "paper": "lematin,hespress",
            "mode": "archive",
            "since": "2015-01-01",
            "until": "2015-12-31",
            "limit": "10",
            "refresh": "3",
            "_job": "5f1c",
        }
    )
    assert [site.id for site in arguments.sites] == ["maghress", "turess"]
    assert arguments.editions == ("fr", "en")
    assert arguments.since == date(2015, 1, 1)
    assert (arguments.limit, arguments.refresh) == (10, 3)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"sites": "maghress"}, r"unknown argument 'sites': valid are site, edition"),
        ({"site": "hespress"}, r"argument site: unknown site 'hespress': choose from maghress, "),
        ({"site": "maghress,,turess"}, r"argument site: .*empty value"),
        ({"edition": "de"}, r"argument edition: 'de' is none of ar, fr, en"),
        ({"mode": "all"}, r"argument mode: 'all' is none of latest, archive, feed, urls"),
        ({"render": "maybe"}, r"argument render: 'maybe' is none of auto, never, always"),
        ({"mode": "urls"}, r"argument mode: urls needs seeds="),
        ({"since": "2015-13-01"}, r"argument since: '2015-13-01' is no date; write it YYYY-MM-DD"),
        ({"until": "20150101"}, r"argument until: '20150101' is no date"),
        ({"since": "2016-01-01", "until": "2015-01-01"}, r"argument since: 2016-01-01 is later than until"),
        ({"limit": "0"}, r"argument limit: '0' is no whole number"),
        ({"limit": "-3"}, r"argument limit: '-3' is no whole number"),
        ({"refresh": "1.5"}, r"argument refresh: '1.5' is no whole number"),
        ({"paper": "a/b"}, r"argument paper: 'a/b' is no slug"),
        ({"base_url": "localhost"}, r"argument base_url: 'localhost' is not an http or https address"),
        ({"base_url": "http://127.0.0.1:1", "site": "maghress,turess"}, r"argument base_url: serves one site, not 2"),
        ({"seeds": "/nowhere/seeds.txt"}, r"argument seeds: cannot read /nowhere/seeds.txt: No such file"),
        ({"seeds": "http://127.0.0.1:9/x"}, r"argument seeds: cannot read http://127.0.0.1:9/x: .*refused"),
    ],
)
def test_a_wrong_argument_is_named_in_one_line(given, says):
    with pytest.raises(ArgumentError, match=says) as caught:
        Arguments.parse(given)
    assert "\n" not in str(caught.value)


def test_seeds_take_comments_and_either_host(tmp_path):
    seeds = tmp_path / "seeds.txt"
    seeds.write_text(
        "# papers\n\nhttps://www.maghress.com/hespress  # هسبريس\nhttp://127.0.0.1:8000/alalam/3#x\n/hespress\n",
        "utf-8",
    )
    arguments = Arguments.parse({"seeds": str(seeds), "base_url": "http://127.0.0.1:8000"})
    assert [place.url for _, place in arguments.seeds] == [
        "https://www.maghress.com/hespress",
        "https://www.maghress.com/alalam/3",
    ]


def test_a_seed_of_another_site_is_named_with_its_line(tmp_path):
    seeds = tmp_path / "seeds.txt"
    seeds.write_text("https://www.maghress.com/hespress\nhttps://www.turess.com/assabah\n", "utf-8")
    with pytest.raises(ArgumentError, match=r"line 2 of .*turess.com/assabah' is no page of www.maghress.com"):
        Arguments.parse({"seeds": str(seeds)})


def test_seeds_without_an_address_are_refused(tmp_path):
    seeds = tmp_path / "seeds.txt"
    seeds.write_text("# nothing yet\n", "utf-8")
    with pytest.raises(ArgumentError, match="names no address"):
        Arguments.parse({"seeds": str(seeds)})


def test_seeds_that_are_no_text_are_refused(tmp_path):
    seeds = tmp_path / "seeds.txt"
    seeds.write_bytes(b"\xff\xfe\x00\x01\x81")
    with pytest.raises(ArgumentError, match=r"cannot read .*give a UTF-8 file"):
        Arguments.parse({"seeds": str(seeds)})


@pytest.mark.parametrize("site_id", [site_id for site_id in SITES if site_id != "demo"])
def test_the_shipped_seeds_are_pages_of_their_site(site_id):
    arguments = Arguments.parse({"site": site_id, "mode": "archive", "seeds": str(SEEDS / f"{site_id}.txt")})
    assert len(arguments.seeds) >= 9
    assert all(site.id == site_id for site, _ in arguments.seeds)


def test_the_scope_tells_crawls_apart_and_limit_does_not():
    def scope(**given):
        return Arguments.parse(given).scope

    assert scope(limit="3") == scope() == scope(_job="1")
    assert len({scope(), scope(mode="archive"), scope(paper="a"), scope(edition="fr"), scope(since="2020-01-01")}) == 5
