from __future__ import annotations

import json
import random
import sqlite3
from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from newscrawl import dedup
from newscrawl.dedup import SIGNATURE, Copy, DuplicateIndex
from newscrawl.store import open_store
from newscrawl.store.duplicates import TextIndexFile

if TYPE_CHECKING:
    from pathlib import Path

LETTERS = "ابتجحدرسشصطعفقكلمنهوي"


@pytest.fixture(scope="module")
def words() -> list[str]:
    rng = random.Random(1)
    return ["".join(rng.choices(LETTERS, k=rng.randint(2, 8))) for _ in range(5_000)]


@pytest.fixture
def story(words):
    """A maker of stories that have nothing in common."""
    rng = random.Random(2)

    def make(count: int = 200) -> str:
        text = rng.choices(words, k=count)
        return "\n".join(" ".join(text[i : i + 25]) + "." for i in range(0, count, 25))

    return make


@pytest.fixture(params=["memory", "file", "crawl state"])
def tables(request, tmp_path):
    if request.param == "memory":
        yield TextIndexFile().tables
    elif request.param == "file":
        file = TextIndexFile(tmp_path / "index.sqlite")
        yield file.tables
        file.close()
    else:
        store = open_store(tmp_path / "state.sqlite")
        yield store.duplicates
        store.close()


def test_a_copy_names_the_first_and_only_firsts_are_indexed(tables, story):
    index = DuplicateIndex(tables)
    text = story()
    assert index.copy_of("first", text) is None
    assert index.copy_of("second", text) == Copy("first", 1.0, 1.0)
    near = index.copy_of("third", f"الرباط (و م ع) - {text}")
    assert near is not None
    assert near.first == "first"
    assert 0.9 < near.similarity < 1
    assert index.copy_of("other", story()) is None
    assert [row.key for row in tables.texts([1, 2, 3, 4])] == ["first", "other"]


def test_typography_changes_nothing(story):
    index = DuplicateIndex()
    text = story()
    index.copy_of("first", text)
    dressed = text.replace("ا", "أ").replace("م", "مـ").replace("ه", "ة").replace(".", " !")
    assert index.copy_of("second", dressed) == Copy("first", 1.0, 1.0)


def test_the_same_article_again_is_no_copy_of_itself(story):
    index = DuplicateIndex()
    text = story()
    signature = index.sign(text)
    index.settle("a", signature, index.find(signature, key="a"))
    assert index.find(signature, key="a") is None
    assert index.find(signature, key="b").first == "a"


def test_nothing_is_remembered_before_it_is_settled(story):
    index = DuplicateIndex()
    signature = index.sign(story())
    assert index.find(signature) is None
    assert index.find(signature) is None


def test_texts_without_words_are_no_copies_of_each_other():
    index = DuplicateIndex()
    assert index.sign("") is None
    assert [index.copy_of(str(i), text) for i, text in enumerate(["", " ", "…", "«»", ""])] == [None] * 5


def test_short_texts_have_their_exact_key_only(story):
    index = DuplicateIndex()
    brief = story(35)
    index.copy_of("a", brief)
    assert index.copy_of("b", f"{brief} اليوم") is None
    assert index.copy_of("c", f"{brief} !").first == "a"


def test_two_briefs_with_other_numbers_are_two_briefs(story):
    index = DuplicateIndex()
    head, tail = story(30), story(30)
    assert index.copy_of("a", f"{head} بلغ سعر الذهب 3150 درهما يوم 4 {tail}") is None
    assert index.copy_of("b", f"{head} بلغ سعر الذهب 3188 درهما يوم 5 {tail}") is None
    assert index.copy_of("c", f"الرباط 7 {head} بلغ سعر الذهب ٣١٥٠ درهما يوم ٤ {tail}").first == "a"


@pytest.mark.parametrize("share", [0.3, 0.4, 0.5])
def test_follow_ups_that_reuse_an_older_text_are_no_copies(story, share):
    index = DuplicateIndex()
    for number in range(20):
        old, new = story(400), story(400)
        index.copy_of(f"old {number}", old)
        kept = " ".join(old.split()[: int(400 * share)])
        assert index.copy_of(f"new {number}", f"{' '.join(new.split()[: int(400 * (1 - share))])}\n{kept}") is None


