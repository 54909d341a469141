from __future__ import annotations

import gzip
import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import zstandard

from newscrawl.commands import dedup as command
from newscrawl.commands.dedup import duplicates_path
from tests.conftest import ROOT, run_scrapy

LETTERS = "ابتجحدرسشصطعفقكلمنهوي"


def make_corpus(count: int, seed: int = 1) -> list[dict]:
    """Stories; every third is a copy of the one before it, with another dateline."""
    rng = random.Random(seed)
    words = ["".join(rng.choices(LETTERS, k=rng.randint(2, 8))) for _ in range(5_000)]
    articles: list[dict] = []
    for number in range(count):
        body = " ".join(rng.choices(words, k=150))
        if number % 3 == 2:
            body = f"الرباط - {articles[-1]['body']}"
        articles.append({"id": f"a/{number}", "title": "عنوان", "body": body, "duplicate_of": None, "similarity": None})
    return articles


def encode(articles: list[dict], ending: str = "") -> bytes:
    data = "".join(json.dumps(article, ensure_ascii=False) + "\n" for article in articles).encode()
    if ending == ".gz":
        return gzip.compress(data[:1000]) + gzip.compress(data[1000:])
    if ending == ".zst":
        pack = zstandard.ZstdCompressor().compress
        return pack(data[:1000]) + pack(data[1000:])
    return data


def read(path: Path) -> list[dict]:
    data = path.read_bytes()
    if path.suffix == ".gz":
        data = gzip.decompress(data)
    elif path.suffix == ".zst":
        data = zstandard.ZstdDecompressor().stream_reader(data, read_across_frames=True).read()
    return [json.loads(line) for line in data.splitlines()]


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    """Run the command in this process; answers exit status and what stands on stderr."""

    def call(*arguments: str) -> tuple[int, str]:
        import argparse

        monkeypatch.chdir(tmp_path)
        parser = argparse.ArgumentParser()
        cmd = command.Command()
        cmd.settings = {}
        monkeypatch.setattr(command.ScrapyCommand, "add_options", lambda self, parser: None)
        cmd.add_options(parser)
        opts, rest = parser.parse_known_args(arguments)
        cmd.run(rest, opts)
        return cmd.exitcode, capsys.readouterr().err

    return call


