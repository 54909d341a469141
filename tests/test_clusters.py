from __future__ import annotations

import csv
import gzip
import json
import os
import pty
import subprocess
import sys

import pytest
import zstandard

from tests.conftest import ROOT, run_scrapy

pytest.importorskip("duckdb")

BODY = "أعلنت الوزارة عن برنامج جديد. يبدأ العمل به يوم الاثنين.\nوقال الوزير إن الميزانية كافية."


def article(number: int, paper: str, day: str | None, body: str = BODY, **other: object) -> dict:
    names = {"hespress": "هسبريس", "tayyar": "التيار العربي", "sabah": "الصباح"}
    return {
        "id": f"maghress/ar/{paper}/{number}",
        "title": f"عنوان الخبر {number}",
        "body": body,
        "publisher": names[paper],
        "publisher_id": paper,
        "published": day,
        "images": [],
        "duplicate_of": None,
        "similarity": None,
        **other,
    }


FIRST = article(1, "hespress", "2026-02-07")
LATER = article(
    2,
    "tayyar",
    "2026-02-09",
    BODY.replace("يوم الاثنين", "غدا"),
    duplicate_of="maghress/ar/hespress/1",
    similarity=0.81,
)
EARLIER = article(
    3, "sabah", "2026-02-06", BODY.replace("أ", "ا"), duplicate_of="maghress/ar/hespress/1", similarity=1.0
)
ALONE = article(4, "sabah", None, "نص آخر لا يشبه غيره.")


def lines(*articles: dict) -> bytes:
    return "".join(json.dumps(item, ensure_ascii=False) + "\n" for item in articles).encode()


@pytest.fixture
def feeds(tmp_path):
    """Feeds of three forms: rotated, compressed in several members or frames."""
    folder = tmp_path / "feeds"
    folder.mkdir()
    (folder / "articles-000001.jsonl").write_bytes(lines(FIRST))
    (folder / "articles-000002.jsonl.gz").write_bytes(gzip.compress(lines(ALONE)) + gzip.compress(lines()))
    pack = zstandard.ZstdCompressor().compress
    (folder / "duplicates.jsonl.zst").write_bytes(pack(lines(LATER)) + pack(lines(EARLIER)))
    (folder / "articles.jsonl.manifest.json").write_text("{}")
    return folder


def clusters(*arguments, tmp_path) -> str:
    done = run_scrapy("clusters", *map(str, arguments), data=tmp_path)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_json_lines_tell_who_was_settled_first_and_who_published_first(feeds, tmp_path):
    (cluster,) = map(json.loads, clusters(feeds, "--jsonl", tmp_path=tmp_path).splitlines())
    assert cluster["cluster"] == cluster["first"]["id"] == "maghress/ar/hespress/1"
    assert cluster["earliest"] == "maghress/ar/sabah/3"
    assert cluster["first"]["delay_days"] == 1
    earlier, later = cluster["copies"]
    assert (earlier["publisher"], earlier["delay_days"], earlier["similarity"]) == ("الصباح", 0, 1.0)
    assert (later["publisher"], later["delay_days"], later["similarity"]) == ("التيار العربي", 3, 0.81)
    assert earlier["only_in_first"] == earlier["only_here"] == []
    assert later["only_in_first"] == ["يبدأ العمل به يوم الاثنين."]
    assert later["only_here"] == ["يبدأ العمل به غدا."]


def test_table_and_graph(feeds, tmp_path):
    text = clusters(feeds, "--graph", tmp_path / "graph.csv", tmp_path=tmp_path)
    assert text.splitlines()[0] == "1. maghress/ar/hespress/1: 2 copies"
    assert [line.split()[0] for line in text.splitlines()[1:]] == ["first", "earliest", "copy", "-", "+"]
    assert "\N{FIRST STRONG ISOLATE}" not in text
    with (tmp_path / "graph.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    assert rows == [
        ["first_publisher", "copying_publisher", "copies", "median_delay_days", "mean_similarity"],
        ["sabah", "hespress", "1", "1.0", ""],
        ["sabah", "tayyar", "1", "3.0", "0.81"],
    ]


def test_arabic_cells_are_isolated_on_a_terminal(feeds):
    leader, follower = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "scrapy", "clusters", str(feeds)], cwd=ROOT, stdout=follower, stderr=subprocess.PIPE
    )
    os.close(follower)
    shown = b""
    try:
        while chunk := os.read(leader, 4096):
            shown += chunk
    except OSError:
        pass  # the other end is closed
    os.close(leader)
    assert process.communicate()[1] == b""
    assert "\N{FIRST STRONG ISOLATE}هسبريس\N{POP DIRECTIONAL ISOLATE}" in shown.decode()


def test_one_feed_with_labels_is_enough(tmp_path):
    file = tmp_path / "articles.jsonl"
    file.write_bytes(lines(FIRST, LATER, FIRST) + b'{"id": "torn')
    (cluster,) = map(json.loads, clusters(file, "--jsonl", tmp_path=tmp_path).splitlines())
    assert [copy["id"] for copy in cluster["copies"]] == [LATER["id"]]


def test_a_first_that_lies_elsewhere(tmp_path):
    file = tmp_path / "duplicates.jsonl"
    file.write_bytes(lines(LATER))
    (cluster,) = map(json.loads, clusters(file, "--jsonl", tmp_path=tmp_path).splitlines())
    assert cluster["first"] is None
    assert cluster["copies"][0]["only_here"] == []
    assert "first: in none of these files" in clusters(file, tmp_path=tmp_path)


def test_no_clusters(tmp_path):
    file = tmp_path / "articles.jsonl"
    file.write_bytes(lines(FIRST, ALONE))
    assert clusters(file, tmp_path=tmp_path) == "no clusters: none of the articles is a copy of another one\n"


@pytest.mark.parametrize(
    ("name", "reason"), [("nowhere", "no such file or folder"), ("", "no .jsonl, .jsonl.gz or .jsonl.zst in it")]
)
def test_refusals_are_one_line(tmp_path, name, reason):
    done = run_scrapy("clusters", str(tmp_path / name), data=tmp_path)
    assert done.returncode == 2
    assert done.stderr.startswith("newscrawl: ")
    assert reason in done.stderr
    assert done.stderr.count("\n") == 1