def test_trimmed_copies_are_found_however_short(story):
    index = DuplicateIndex()
    found = 0
    for number in range(40):
        text = story(400)
        index.copy_of(f"whole {number}", text)
        trimmed = index.copy_of(f"trimmed {number}", " ".join(text.split()[:100]))
        found += trimmed is not None and trimmed.first == f"whole {number}" and trimmed.containment > 0.95
    assert found >= 39


def test_similarity_is_the_jaccard_index_of_word_pairs(story):
    for kept in (150, 200, 300):
        index = DuplicateIndex()
        text = story(300)
        index.copy_of("a", text)
        other = " ".join(text.split()[:kept])
        copy = index.copy_of("b", other)
        assert copy.similarity == pytest.approx(kept / 300, abs=0.08)
        assert copy.containment == pytest.approx(1, abs=0.05)


def test_the_first_settled_stays_the_first(story):
    index = DuplicateIndex()
    text = story()
    index.copy_of("settled first", text, day=730_100)
    assert index.copy_of("published first", text, day=730_000).first == "settled first"


def test_window_in_days(story):
    index = DuplicateIndex(window=30)
    text = story()
    index.copy_of("2015", text, day=735_000)
    assert index.copy_of("2015 again", text, day=735_030).first == "2015"
    assert index.copy_of("2024", text, day=739_000) is None
    assert index.copy_of("2024 again", text, day=739_001).first == "2024"
    assert index.copy_of("no date", text).first == "2015"


def test_a_text_that_comes_again_each_year(story):
    index = DuplicateIndex(window=30)
    text = story()
    for year in range(20):
        assert index.copy_of(f"first of {year}", f"{text} {year}", day=730_000 + 365 * year) is None
        assert index.copy_of(f"copy of {year}", f"{text} انتهى", day=730_005 + 365 * year).first == f"first of {year}"


# Lines of a paper


def test_a_long_signature_of_a_paper_makes_no_duplicates(story):
    signature = "\n".join((story(60), story(60), "تابعونا على مواقع التواصل"))
    index = DuplicateIndex()
    copies = [index.copy_of(f"a/{i}", f"{story(60)}\n{signature}", paper="a") for i in range(30)]
    assert not any(copies)
    text = story(60)
    assert index.copy_of("a/real", f"{text}\n{signature}", paper="a") is None
    assert index.copy_of("b/real", text, paper="b").first == "a/real"
    assert index.copy_of("a/again", f"{text} انتهى\n{signature}", paper="a").first == "a/real"


def test_a_signature_much_longer_than_the_stories_is_learnt_all_the_same(story):
    signature = story(150)
    index = DuplicateIndex()
    copies = [index.copy_of(f"a/{i}", f"{story(45)}\n{signature}", paper="a") for i in range(30)]
    assert not any(copies[6:])


def test_a_story_that_many_papers_carry_is_no_furniture(story):
    index = DuplicateIndex()
    text = story()
    index.copy_of("first", text, paper="agency")
    for i in range(50):
        assert index.copy_of(str(i), f"مدينة {i} - {text}", paper=f"paper {i % 5}").first == "first"


def test_a_sentence_that_comes_now_and_then_is_no_furniture(story):
    index = DuplicateIndex()
    line = story(60).replace("\n", " ")
    for i in range(100):
        index.copy_of(f"a/{i}", f"{story()}\n{line}" if i % 10 == 0 else story(), paper="a")
    assert index.sign(f"{story()}\n{line}", paper="a").shingles > 240


def test_learnt_lines_survive_a_restart_and_stay_few(tmp_path, story):
    path = tmp_path / "index.sqlite"
    line = story(60).replace("\n", " ")
    file = TextIndexFile(path)
    index = DuplicateIndex(file.tables)
    for i in range(200):
        index.copy_of(f"a/{i}", f"{story()}\n{line}", paper="a")
    file.close()
    file = TextIndexFile(path)
    assert len(file.tables.lines_of("a")) <= dedup._LINES * 24 + 8
    assert DuplicateIndex(file.tables).sign(f"{story()}\n{line}", paper="a").shingles < 200
    assert DuplicateIndex(file.tables).sign(f"{story()}\n{line}", paper="b").shingles > 240
    file.close()


