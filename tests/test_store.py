"""The store: rounds, leases, settlement, and what it does about files that are not as they should be."""

from __future__ import annotations

import os
import resource
import sqlite3
from collections import Counter
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import newscrawl.store.sqlite as sqlite_store
from newscrawl.store import (
    Count,
    FeedFile,
    Kind,
    OutboxItem,
    Robots,
    Run,
    Settlement,
    State,
    Store,
    StoreError,
    Url,
    open_store,
)
from newscrawl.store.schema import MIGRATIONS, SCHEMA_VERSION
from newscrawl.store.sqlite import SqliteStore
from tests.crash_store import fork

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Clock:
    """Unix seconds that a test sets."""

    def __init__(self) -> None:
        self.now = 1_700_000_000.0

    def __call__(self) -> float:
        return self.now


def url(name: str, priority: int = 0, host: str = "news.example", kind: Kind = Kind.ARTICLE) -> Url:
    return Url(f"https://{host}/{name}", "demo", host, kind, priority)


def urls(count: int) -> list[Url]:
    return [url(str(number)) for number in range(count)]


def item(key: str, line: bytes = b"{}", digest: bytes | None = None) -> OutboxItem:
    return OutboxItem(key, "articles", line, digest)


def states(store: Store) -> dict[State, int]:
    total: Counter[State] = Counter()
    for count in store.counts():
        total[count.state] += count.urls
    return dict(total)


def die(store: Store) -> None:
    """Let go of the file as SIGKILL does: no commit, no checkpoint by us."""
    assert isinstance(store, SqliteStore)
    if store._db.in_transaction:
        store._db.execute("ROLLBACK")
    store._db.close()
    store._unlock()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state.sqlite"


@pytest.fixture
def store(path: Path, clock: Clock) -> Iterator[Store]:
    opened = open_store(path, clock=clock)
    opened.begin_run("latest")
    yield opened
    opened.close()


# discovery


def test_a_key_is_queued_once(store: Store) -> None:
    assert store.add(urls(3)) == 3
    assert store.add(urls(4)) == 1
    assert store.add([]) == 0
    seen = store.seen([*(one.key for one in urls(2)), "https://unknown/"])
    assert {key: (one.state, one.round, one.settled_at) for key, one in seen.items()} == {
        one.key: (State.PENDING, 1, None) for one in urls(2)
    }


def test_many_keys_are_asked_at_once(store: Store) -> None:
    store.add(urls(1201))
    assert len(store.seen([one.key for one in urls(1300)])) == 1201


def test_leases_by_priority_then_age(store: Store) -> None:
    store.add([url("a"), url("b", 5), url("c"), url("d", 5), url("e", -3)])
    first = store.lease(1, 3)
    assert [lease.key[-1] for lease in first] == ["b", "d", "a"]
    assert [lease.key[-1] for lease in store.lease(1, 9)] == ["c", "e"]
    assert store.lease(1, 9) == []
    store.release([lease.id for lease in first])
    assert [lease.key[-1] for lease in store.lease(1, 9)] == ["b", "d", "a"]


def test_leases_read_only_the_index_and_need_no_sort(store: Store) -> None:
    assert isinstance(store, SqliteStore)
    plan = " ".join(row[3] for row in store._db.execute("EXPLAIN QUERY PLAN " + sqlite_store.LEASE, (1, 1, 1, 1)))
    assert "urls_pending" in plan
    assert "TEMP B-TREE" not in plan
    assert "SCAN" not in plan
    for statement, index in ((sqlite_store.RELEASE_ALL, "urls_leased"), (sqlite_store.CLOCK_BACK, "urls_deferred")):
        values = (1,) * statement.count("?")
        plan = " ".join(row[3] for row in store._db.execute("EXPLAIN QUERY PLAN " + statement, values))
        assert index in plan


