"""The embedded store: one SQLite file in WAL mode, one connection, one writer.

Beside `state.sqlite` lie SQLite's own `-wal` and `-shm` files and `state.sqlite.lock`, which a crawl holds locked for
its life and which names its process.
"""

from __future__ import annotations

import errno
import fcntl
import functools
import json
import os
import sqlite3
import time
from collections import Counter
from contextlib import closing, contextmanager, suppress
from dataclasses import astuple
from typing import TYPE_CHECKING, Concatenate, ParamSpec, TypeVar

from newscrawl.failpoints import fail_at
from newscrawl.store import (
    FINAL,
    Count,
    FeedFile,
    Host,
    Kind,
    Leased,
    OutboxItem,
    PastRun,
    Robots,
    Run,
    Seen,
    Settlement,
    State,
    StoreError,
    Url,
)
from newscrawl.store.duplicates import INDEX_TABLES, DuplicateTables
from newscrawl.store.schema import APPLICATION_ID, MIGRATIONS, SCHEMA_VERSION, TABLES
from newscrawl.store.sources import SourceTables

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
    from pathlib import Path

PENDING, LEASED, DONE, SKIPPED, DEFERRED, DEAD = (int(state) for state in State)
SETTLED = ", ".join(str(int(state)) for state in sorted(FINAL))

MAGIC = b"SQLite format 3\0"
CACHE_KIB = 16_384
PAGE = 2_048
"""Bytes; new URLs spread over the index of keys and every page they touch is logged whole, so small pages cost less."""
CHECKPOINT_PAGES = 8_000
"""Pages in the log before they go to the main file: 16 MiB, so that pages which every group writes go there once."""
BUSY_SECONDS = 5.0
CLOCK_SLACK = 60
"""Seconds that the clock may go back (NTP does) before waiting times are corrected."""
COUNTED = 20_000
"""URLs counted at a time."""
VARIABLES = 500
"""Values in one IN list; SQLite before 3.32 takes 999."""