def test_few_papers_are_held_in_memory(monkeypatch, story):
    monkeypatch.setattr(dedup, "_PAPERS", 3)
    index = DuplicateIndex()
    line = story(30).replace("\n", " ")
    for _ in range(4):
        for paper in "abcdefgh":
            index.copy_of(f"{paper}", f"{story()}\n{line} {paper}", paper=paper)
    assert len(index._papers) == 3
    assert all(index._paper(paper).furniture for paper in "abcdefgh")


# The index as it grows


@pytest.fixture
def small(monkeypatch):
    """Steps that otherwise take tens of thousands of texts."""
    monkeypatch.setattr(dedup, "_RECENT", 4)
    monkeypatch.setattr(dedup, "_MERGE_AT", 32)


@pytest.mark.usefixtures("small")
def test_texts_are_found_wherever_they_are(tables, story):
    index = DuplicateIndex(tables)
    texts = [story() for _ in range(300)]
    assert not any(index.copy_of(str(i), text) for i, text in enumerate(texts))
    assert 0 < len(tables.waiting()[0]) <= 104
    for i, text in enumerate(texts):
        assert index.copy_of("copy", f"{text} انتهى").first == str(i)


@pytest.mark.usefixtures("small")
def test_texts_that_have_one_hash_are_found_wherever_they_are(tables):
    index = DuplicateIndex(tables)
    texts = [f"خبر قصير رقم {number}" for number in range(600)]
    assert not any(index.copy_of(str(i), text) for i, text in enumerate(texts))
    assert 0 < len(tables.waiting()[0]) < 200
    assert [index.copy_of("copy", text).first for text in texts] == [str(i) for i in range(600)]


