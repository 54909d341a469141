"""The ratchet of the benchmarks: what may fall, and what happens where something does."""

import doctest

import pytest

from bench import figures, profile, quality, report
from bench.figures import Result, Table


@pytest.fixture
def known():
    known = {"parts": {}, "held": {}, "accepted": []}
    assert figures.merge(known, "speed", result(f1=0.9, speed=20.0)) == []
    return known


def result(f1, speed):
    table = Table("Speed", ["extractor", "pages/s"], [["newscrawl", speed], ["other", None]], plot=["pages/s"])
    return Result([table], exact={"F1": f1}, ratios={"times other": speed})


def test_quality_may_not_fall_at_all(known):
    before = dict(known["parts"]["speed"])
    assert figures.merge(known, "speed", result(f1=0.8999, speed=25.0)) == ["F1: 0.8999, held is 0.9000"]
    assert known["parts"]["speed"] == before


def test_relative_speed_may_fall_by_a_tenth_and_no_further_in_steps(known):
    assert figures.merge(known, "speed", result(f1=0.9, speed=18.1)) == []
    assert known["parts"]["speed"]["ratios"] == {"times other": 18.1}
    assert figures.merge(known, "speed", result(f1=0.9, speed=17.9)) == ["times other: 17.90, held is 20"]


def test_a_figure_that_is_new_is_held_whatever_it_is(known):
    assert figures.merge(known, "durability", Result([], exact={"not lost": -2})) == []
    assert figures.merge(known, "durability", Result([], exact={"not lost": -3})) == ["not lost: -3, held is -2"]


def test_what_was_not_measured_this_time_stays_held(known):
    figures.merge(known, "speed", Result([], exact={"F1": 0.9}))
    assert known["held"]["speed"] == {"F1": 0.9, "times other": 20.0}


def test_what_is_better_is_held(known):
    figures.merge(known, "speed", result(f1=0.95, speed=30.0))
    assert known["held"]["speed"] == {"F1": 0.95, "times other": 30.0}


def test_an_accepted_fall_is_held_and_keeps_its_reason(known):
    assert figures.merge(known, "speed", result(f1=0.5, speed=30.0), accept="fewer guesses") == []
    assert known["held"]["speed"] == {"F1": 0.5, "times other": 30.0}
    (fall,) = known["accepted"]
    assert (fall["reason"], fall["figures"]) == ("fewer guesses", ["F1: 0.5000, held is 0.9000"])


def test_figures_survive_their_file_and_become_a_document(known, tmp_path):
    figures.save(known, tmp_path / "figures.json")
    assert figures.load(tmp_path / "figures.json") == known
    report.write(known, tmp_path)
    document = (tmp_path / "benchmarks.md").read_text("utf-8")
    assert "| newscrawl | 20 |" in document
    assert "| other | – |" in document
    assert "<svg" in (tmp_path / "benchmarks" / "speed-1a.svg").read_text("utf-8")


@pytest.mark.parametrize("module", [figures, profile, quality])
def test_examples(module):
    assert doctest.testmod(module).failed == 0