ADD = f"""
    INSERT INTO urls (key, host_id, scope, kind, state, priority, round, run, since, request)
    VALUES (?, ?, ?, ?, {PENDING}, ?, ?, ?, ?, ?)
    ON CONFLICT (key) DO UPDATE SET scope = excluded.scope
    WHERE urls.scope <> excluded.scope AND urls.state IN ({PENDING}, {DEFERRED})
"""  # noqa: S608  (numbers of our own)
ADD_AGAIN = f"""
    INSERT INTO urls (key, host_id, scope, kind, state, priority, round, run, since, request)
    VALUES (?, ?, ?, ?, {PENDING}, ?, ?, ?, ?, ?)
    ON CONFLICT (key) DO UPDATE SET
        scope = excluded.scope,
        state = CASE urls.state WHEN {DEFERRED} THEN {DEFERRED} ELSE {PENDING} END,
        tries = CASE urls.state WHEN {DEFERRED} THEN urls.tries ELSE 0 END,
        reason = CASE urls.state WHEN {DEFERRED} THEN urls.reason END,
        since = CASE urls.state WHEN {DEFERRED} THEN urls.since ELSE excluded.since END,
        run = excluded.run,
        priority = excluded.priority,
        request = excluded.request
    WHERE (urls.scope <> excluded.scope AND urls.state IN ({PENDING}, {DEFERRED}))
       OR (urls.state IN ({SETTLED}) AND urls.run < ?)
"""  # noqa: S608
ALIAS = f"""
    INSERT INTO urls (key, host_id, scope, kind, state, priority, round, run, since, not_before, reason)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (key) DO UPDATE SET
        state = excluded.state, run = excluded.run, since = excluded.since,
        not_before = excluded.not_before, reason = excluded.reason
    WHERE urls.state IN ({PENDING}, {DEFERRED})
"""  # noqa: S608
LEASE = f"""
    UPDATE urls SET state = {LEASED}, run = ?
    WHERE id IN (
        SELECT id FROM urls WHERE state = {PENDING} AND host_id = ? AND scope = ? ORDER BY priority DESC, id LIMIT ?
    )
    RETURNING id, key, kind, priority, tries, request
"""  # noqa: S608
ADD_LATER = f"""
    INSERT INTO urls (key, host_id, scope, kind, state, priority, round, run, since, not_before)
    VALUES (?, ?, ?, ?, {DEFERRED}, ?, ?, ?, ?, ?)
    ON CONFLICT (key) DO UPDATE SET
        scope = excluded.scope, state = {DEFERRED}, run = excluded.run, since = excluded.since,
        not_before = excluded.not_before, tries = 0, reason = NULL
    WHERE urls.state IN ({SETTLED})
"""  # noqa: S608
RELEASE = f"UPDATE urls SET state = {PENDING} WHERE id = ? AND state = {LEASED}"  # noqa: S608
RELEASE_ALL = f"UPDATE urls SET state = {PENDING} WHERE state = {LEASED}"  # noqa: S608
PROMOTE = f"""
    UPDATE urls SET state = {PENDING}, not_before = NULL
    WHERE id IN (
        SELECT id FROM urls WHERE state = {DEFERRED} AND scope = ? AND not_before <= ? ORDER BY not_before LIMIT ?
    )
"""  # noqa: S608
NEXT_DUE = f"SELECT MIN(not_before) FROM urls WHERE state = {DEFERRED} AND scope = ?"  # noqa: S608
SETTLE = f"""
    UPDATE urls SET state = ?, reason = ?, not_before = ?, tries = ?, run = ?, since = ?
    WHERE id = ? AND state IN ({PENDING}, {LEASED})
"""  # noqa: S608
CLOCK_BACK = f"""
    UPDATE urls SET not_before = not_before - (since - ?), since = ? WHERE state = {DEFERRED} AND since > ?
"""  # noqa: S608
HOSTS = f"""
    SELECT id, site, host, not_before, delay,
        EXISTS (SELECT 1 FROM urls WHERE urls.state = {PENDING} AND urls.host_id = hosts.id AND urls.scope = ?)
    FROM hosts ORDER BY id
"""  # noqa: S608
HAS_PENDING = f"SELECT 1 FROM urls WHERE state = {PENDING} AND host_id = ? AND scope = ? LIMIT 1"  # noqa: S608
RECORD = """
    INSERT INTO files (feed, base, part, path, opened, bytes, lines, first_seq, last_seq, mark, sha256, state)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (feed, base, part) DO UPDATE SET
        path = excluded.path, opened = excluded.opened, bytes = excluded.bytes, lines = excluded.lines,
        first_seq = excluded.first_seq, last_seq = excluded.last_seq, mark = excluded.mark,
        sha256 = excluded.sha256, state = excluded.state
"""

P = ParamSpec("P")
R = TypeVar("R")


def _told(method: Callable[Concatenate[SqliteStore, P], R]) -> Callable[Concatenate[SqliteStore, P], R]:
    """Let a method raise StoreError where SQLite fails."""

    @functools.wraps(method)
    def call(self: SqliteStore, /, *args: P.args, **kwargs: P.kwargs) -> R:
        if self._broken is not None:
            raise StoreError(self._broken)
        try:
            return method(self, *args, **kwargs)
        except sqlite3.Error as error:
            raise self._failure(error) from error

    return call


