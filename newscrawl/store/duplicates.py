"""Tables of the duplicate index, and every statement on them.

What an article adds is one row in `texts` and one in `text_waiting`: both are appended, so that a settlement touches
few pages. When tens of thousands wait they are merged into `text_bands` in one pass in the order of its key, since the
hashes of each single article would touch as many pages as it has bands.
"""

from __future__ import annotations

import functools
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Concatenate, NamedTuple, ParamSpec, TypeVar

from newscrawl.store import StoreError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

TABLES = (
    """
    CREATE TABLE texts (
        id INTEGER PRIMARY KEY,
        key TEXT NOT NULL,              -- article id
        digest BLOB NOT NULL,           -- exact text key
        shingles INTEGER NOT NULL,      -- 0 where only the exact key counts
        sketch BLOB,
        numbers TEXT,                   -- of a brief
        paper TEXT,
        day INTEGER                     -- proleptic Gregorian ordinal of its publication
    )
    """,
    """
    CREATE TABLE text_bands (
        bucket INTEGER PRIMARY KEY,     -- high bits of a band hash
        entries BLOB NOT NULL           -- (low bits, texts.id), sorted
    )
    """,
    """
    CREATE TABLE text_waiting (
        id INTEGER PRIMARY KEY,         -- texts.id not yet in text_bands
        hashes BLOB NOT NULL
    )
    """,
    """
    CREATE TABLE text_papers (
        paper TEXT PRIMARY KEY,
        lines BLOB NOT NULL             -- hashes and counts of its lines of late
    )
    """,
    """
    CREATE TABLE text_version (
        version INTEGER NOT NULL        -- of the signatures in all of these
    )
    """,
)

ABSENT = """
    CREATE TABLE IF NOT EXISTS text_absent (
        bucket INTEGER PRIMARY KEY,     -- the first of some
        bits BLOB NOT NULL              -- set for hashes that none of them, and no text that waited then, has
    )
"""
"""Came later: files without it are taken up."""

SCAN = """
    CREATE TABLE scan (
        source TEXT NOT NULL,
        lines INTEGER NOT NULL,
        torn INTEGER NOT NULL,
        firsts INTEGER NOT NULL,
        copies INTEGER NOT NULL,
        first_bytes INTEGER NOT NULL,
        copy_bytes INTEGER NOT NULL
    )
"""
"""How far a file of JSON lines has been read, for the index that stands alone."""

INDEX_TABLES = ("texts", "text_bands", "text_waiting", "text_papers", "text_version", "text_absent")

P = ParamSpec("P")
R = TypeVar("R")


class TextRow(NamedTuple):
    """An indexed text, as it is stored."""

    id: int
    key: str
    digest: bytes
    shingles: int
    sketch: bytes | None
    numbers: str | None
    paper: str | None
    day: int | None


@dataclass(frozen=True, slots=True)
class Scan:
    """How far a file of JSON lines has been read."""

    source: str
    """what is read, so that the state of another file is not continued"""
    lines: int = 0
    torn: int = 0
    firsts: int = 0
    copies: int = 0
    first_bytes: int = 0
    """size of the output of first occurrences"""
    copy_bytes: int = 0


