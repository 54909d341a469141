"""What the report shows, counted with duckdb from the feeds and read from the crawl states."""

from __future__ import annotations

import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import duckdb

from newscrawl.alerts import verdicts_of
from newscrawl.report.lines import ENDINGS, MAY_MISS, FileSize, Problem, read_feed
from newscrawl.store import PastRun, State, StoreError, open_store

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from newscrawl.store.sources import SourceCount


NEWEST: Final = 3_000
"""Articles that the page can search: about 0.7 MB of it."""
_MEMORY: Final = "256MB"
"""What duckdb may take; what is larger goes to the temporary folder."""
_RUNS: Final = 120
_DAYS: Final = 60
_ROWS: Final = {
    "source": "INTEGER",
    "feed": "VARCHAR",
    "bytes": "BIGINT",
    "id": "VARCHAR",
    "title": "VARCHAR",
    "url": "VARCHAR",
    "site": "VARCHAR",
    "edition": "VARCHAR",
    "language": "VARCHAR",
    "publisher": "VARCHAR",
    "paper": "VARCHAR",
    "published": "VARCHAR",
    "duplicate_of": "VARCHAR",
    "similarity": "DOUBLE",
    "fetched": "DOUBLE",
    "missing": "INTEGER",
}
# A part that was copied into the folder holds ids a second time: each counts once, as it stands first.
_LOAD: Final = f"""
    CREATE TABLE read AS SELECT *, try_cast(published[:10] AS DATE) AS day
    FROM read_json($file, format = 'newline_delimited', columns = {_ROWS})
"""  # noqa: S608  (names of our own)
_ARTICLES: Final = """
    CREATE TABLE articles AS SELECT * FROM read WHERE rowid IN (SELECT min(rowid) FROM read GROUP BY id);
    CREATE TABLE papers AS SELECT site, edition, paper, arg_max(publisher, fetched) AS name FROM articles GROUP BY ALL;
"""
# As `scrapy clusters` does: the origin of a story is its earliest article, the first settled one where dates are equal.
_CLUSTERS: Final = """
    CREATE TABLE members AS
    WITH clusters AS (SELECT DISTINCT duplicate_of AS cluster FROM articles WHERE duplicate_of IS NOT NULL),
    firsts AS (SELECT cluster, articles.* FROM clusters LEFT JOIN articles ON articles.id = cluster),
    named AS (
        SELECT cluster, coalesce(site, split_part(cluster, '/', 1)) AS site,
            coalesce(edition, split_part(cluster, '/', 2)) AS edition, coalesce(paper, split_part(cluster, '/', 3)) AS paper,
            day, cluster AS id, NULL::DOUBLE AS similarity FROM firsts
        UNION ALL
        SELECT duplicate_of, site, edition, paper, day, id, similarity FROM articles WHERE duplicate_of IS NOT NULL
    )
    SELECT *,
        first_value(id) OVER earliest AS origin,
        first_value(site) OVER earliest AS origin_site,
        first_value(edition) OVER earliest AS origin_edition,
        first_value(paper) OVER earliest AS origin_paper,
        day - first_value(day) OVER earliest AS delay
    FROM named
    WINDOW earliest AS (PARTITION BY cluster ORDER BY day NULLS LAST, id <> cluster, id
        ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING)
"""


class ReportError(Exception):
    """There is nothing to report on; one line says why."""


@dataclass(frozen=True, slots=True)
class Source:
    """One data folder: a crawl state and the files of its feeds."""

    folder: Path
    files: Mapping[str, Sequence[Path]]
    """by feed"""

    @property
    def state(self) -> Path:
        """Where its crawl state would be."""
        return self.folder / "state.sqlite"


@dataclass(slots=True)
class SiteStatus:
    """How a site fares."""

    site: str
    verdict: str | None
    """None where no run has given one"""
    why: str
    since: float | None
    """Unix seconds of the end of the run that said so"""
    urls: Counter[str] = field(default_factory=Counter)
    """URLs by state"""