class SqliteStore:
    """`newscrawl.store.Store` in one SQLite file."""

    def __init__(self, path: Path, *, readonly: bool = False, clock: Callable[[], float] = time.time) -> None:
        """Open `path` as `newscrawl.store.open_store` says."""
        self.path = path
        self._clock = clock
        self._readonly = readonly
        self._broken: str | None = None
        self._lock: int | None = None
        self._run: Run | None = None
        self._scope = 0
        self._latest = 0.0
        self._host_ids: dict[tuple[str, str], int] = {}
        self._host_names: dict[int, tuple[str, str]] = {}
        try:
            self._db = self._open()
        except BaseException:
            self._unlock()
            raise
        self.duplicates = DuplicateTables(self._db, self._begin, self._failure)
        self.sources = SourceTables(self._db, self._begin, self._failure)

    @property
    def folder(self) -> Path:
        """Directory of the state file."""
        return self.path.parent

    # opening and closing

    def _open(self) -> sqlite3.Connection:
        if self._readonly:
            if not self.path.exists():
                msg = f"{self.path}: no crawl state there yet: run a crawl first, or name another data directory"
                raise StoreError(msg)
            _check_header(self.path)
            db = _connect(self.path, "ro")
        else:
            try:
                self.path.parent.mkdir(parents=True, exist_ok=True)
                self._lock = _lock(self.path)
                if not self.path.exists():
                    _create(self.path)
            except OSError as error:
                msg = f"{self.path}: cannot be created or locked ({error.strerror}): {_remedy(error)}"
                raise StoreError(msg) from error
            except sqlite3.Error as error:
                msg = f"{self.path}: cannot be created ({error}): free space or check the directory, and run again"
                raise StoreError(msg) from error
            _check_header(self.path)
            db = _connect(self.path, "rw")
        try:
            self._check(db)
        except sqlite3.Error as error:
            db.close()
            raise self._failure(error) from error
        except StoreError:
            db.close()
            raise
        return db

    def _check(self, db: sqlite3.Connection) -> None:
        """Compare version and tables, migrate, set the connection up; cheap however large the file is."""
        version = int(db.execute("PRAGMA user_version").fetchone()[0])
        if version > SCHEMA_VERSION:
            raise StoreError(_newer(self.path, version))
        if self._readonly:
            if version < SCHEMA_VERSION:
                msg = f"{self.path}: state of the older version {version}: run a crawl once to bring it up to date"
                raise StoreError(msg)
        else:
            mode = db.execute("PRAGMA journal_mode = WAL").fetchone()[0]
            if mode != "wal":
                msg = f"{self.path}: this file system allows no write-ahead log: keep the state on a local disk"
                raise StoreError(msg)
            db.execute("PRAGMA synchronous = FULL")
            db.execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}")
            db.execute("PRAGMA journal_size_limit = 67108864")
            db.execute("PRAGMA secure_delete = OFF")
            _migrate(db, version)
        db.execute("PRAGMA temp_store = MEMORY")
        db.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
        own = ("scopes", "runs", "hosts", "robots", "urls", "items", "outbox", "files", "sources", "rendered_hosts")
        for table in (*own, *INDEX_TABLES):
            db.execute(f"SELECT * FROM {table} ORDER BY 1 DESC LIMIT 1").fetchone()  # noqa: S608  (names of our own)

    def _unlock(self) -> None:
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def close(self) -> None:
        """Commit, fold the log into the file and let go of the lock."""
        try:
            if self._broken is None:
                self.commit()
        finally:
            self._db.close()
            self._unlock()

    # transactions and failures

    def _begin(self) -> sqlite3.Connection:
        """Open the group transaction if there is none."""
        db = self._db
        if not db.in_transaction:
            if self._readonly:
                msg = f"{self.path}: opened for looking only"
                raise StoreError(msg)
            db.execute("BEGIN IMMEDIATE")
        return db

    @_told
    def commit(self) -> None:
        """Make the group durable; without one, nothing happens."""
        if self._db.in_transaction:
            fail_at("store.commit.before")
            self._db.execute("COMMIT")
            fail_at("store.commit.after")

    def _failure(self, error: sqlite3.Error) -> StoreError:
        """Say why in one line; where the group is lost with it, refuse all further work."""
        code = getattr(error, "sqlite_errorcode", None)
        primary = code & 0xFF if code is not None else None
        name = str(self.path)
        if primary in {sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR}:
            text = f"{name}: cannot be written ({error}): free disk space and run again; what was committed is safe"
        elif primary in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}:
            text = f"{name}: damaged ({error}): put a copy back, or move it and the feeds away to begin anew"
        elif primary in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
            text = f"{name}: locked by another program: close that program and run again"
        elif primary in {sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM}:
            text = f"{name}: cannot be opened for writing ({error}): make the file and its directory writable"
        elif "no such table" in str(error) or "no such column" in str(error):
            text = f"{name}: tables are missing ({error}): put a copy back, or move it and the feeds away to begin anew"
        else:
            text = f"{name}: {error}: please report this"
        refused = isinstance(
            error, (sqlite3.IntegrityError, sqlite3.DataError, sqlite3.InterfaceError, sqlite3.ProgrammingError)
        )
        unbegun = primary == sqlite3.SQLITE_BUSY and hasattr(self, "_db") and not self._db.in_transaction
        if hasattr(self, "_db") and not (refused or unbegun):
            self._broken = text
            if self._db.in_transaction:
                with suppress(sqlite3.Error):  # the next opening recovers from the log
                    self._db.execute("ROLLBACK")
        return StoreError(text)

    @contextmanager
    def _whole(self) -> Iterator[sqlite3.Connection]:
        """Apply the block wholly or not at all; the rest of the group stays."""
        db = self._begin()
        db.execute("SAVEPOINT page")
        try:
            yield db
        except BaseException:
            self._host_ids.clear()  # it may name a host that is undone here
            if db.in_transaction:  # SQLite itself ends the whole transaction when the disk is full
                db.execute("ROLLBACK TO page")
                db.execute("RELEASE page")
            raise
        db.execute("RELEASE page")

    # runs

    @_told
    def begin_run(self, scope: str) -> Run:
        """Begin a run and recover from the one before; committed at once."""
        now = self._clock()
        db = self._begin()
        db.execute("INSERT INTO scopes (name) VALUES (?) ON CONFLICT (name) DO NOTHING", (scope,))
        self._scope = db.execute("SELECT id FROM scopes WHERE name = ?", (scope,)).fetchone()[0]
        last = db.execute(
            "SELECT round, finished FROM runs WHERE scope = ? ORDER BY id DESC LIMIT 1", (self._scope,)
        ).fetchone()
        run_id = db.execute(
            "INSERT INTO runs (scope, round, started) VALUES (?, 0, ?) RETURNING id", (self._scope, now)
        ).fetchone()[0]
        run = Run(run_id, run_id if last is None or last[1] else last[0])
        db.execute("UPDATE runs SET round = ? WHERE id = ?", (run.round, run.id))
        db.execute(RELEASE_ALL)
        self._clock_back(now)
        self._latest = now
        fail_at("store.begin_run.before_commit")
        self.commit()
        fail_at("store.begin_run.after_commit")
        self._run = run
        return run

    @_told
    def end_run(self, *, finished: bool, summary: Mapping[str, object]) -> None:
        """Close the run; `finished` ends its round. Leases still held return to PENDING. Committed at once."""
        run = self._running()
        db = self._begin()
        db.execute(RELEASE_ALL)
        db.execute(
            "UPDATE runs SET ended = ?, finished = ?, summary = ? WHERE id = ?",
            (self._clock(), int(finished), json.dumps(summary, ensure_ascii=False), run.id),
        )
        fail_at("store.end_run.before_commit")
        self.commit()
        fail_at("store.end_run.after_commit")
        self._run = None

    def _running(self) -> Run:
        if self._run is None:
            msg = f"{self.path}: no run is under way: call begin_run first"
            raise StoreError(msg)
        return self._run

    def _clock_back(self, now: float) -> None:
        """Keep what remains of every wait when the clock was ahead at the time it was set."""
        db = self._begin()
        db.execute(CLOCK_BACK, (int(now), int(now), int(now) + CLOCK_SLACK))
        db.execute(
            "UPDATE hosts SET not_before = not_before - (held_at - ?), held_at = ? WHERE held_at > ?",
            (now, now, now + CLOCK_SLACK),
        )

    # URLs

    @_told
    def seen(self, keys: Collection[str]) -> dict[str, Seen]:
        """Answer what is known of these keys; unknown keys are absent."""
        wanted = list(keys)
        found: dict[str, Seen] = {}
        for start in range(0, len(wanted), VARIABLES):
            chunk = wanted[start : start + VARIABLES]
            marks = ",".join("?" * len(chunk))
            rows = self._db.execute(
                f"SELECT key, state, round, run, since, reason FROM urls WHERE key IN ({marks})",  # noqa: S608
                chunk,
            )
            for key, state, round_, run, since, reason in rows:
                where = State(state)
                found[key] = Seen(where, round_, run, since if where in FINAL else None, reason)
        return found

    @_told
    def add(self, urls: Sequence[Url], *, again: bool = False, force: bool = False) -> int:
        """Queue URLs for this round; see `newscrawl.store.Store.add`."""
        with self._whole() as db:
            return self._add(db, urls, again=again, force=force)

    def _add(self, db: sqlite3.Connection, urls: Sequence[Url], *, again: bool, force: bool = False) -> int:
        run = self._running()
        scope, round_, run_id, now = self._scope, run.round, run.id, int(self._clock())
        rows = [
            (
                url.key,
                self._host_id(url.site, url.host),
                scope,
                int(url.kind),
                url.priority,
                round_,
                run_id,
                now,
                url.request or None,
            )
            for url in urls
        ]
        if not (again or force):
            return db.executemany(ADD, rows).rowcount
        before = run_id + 1 if force else round_
        return db.executemany(ADD_AGAIN, [(*row, before) for row in rows]).rowcount

    def _host_id(self, site: str, host: str) -> int:
        host_id = self._host_ids.get((site, host))
        if host_id is None:
            db = self._begin()
            db.execute("INSERT INTO hosts (site, host) VALUES (?, ?) ON CONFLICT (site, host) DO NOTHING", (site, host))
            host_id = int(db.execute("SELECT id FROM hosts WHERE site = ? AND host = ?", (site, host)).fetchone()[0])
            self._host_ids[site, host] = host_id
        return host_id

    @_told
    def hosts(self) -> list[Host]:
        """All hosts, in the order of their discovery."""
        rows = self._db.execute(HOSTS, (self._scope,))
        return [Host(id_, site, host, until, delay, bool(pending)) for id_, site, host, until, delay, pending in rows]

    @_told
    def host_ids(self, host: str) -> list[int]:
        """Ids of a host, one for each site that it is known on."""
        return [row[0] for row in self._db.execute("SELECT id FROM hosts WHERE host = ? ORDER BY id", (host,))]

    @_told
    def has_pending(self, host_ids: Collection[int]) -> bool:
        """Whether `lease` would find something now on one of these."""
        return any(self._db.execute(HAS_PENDING, (host_id, self._scope)).fetchone() for host_id in host_ids)

    @_told
    def lease(self, host_id: int, limit: int) -> list[Leased]:
        """Take up to `limit` PENDING URLs of a host for this run: highest priority first, then oldest."""
        run = self._running()
        rows = self._begin().execute(LEASE, (run.id, host_id, self._scope, limit)).fetchall()
        if not rows:
            return []
        site, host = self._host_name(host_id)
        rows.sort(key=lambda row: (-row[3], row[0]))  # RETURNING promises no order
        return [
            Leased(id_, key, site, host, Kind(kind), priority, tries, request or "")
            for id_, key, kind, priority, tries, request in rows
        ]

    def _host_name(self, host_id: int) -> tuple[str, str]:
        name = self._host_names.get(host_id)
        if name is None:
            site, host = self._db.execute("SELECT site, host FROM hosts WHERE id = ?", (host_id,)).fetchone()
            name = self._host_names[host_id] = (site, host)
        return name

    @_told
    def release(self, url_ids: Collection[int]) -> None:
        """Give leases back unfetched (graceful stop)."""
        if url_ids:
            self._begin().executemany(RELEASE, [(url_id,) for url_id in url_ids])

    @_told
    def promote(self, limit: int = 10_000) -> int:
        """Make DEFERRED URLs of this scope that have fallen due PENDING, the longest due first; returns how many."""
        now = self._clock()
        if now < self._latest - CLOCK_SLACK:
            self._clock_back(now)
        self._latest = now
        due = self.next_due()
        if due is None or due > now:
            return 0
        return self._begin().execute(PROMOTE, (self._scope, now, limit)).rowcount

    @_told
    def next_due(self) -> float | None:
        """Unix seconds when the next DEFERRED URL of this scope falls due, None where there is none."""
        due: float | None = self._db.execute(NEXT_DUE, (self._scope,)).fetchone()[0]
        return due

    @_told
    def settle(self, settlement: Settlement) -> list[str]:
        """End a lease with all that its page brought; see `newscrawl.store.Store.settle`."""
        page = settlement
        if page.state is State.LEASED or (page.state is State.DEFERRED) != (page.not_before is not None):
            msg = f"not a settlement: {page.state.name} with not_before {page.not_before}"
            raise ValueError(msg)
        run, now = self._running(), int(self._clock())
        fail_at("store.settle.before")
        with self._whole() as db:
            end = (int(page.state), page.reason, page.not_before, page.tries, run.id, now, page.url_id)
            if db.execute(SETTLE, end).rowcount != 1:
                msg = f"{self.path}: URL {page.url_id} is not under way, so it cannot be settled: please report this"
                raise StoreError(msg)
            fail_at("store.settle.between")
            refused = [item.key for item in page.items if not _put(db, item)]
            if page.aliases:
                self._alias(db, page, run, now)
            if page.found:
                self._add(db, page.found, again=False)
            if page.again:
                self._add(db, page.again, again=True)
            if page.sources:
                self.sources.put(page.sources)
            if page.later:
                self._add_later(db, page.later, run, now)
        fail_at("store.settle.after")
        return refused

    def _alias(self, db: sqlite3.Connection, page: Settlement, run: Run, now: int) -> None:
        rows = [
            (
                url.key,
                self._host_id(url.site, url.host),
                self._scope,
                int(url.kind),
                int(page.state),
                url.priority,
                run.round,
                run.id,
                now,
                page.not_before,
                page.reason,
            )
            for url in page.aliases
        ]
        db.executemany(ALIAS, rows)

    def _add_later(self, db: sqlite3.Connection, later: Sequence[tuple[Url, float]], run: Run, now: int) -> None:
        rows = [
            (
                url.key,
                self._host_id(url.site, url.host),
                self._scope,
                int(url.kind),
                url.priority,
                run.round,
                run.id,
                now,
                not_before,
            )
            for url, not_before in later
        ]
        db.executemany(ADD_LATER, rows)

    # hosts and robots.txt

    @_told
    def hold_host(self, host: str, until: float) -> None:
        """Ask nothing of this host, on whatever site, before `until` (Unix seconds). Survives a restart."""
        self._begin().execute(
            "UPDATE hosts SET not_before = ?, held_at = ? WHERE host = ? AND not_before < ?",
            (until, self._clock(), host, until),
        )

    @_told
    def note_delay(self, host: str, delay: float | None) -> None:
        """Remember the seconds between requests to this host."""
        self._begin().execute("UPDATE hosts SET delay = ? WHERE host = ?", (delay, host))

    @_told
    def robots(self, origin: str) -> Robots | None:
        """Answer the remembered robots.txt of scheme://host:port, however old."""
        row = self._db.execute("SELECT text, fetched_at FROM robots WHERE origin = ?", (origin,)).fetchone()
        return None if row is None else Robots(*row)

    @_told
    def save_robots(self, origin: str, robots: Robots) -> None:
        """Remember a robots.txt answer."""
        self._begin().execute(
            "INSERT INTO robots (origin, text, fetched_at) VALUES (?, ?, ?) "
            "ON CONFLICT (origin) DO UPDATE SET text = excluded.text, fetched_at = excluded.fetched_at",
            (origin, robots.text, robots.fetched_at),
        )

    # exact duplicates and the outbox

    @_told
    def first_with_text(self, digest: bytes) -> str | None:
        """Answer the key of the first item settled with this digest."""
        row = self._db.execute("SELECT key FROM items WHERE digest = ? ORDER BY seq LIMIT 1", (digest,)).fetchone()
        return None if row is None else str(row[0])

    @_told
    def outbox_lines(
        self, feed: str, after_seq: int = 0, limit: int = 1000, size: int = 4 << 20
    ) -> list[tuple[int, bytes]]:
        """Answer (seq, line) not yet recorded in a file, in order: at most `limit`, or up to `size` bytes."""
        lines: list[tuple[int, bytes]] = []
        rows = self._db.execute(
            "SELECT seq, line FROM outbox WHERE seq > ? AND feed = ? ORDER BY seq LIMIT ?", (after_seq, feed, limit)
        )
        with closing(rows):  # an open cursor would keep the log from being folded in
            for seq, line in rows:
                lines.append((seq, line))
                size -= len(line)
                if size <= 0:
                    break
        return lines

    @_told
    def feed_files(self, feed: str) -> list[FeedFile]:
        """Answer every file that this feed was ever written to, oldest first."""
        rows = self._db.execute(
            "SELECT feed, base, part, path, opened, bytes, lines, first_seq, last_seq, mark, sha256, state "
            "FROM files WHERE feed = ? ORDER BY id",
            (feed,),
        )
        return [FeedFile(*row) for row in rows]

    @_told
    def record_feed(self, file: FeedFile) -> None:
        """Insert or replace the record of (feed, base, part) and drop bodies up to `last_seq`; keys stay for ever."""
        with self._whole() as db:
            db.execute(RECORD, astuple(file))
            if file.last_seq is not None:
                db.execute("DELETE FROM outbox WHERE seq <= ? AND feed = ?", (file.last_seq, file.feed))

    @_told
    def exported(self, feed: str) -> tuple[int, int]:
        """Answer (items ever put into this feed, items of these that still wait in the outbox)."""
        every = self._db.execute("SELECT COUNT(*) FROM items WHERE feed = ?", (feed,)).fetchone()[0]
        waiting = self._db.execute("SELECT COUNT(*) FROM outbox WHERE feed = ?", (feed,)).fetchone()[0]
        return every, waiting

    @_told
    def exported_keys(self, feed: str, after_seq: int, upto: int, limit: int = 1000) -> list[tuple[int, str]]:
        """Answer (seq, key) of the items put into this feed with after_seq < seq <= upto, in order."""
        return self._db.execute(
            "SELECT seq, key FROM items WHERE seq > ? AND seq <= ? AND feed = ? ORDER BY seq LIMIT ?",
            (after_seq, upto, feed, limit),
        ).fetchall()

    # accounts

    @_told
    def counts(self) -> list[Count]:
        """Count every URL by site, kind, state and reason: their sum is the URLs discovered. Reads the whole table."""
        urls: Counter[tuple[str, int, int, str | None]] = Counter()
        last = self._db.execute("SELECT COALESCE(MAX(id), 0) FROM urls").fetchone()[0]
        # In parts: SQLite sorts what it groups, and all of a million rows would take 50 MB.
        for start in range(0, last, COUNTED):
            for host_id, *rest, n in self._db.execute(
                "SELECT host_id, kind, state, reason, COUNT(*) FROM urls WHERE id > ? AND id <= ? "
                "GROUP BY host_id, kind, state, reason",
                (start, start + COUNTED),
            ):
                urls[self._host_name(host_id)[0], *rest] += n
        ordered = sorted(urls.items(), key=lambda item: (*item[0][:3], item[0][3] or ""))
        return [Count(site, Kind(kind), State(state), reason, n) for (site, kind, state, reason), n in ordered]

    @_told
    def oldest_pending(self) -> int | None:
        """Unix seconds since which the oldest PENDING URL waits."""
        oldest: int | None = self._db.execute(
            f"SELECT MIN(since) FROM urls WHERE state = {PENDING}"  # noqa: S608
        ).fetchone()[0]
        return oldest

    @_told
    def runs(self, limit: int = 10) -> list[PastRun]:
        """Answer the last runs, newest first."""
        rows = self._db.execute(
            "SELECT runs.id, name, round, started, ended, finished, summary FROM runs "
            "JOIN scopes ON scopes.id = runs.scope ORDER BY runs.id DESC LIMIT ?",
            (limit,),
        )
        return [
            PastRun(id_, name, round_, started, ended, bool(finished), json.loads(summary))
            for id_, name, round_, started, ended, finished, summary in rows
        ]