def test_scrapy_knows_the_command(tmp_path):
    (tmp_path / "in.jsonl").write_bytes(encode(make_corpus(6)))
    done = run_scrapy("dedup", str(tmp_path / "in.jsonl"), "-o", str(tmp_path / "out.jsonl"), data=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stderr.startswith("100% 6 lines: 4 first, 2 copies, 0 torn;")
    assert len(read(tmp_path / "out.jsonl")) == 4


@pytest.mark.parametrize("ending", ["", ".gz", ".zst"])
def test_firsts_and_copies(run, tmp_path, ending):
    corpus = make_corpus(90)
    (tmp_path / f"in.jsonl{ending}").write_bytes(encode(corpus, ending))
    assert run(f"in.jsonl{ending}", "-o", f"out.jsonl{ending}")[0] == 0
    firsts, copies = read(tmp_path / f"out.jsonl{ending}"), read(tmp_path / f"out.duplicates.jsonl{ending}")
    assert firsts == [article for number, article in enumerate(corpus) if number % 3 != 2]
    assert [copy["id"] for copy in copies] == [f"a/{number}" for number in range(2, 90, 3)]
    assert [copy["duplicate_of"] for copy in copies] == [f"a/{number}" for number in range(1, 90, 3)]
    assert all(0.9 < copy["similarity"] < 1 for copy in copies)
    assert list(copies[0]) == list(corpus[0])
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(
        f"{name}.jsonl{ending}" for name in ("in", "out", "out.duplicates")
    )


def test_first_lines_are_the_same_bytes(run, tmp_path):
    line = '{ "id" : 1, "body":"نص \\u0627", "n": 1.10 }'.encode()
    (tmp_path / "in.jsonl").write_bytes(line)
    assert run("in.jsonl", "-o", "out.jsonl")[0] == 0
    assert (tmp_path / "out.jsonl").read_bytes() == line + b"\n"


def test_torn_lines_are_named_counted_and_skipped(run, tmp_path):
    lines = encode(make_corpus(4)).splitlines()
    (tmp_path / "in.jsonl").write_bytes(
        b"\n".join((lines[0], lines[1][:50], b"[1]", b"", b'{"id":"\xff"}', lines[3][:20]))
    )
    status, said = run("in.jsonl", "-o", "out.jsonl")
    assert status == 0
    assert [f"in.jsonl:{number}: torn line skipped" in said for number in (1, 2, 3, 4, 5, 6)] == [
        False, True, True, False, True, True,
    ]  # fmt: skip
    assert "1 first, 0 copies, 4 torn" in said


@pytest.mark.parametrize("ending", [".gz", ".zst"])
def test_a_compressed_file_that_is_cut_short(run, tmp_path, ending):
    (tmp_path / f"in.jsonl{ending}").write_bytes(encode(make_corpus(900), ending)[:-2000])
    status, said = run(f"in.jsonl{ending}", "-o", "out.jsonl")
    assert status == 1
    assert "the compressed file is damaged from here on" in said or "torn line skipped" in said
    assert read(tmp_path / "out.jsonl")


def test_other_fields(run, tmp_path):
    articles = [{"nr": number, "text": article["body"]} for number, article in enumerate(make_corpus(3))]
    (tmp_path / "in.jsonl").write_bytes(encode(articles))
    assert run("in.jsonl", "-o", "out.jsonl", "--text-field", "text", "--id-field", "nr")[0] == 0
    (copy,) = read(tmp_path / "out.duplicates.jsonl")
    assert (copy["nr"], copy["duplicate_of"]) == (2, "1")


def test_window(run, tmp_path):
    body = make_corpus(1)[0]["body"]
    days = ["2015-01-01", "2015-01-05", "2024-01-01"]
    (tmp_path / "in.jsonl").write_bytes(encode([{"id": day, "body": body, "published": day} for day in days]))
    assert run("in.jsonl", "-o", "out.jsonl", "--window", "30")[0] == 0
    assert [article["id"] for article in read(tmp_path / "out.jsonl")] == ["2015-01-01", "2024-01-01"]


@pytest.mark.parametrize(
    ("content", "arguments", "reason"),
    [
        (None, ["in.jsonl"], "in.jsonl: No such file or directory"),
        (b"", ["in.csv"], "in.csv: unknown ending: .jsonl, .jsonl.gz and .jsonl.zst are known"),
        (b'{"id":"a","body":"b"}\n{"id":"a"}\n', ["in.jsonl"], "in.jsonl:2: no field 'body'"),
        (b'{"id":"a","body":3}\n', ["in.jsonl"], "in.jsonl:1: 'body' must be a text"),
    ],
)
def test_refusals_are_one_line(run, tmp_path, content, arguments, reason):
    if content is not None:
        (tmp_path / "in.jsonl").write_bytes(content)
    status, said = run(*arguments, "-o", "out.jsonl")
    assert status == 2
    assert said.startswith(f"newscrawl: {reason}")
    assert said.count("\n") == 1


def test_an_existing_output_is_left_alone(run, tmp_path):
    (tmp_path / "in.jsonl").write_bytes(encode(make_corpus(3)))
    (tmp_path / "out.duplicates.jsonl").write_text("mine")
    status, said = run("in.jsonl", "-o", "out.jsonl")
    assert (status, said) == (2, "newscrawl: out.duplicates.jsonl: exists: remove it or name another output\n")
    assert (tmp_path / "out.duplicates.jsonl").read_text() == "mine"


def test_state_of_another_input_is_not_continued(run, tmp_path, monkeypatch):
    (tmp_path / "in.jsonl").write_bytes(encode(make_corpus(3)))
    monkeypatch.setattr(Path, "unlink", lambda *_, **__: None)
    assert run("in.jsonl", "-o", "out.jsonl")[0] == 0
    (tmp_path / "in.jsonl").write_bytes(encode(make_corpus(3, seed=2)))
    status, said = run("in.jsonl", "-o", "out.jsonl")
    assert status == 2
    assert "belongs to another input" in said


@pytest.mark.parametrize("ending", ["", ".gz"])
def test_a_killed_run_is_continued(tmp_path, ending):
    source, output = tmp_path / "in.jsonl", tmp_path / f"out.jsonl{ending}"
    corpus = make_corpus(6_000)
    source.write_bytes(encode(corpus))
    arguments = [sys.executable, "-m", "scrapy", "dedup", str(source), "-o", str(output)]
    process = subprocess.Popen(arguments, cwd=ROOT, stderr=subprocess.PIPE, env={**os.environ})
    copies, first_group = duplicates_path(output), 0
    deadline = time.monotonic() + 60
    while not first_group or output.stat().st_size <= first_group:  # then the first group is recorded
        assert process.poll() is None
        assert time.monotonic() < deadline
        if not first_group and copies.exists() and copies.stat().st_size:
            first_group = output.stat().st_size
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    with output.open("ab") as file:
        file.write(b"torn")
    done = subprocess.run(arguments, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert "continued after line" in done.stderr
    assert [article["id"] for article in read(output)] == [a["id"] for i, a in enumerate(corpus) if i % 3 != 2]
    assert len(read(duplicates_path(output))) == 2_000