@dataclass(frozen=True, slots=True)
class RunSpeed:
    """A run and how fast it was."""

    source: int
    """which of the data folders it worked on"""
    started: float
    ended: float | None
    scope: str
    reason: str
    pages: int | None
    """pages that were settled, as its verdict counted them; None where it has none"""
    articles: int = 0
    """articles in the feeds that were fetched while it ran"""

    def per_minute(self, count: int | None) -> float | None:
        """So many things a minute; None where there were none, or the run is under way."""
        if not self.ended or not count:
            return None
        return count * 60 / max(self.ended - self.started, 1.0)


@dataclass(slots=True)
class Figures:
    """All that the page shows."""

    made: datetime
    folders: list[Path]
    totals: dict[str, int] = field(default_factory=dict)
    sites: list[SiteStatus] = field(default_factory=list)
    days: list[tuple[str, int, int]] = field(default_factory=list)
    """(day of publication, first articles, copies), gaps filled"""
    months: list[tuple[str, int]] = field(default_factory=list)
    papers: list[dict[str, Any]] = field(default_factory=list)
    newest: list[dict[str, Any]] = field(default_factory=list)
    copying: list[dict[str, Any]] = field(default_factory=list)
    """pairs of papers, the most frequent first"""
    missing: list[dict[str, Any]] = field(default_factory=list)
    """per site: articles and how many lack each field"""
    failures: list[tuple[str, str, str, int]] = field(default_factory=list)
    """(site, state, reason, URLs)"""
    originals: list[SourceCount] = field(default_factory=list)
    runs: list[RunSpeed] = field(default_factory=list)
    """oldest first"""
    files: list[FileSize] = field(default_factory=list)
    growth: list[tuple[str, int]] = field(default_factory=list)
    """(day of fetching, bytes of text up to then)"""
    problems: list[Problem] = field(default_factory=list)


def find_sources(folders: Sequence[Path]) -> list[Source]:
    """The data folders among these, or directly below them.

    Raises:
        ReportError: a folder holds neither a crawl state nor feeds.
    """
    found: list[Source] = []
    for folder in folders:
        if not folder.is_dir():
            raise ReportError(f"{folder}: no such folder: name a data folder (NEWSCRAWL_DATA of a crawl)")
        candidates = [folder, *sorted(path for path in folder.iterdir() if path.is_dir() and path.name != "feeds")]
        sources = [source for path in candidates if (source := _source(path))]
        if not sources:
            raise ReportError(
                f"{folder}: neither a state.sqlite nor feeds in it: run a crawl first, or name its data folder"
            )
        found += sources
    return list({source.folder.resolve(): source for source in found}.values())


def feed_files(base: Path) -> list[Path]:
    """The files of a feed: of this name, rotated parts, in any of the forms."""
    stem = base.name.split(".")[0]
    found = {path for ending in ENDINGS for path in base.parent.glob(f"{stem}*{ending}") if path.is_file()}
    return sorted(found)


def _source(folder: Path) -> Source | None:
    feeds = folder / "feeds" if (folder / "feeds").is_dir() else folder
    files = {name: feed_files(feeds / f"{name}.jsonl") for name in ("articles", "duplicates")}
    source = Source(folder, files)
    return source if source.state.exists() or any(files.values()) else None


def collect(sources: Sequence[Source]) -> Figures:
    """Read feeds and states, and count."""
    figures = Figures(made=datetime.now(UTC), folders=[source.folder for source in sources])
    with tempfile.TemporaryDirectory(prefix="newscrawl-report-") as folder:
        db = _database(Path(folder))
        try:
            for number, source in enumerate(sources):
                _look_into_state(number, source, figures)
            _load(db, Path(folder), sources, figures)
            _count(db, figures)
        finally:
            db.close()
    return figures


def _database(folder: Path) -> duckdb.DuckDBPyConnection:
    """A database in this folder, that asks no network for extensions."""
    return duckdb.connect(
        folder / "report.duckdb",
        config={
            "memory_limit": _MEMORY,
            "temp_directory": str(folder),
            "threads": "2",
            "autoinstall_known_extensions": "false",
            "autoload_known_extensions": "false",
        },
    )


