"""Feeds: exactly once through crashes, and what the operator or the disk may do to the files."""

from __future__ import annotations

import gzip
import io
import json
import logging
import random
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import zstandard

import newscrawl.store.sqlite
from newscrawl import failpoints
from newscrawl.feeds import FeedError, Feeds, Problem, Rotation, manifest_path, verify
from newscrawl.store import Kind, OutboxItem, Settlement, State, Store, Url, open_store
from tests import crash_store
from tests.crash_store import fork

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ENDINGS = (".jsonl", ".jsonl.gz", ".jsonl.zst")


def read(path: Path) -> list[str]:
    """Ids in a feed file, in order; whoever reads it needs nothing of ours."""
    raw = path.read_bytes()
    if path.suffix == ".gz":
        raw = gzip.decompress(raw)
    if path.suffix == ".zst":
        raw = zstandard.ZstdDecompressor().stream_reader(io.BytesIO(raw), read_across_frames=True).read()
    assert not raw or raw.endswith(b"\n")
    return [json.loads(line)["id"] for line in raw.splitlines()]


def exported(folder: Path) -> list[str]:
    return [
        key
        for path in sorted((folder / "feeds").glob("*.jsonl*"))
        if ".manifest" not in path.name
        for key in read(path)
    ]


def check(folder: Path, ending: str, pages: int) -> None:
    assert sorted(exported(folder)) == sorted(f"demo/ar/a/{number}" for number in range(pages))
    paths = crash_store.paths(folder, ending)
    store = open_store(folder / "state.sqlite", readonly=True)
    assert [*verify(store, paths), *verify(None, paths)] == []
    assert {count.state: count.urls for count in store.counts()} == {State.DONE: pages}
    store.close()


class Folder:
    """A store with 40 leased URLs and its feeds, to be opened, fed and opened again."""

    def __init__(self, path: Path, ending: str = ".jsonl", rotate: Rotation | None = None) -> None:
        self.path, self.rotate, self.now, self.given = path, rotate, 1_700_000_000.0, 0
        self.feed = path / "feeds" / f"articles{ending}"

    def __enter__(self) -> Folder:
        self.store: Store = open_store(self.path / "state.sqlite")
        self.store.begin_run("test")
        self.store.add([Url(f"https://a/{number}", "s", "a", Kind.ARTICLE) for number in range(40)])
        try:
            self.feeds = Feeds(self.store, {"articles": self.feed}, self.rotate, clock=lambda: self.now)
            self.feeds.open()
        except FeedError:
            self.store.close()
            raise
        return self

    def __exit__(self, kind: object, *rest: object) -> None:
        if kind is None:
            self.feeds.close()
        self.store.close()

    def put(self, count: int, size: int = 10) -> None:
        for _ in range(count):
            (lease,) = self.store.lease(1, 1)
            line = json.dumps({"id": str(self.given), "body": "x" * size}).encode()
            self.store.settle(Settlement(lease.id, State.DONE, items=[OutboxItem(str(self.given), "articles", line)]))
            self.given += 1

    def write(self, count: int, size: int = 10) -> None:
        self.put(count, size)
        self.feeds.drain()

    def problems(self) -> list[Problem]:
        store = open_store(self.path / "state.sqlite", readonly=True)
        found = list(verify(store, {"articles": self.feed}))
        store.close()
        return found


@pytest.fixture(autouse=True)
def _disarmed() -> Iterator[None]:
    yield
    failpoints.arm(None)


# crashes

SWEEP = [
    *((name, ".jsonl", lines, passing) for name in failpoints.NAMES for lines in (None, 4) for passing in (1, 3)),
    *(
        (name, ending, lines, 2)
        for name in failpoints.NAMES
        if not name.startswith("store")
        for ending in ENDINGS[1:]
        for lines in (None, 4)
    ),
]