def test_hosts_with_what_holds_them(store: Store) -> None:
    store.add([url("a"), url("b", host="other.example")])
    store.lease(2, 1)
    store.hold_host("other.example", 1_700_000_060.0)
    store.hold_host("other.example", 1_700_000_050.0)  # the longer hold stays
    store.note_delay("news.example", 2.5)
    assert [(host.host, host.not_before, host.delay, host.pending) for host in store.hosts()] == [
        ("news.example", 0.0, 2.5, True),
        ("other.example", 1_700_000_060.0, None, False),
    ]


def test_robots_are_remembered(store: Store) -> None:
    assert store.robots("https://a:443") is None
    store.save_robots("https://a:443", Robots("User-agent: *", 5.0))
    store.save_robots("https://a:443", Robots("", 6.0))
    assert store.robots("https://a:443") == Robots("", 6.0)


# settlement


def test_a_page_settles_with_all_it_brought(store: Store, clock: Clock) -> None:
    store.add(urls(2))
    (lease,) = store.lease(1, 1)
    clock.now += 9
    page = Settlement(lease.id, State.DONE, found=[url("0"), url("new")], items=[item("a", b'{"id": "a"}', b"1" * 16)])
    assert store.settle(page) == []
    assert store.seen([lease.key])[lease.key].settled_at == 1_700_000_009
    assert states(store) == {State.DONE: 1, State.PENDING: 2}
    assert store.outbox_lines("articles") == [(1, b'{"id": "a"}')]
    assert store.first_with_text(b"1" * 16) == "a"
    assert store.first_with_text(b"2" * 16) is None


def test_an_article_key_is_exported_once_for_ever(store: Store) -> None:
    store.add(urls(3))
    first, second, third = store.lease(1, 3)
    assert store.settle(Settlement(first.id, State.DONE, items=[item("a"), item("b", digest=b"x"), item("a")])) == ["a"]
    record = FeedFile("articles", "f", 1, "f", 0.0, 6, 2, 1, 2, b"")
    store.record_feed(record)
    assert store.outbox_lines("articles") == []
    assert store.settle(Settlement(second.id, State.DONE, items=[item("b", digest=b"y")])) == ["b"]
    assert store.settle(Settlement(third.id, State.DONE, items=[item("c", digest=b"x")])) == []
    assert store.first_with_text(b"x") == "b"
    assert store.first_with_text(b"y") is None
    assert store.exported("articles") == (3, 1)
    assert store.exported_keys("articles", 1, 9) == [(2, "b"), (3, "c")]
    assert store.feed_files("articles") == [record]


def test_outbox_lines_are_bounded(store: Store) -> None:
    store.add(urls(1))
    (lease,) = store.lease(1, 1)
    store.settle(Settlement(lease.id, State.DONE, items=[item(str(number), b"x" * 100) for number in range(10)]))
    assert [seq for seq, _ in store.outbox_lines("articles", after_seq=2, limit=3)] == [3, 4, 5]
    assert len(store.outbox_lines("articles", size=250)) == 3
    assert store.outbox_lines("duplicates") == []


@pytest.mark.parametrize(
    "broken",
    [
        {"items": [item("y"), item("z", b"two\nlines")]},
        {"items": [item("y"), OutboxItem("z", "articles", object())]},  # type: ignore[arg-type]
        {"found": [url("new", host="new.example"), url("\ud800")]},
        {"found": [url("new"), Url(None, "demo", "news.example", Kind.ARTICLE)]},  # type: ignore[arg-type]
        {"aliases": [url("alias")], "again": [url("\ud800")]},
    ],
)
def test_a_settlement_that_fails_leaves_no_trace(store: Store, broken: dict[str, list[object]]) -> None:
    store.add(urls(2))
    first, second = store.lease(1, 2)
    store.settle(Settlement(first.id, State.DONE, items=[item("x")]))
    with pytest.raises((ValueError, TypeError, StoreError)):
        store.settle(Settlement(second.id, State.DONE, **broken))  # type: ignore[arg-type]
    assert states(store) == {State.DONE: 1, State.LEASED: 1}
    assert [host.host for host in store.hosts()] == ["news.example"]
    assert store.exported("articles") == (1, 1)
    page = Settlement(second.id, State.DONE, found=[url("new", host="new.example")], items=[item("y")])
    assert store.settle(page) == []
    store.commit()
    assert states(store) == {State.DONE: 2, State.PENDING: 1}


