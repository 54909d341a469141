"""Tables of the originals: which article waits for which, what was last found there, and which hosts need a browser."""

from __future__ import annotations

import functools
import sqlite3
from dataclasses import astuple, dataclass
from typing import TYPE_CHECKING, Concatenate, ParamSpec, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

TABLES = (
    """
    CREATE TABLE sources (
        article TEXT PRIMARY KEY,
        url TEXT NOT NULL,              -- of the original, as in urls.key
        publisher TEXT,
        year INTEGER,                   -- of the article's publication
        status TEXT,                    -- as last found, NULL where it was not asked yet
        checked_at DOUBLE PRECISION,
        copy TEXT                       -- JSON of the article's text while the original is to be compared with it
    )
    """,
    "CREATE INDEX sources_url ON sources (url)",
    """
    CREATE TABLE rendered_hosts (
        host TEXT PRIMARY KEY,
        renders INTEGER NOT NULL        -- 1: its pages need a browser, 0: a browser does not help
    )
    """,
)

P = ParamSpec("P")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class SourceRow:
    """An article and what is known of its original."""

    article: str
    """id"""
    url: str
    publisher: str | None
    """publisher_id of the article"""
    year: int | None
    status: str | None = None
    """as `Source.status`; None while it was never asked"""
    checked_at: float | None = None
    """Unix seconds"""
    copy: str | None = None
    """JSON object: title, body, published and language of the article, while a comparison with them is wanted"""


@dataclass(frozen=True, slots=True)
class SourceCount:
    """How many articles of a publisher and year have an original in a state."""

    site: str
    publisher: str | None
    year: int | None
    status: str | None
    articles: int


def _told(method: Callable[Concatenate[SourceTables, P], R]) -> Callable[Concatenate[SourceTables, P], R]:
    """Let a method raise what the owner of the connection makes of an SQLite error."""

    @functools.wraps(method)
    def call(self: SourceTables, /, *args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return method(self, *args, **kwargs)
        except sqlite3.Error as error:
            raise self._failure(error) from error

    return call


class SourceTables:
    """The tables of the originals in somebody's database.

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
    def put(self, rows: Sequence[SourceRow]) -> None:
        """Insert or replace the rows of these articles; what was last found stays until something else is."""
        self._begin().executemany(
            "INSERT INTO sources (article, url, publisher, year, status, checked_at, copy) VALUES (?, ?, ?, ?, ?, ?, ?) "
            "ON CONFLICT (article) DO UPDATE SET url = excluded.url, publisher = excluded.publisher, "
            "year = excluded.year, status = coalesce(excluded.status, status), "
            "checked_at = coalesce(excluded.checked_at, checked_at), copy = excluded.copy",
            [astuple(row) for row in rows],
        )

    @_told
    def of(self, url: str) -> list[SourceRow]:
        """Answer the articles that name this original, in the order of their ids."""
        rows = self._db.execute(
            "SELECT article, url, publisher, year, status, checked_at, copy FROM sources WHERE url = ? ORDER BY article",
            (url,),
        )
        return [SourceRow(*row) for row in rows]

    @_told
    def counts(self) -> list[SourceCount]:
        """Count the articles by site, publisher, year and status. Reads the whole table."""
        rows = self._db.execute(
            "SELECT substr(article, 1, instr(article, '/') - 1) AS site, publisher, year, status, COUNT(*) "
            "FROM sources GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4"
        )
        return [SourceCount(*row) for row in rows]

    @_told
    def note_renders(self, host: str, *, renders: bool) -> None:
        """Remember whether the pages of a host need a browser (else: that a browser does not help)."""
        self._begin().execute(
            "INSERT INTO rendered_hosts (host, renders) VALUES (?, ?) "
            "ON CONFLICT (host) DO UPDATE SET renders = excluded.renders",
            (host, renders),
        )

    @_told
    def renders(self) -> dict[str, bool]:
        """Answer what is remembered of the hosts."""
        return {host: bool(renders) for host, renders in self._db.execute("SELECT host, renders FROM rendered_hosts")}