@pytest.mark.parametrize(("name", "ending", "lines", "passing"), SWEEP)
def test_crash_at_every_fail_point(tmp_path: Path, name: str, ending: str, lines: int | None, passing: int) -> None:
    pages = 40

    def work(spec: str | None) -> Callable[[], None]:
        def run() -> None:
            failpoints.arm(spec)
            crash_store.crawl(tmp_path, ending, pages, lines)

        return run

    if name.startswith("feeds.cut"):
        assert fork(work("feeds.write.torn:3")) == -signal.SIGKILL
        passing = 1
    status = fork(work(f"{name}:{passing}"))
    rotating = name.startswith(("feeds.part", "manifest"))
    once = name.startswith(("store.create", "store.begin", "store.end", "feeds.cut", "feeds.create"))
    if passing == 1 or not once:
        assert status == (0 if rotating and lines is None else -signal.SIGKILL)
    for _ in range(2):  # the second finds nothing to do
        assert fork(work(None)) == 0
        check(tmp_path, ending, pages)


@pytest.mark.parametrize(("ending", "lines"), [(".jsonl", None), (".jsonl.gz", 30), (".jsonl.zst", None)])
def test_random_kills(tmp_path: Path, ending: str, lines: int | None) -> None:
    pages, chance, kills = 300, random.Random(ending), 0
    command = [
        sys.executable,
        crash_store.__file__,
        str(tmp_path),
        ending,
        str(pages),
        *([str(lines)] if lines else []),
    ]
    for _ in range(8):
        with subprocess.Popen(command) as child:
            started = time.monotonic()
            while not (tmp_path / "feeds").exists() and child.poll() is None and time.monotonic() - started < 10:
                time.sleep(0.01)
            time.sleep(chance.uniform(0, 0.2))
            child.kill()
            kills += child.wait() == -signal.SIGKILL
    assert kills > 1
    subprocess.run(command, check=True, timeout=30)
    check(tmp_path, ending, pages)


# a full disk


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("name", ["feeds.write.before", "feeds.write.torn", "feeds.write.after", "feeds.fsync.after"])
def test_a_flush_that_fails_is_cut_back_and_tried_again(tmp_path: Path, ending: str, name: str) -> None:
    with Folder(tmp_path, ending) as folder:
        folder.write(3)
        before = folder.feed.read_bytes()
        folder.put(3)
        failpoints.arm(f"{name}:1:enospc")
        with pytest.raises(
            FeedError, match=r"articles.* cannot be written \(No space left on device\).*nothing is lost"
        ):
            folder.feeds.drain()
        assert folder.feed.read_bytes() == before
        failpoints.arm(None)
        assert folder.feeds.drain() == 3
    assert read(folder.feed) == [str(number) for number in range(6)]
    assert folder.problems() == []


def test_disk_full_within_a_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """RLIMIT_FSIZE lets a write end within a line; the state stays below the limit by frequent checkpoints."""
    monkeypatch.setattr(newscrawl.store.sqlite, "CHECKPOINT_PAGES", 20)

    def work() -> None:
        with Folder(tmp_path) as folder:
            resource.setrlimit(resource.RLIMIT_FSIZE, (400_001, resource.RLIM_INFINITY))
            for _ in range(13):
                folder.write(1, 30_000)
            folder.put(1, 30_000)
            with pytest.raises(FeedError, match=r"File too large.*nothing is lost"):
                folder.feeds.drain()
            assert len(read(folder.feed)) == 13  # cut back: the 14th was half written
            resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
            assert folder.feeds.drain() == 1
            folder.write(5)

    assert fork(work) == 0
    folder = Folder(tmp_path)
    assert read(folder.feed) == [str(number) for number in range(19)]
    assert folder.problems() == []


# the operator


def test_file_shorter_than_recorded_is_refused(tmp_path: Path) -> None:
    with Folder(tmp_path) as folder:
        folder.write(3)
    whole = folder.feed.read_bytes()
    folder.feed.write_bytes(whole[:-5])
    with (
        pytest.raises(FeedError, match=r"articles.jsonl: .* shorter than the .* recorded: put the whole file back"),
        folder,
    ):
        pass
    assert folder.feed.read_bytes() == whole[:-5]
    assert next(problem.what for problem in folder.problems()).endswith("lines are lost")
    folder.feed.write_bytes(whole)
    with folder:
        folder.write(1)
    assert read(folder.feed) == ["0", "1", "2", "3"]