def _put(db: sqlite3.Connection, item: OutboxItem) -> bool:
    """Put an item into the outbox unless its key has been there; answer whether it was put."""
    if b"\n" in item.line:
        msg = f"{item.key}: a newline within its line would tear the feed"
        raise ValueError(msg)
    row = db.execute(
        "INSERT INTO items (key, feed, digest) VALUES (?, ?, ?) ON CONFLICT (key) DO NOTHING RETURNING seq",
        (item.key, item.feed, item.digest),
    ).fetchone()
    if row is None:
        return False
    db.execute("INSERT INTO outbox (seq, feed, line) VALUES (?, ?, ?)", (row[0], item.feed, item.line))
    return True


def _lock(path: Path) -> int:
    """Take the crawl's lock for as long as the answered descriptor is open; SIGKILL lets go of it too."""
    lock = path.with_name(path.name + ".lock")
    fd = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.read(fd, 20).decode(errors="replace").strip() or "unknown"
        os.close(fd)
        msg = (
            f"{path}: in use by another crawl, process {holder}: wait for it or stop it, or use another data directory"
        )
        raise StoreError(msg) from None
    with suppress(OSError):  # the lock holds without the note of who has it
        os.ftruncate(fd, 0)
        os.pwrite(fd, f"{os.getpid()}\n".encode(), 0)
    return fd