@pytest.mark.parametrize("state", [State.DONE, State.SKIPPED, State.DEAD])
def test_settling_twice_is_an_error(store: Store, state: State) -> None:
    store.add(urls(1))
    (lease,) = store.lease(1, 1)
    store.settle(Settlement(lease.id, state, "why"))
    with pytest.raises(StoreError, match=r"not under way"):
        store.settle(Settlement(lease.id, State.DONE))
    assert store.counts() == [Count("demo", Kind.ARTICLE, state, "why", 1)]


@pytest.mark.parametrize(
    "wrong", [Settlement(1, State.LEASED), Settlement(1, State.DEFERRED), Settlement(1, State.DONE, None, 5.0)]
)
def test_a_settlement_that_contradicts_itself(store: Store, wrong: Settlement) -> None:
    with pytest.raises(ValueError, match=r"not a settlement"):
        store.settle(wrong)


def test_aliases_settle_with_the_page_unless_leased(store: Store) -> None:
    store.add([url("a"), url("leased", 1), url("pending", -1)])
    leased, page = store.lease(1, 2)
    store.settle(Settlement(page.id, State.DONE, aliases=[url("leased"), url("pending"), url("new")]))
    seen = store.seen([url(name).key for name in ("leased", "pending", "new")])
    assert [one.state for one in seen.values()].count(State.DONE) == 2
    assert seen[leased.key].state is State.LEASED


def test_deferred_until_due(store: Store, clock: Clock) -> None:
    store.add(urls(2))
    first, second = store.lease(1, 2)
    store.settle(Settlement(first.id, State.DEFERRED, "http_503", clock.now + 60, 1))
    store.settle(Settlement(second.id, State.DEFERRED, "http_503", clock.now + 600, 2))
    assert store.next_due() == clock.now + 60
    assert store.promote() == 0
    clock.now += 60
    assert store.promote() == 1
    assert [(lease.key, lease.tries) for lease in store.lease(1, 9)] == [(first.key, 1)]
    clock.now += 600
    assert store.promote(limit=0) == 0
    assert store.promote() == 1
    assert store.next_due() is None


@pytest.mark.parametrize("restart", [False, True])
def test_clock_going_back_keeps_what_remains_of_a_wait(path: Path, clock: Clock, restart: bool) -> None:
    true_time, clock.now = clock.now, clock.now + 4 * 365 * 86_400
    store = open_store(path, clock=clock)
    store.begin_run("latest")
    store.add(urls(1))
    (lease,) = store.lease(1, 1)
    store.settle(Settlement(lease.id, State.DEFERRED, "timeout", clock.now + 600, 1))
    store.hold_host("news.example", clock.now + 90)
    store.promote()
    clock.now = true_time
    if restart:
        store.close()
        store = open_store(path, clock=clock)
        store.begin_run("latest")
    store.promote()
    assert store.next_due() == true_time + 600
    assert store.hosts()[0].not_before == true_time + 90
    store.close()


# runs and rounds


def test_a_round_goes_on_until_a_run_finishes_it(path: Path, clock: Clock) -> None:
    def begin() -> tuple[Store, Run]:
        store = open_store(path, clock=clock)
        return store, store.begin_run("latest")

    store, run = begin()
    store.add(urls(4))
    store.lease(1, 2)
    store.commit()
    die(store)

    store, again = begin()
    assert (again.id, again.round) == (2, run.round)
    assert states(store) == {State.PENDING: 4}
    first, second = store.lease(1, 2)
    store.settle(Settlement(first.id, State.DONE))
    store.settle(Settlement(second.id, State.DEFERRED, "timeout", clock.now + 1, 1))
    store.lease(1, 1)
    store.end_run(finished=True, summary={"articles": 1})
    store.close()

    store, third = begin()
    assert third.round == third.id == 3
    assert states(store) == {State.PENDING: 2, State.DONE: 1, State.DEFERRED: 1}
    clock.now += 1
    assert store.promote() == 1
    assert len(store.lease(1, 9)) == 3  # what the round before left is leased in this one
    assert [(past.id, past.scope, past.round, past.finished) for past in store.runs()] == [
        (3, "latest", 3, False),
        (2, "latest", 1, True),
        (1, "latest", 1, False),
    ]
    assert store.runs()[1].summary == {"articles": 1}
    assert {seen.round for seen in store.seen([one.key for one in urls(4)]).values()} == {1}
    store.close()