def test_closing_what_could_not_be_opened_writes_nothing(tmp_path: Path) -> None:
    with Folder(tmp_path) as folder:
        folder.write(3)
    folder.feed.write_bytes(b"")
    store = open_store(tmp_path / "state.sqlite")
    store.begin_run("test")
    (lease,) = store.lease(1, 1)
    store.settle(Settlement(lease.id, State.DONE, items=[OutboxItem("3", "articles", b'{"id": "3"}')]))
    feeds = Feeds(store, {"articles": folder.feed})
    with pytest.raises(FeedError, match=r"shorter than"):
        feeds.open()
    feeds.close()
    assert store.exported("articles") == (4, 1)
    assert [file.name for file in folder.feed.parent.iterdir()] == ["articles.jsonl"]
    store.close()


def test_file_truncated_under_a_run_is_refused(tmp_path: Path) -> None:
    with Folder(tmp_path) as folder:
        folder.write(3)
        whole = folder.feed.read_bytes()
        folder.feed.write_bytes(b"")
        folder.put(1)
        with pytest.raises(FeedError, match=r"shorter than"):
            folder.feeds.drain()
        folder.feed.write_bytes(whole)
    assert read(folder.feed) == ["0", "1", "2", "3"]


@pytest.mark.parametrize("running", [False, True])
@pytest.mark.parametrize("ending", ENDINGS)
def test_moved_file_goes_on_in_a_new_one_loudly(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, ending: str, running: bool
) -> None:
    folder = Folder(tmp_path, ending)
    with folder:
        folder.write(3)
        if running:
            folder.feed.rename(tmp_path / f"moved{ending}")
            folder.write(2)
    if not running:
        folder.feed.rename(tmp_path / f"moved{ending}")
        with folder:
            folder.write(2)
    assert read(tmp_path / f"moved{ending}") == ["0", "1", "2"]
    assert read(folder.feed) == ["3", "4"]
    assert "was moved or deleted: the articles feed goes on in a new file" in caplog.text
    assert folder.problems() == []


@pytest.mark.parametrize("running", [False, True])
def test_replaced_file_stays_and_the_feed_goes_on_beside(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, running: bool
) -> None:
    folder = Folder(tmp_path)
    stranger = b'{"id": "somebody else"}\n' * 30

    def replace() -> None:
        other = tmp_path / "other"
        other.write_bytes(stranger)
        other.rename(folder.feed)

    with folder:
        folder.write(3)
        if running:
            replace()
            folder.write(2)
    if not running:
        replace()
        with folder:
            folder.write(2)
    assert folder.feed.read_bytes() == stranger
    assert "stays as it is" in caplog.text
    with folder:
        folder.write(1)
    assert read(folder.feed.with_name("articles-000003.jsonl")) == ["3", "4", "5"]
    assert folder.problems() == []


