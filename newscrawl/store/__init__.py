"""Crawl state behind one interface: which URLs are known, which are leased, and what still has to reach the feeds.

Every method is synchronous and works inside one *group transaction* that the first write opens: what was written is
visible at once to this store, and durable after `commit`. A process that dies loses the open group and nothing else.

A **run** is one process; a **round** is one logical pass over the listings of a **scope** (what a command line asked
for). A run that was cut short leaves its round open, and the next run of the same scope continues it.

SQLite is the embedded default (`newscrawl.store.sqlite`); the schema and its reasons are in `newscrawl.store.schema`.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence
    from pathlib import Path

    from newscrawl.store.duplicates import DuplicateTables
    from newscrawl.store.sources import SourceRow, SourceTables


class StoreError(Exception):
    """The state cannot be used; the text is one line: the thing, the reason, the next step."""


class State(IntEnum):
    """Where a URL stands; the numbers are stored."""

    PENDING = 0
    """to be fetched"""
    LEASED = 1
    """handed to the crawler by a run that has not settled it yet"""
    DONE = 2
    """settled: fetched, and its items are in the outbox"""
    SKIPPED = 3
    """settled: left alone, with a reason"""
    DEFERRED = 4
    """to be tried again when its `not_before` has passed"""
    DEAD = 5
    """settled: given up after its tries, with a reason"""


FINAL = frozenset({State.DONE, State.SKIPPED, State.DEAD})
"""States that end a URL for this round."""


class Kind(IntEnum):
    """What is expected behind a URL; the numbers are stored."""

    ARTICLE = 0
    LISTING = 1
    FEED = 2
    PAGE = 3
    SOURCE = 4


@dataclass(frozen=True, slots=True)
class Url:
    """A discovered URL, to be queued."""

    key: str
    """canonical address: the identity of the URL in this store"""
    site: str
    """site id, as in `newscrawl.sites`"""
    host: str
    """what politeness counts by (host, or host:port); leases are taken per site and host"""
    kind: Kind
    priority: int = 0
    """higher is leased first; equal ones in the order of discovery"""
    request: str = ""
    """JSON of further request attributes, or empty; opaque to the store"""


@dataclass(frozen=True, slots=True)
class Leased:
    """A URL handed out for fetching; it is this run's until settled or released."""

    id: int
    key: str
    site: str
    host: str
    kind: Kind
    priority: int
    tries: int
    """failed tries so far, as the last `Settlement` said"""
    request: str


@dataclass(frozen=True, slots=True)
class Seen:
    """What the store knows of a key."""

    state: State
    round: int
    """round that discovered it; less than `Run.round` means known before this round began"""
    run: int
    """run that last queued, leased or settled it; less than `Run.round` means not in this round"""
    settled_at: int | None
    """Unix seconds, for final states only"""
    reason: str | None


@dataclass(frozen=True, slots=True)
class Host:
    """A host of a site, with what must be respected before asking it."""

    id: int
    site: str
    host: str
    not_before: float
    """Unix seconds; 0.0 where nothing holds it"""
    delay: float | None
    """seconds between requests as last noted, None where unknown"""
    pending: bool
    """whether `lease` would find something now"""


@dataclass(frozen=True, slots=True)
class Robots:
    """A remembered robots.txt answer; its meaning is politeness' business."""

    text: str
    fetched_at: float


@dataclass(frozen=True, slots=True)
class Run:
    """One process at work on a round of a scope."""

    id: int
    round: int
    """id of the run that began the round; equal to `id` where this run began it"""


@dataclass(frozen=True, slots=True)
class PastRun:
    """A run as remembered."""

    id: int
    scope: str
    round: int
    started: float
    ended: float | None
    """None where it is under way or was killed"""
    finished: bool
    """whether it ended its round"""
    summary: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class OutboxItem:
    """One line for a feed."""

    key: str
    """article id: exported once, for ever"""
    feed: str
    """feed name, such as `articles` or `duplicates`"""
    line: bytes
    """one JSON object in UTF-8, without any newline"""
    digest: bytes | None = None
    """exact text key that `first_with_text` finds again, or None"""