def test_again_requeues_what_this_round_has_not_settled(path: Path) -> None:
    listing = url("list", 3, kind=Kind.LISTING)
    store = open_store(path)
    store.begin_run("latest")
    store.add([listing])
    (lease,) = store.lease(1, 1)
    store.settle(Settlement(lease.id, State.DONE))
    assert store.add([listing], again=True) == 0
    assert store.add([listing], force=True) == 1
    (lease,) = store.lease(1, 1)
    store.settle(Settlement(lease.id, State.SKIPPED, "nothing_new"))
    store.end_run(finished=True, summary={})
    store.begin_run("latest")
    assert store.add([listing]) == 0
    assert store.add([url("list", 7, kind=Kind.LISTING)], again=True) == 1
    assert store.add([listing], again=True) == 0  # pending already
    (lease,) = store.lease(1, 1)
    assert (lease.tries, lease.priority) == (0, 7)
    assert store.add([listing], again=True, force=True) == 0  # under way
    store.settle(Settlement(lease.id, State.DONE))
    assert store.counts() == [Count("demo", Kind.LISTING, State.DONE, None, 1)]
    store.close()


def test_scopes_lease_their_own_and_adopt_what_they_find(path: Path, clock: Clock) -> None:
    store = open_store(path, clock=clock)
    store.begin_run("archive")
    store.add(urls(3))
    (lease,) = store.lease(1, 1)
    store.settle(Settlement(lease.id, State.DEFERRED, "timeout", clock.now + 50, 2))
    store.end_run(finished=False, summary={})
    store.begin_run("latest")
    assert store.lease(1, 9) == []
    assert store.next_due() is None
    assert not store.hosts()[0].pending
    assert store.add(urls(2)) == 2
    assert store.next_due() == clock.now + 50
    assert [lease.key for lease in store.lease(1, 9)] == [urls(2)[1].key]
    assert store.add(urls(2), again=True) == 0
    store.end_run(finished=True, summary={})
    assert store.begin_run("archive").round == 1
    assert [lease.key for lease in store.lease(1, 9)] == [urls(3)[2].key]
    store.close()


def test_no_work_without_a_run(path: Path) -> None:
    store = open_store(path)
    for call in (
        lambda: store.add(urls(1)),
        lambda: store.lease(1, 1),
        lambda: store.end_run(finished=True, summary={}),
    ):
        with pytest.raises(StoreError, match=r"no run is under way"):
            call()
    store.close()


def test_oldest_pending(store: Store, clock: Clock) -> None:
    assert store.oldest_pending() is None
    store.add(urls(1))
    clock.now += 50
    store.add(urls(2))
    assert store.oldest_pending() == 1_700_000_000
    store.lease(1, 1)
    assert store.oldest_pending() == 1_700_000_050


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["add", "again", "lease", "settle", "defer", "promote", "run", "die"]), st.integers(0, 9)
    ),
    max_size=30,
)