def test_edited_file_is_taken_for_another(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with Folder(tmp_path) as folder:
        folder.write(3)
    edited = folder.feed.read_bytes().replace(b'"id"', b'"ident"') + b'{"id": "added"}\n'
    folder.feed.write_bytes(edited)
    with folder:
        folder.write(1)
    assert folder.feed.read_bytes() == edited
    assert "holds other content now" in caplog.text


def test_file_of_a_lost_state_stays(tmp_path: Path) -> None:
    with Folder(tmp_path) as folder:
        folder.write(3)
    before = folder.feed.read_bytes()
    for file in tmp_path.glob("state.sqlite*"):
        file.unlink()
    with Folder(tmp_path) as again:
        again.write(2)
    assert folder.feed.read_bytes() == before
    assert read(folder.feed.with_name("articles-000002.jsonl")) == ["0", "1"]


def test_the_data_directory_may_be_moved(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "here").mkdir()
    with Folder(tmp_path / "here") as folder:
        folder.write(3)
    (tmp_path / "here").rename(tmp_path / "there")
    with Folder(tmp_path / "there") as moved:
        moved.given = 3
        moved.write(2)
    assert read(moved.feed) == ["0", "1", "2", "3", "4"]
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


def test_another_path_goes_on_where_the_first_ended(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with Folder(tmp_path) as folder:
        folder.write(3)
    first, folder.feed = folder.feed, folder.feed.with_name("other.jsonl.gz")
    with folder:
        folder.write(2)
    folder.feed = first
    with folder:
        folder.write(1)
    assert (read(first), read(first.with_name("other.jsonl.gz"))) == (["0", "1", "2", "5"], ["3", "4"])
    assert "goes on in" in caplog.text
    assert folder.problems() == []


def test_bytes_beyond_the_record_are_cut(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    with Folder(tmp_path) as folder:
        folder.write(3)
    with folder.feed.open("ab") as file:
        file.write(b'{"id": "3", "bo')
    assert "its next start cuts them off" in folder.problems()[0].what
    with folder:
        folder.write(1)
    assert read(folder.feed) == ["0", "1", "2", "3"]
    assert "15 bytes of an interrupted flush cut off" in caplog.text


@pytest.mark.parametrize("name", ["articles.csv", "articles", "articles.json"])
def test_unknown_ending_is_refused(tmp_path: Path, name: str) -> None:
    folder = Folder(tmp_path)
    folder.feed = tmp_path / name
    with pytest.raises(FeedError, match=r"unknown ending"), folder:
        pass


def test_two_feeds_in_one_file_are_refused(tmp_path: Path) -> None:
    with Folder(tmp_path) as folder, pytest.raises(FeedError, match=r"one file for two feeds"):
        Feeds(folder.store, {"a": tmp_path / "x.jsonl", "b": tmp_path / "x.jsonl"})


def test_a_directory_in_place_of_the_feed_is_refused(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    folder.feed.mkdir(parents=True)
    with folder:
        folder.put(1)
        with pytest.raises(FeedError, match=r"articles.jsonl: cannot be written \(Is a directory\)"):
            folder.feeds.drain()
        folder.feed.rmdir()
    assert read(folder.feed) == ["0"]


def test_nothing_uncommitted_is_written(tmp_path: Path) -> None:
    with Folder(tmp_path) as folder:
        folder.put(2)
        assert not folder.feed.exists()
        assert folder.feeds.drain() == 2
        assert folder.feeds.drain() == 0
        assert folder.store.exported("articles") == (2, 0)


# rotation


@pytest.mark.parametrize("ending", ENDINGS)
def test_parts_by_lines_and_their_manifest(tmp_path: Path, ending: str) -> None:
    with Folder(tmp_path, ending, Rotation(lines=4)) as folder:
        folder.write(9)
        manifest = json.loads(manifest_path(folder.feed).read_bytes())
        assert [entry["lines"] for entry in manifest["files"]] == [4, 4]
    parts = [folder.feed.with_name(f"articles-{part:06d}{ending}") for part in (1, 2, 3)]
    assert [len(read(part)) for part in parts] == [4, 4, 1]
    manifest = json.loads(manifest_path(folder.feed).read_bytes())
    assert manifest["lines"] == 9
    assert manifest["bytes"] == sum(part.stat().st_size for part in parts)
    assert [(entry["file"], entry["first_seq"], entry["last_seq"]) for entry in manifest["files"]] == [
        (parts[0].name, 1, 4),
        (parts[1].name, 5, 8),
        (parts[2].name, 9, 9),
    ]
    assert folder.problems() == []
    assert list(verify(None, {"articles": folder.feed})) == []
    with folder:
        folder.write(1)
    assert read(folder.feed.with_name(f"articles-000004{ending}")) == ["9"]


def test_parts_by_size_and_by_day(tmp_path: Path) -> None:
    with Folder(tmp_path, rotate=Rotation(size=500, daily=True)) as folder:
        folder.write(2, 100)
        folder.now += 86_400
        folder.write(2, 300)
        folder.write(1, 10)
    parts = sorted(folder.feed.parent.glob("articles-*.jsonl"))
    assert [read(part) for part in parts] == [["0", "1"], ["2", "3"], ["4"]]


def test_rotation_begun_on_a_single_file(tmp_path: Path) -> None:
    with Folder(tmp_path) as folder:
        folder.write(3)
    folder.rotate = Rotation(lines=2)
    with folder:
        folder.write(3)
    assert [entry["file"] for entry in json.loads(manifest_path(folder.feed).read_bytes())["files"]] == [
        "articles.jsonl",
        "articles-000002.jsonl",
        "articles-000003.jsonl",
    ]
    assert folder.problems() == []


def test_manifest_of_another_crawl_is_not_written_over(tmp_path: Path) -> None:
    with Folder(tmp_path, rotate=Rotation(lines=2)) as folder:
        folder.write(4)
    before = manifest_path(folder.feed).read_bytes()
    for file in tmp_path.glob("state.sqlite*"):
        file.unlink()
    with pytest.raises(FeedError, match=r"names articles-000001.jsonl, which this crawl state did not write"), folder:
        pass
    assert manifest_path(folder.feed).read_bytes() == before


@pytest.mark.parametrize(("lines", "size"), [(0, None), (None, -1), (5, 0)])
def test_rotation_limits(lines: int | None, size: int | None) -> None:
    with pytest.raises(ValueError, match=r"at least 1"):
        Rotation(lines, size)


# verify

LINES = [b'{"id": "%d", "body": "%s"}\n' % (number, b"x" * 10) for number in range(4)]


@pytest.mark.parametrize(
    ("lines", "line", "what"),
    [
        ([*LINES[:3], LINES[3][:-1]], 4, "torn"),
        ([*LINES[:2], b'{"id": \n', LINES[3]], 3, "no JSON"),
        ([*LINES[:2], b"[]\n", LINES[3]], 3, "no object with an id"),
        ([*LINES[:3], LINES[1]], 4, "id 1 was exported before"),
        ([*LINES[:3], b'{"body": "xxxxxxxxxx", "id": "3"}\n'], 4, "keys body, id; they should be id, body"),
        ([LINES[0], LINES[2], LINES[1], LINES[3]], 3, "id 1 is out of order"),
        (LINES[:3], None, "lines are lost"),
        ([*LINES, LINES[0]], None, "recorded are"),
    ],
)
def test_verify_names_line_and_fault(tmp_path: Path, lines: list[bytes], line: int | None, what: str) -> None:
    with Folder(tmp_path) as folder:
        folder.write(4)
    assert folder.problems() == []
    folder.feed.write_bytes(b"".join(lines))
    problems = folder.problems()
    assert any(problem.line == line and what in problem.what and problem.file == folder.feed for problem in problems), (
        problems
    )


@pytest.mark.parametrize("ending", ENDINGS)
def test_verify_without_a_store(tmp_path: Path, ending: str) -> None:
    with Folder(tmp_path, ending, Rotation(lines=3)) as folder:
        folder.write(7)
    paths = {"articles": folder.feed}
    part = folder.feed.with_name(f"articles-000002{ending}")
    whole = part.read_bytes()
    part.write_bytes(whole[:-4])
    assert {problem.file for problem in verify(None, paths)} == {part}
    part.write_bytes(bytes([*whole[:20], whole[20] ^ 1, *whole[21:]]))
    found = {problem.what.partition(":")[0] for problem in verify(None, paths)}
    assert found & {"checksum differs from the recorded one", "damaged"}
    part.unlink()
    assert [(problem.file, problem.what) for problem in verify(None, paths)] == [(part, "missing")]
    assert [problem.what for problem in verify(None, {"articles": tmp_path / "none.jsonl"})] == ["missing"]


def test_verify_notices_a_missing_file_and_fields(tmp_path: Path) -> None:
    with Folder(tmp_path) as folder:
        folder.write(2)
    store = open_store(tmp_path / "state.sqlite", readonly=True)
    assert list(verify(store, {"articles": folder.feed}, {"articles": ["id", "body"]})) == []
    assert (
        "they should be id, title" in next(verify(store, {"articles": folder.feed}, {"articles": ["id", "title"]})).what
    )
    folder.feed.unlink()
    assert [problem.what for problem in verify(store, {"articles": folder.feed})] == ["missing"]
    store.close()


# fail points


@pytest.mark.parametrize("spec", ["nonsense", "store.commit.before:x", "store.commit.before:1:explode"])
def test_unknown_fail_point_is_refused(spec: str) -> None:
    with pytest.raises(ValueError, match=r"no such fail point"):
        failpoints.arm(spec)


def test_every_fail_point_is_in_the_code() -> None:
    folder = Path(failpoints.__file__).parent
    code = "".join(path.read_text() for path in [folder / "feeds.py", *(folder / "store").glob("*.py")])
    assert [name for name in failpoints.NAMES if f'fail_at("{name}")' not in code] == []