@dataclass(frozen=True, slots=True)
class Settlement:
    """The end of one lease, with all that the page brought: applied wholly or not at all."""

    url_id: int
    state: State
    """DONE, SKIPPED, DEAD, DEFERRED (needs `not_before`) or PENDING (to be leased again at once)"""
    reason: str | None = None
    not_before: float | None = None
    """Unix seconds, for DEFERRED"""
    tries: int = 0
    """failed tries so far, this one included"""
    found: Sequence[Url] = ()
    """URLs on the page, queued as `add` does"""
    again: Sequence[Url] = ()
    """URLs queued as `add(again=True)` does"""
    aliases: Sequence[Url] = ()
    """other addresses of this very page (where redirects ended): they take `state` and `reason` too, unless leased"""
    items: Sequence[OutboxItem] = ()
    sources: Sequence[SourceRow] = ()
    """articles and what is known of their originals: put as `SourceTables.put` does"""
    later: Sequence[tuple[Url, float]] = ()
    """URLs to be asked at these Unix seconds or after: unknown ones, and settled ones once more; others stay as they are"""


@dataclass(frozen=True, slots=True)
class FeedFile:
    """One file of a feed as far as it is known to be on disk."""

    feed: str
    base: str
    """path of the feed as configured; relative to `Store.folder` where it lies inside"""
    part: int
    """1, 2, …; the number in the file's name where it has one"""
    path: str
    """the file itself, written as `base` is"""
    opened: float
    """Unix seconds when the file was begun"""
    offset: int
    """bytes that are whole and on disk"""
    lines: int
    first_seq: int | None
    """outbox sequence of the first line, None while empty"""
    last_seq: int | None
    mark: bytes
    """identity of the bytes before `offset`, as `newscrawl.feeds` makes it"""
    sha256: str | None = None
    """of the whole file, once closed by rotation"""
    state: str = "open"
    """`open` (may be appended), `closed` (finished by rotation) or `left` (moved, replaced or abandoned)"""


@dataclass(frozen=True, slots=True)
class Count:
    """How many URLs of a site are in a state for a reason."""

    site: str
    kind: Kind
    state: State
    reason: str | None
    urls: int