def _create(path: Path) -> None:
    """Make an empty state that is whole from its first appearance."""
    log = path.with_name(path.name + "-wal")
    if log.exists() and log.stat().st_size:
        msg = f"{log}: a log without its {path.name}: put {path.name} back, or move the log away to begin anew"
        raise StoreError(msg)
    new = path.with_name(path.name + ".new")
    for leftover in (new, new.with_name(new.name + "-journal")):
        leftover.unlink(missing_ok=True)
    with closing(sqlite3.connect(new, isolation_level=None)) as db:
        db.execute(f"PRAGMA page_size = {PAGE}")
        db.execute("BEGIN")
        for statement in TABLES:
            db.execute(statement)
        db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        db.execute("PRAGMA user_version = 1")
        _run_migrations(db, 1)
        db.execute("COMMIT")
    fail_at("store.create.before_rename")
    new.rename(path)
    _sync_directory(path.parent)
    fail_at("store.create.after_rename")


def _migrate(db: sqlite3.Connection, version: int) -> None:
    """Bring an older state up to date, wholly or not at all."""
    if version < SCHEMA_VERSION:
        db.execute("BEGIN IMMEDIATE")
        _run_migrations(db, version)
        db.execute("COMMIT")


def _run_migrations(db: sqlite3.Connection, version: int) -> None:
    for statements in MIGRATIONS[version - 1 :]:
        for statement in statements:
            db.execute(statement)
    db.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")