@settings(max_examples=40, deadline=None)
@given(steps=STEPS)
def test_states_always_sum_to_the_urls_discovered(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, int]]
) -> None:
    clock, path = Clock(), tmp_path_factory.mktemp("model") / "state.sqlite"
    store = open_store(path, clock=clock)
    store.begin_run("0")
    committed: set[str] = set()
    known: set[str] = set()
    leased: list[int] = []
    store.add([url("0")])
    known.add("0")
    for step, number in steps:
        if step in {"add", "again"}:
            store.add([url(str(number)), url(str(number // 2))], again=step == "again")
            known |= {str(number), str(number // 2)}
        elif step == "lease":
            leased += [lease.id for lease in store.lease(1, number)]
        elif step == "settle" and leased:
            store.settle(Settlement(leased.pop(), State(2 + number % 2), "why", found=[url(str(number))]))
            known.add(str(number))
        elif step == "defer" and leased:
            store.settle(Settlement(leased.pop(), State.DEFERRED, "why", clock.now + number, number))
        elif step == "promote":
            clock.now += number
            store.promote()
        elif step == "run":
            store.end_run(finished=bool(number % 2), summary={})
            store.begin_run(str(number % 3))
            leased, committed = [], set(known)
        elif step == "die":
            die(store)
            store = open_store(path, clock=clock)
            store.begin_run(str(number % 3))
            leased, known = [], set(committed)
        total = states(store)
        assert sum(total.values()) == len(known)
        assert total.get(State.LEASED, 0) == len(leased)
    store.close()


# durability, other processes


def test_an_uncommitted_group_is_lost_whole(path: Path) -> None:
    store = open_store(path)
    store.begin_run("latest")
    store.add(urls(2))
    store.commit()
    store.add(urls(5))
    assert states(store) == {State.PENDING: 5}
    die(store)
    store = open_store(path, readonly=True)
    assert states(store) == {State.PENDING: 2}
    store.close()


def test_a_second_crawl_is_refused_in_one_line(path: Path, store: Store) -> None:
    store.add(urls(1))
    with pytest.raises(StoreError) as refused:
        open_store(path)
    assert str(refused.value) == (
        f"{path}: in use by another crawl, process {os.getpid()}: wait for it or stop it, or use another data directory"
    )
    assert states(store) == {State.PENDING: 1}


def test_looking_beside_a_crawl(path: Path, store: Store) -> None:
    store.add(urls(2))
    store.commit()
    looking = open_store(path, readonly=True)
    store.add(urls(3))
    assert states(looking) == {State.PENDING: 2}
    store.commit()
    assert states(looking) == {State.PENDING: 3}
    with pytest.raises(StoreError, match=r"opened for looking only"):
        looking.hold_host("x", 5.0)
    looking.close()


def test_looking_at_nothing(path: Path) -> None:
    with pytest.raises(StoreError, match=r"no crawl state there yet"):
        open_store(path, readonly=True)
    assert not path.exists()


# files that are not as they should be


def make(path: Path, count: int = 2000) -> None:
    store = open_store(path)
    store.begin_run("latest")
    store.add(urls(count))
    store.close()


def foreign(path: Path) -> None:
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE urls (id INTEGER PRIMARY KEY, text TEXT)")
    db.close()


def newer(path: Path) -> None:
    make(path, 1)
    db = sqlite3.connect(path)
    db.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    db.close()


def cut(path: Path) -> None:
    make(path)
    path.write_bytes(path.read_bytes()[:9000])


def overwritten(path: Path) -> None:
    make(path)
    raw = path.read_bytes()
    path.write_bytes(raw[:2048] + b"\xa5" * 40_960 + raw[2048 + 40_960 :])


def without_tables(path: Path) -> None:
    make(path, 1)
    db = sqlite3.connect(path)
    db.execute("DROP TABLE outbox")
    db.close()


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda path: path.write_bytes(b""), "empty, its content is lost"),
        (lambda path: path.write_text("id,url\n" * 99), "not a crawl state"),
        (lambda path: path.write_bytes(b"SQLite format 3\0" + bytes(20)), "not a crawl state"),
        (lambda path: path.mkdir(), "cannot be read"),
        (foreign, "a database of another program"),
        (newer, f"written by a newer newscrawl .state version {SCHEMA_VERSION + 1}"),
        (cut, "damaged .*malformed"),
        (overwritten, "damaged .*malformed"),
        (without_tables, "tables are missing"),
        (lambda path: path.with_name("state.sqlite-wal").write_bytes(b"x"), "a log without its state.sqlite"),
    ],
)
def test_bad_state_files_are_refused_untouched(path: Path, spoil: object, reason: str) -> None:
    assert callable(spoil)
    spoil(path)
    before = path.read_bytes() if path.is_file() else None
    for readonly in (False, True):
        if readonly and not path.exists():
            continue
        with pytest.raises(StoreError, match=reason) as refused:
            open_store(path, readonly=readonly)
        assert "\n" not in str(refused.value)
    assert (path.read_bytes() if path.is_file() else None) == before


def test_damage_that_shows_later_ends_in_one_line(path: Path) -> None:
    make(path, 20_000)
    raw = bytearray(path.read_bytes())
    raw[400_000:600_000] = b"\xa5" * 200_000
    path.write_bytes(raw)
    store = open_store(path)
    store.begin_run("latest")
    with pytest.raises(StoreError, match=r"damaged .*: put a copy back"):
        store.seen([one.key for one in urls(20_000)])
    with pytest.raises(StoreError, match=r"damaged"):
        store.add(urls(1))
    with pytest.raises(StoreError, match=r"damaged"):
        store.commit()
    store.close()
    make(path.with_name("lock-is-free.sqlite"), 1)


def test_a_read_only_directory(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Root may write anywhere, so the system's answer is imitated."""

    def refuse(*_: object, **__: object) -> int:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr("newscrawl.store.sqlite.os.open", refuse)
    with pytest.raises(StoreError, match=r"cannot be created or locked \(Read-only file system\): make the directory"):
        open_store(path)


def test_a_read_only_state(path: Path) -> None:
    make(path, 1)
    store = open_store(path)
    assert isinstance(store, SqliteStore)
    store._db.execute("PRAGMA query_only = ON")
    with pytest.raises(StoreError, match=r"cannot be opened for writing"):
        store.begin_run("latest")
    store.close()


def test_another_program_holding_the_state(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(path, 1)
    monkeypatch.setattr(sqlite_store, "BUSY_SECONDS", 0.01)
    store = open_store(path)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreError, match=r"locked by another program"):
        store.begin_run("latest")
    other.execute("ROLLBACK")
    other.close()
    store.begin_run("latest")
    store.close()


def test_disk_full_loses_only_the_open_group(path: Path) -> None:
    def work() -> None:
        store = open_store(path)
        store.begin_run("latest")
        store.add(urls(10))
        store.commit()
        resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, resource.RLIM_INFINITY))

        def fill() -> None:
            for start in range(10, 100_000, 100):
                store.add([url(str(number)) for number in range(start, start + 100)])
                store.commit()

        with pytest.raises(StoreError, match=r"cannot be written .*free disk space and run again"):
            fill()
        with pytest.raises(StoreError, match=r"cannot be written"):
            store.settle(Settlement(1, State.DONE))
        store.close()

    assert fork(work) == 0
    store = open_store(path)
    store.begin_run("latest")
    total = states(store)[State.PENDING]
    assert total % 100 == 10
    assert total > 100
    assert store.add(urls(total)) == 0
    store.close()


def test_a_creation_cut_short_begins_anew(path: Path) -> None:
    path.with_name("state.sqlite.new").write_bytes(b"half")
    make(path, 3)
    assert not path.with_name("state.sqlite.new").exists()
    store = open_store(path, readonly=True)
    assert states(store) == {State.PENDING: 3}
    store.close()


def test_forward_migration_is_whole_or_not_at_all(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(path, 3)
    monkeypatch.setattr(sqlite_store, "SCHEMA_VERSION", SCHEMA_VERSION + 1)
    monkeypatch.setattr(sqlite_store, "MIGRATIONS", (*MIGRATIONS, ("CREATE TABLE x (y INTEGER)", "nonsense")))
    with pytest.raises(StoreError, match=r"syntax error"):
        open_store(path)
    with pytest.raises(StoreError, match=r"older version"):
        open_store(path, readonly=True)
    monkeypatch.setattr(sqlite_store, "MIGRATIONS", (*MIGRATIONS, ("CREATE TABLE x (y INTEGER)",)))
    store = open_store(path)
    assert isinstance(store, SqliteStore)
    assert store._db.execute("PRAGMA user_version").fetchone()[0] == SCHEMA_VERSION + 1
    assert states(store) == {State.PENDING: 3}
    store.close()