def _load(db: duckdb.DuckDBPyConnection, folder: Path, sources: Sequence[Source], figures: Figures) -> None:
    rows = folder / "rows.jsonl"
    with rows.open("wb") as out:
        for number, source in enumerate(sources):
            for feed, files in source.files.items():
                for file in files:
                    size = FileSize(file, feed, file.stat().st_size)
                    read_feed(size, number, out, figures.problems)
                    figures.files.append(size)
    db.execute(_LOAD, {"file": str(rows)})
    rows.unlink()
    db.execute(_ARTICLES)
    db.execute(_CLUSTERS)
    again = _one(db, "SELECT (SELECT count(*) FROM read) - (SELECT count(*) FROM articles)")
    if again:
        figures.problems.append(
            Problem(sources[0].folder, None, f"{again} lines repeat the id of another line; each id counts once")
        )
    db.execute("DROP TABLE read")


# The crawl states


def _look_into_state(number: int, source: Source, figures: Figures) -> None:
    """Runs, verdicts and counts of one state; one that cannot be read is a problem on the page, not an end."""
    if not source.state.exists():
        figures.problems.append(
            Problem(source.state, None, "no crawl state: no verdicts, failures and runs of these feeds")
        )
        return
    try:
        store = open_store(source.state, readonly=True)
    except StoreError as error:
        figures.problems.append(Problem(source.state, None, str(error).removeprefix(f"{source.state}: ")))
        return
    try:
        runs = store.runs(_RUNS)
        counts, originals = store.counts(), store.sources.counts()
        for feed in source.files:
            for file in store.feed_files(feed):
                path = store.folder / file.path
                if file.state != "left" and file.lines and not path.exists():
                    figures.problems.append(Problem(path, None, f"missing: {file.lines} lines were written to it"))
    except StoreError as error:
        figures.problems.append(Problem(source.state, None, str(error)))
        return
    finally:
        store.close()
    figures.originals += originals
    sites: dict[str, SiteStatus] = {}
    for run in runs:
        for name, (verdict, why) in verdicts_of(run.summary).items():
            sites.setdefault(name, SiteStatus(name, verdict, why, run.ended or run.started))
    for count in counts:
        status = sites.setdefault(count.site, SiteStatus(count.site, None, *_last_word(runs, count.site)))
        status.urls[count.state.name.lower()] += count.urls
        if count.state in {State.DEAD, State.DEFERRED, State.SKIPPED}:
            figures.failures.append((count.site, count.state.name.lower(), count.reason or "unknown", count.urls))
    figures.sites += sites.values()
    figures.runs += [
        RunSpeed(number, run.started, run.ended, run.scope, _reason(run), _pages(run)) for run in reversed(runs)
    ]


def _site_of(scope: str) -> str:
    return dict(part.split("=", 1) for part in scope.split() if "=" in part).get("site", "all")


def _last_word(runs: Sequence[PastRun], site: str) -> tuple[str, float | None]:
    """How the last run on a site without verdicts ended, and when."""
    for run in runs:
        if site in _site_of(run.scope).split(","):
            return f"last run: {_reason(run)}", run.ended
    return "", None


def _pages(run: PastRun) -> int | None:
    verdicts = run.summary.get("verdict")
    if not isinstance(verdicts, dict) or not verdicts:
        return None
    return sum(int(said.get("pages", 0)) for said in verdicts.values() if isinstance(said, dict))


def _reason(run: PastRun) -> str:
    if run.ended is None:
        return "under way or killed"
    return str(run.summary.get("reason", "ended"))


# The feeds