def _check_header(path: Path) -> None:
    """Refuse what is not ours by its first bytes, before SQLite could change it."""
    try:
        with path.open("rb") as file:
            header = file.read(100)
    except OSError as error:
        msg = f"{path}: cannot be read ({error.strerror}): check the path and its permissions"
        raise StoreError(msg) from error
    if not header:
        msg = f"{path}: empty, its content is lost: put a copy back, or move it and the feeds away to begin anew"
        raise StoreError(msg)
    if not header.startswith(MAGIC) or len(header) < 100:
        msg = f"{path}: not a crawl state (no SQLite file): put a copy back, or move it away"
        raise StoreError(msg)
    if int.from_bytes(header[68:72], "big") != APPLICATION_ID:
        msg = f"{path}: a database of another program: use another data directory"
        raise StoreError(msg)
    version = int.from_bytes(header[60:64], "big")
    if version > SCHEMA_VERSION:
        raise StoreError(_newer(path, version))


def _newer(path: Path, version: int) -> str:
    return f"{path}: written by a newer newscrawl (state version {version}, this one knows {SCHEMA_VERSION}): upgrade"


def _remedy(error: OSError) -> str:
    return (
        "free disk space"
        if error.errno in {errno.ENOSPC, errno.EDQUOT}
        else "make the directory writable or use another one"
    )


def _connect(path: Path, mode: str) -> sqlite3.Connection:
    try:
        return sqlite3.connect(
            f"{path.absolute().as_uri()}?mode={mode}", uri=True, isolation_level=None, timeout=BUSY_SECONDS
        )
    except sqlite3.Error as error:
        msg = f"{path}: cannot be opened ({error}): check its permissions"
        raise StoreError(msg) from error


def _sync_directory(path: Path) -> None:
    fd = os.open(path, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