class Store(Protocol):
    """Crawl state. All methods raise StoreError where the state cannot be read or written."""

    @property
    def folder(self) -> Path:
        """Directory that recorded feed paths are relative to."""

    @property
    def duplicates(self) -> DuplicateTables:
        """Tables of the duplicate index (`newscrawl.dedup`), written within the group transaction."""

    @property
    def sources(self) -> SourceTables:
        """Tables of the originals, written within the group transaction."""

    # runs

    def begin_run(self, scope: str) -> Run:
        """Begin a run and recover from the one before; committed at once.

        The last round of this scope is continued if no run finished it, else a round begins. Leases of dead runs
        return to PENDING. What an earlier round of this scope left PENDING or DEFERRED is leased in this one.
        """

    def end_run(self, *, finished: bool, summary: Mapping[str, object]) -> None:
        """Close the run; `finished` ends its round. Leases still held return to PENDING. Committed at once."""

    # URLs

    def seen(self, keys: Collection[str]) -> dict[str, Seen]:
        """Answer what is known of these keys; unknown keys are absent."""

    def add(self, urls: Sequence[Url], *, again: bool = False, force: bool = False) -> int:
        """Queue URLs for this round; a known key stays as it is.

        The exceptions:

        - one PENDING or DEFERRED in another scope is adopted into this one;
        - `again` re-queues one that was last settled before this round began, with this priority and request;
        - `force` re-queues any settled one (start listings).

        Returns how many rows were new, adopted or re-queued.
        """

    def hosts(self) -> list[Host]:
        """All hosts, in the order of their discovery."""

    def host_ids(self, host: str) -> list[int]:
        """Ids of a host, one for each site that it is known on."""

    def has_pending(self, host_ids: Collection[int]) -> bool:
        """Whether `lease` would find something now on one of these."""

    def lease(self, host_id: int, limit: int) -> list[Leased]:
        """Take up to `limit` PENDING URLs of a host for this run: highest priority first, then oldest."""

    def release(self, url_ids: Collection[int]) -> None:
        """Give leases back unfetched (graceful stop)."""

    def promote(self, limit: int = 10_000) -> int:
        """Make DEFERRED URLs of this scope that have fallen due PENDING, the longest due first; returns how many."""

    def next_due(self) -> float | None:
        """Unix seconds when the next DEFERRED URL of this scope falls due, None where there is none."""

    def settle(self, settlement: Settlement) -> list[str]:
        """End a lease with all that its page brought; returns item keys refused because they were exported before.

        An exception undoes this settlement wholly and is raised; what else is in the group stays. A URL that is not
        under way (settled already, or unknown) is a StoreError; a settlement that contradicts itself, a ValueError.
        """

    # hosts and robots.txt

    def hold_host(self, host: str, until: float) -> None:
        """Ask nothing of this host, on whatever site, before `until` (Unix seconds). Survives a restart."""

    def note_delay(self, host: str, delay: float | None) -> None:
        """Remember the seconds between requests to this host."""

    def robots(self, origin: str) -> Robots | None:
        """Answer the remembered robots.txt of scheme://host:port, however old."""

    def save_robots(self, origin: str, robots: Robots) -> None:
        """Remember a robots.txt answer."""

    # exact duplicates and the outbox

    def first_with_text(self, digest: bytes) -> str | None:
        """Answer the key of the first item settled with this digest."""

    def outbox_lines(
        self, feed: str, after_seq: int = 0, limit: int = 1000, size: int = 4 << 20
    ) -> list[tuple[int, bytes]]:
        """Answer (seq, line) not yet recorded in a file, in order: at most `limit`, or up to `size` bytes."""

    def feed_files(self, feed: str) -> list[FeedFile]:
        """Answer every file that this feed was ever written to, oldest first."""

    def record_feed(self, file: FeedFile) -> None:
        """Insert or replace the record of (feed, base, part) and drop bodies up to `last_seq`; keys stay for ever."""

    def exported(self, feed: str) -> tuple[int, int]:
        """Answer (items ever put into this feed, items of these that still wait in the outbox)."""

    def exported_keys(self, feed: str, after_seq: int, upto: int, limit: int = 1000) -> list[tuple[int, str]]:
        """Answer (seq, key) of the items put into this feed with after_seq < seq <= upto, in order."""

    # accounts

    def counts(self) -> list[Count]:
        """Count every URL by site, kind, state and reason: their sum is the URLs discovered. Reads the whole table."""

    def oldest_pending(self) -> int | None:
        """Unix seconds since which the oldest PENDING URL waits."""

    def runs(self, limit: int = 10) -> list[PastRun]:
        """Answer the last runs, newest first."""

    # durability

    def commit(self) -> None:
        """Make the group durable; without one, nothing happens."""

    def close(self) -> None:
        """Commit and let go of the state."""


def open_store(path: Path, *, readonly: bool = False, clock: Callable[[], float] = time.time) -> Store:
    """Open the state file, creating it where it is missing, and hold it alone until closed.

    `readonly` opens it beside a running crawl: for looking, with every writing method a StoreError. Raises StoreError
    for a file in use, of another program, of a newer version, damaged or not writable; such a file is left as it is.
    """
    from newscrawl.store.sqlite import SqliteStore  # noqa: PLC0415  (the interface stands below its implementations)

    return SqliteStore(path, readonly=readonly, clock=clock)


__all__ = [
    "FINAL",
    "Count",
    "FeedFile",
    "Host",
    "Kind",
    "Leased",
    "OutboxItem",
    "PastRun",
    "Robots",
    "Run",
    "Seen",
    "Settlement",
    "State",
    "Store",
    "StoreError",
    "Url",
    "open_store",
]