def _count(db: duckdb.DuckDBPyConnection, figures: Figures) -> None:
    first, copies, papers, sites = db.execute(
        "SELECT count(*) FILTER (duplicate_of IS NULL), count(duplicate_of), (SELECT count(*) FROM papers), count(DISTINCT site) FROM articles"
    ).fetchall()[0]
    figures.totals = {"articles": first, "copies": copies, "papers": papers, "sites": max(sites, len(figures.sites))}
    figures.days = _days(db)
    figures.months = db.execute(
        "SELECT strftime(day, '%Y-%m'), count(*) FROM articles WHERE duplicate_of IS NULL AND day IS NOT NULL GROUP BY 1 ORDER BY 1 DESC LIMIT 36"
    ).fetchall()[::-1]
    figures.papers = _dicts(
        db,
        """SELECT site, edition, paper, papers.name, count(*) FILTER (duplicate_of IS NULL) AS articles, count(duplicate_of) AS copies,
            strftime(min(day), '%Y-%m-%d') AS first, strftime(max(day), '%Y-%m-%d') AS last
        FROM articles JOIN papers USING (site, edition, paper) GROUP BY ALL ORDER BY count(*) DESC, site, edition, paper""",
    )
    figures.newest = _dicts(
        db,
        """SELECT id, title, url, coalesce(publisher, paper) AS paper, strftime(day, '%Y-%m-%d') AS day, language, duplicate_of IS NOT NULL AS copy
        FROM articles ORDER BY day DESC NULLS LAST, fetched DESC, id LIMIT ?""",
        [NEWEST],
    )
    figures.copying = _dicts(
        db,
        # The similarity stands with the copy that was settled later, which is not always the one published later.
        """SELECT coalesce(a.name, origin_paper) AS origin, coalesce(b.name, members.paper) AS copier, count(*) AS copies,
            round(avg(similarity), 3) AS similarity, median(delay) AS delay
        FROM members LEFT JOIN papers AS a ON (a.site, a.edition, a.paper) = (origin_site, origin_edition, origin_paper)
            LEFT JOIN papers AS b ON (b.site, b.edition, b.paper) = (members.site, members.edition, members.paper)
        WHERE id <> origin
        GROUP BY a.name, origin_site, origin_edition, origin_paper, b.name, members.site, members.edition, members.paper
        ORDER BY copies DESC, origin, copier LIMIT 200""",
    )
    lacks = ", ".join(f"count(*) FILTER (missing & {1 << bit} <> 0) AS {name}" for bit, name in enumerate(MAY_MISS))
    query = f"SELECT site, count(*) AS articles, {lacks} FROM articles GROUP BY site ORDER BY site"  # noqa: S608
    figures.missing = _dicts(db, query)
    figures.growth = db.execute(
        """SELECT strftime(make_timestamp((fetched * 1e6)::BIGINT), '%Y-%m-%d') AS fetch_day, sum(sum(bytes)) OVER (ORDER BY fetch_day)
        FROM articles WHERE fetched IS NOT NULL GROUP BY fetch_day ORDER BY fetch_day"""
    ).fetchall()[-366:]
    _count_runs(db, figures)


def _days(db: duckdb.DuckDBPyConnection) -> list[tuple[str, int, int]]:
    """The last days up to the newest date that is not in the future."""
    rows: list[tuple[str, int, int]] = db.execute(
        f"""WITH last AS (SELECT max(day) AS day FROM articles WHERE day <= current_date + 1),
        days AS (SELECT unnest(generate_series(last.day - {_DAYS - 1}, last.day, INTERVAL 1 DAY))::DATE AS day FROM last)
        SELECT strftime(days.day, '%Y-%m-%d'), count(id) FILTER (duplicate_of IS NULL), count(duplicate_of)
        FROM days LEFT JOIN articles USING (day) GROUP BY days.day ORDER BY days.day"""  # noqa: S608
    ).fetchall()
    return rows


def _count_runs(db: duckdb.DuckDBPyConnection, figures: Figures) -> None:
    """Articles of each run, by the moment they were fetched."""
    figures.runs.sort(key=lambda run: run.started)
    del figures.runs[:-_RUNS]
    if not figures.runs:
        return
    spans = [(number, run.source, run.started, run.ended or time.time()) for number, run in enumerate(figures.runs)]
    db.execute("CREATE TABLE runs (number INTEGER, source INTEGER, started DOUBLE, ended DOUBLE)")
    db.executemany("INSERT INTO runs VALUES (?, ?, ?, ?)", spans)
    counts = dict(
        db.execute(
            # `fetched_at` may be cut to whole seconds.
            "SELECT number, count(*) FROM runs JOIN articles ON articles.source = runs.source AND fetched BETWEEN started - 1 AND ended GROUP BY number"
        ).fetchall()
    )
    figures.runs = [replace(run, articles=counts.get(number, 0)) for number, run in enumerate(figures.runs)]


def _dicts(db: duckdb.DuckDBPyConnection, query: str, values: Sequence[Any] = ()) -> list[dict[str, Any]]:
    result = db.execute(query, list(values))
    names = [column[0] for column in result.description or ()]
    return [dict(zip(names, row, strict=True)) for row in result.fetchall()]


def _one(db: duckdb.DuckDBPyConnection, query: str) -> int:
    (value,) = db.execute(query).fetchall()[0]
    return int(value)