def test_answers_do_not_depend_on_merges_and_restarts(words, monkeypatch):
    rng = random.Random(3)
    texts: list[str] = []
    for _ in range(1_500):
        text = "\n".join(" ".join(rng.choices(words, k=20)) for _ in range(rng.randint(2, 8)))
        if (draw := rng.random()) < 0.2:
            text = " ".join(rng.choices(words, k=rng.randint(3, 8)))  # a brief has one hash
        elif texts and draw < 0.5:
            copied = rng.choice(texts).split(" ")
            for _ in range(rng.randint(0, len(copied) // 6)):
                copied[rng.randrange(len(copied))] = rng.choice(words)
            text = " ".join(copied)
        texts.append(text)

    def answers(recent: int, merge_at: int, restart: int) -> list[Copy | None]:
        monkeypatch.setattr(dedup, "_RECENT", recent)
        monkeypatch.setattr(dedup, "_MERGE_AT", merge_at)
        tables = TextIndexFile().tables
        found = []
        for number, text in enumerate(texts):
            if number % restart == 0:
                index = DuplicateIndex(tables)
            found.append(index.copy_of(str(number), text))
        return found

    unmerged = answers(10_000, 10_000, 10_000)
    assert 300 < sum(copy is not None for copy in unmerged) < 600
    assert answers(4, 32, 10_000) == unmerged
    assert answers(4, 32, 171) == unmerged
    assert answers(8, 100, 7) == unmerged


@pytest.mark.usefixtures("small")
def test_a_reopened_index_answers_the_same(tmp_path, story):
    texts = [story() for _ in range(150)]
    store = open_store(tmp_path / "state.sqlite")
    for i, text in enumerate(texts[:100]):
        DuplicateIndex(store.duplicates).copy_of(str(i), text)
    store.close()
    store = open_store(tmp_path / "state.sqlite")
    index = DuplicateIndex(store.duplicates)
    for i, text in enumerate(texts[100:], 100):
        index.copy_of(str(i), text)
    assert [index.copy_of("copy", f"{text} انتهى").first for text in texts] == [str(i) for i in range(150)]
    store.close()


@pytest.mark.usefixtures("small")
def test_a_reopened_index_asks_the_tables_for_few_texts(tmp_path, story, monkeypatch):
    store = open_store(tmp_path / "state.sqlite")
    index = DuplicateIndex(store.duplicates)
    texts = [story() for _ in range(150)]
    for i, text in enumerate(texts):
        index.copy_of(str(i), text)
    waiting = len(store.duplicates.waiting()[0])
    assert 0 < waiting < 150
    store.close()
    store = open_store(tmp_path / "state.sqlite")
    asked = []
    entries = store.duplicates.entries
    monkeypatch.setattr(store.duplicates, "entries", lambda buckets: asked.extend(buckets) or entries(buckets))
    index = DuplicateIndex(store.duplicates)
    assert not any(index.find(index.sign(story())) for _ in range(100))
    assert len(asked) < 100  # of 2,700 hashes
    assert [index.find(index.sign(text)).first for text in texts] == [str(i) for i in range(150)]
    store.duplicates._begin().execute("DELETE FROM text_absent")  # as a state of before has it
    index = DuplicateIndex(store.duplicates)
    assert [index.find(index.sign(text)).first for text in texts] == [str(i) for i in range(150)]
    store.close()


@pytest.mark.usefixtures("small")
def test_what_was_not_committed_is_unknown_after_a_kill(tmp_path, story):
    texts = [story() for _ in range(200)]
    store = open_store(tmp_path / "state.sqlite")
    index = DuplicateIndex(store.duplicates)
    for i, text in enumerate(texts):
        if i == 150:
            store.commit()
        index.copy_of(str(i), text)
    store._db.execute("ROLLBACK")
    store.close()
    store = open_store(tmp_path / "state.sqlite")
    index = DuplicateIndex(store.duplicates)
    found = [index.find(index.sign(text)) for text in texts]
    assert [copy.first if copy else None for copy in found] == [*map(str, range(150)), *[None] * 50]
    store.close()


@pytest.mark.usefixtures("small")
def test_a_merge_that_was_cut_short_begins_again(tmp_path, story):
    texts = [story() for _ in range(200)]
    store = open_store(tmp_path / "state.sqlite")
    index = DuplicateIndex(store.duplicates)
    for i, text in enumerate(texts):
        index.copy_of(str(i), text)
        if index._merge_upto:
            break
    store.close()
    store = open_store(tmp_path / "state.sqlite")
    merged = store.duplicates.entries_between(0, 1 << 18)
    assert merged
    assert len(store.duplicates.waiting()[0]) == i + 1
    index = DuplicateIndex(store.duplicates)
    for number, text in enumerate(texts[i + 1 :], i + 1):
        index.copy_of(str(number), text)
    assert [index.find(index.sign(text)).first for text in texts] == [str(i) for i in range(200)]
    rows = [
        np.frombuffer(entries, dedup._ENTRY).tolist() for _, entries in store.duplicates.entries_between(0, 1 << 18)
    ]
    assert all(len(set(row)) == len(row) for row in rows)
    store.close()


@pytest.mark.usefixtures("small")
def test_the_highest_hash_is_found_too(tables):
    index = DuplicateIndex(tables)
    signature = replace(index.sign("خبر قصير"), hashes=np.array([(1 << dedup._HASH_BITS) - 1], np.uint64))
    index.settle("first", signature, None)
    for number in range(120):  # it waits, and is merged
        copy = index.copy_of(f"{number}", f"خبر قصير رقم {number}")
        assert copy is None
        assert index.find(signature, key="copy").first == "first"


def test_a_stock_phrase_keeps_few_postings():
    hashes = np.full(500, 7, np.uint64) << np.uint64(dedup._ID_BITS)
    new = hashes | np.arange(1, 501, dtype=np.uint64)
    every = dedup._merged_entries([], new)
    assert (every & dedup._ID_MASK).tolist() == list(range(1, dedup._POSTINGS + 1))
    rows = list(dedup._bucket_rows(every))
    assert dedup._merged_entries(rows, new[-1:]).tolist() == every.tolist()


def test_another_signature_version_empties_the_index(tmp_path, monkeypatch, story):
    path = tmp_path / "index.sqlite"
    text = story()
    file = TextIndexFile(path)
    DuplicateIndex(file.tables).copy_of("old", text)
    file.close()
    monkeypatch.setattr(dedup, "SIGNATURE", SIGNATURE + 1)
    file = TextIndexFile(path)
    index = DuplicateIndex(file.tables)
    assert index.forgotten == 1
    assert index.copy_of("new", text) is None
    assert index.copy_of("copy", text).first == "new"
    file.close()
    file = TextIndexFile(path)
    assert DuplicateIndex(file.tables).forgotten == 0
    file.close()


def test_an_index_without_the_later_table_is_taken_up(tmp_path, story):
    path, text = tmp_path / "index.sqlite", story()
    file = TextIndexFile(path)
    DuplicateIndex(file.tables).copy_of("old", text)
    file.close()
    with sqlite3.connect(path) as db:
        db.execute("DROP TABLE text_absent")
    db.close()
    file = TextIndexFile(path)
    assert DuplicateIndex(file.tables).copy_of("copy", text).first == "old"
    assert file.tables.absent(0) is None
    file.close()


def test_signatures_never_change_within_a_version():
    """An index on disk outlives releases of numpy and xxhash: a failure here calls for a new SIGNATURE."""
    text = " ".join(f"كلمة{i}" for i in range(60))
    signature = DuplicateIndex().sign(text)
    assert SIGNATURE == 1
    assert signature.digest.hex() == "5f22da259da3a6191ceb88b51a0ef1b8"
    assert signature.hashes.tolist()[:3] == [6384478358, 504227112, 113161639]
    assert sum(signature.hashes.tolist()) == 253170338210
    assert signature.sketch.hex()[:32] == "00400200000000100000000000804000"


def test_state_of_the_first_version_gains_the_tables(tmp_path):
    from newscrawl.store import schema

    path = tmp_path / "state.sqlite"
    open_store(path).close()
    with sqlite3.connect(path) as db:
        newer = (
            "texts",
            "text_bands",
            "text_waiting",
            "text_papers",
            "text_version",
            "text_absent",
            "sources",
            "rendered_hosts",
        )
        for table in newer:
            db.execute(f"DROP TABLE {table}")
        db.execute("PRAGMA user_version = 1")
    db.close()
    store = open_store(path)
    assert DuplicateIndex(store.duplicates).copy_of("a", "نص") is None
    store.close()
    assert schema.SCHEMA_VERSION >= 2


def test_quality_on_the_labelled_pairs(shared: Path):
    found: dict[str, list[bool]] = defaultdict(list)
    right = false = 0
    for line in (shared / "vectors" / "neardup.jsonl").read_text("utf-8").splitlines():
        pair = json.loads(line)
        index = DuplicateIndex()
        index.copy_of("a", pair["a"])
        copy = index.copy_of("b", pair["b"])
        found["copies" if pair["label"] else "others"].append(copy is not None)
        found[pair["kind"]].append(copy is not None)
        right += bool(copy and pair["label"])
        false += bool(copy and not pair["label"])
    assert right / (right + false) >= 0.995
    assert sum(found["copies"]) / len(found["copies"]) >= 0.98
    assert all(found["typography-only"])


def test_a_second_look_sees_what_was_settled_meanwhile():
    index = DuplicateIndex()
    texts = {key: f"{key} " + " ".join(f"كلمة{key}{n}" for n in range(40)) for key in ("a", "b", "c")}
    index.copy_of("a", texts["a"])
    signature = index.sign(texts["b"])
    since = index.last_id
    assert index.find(signature, key="x", since=since) is None
    index.copy_of("c", texts["c"])
    assert index.find(signature, key="x", since=since) is None
    index.copy_of("b", texts["b"])
    assert index.find(signature, key="x", since=since).first == "b"
    assert index.find(index.sign(texts["a"]), key="x", since=since) is None  # that had been looked at
    index._gather()
    assert index.find(signature, key="x", since=since).first == "b"