def _told(method: Callable[Concatenate[DuplicateTables, P], R]) -> Callable[Concatenate[DuplicateTables, P], R]:
    """Let a method raise what the owner of the connection makes of an SQLite error."""

    @functools.wraps(method)
    def call(self: DuplicateTables, /, *args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return method(self, *args, **kwargs)
        except sqlite3.Error as error:
            raise self._failure(error) from error

    return call


class DuplicateTables:
    """The tables of the duplicate index in somebody's database.

    Writes open no transaction of their own: `begin` answers the connection with the caller's transaction open.
    """

    def __init__(
        self,
        db: sqlite3.Connection,
        begin: Callable[[], sqlite3.Connection],
        failure: Callable[[sqlite3.Error], Exception],
    ) -> None:
        self._db = db
        self._begin = begin
        self._failure = failure

    @_told
    def version(self) -> int | None:
        """Answer the version of the stored signatures, None where there are none."""
        row = self._db.execute("SELECT version FROM text_version").fetchone()
        return None if row is None else int(row[0])

    @_told
    def reset(self, version: int) -> int:
        """Empty the index for signatures of this version; answers how many texts were forgotten."""
        db = self._begin()
        gone = int(db.execute("SELECT COUNT(*) FROM texts").fetchone()[0])
        for table in INDEX_TABLES:
            db.execute(f"DELETE FROM {table}")  # noqa: S608  (names of our own)
        db.execute("INSERT INTO text_version (version) VALUES (?)", (version,))
        return gone

    @_told
    def add(self, row: TextRow, hashes: bytes) -> None:
        """Append a text; its band hashes wait to be merged."""
        db = self._begin()
        db.execute(
            "INSERT INTO texts (id, key, digest, shingles, sketch, numbers, paper, day) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            row,
        )
        db.execute("INSERT INTO text_waiting (id, hashes) VALUES (?, ?)", (row.id, hashes))

    @_told
    def last_id(self) -> int:
        """Answer the id of the newest text, 0 where there is none."""
        return int(self._db.execute("SELECT COALESCE(MAX(id), 0) FROM texts").fetchone()[0])

    @_told
    def texts(self, ids: Sequence[int]) -> list[TextRow]:
        """Answer these texts, the first settled first."""
        rows = self._db.execute(
            "SELECT id, key, digest, shingles, sketch, numbers, paper, day FROM texts "  # noqa: S608  (question marks)
            f"WHERE id IN ({_marks(len(ids))}) ORDER BY id",
            ids,
        )
        return [TextRow(*row) for row in rows]

    @_told
    def entries(self, buckets: Sequence[int]) -> list[tuple[int, bytes]]:
        """Answer (bucket, entries) of those of these buckets that are not empty."""
        return self._db.execute(
            f"SELECT bucket, entries FROM text_bands WHERE bucket IN ({_marks(len(buckets))})",  # noqa: S608
            buckets,
        ).fetchall()

    @_told
    def entries_between(self, low: int, high: int) -> list[tuple[int, bytes]]:
        """Answer (bucket, entries) with low <= bucket < high, in order."""
        return self._db.execute(
            "SELECT bucket, entries FROM text_bands WHERE bucket >= ? AND bucket < ? ORDER BY bucket", (low, high)
        ).fetchall()

    @_told
    def replace_entries(self, rows: Iterable[tuple[int, bytes]]) -> None:
        """Write the entries of these buckets, given in order."""
        self._begin().executemany(
            "INSERT INTO text_bands (bucket, entries) VALUES (?, ?) "
            "ON CONFLICT (bucket) DO UPDATE SET entries = excluded.entries",
            rows,
        )

    @_told
    def absent(self, bucket: int) -> bytes | None:
        """Answer what `remember_absent` was given for the buckets from this one on."""
        row = self._db.execute("SELECT bits FROM text_absent WHERE bucket = ?", (bucket,)).fetchone()
        return None if row is None else bytes(row[0])

    @_told
    def remember_absent(self, bucket: int, bits: bytes) -> None:
        """Remember which hashes of the buckets from this one on no text has."""
        self._begin().execute(
            "INSERT INTO text_absent (bucket, bits) VALUES (?, ?) ON CONFLICT (bucket) DO UPDATE SET bits = excluded.bits",
            (bucket, bits),
        )

    @_told
    def waiting(self) -> tuple[list[int], list[int], bytearray]:
        """Answer ids, sizes and joined hashes of the texts that are not merged yet, in order."""
        ids, sizes, joined = [], [], bytearray()
        with closing(self._db.execute("SELECT id, hashes FROM text_waiting ORDER BY id")) as rows:
            for id_, hashes in rows:
                ids.append(id_)
                sizes.append(len(hashes))
                joined += hashes
        return ids, sizes, joined

    @_told
    def merged(self, upto: int) -> None:
        """Texts up to this one do not wait any more."""
        self._begin().execute("DELETE FROM text_waiting WHERE id <= ?", (upto,))

    @_told
    def lines_of(self, paper: str) -> bytes | None:
        """Answer the remembered lines of a paper."""
        row = self._db.execute("SELECT lines FROM text_papers WHERE paper = ?", (paper,)).fetchone()
        return None if row is None else bytes(row[0])

    @_told
    def remember_lines(self, paper: str, lines: bytes) -> None:
        """Remember the lines of a paper."""
        self._begin().execute(
            "INSERT INTO text_papers (paper, lines) VALUES (?, ?) "
            "ON CONFLICT (paper) DO UPDATE SET lines = excluded.lines",
            (paper, lines),
        )


class TextIndexFile:
    """An index that stands alone: a file of its own, or memory."""

    def __init__(self, path: Path | None = None) -> None:
        """Open or create it.

        Raises:
            StoreError: the file cannot be used; one line says why.
        """
        self._name = str(path) if path else "the index in memory"
        try:
            self._db = sqlite3.connect(path or ":memory:", isolation_level=None)
            for pragma in (
                "journal_mode = WAL",
                "synchronous = NORMAL",
                "cache_size = -16384",
                "locking_mode = EXCLUSIVE",
                "journal_size_limit = 16777216",
            ):
                self._db.execute(f"PRAGMA {pragma}")
            self.begin()
            is_new = not self._db.execute("SELECT 1 FROM sqlite_master").fetchone()
            for statement in (*TABLES, SCAN, ABSENT) if is_new else (ABSENT,):
                self._db.execute(statement)
            self.commit()
        except sqlite3.Error as error:
            raise self._failed(error) from error
        self.tables = DuplicateTables(self._db, self.begin, self._failed)

    def begin(self) -> sqlite3.Connection:
        """Answer the connection with a transaction open."""
        if not self._db.in_transaction:
            self._db.execute("BEGIN IMMEDIATE")
        return self._db

    def commit(self) -> None:
        """Make what was written durable."""
        if self._db.in_transaction:
            self._db.execute("COMMIT")

    def close(self) -> None:
        """Commit and close."""
        with closing(self._db):
            self.commit()

    def scan(self) -> Scan | None:
        """Answer how far a file was read when this was committed last."""
        row = self._db.execute(
            "SELECT source, lines, torn, firsts, copies, first_bytes, copy_bytes FROM scan"
        ).fetchone()
        return None if row is None else Scan(*row)

    def note_scan(self, scan: Scan) -> None:
        """Record how far a file is read."""
        db = self.begin()
        db.execute("DELETE FROM scan")
        db.execute(
            "INSERT INTO scan (source, lines, torn, firsts, copies, first_bytes, copy_bytes) VALUES (?, ?, ?, ?, ?, ?, ?)",
            (scan.source, scan.lines, scan.torn, scan.firsts, scan.copies, scan.first_bytes, scan.copy_bytes),
        )

    def _failed(self, error: sqlite3.Error) -> StoreError:
        return StoreError(f"{self._name}: {error}: remove it to begin anew, or name another output")


@functools.cache
def _marks(count: int) -> str:
    return ",".join("?" * count)
