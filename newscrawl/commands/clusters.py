"""`scrapy clusters FEEDS`: who carried the same story, how much later, and what they changed."""

from __future__ import annotations

import csv
import json
import os
import re
import sys
import tempfile
import unicodedata
from bisect import bisect_right
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from functools import cache
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Final

from scrapy.commands import ScrapyCommand
from scrapy.exceptions import UsageError

from newscrawl.arabic import normalise

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Sequence

    from duckdb import DuckDBPyConnection

_ENDINGS: Final = ("*.jsonl", "*.jsonl.gz", "*.jsonl.zst")
_COLUMNS: Final = {
    "id": "VARCHAR",
    "publisher": "VARCHAR",
    "publisher_id": "VARCHAR",
    "published": "VARCHAR",
    "title": "VARCHAR",
    "body": "VARCHAR",
    "duplicate_of": "VARCHAR",
    "similarity": "DOUBLE",
}
_MEMORY: Final = "384MB"
"""What the joins may take; what is larger goes to a temporary folder."""
_LONGEST_LINE: Final = 8 << 20

# Bodies stay in one table on disk until the end: grouping or joining them would hold them in memory.
_LOAD: Final = f"""
    CREATE TABLE read AS SELECT * FROM read_json($files, format = 'newline_delimited', columns = {_COLUMNS},
        ignore_errors = true, maximum_object_size = {_LONGEST_LINE}) WHERE id IS NOT NULL
"""  # noqa: S608  (names and numbers of our own)
# An article without `duplicate_of` is the first settled one of its cluster; a copy of a copy belongs to the same one.
_ARTICLES: Final = """
    CREATE TABLE articles AS
    WITH once AS (
        SELECT rowid AS line, id, duplicate_of, coalesce(publisher_id, publisher, '') AS paper,
            try_cast(published[:10] AS DATE) AS day
        FROM read WHERE rowid IN (SELECT min(rowid) FROM read GROUP BY id)
    )
    SELECT once.*, coalesce(before.duplicate_of, once.duplicate_of, once.id) AS cluster
    FROM once LEFT JOIN (SELECT id, duplicate_of FROM once) AS before ON before.id = once.duplicate_of
"""
_MEMBERS: Final = """
    CREATE TABLE members AS
    SELECT articles.*, copies,
        first_value(articles.id) OVER earliest AS origin,
        first_value(paper) OVER earliest AS origin_paper,
        day - first_value(day) OVER earliest AS delay
    FROM articles JOIN (
        SELECT cluster, count(*) FILTER (id <> cluster) AS copies FROM articles GROUP BY cluster
    ) USING (cluster)
    WHERE copies > 0
    WINDOW earliest AS (PARTITION BY cluster ORDER BY day NULLS LAST, id <> cluster, id
        ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING)
"""
_LISTED: Final = """
    SELECT cluster, read.id, publisher, publisher_id, published, title, body, similarity, delay, origin
    FROM members JOIN read ON read.rowid = members.line
    WHERE cluster IN (SELECT cluster FROM (SELECT DISTINCT cluster, copies FROM members) ORDER BY copies DESC, cluster LIMIT $limit)
    ORDER BY copies DESC, cluster, read.id <> cluster, day NULLS LAST, read.id
"""
_GRAPH: Final = """
    SELECT origin_paper, paper, count(*), round(median(delay), 1), round(avg(similarity), 3)
    FROM members JOIN read ON read.rowid = members.line WHERE members.id <> origin GROUP BY ALL ORDER BY count(*) DESC, origin_paper, paper
"""


class _InputError(Exception):
    """The feeds cannot be read; one line says which and why."""


@dataclass(slots=True)
class Member:
    """An article of a cluster."""

    id: str
    publisher: str | None
    publisher_id: str | None
    published: str | None
    title: str | None
    delay_days: int | None
    """days after the earliest article of the cluster, None where a date is unknown"""
    similarity: float | None
    """to the first settled article, None for itself"""
    only_in_first: list[str] = field(default_factory=list)
    """sentences of the first settled article that this one lacks"""
    only_here: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Cluster:
    """Articles with the same text."""

    cluster: str
    """id of the first settled article: the one that `duplicate_of` names"""
    earliest: str
    """id of the article with the earliest date of publication; the first settled where dates are equal or unknown"""
    first: Member | None
    """None where the article lies in none of the files"""
    copies: list[Member]


class Command(ScrapyCommand):
    """List syndication clusters from the feeds of articles and duplicates."""

    requires_project = True
    default_settings: ClassVar[dict[str, Any]] = {"LOG_ENABLED": False}

    def syntax(self) -> str:
        """Show the arguments."""
        return "[options] <folder of feeds | files>..."

    def short_desc(self) -> str:
        """Show what the command does."""
        return "List which papers carried the same story"

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        """Add the forms of the answer."""
        super().add_options(parser)
        parser.add_argument("--jsonl", action="store_true", help="one cluster a line as JSON, instead of a table")
        parser.add_argument("--graph", metavar="CSV", help="write who copies whom: first paper, copying paper, counts")
        parser.add_argument("--limit", type=int, metavar="N", help="only the N largest clusters")

    def run(self, args: list[str], opts: argparse.Namespace) -> None:
        """Read, join, print."""
        if not args:
            raise UsageError("give the folder of the feeds, as in: scrapy clusters data/feeds")
        try:
            with tempfile.TemporaryDirectory(prefix="newscrawl-") as folder, _database(folder) as db:
                _read(db, _files([Path(arg) for arg in args]))
                if opts.graph:
                    _write_graph(db, Path(opts.graph))
                _print(clusters(db, opts.limit), as_json=opts.jsonl)
            sys.stdout.flush()
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # the reader has seen enough
        except _InputError as error:
            print(f"newscrawl: {error}", file=sys.stderr)
            self.exitcode = 2


def clusters(db: DuckDBPyConnection, limit: int | None = None) -> Iterator[Cluster]:
    """Clusters of the articles read, those with most copies first."""
    rows = db.execute(_LISTED, {"limit": limit})
    current: Cluster | None = None
    sentences: list[str] = []
    while chunk := rows.fetchmany(2_000):
        for key, id_, publisher, publisher_id, published, title, body, similarity, delay, origin in chunk:
            member = Member(id_, publisher, publisher_id, published, title, delay, None if id_ == key else similarity)
            if current is None or current.cluster != key:
                if current is not None:
                    yield current
                current, sentences = Cluster(key, origin, None, []), []
            if id_ == key:
                current.first, sentences = member, _sentences(body or "")
                continue
            if current.first is not None:
                mine = _sentences(body or "")
                member.only_in_first, member.only_here = _differing(sentences, mine)
            current.copies.append(member)
    if current is not None:
        yield current


def _files(paths: list[Path]) -> list[str]:
    """Every feed file that is meant."""
    files: list[Path] = []
    for path in paths:
        if path.is_dir():
            found = {file for ending in _ENDINGS for file in path.glob(ending) if file.stat().st_size}
            if not found:
                raise _InputError(f"{path}: no .jsonl, .jsonl.gz or .jsonl.zst in it: name the folder of the feeds")
            files += sorted(found)
        elif path.is_file():
            files.append(path)
        else:
            raise _InputError(f"{path}: no such file or folder")
    return [str(file) for file in dict.fromkeys(files)]


def _database(folder: str) -> DuckDBPyConnection:
    """A database in this folder, that asks no network for extensions."""
    try:
        import duckdb  # noqa: PLC0415  (half a second, and every `scrapy` command imports this module)
    except ImportError:
        raise _InputError("scrapy clusters needs duckdb: pip install 'newscrawl[clusters]'") from None
    return duckdb.connect(
        f"{folder}/feeds.duckdb",
        config={
            "memory_limit": _MEMORY,
            "temp_directory": folder,
            "threads": "2",
            "preserve_insertion_order": "false",
            "autoinstall_known_extensions": "false",
            "autoload_known_extensions": "false",
        },
    )


def _read(db: DuckDBPyConnection, files: list[str]) -> None:
    import duckdb  # noqa: PLC0415

    try:
        db.execute(_LOAD, {"files": files})
        db.execute(_ARTICLES)
        db.execute(_MEMBERS)
    except duckdb.Error as error:
        reason = str(error).strip().partition("\n")[0]
        raise _InputError(f"{', '.join(files[:3])}{' …' if len(files) > 3 else ''}: {reason}") from None


_STOP = re.compile(r"(?<=[.؟!?؛…])\s+|\n+")


def _sentences(body: str) -> list[str]:
    """Sentences in their order.

    >>> _sentences("قال الوزير: نعمْ. ثم غادر.")
    ['قال الوزير: نعمْ.', 'ثم غادر.']
    """
    return [part.strip() for part in _STOP.split(body)]


def _differing(first: list[str], other: list[str]) -> tuple[list[str], list[str]]:
    """Sentences that only the first has, and that only the other has, but for typography.

    >>> _differing(["قال نعمْ.", "ثم غادر."], ["قال: نعم.", "ثم عاد."])
    (['ثم غادر.'], ['ثم عاد.'])
    """
    both = {*first} & {*other}  # most are the same letter by letter: only the others are worth folding
    one, two = ({normalise(part): part for part in parts if part not in both} for parts in (first, other))
    return (
        [part for fold, part in one.items() if fold and fold not in two],
        [part for fold, part in two.items() if fold and fold not in one],
    )


def _write_graph(db: DuckDBPyConnection, path: Path) -> None:
    try:
        with path.open("w", encoding="utf-8", newline="") as file:
            out = csv.writer(file)
            out.writerow(("first_publisher", "copying_publisher", "copies", "median_delay_days", "mean_similarity"))
            out.writerows(db.execute(_GRAPH).fetchall())
    except OSError as error:
        raise _InputError(f"{path}: {error.strerror}") from None


def _print(found: Iterator[Cluster], *, as_json: bool) -> None:
    terminal = sys.stdout.isatty()
    with suppress(AttributeError):
        sys.stdout.reconfigure(encoding="utf-8")  # type: ignore[union-attr]
    number = 0
    for number, cluster in enumerate(found, 1):
        if as_json:
            print(json.dumps(asdict(cluster), ensure_ascii=False, separators=(",", ":")))
        else:
            _print_table(number, cluster, terminal=terminal)
    if number == 0 and not as_json:
        print("no clusters: none of the articles is a copy of another one")


_WIDTHS: Final = (9, 10, 10, 24, 40)


def _print_table(number: int, cluster: Cluster, *, terminal: bool) -> None:
    """One cluster as rows, with up to two differing sentences under each copy."""
    print(f"{number}. {cluster.cluster}: {len(cluster.copies)} {'copies' if len(cluster.copies) > 1 else 'copy'}")
    rows: list[tuple[Member | None, str]] = [(cluster.first, "first")]
    rows += [(member, "earliest" if member.id == cluster.earliest else "copy") for member in cluster.copies]
    for member, role in rows:
        if member is None:
            print("   first: in none of these files")
            continue
        delay = "" if member.delay_days is None else f"{member.delay_days:+d} d"
        similar = "" if member.similarity is None else f"{member.similarity:.2f}"
        cells = (
            role,
            member.published or "",
            f"{delay} {similar}".strip(),
            member.publisher or member.publisher_id or "",
        )
        shown = [
            _cell(text, width, terminal=terminal)
            for text, width in zip((*cells, member.title or ""), _WIDTHS, strict=True)
        ]
        print("   " + "  ".join((*shown, member.id)).rstrip())
        for mark, sentences in (("-", member.only_in_first), ("+", member.only_here)):
            for sentence in sentences[:2]:
                print(f"      {mark} {_cell(sentence, 100, terminal=terminal).rstrip()}")
            if len(sentences) > 2:
                print(f"      {mark} … {len(sentences) - 2} more")


def _cell(text: str, width: int, *, terminal: bool) -> str:
    """A text of this many columns; on a terminal right-to-left text is isolated, so that the columns keep their order."""
    text = " ".join(text.split())
    columns = list(accumulate(map(_columns, text)))
    if columns and columns[-1] > width:
        text = text[: bisect_right(columns, width - 1)] + "…"
        columns = list(accumulate(map(_columns, text)))
    pad = " " * (width - (columns[-1] if columns else 0))
    if terminal and _is_rtl(text):
        text = f"\N{FIRST STRONG ISOLATE}{text}\N{POP DIRECTIONAL ISOLATE}"
    return text + pad


@cache
def _columns(letter: str) -> int:
    """Columns that a letter takes on a terminal."""
    return 0 if unicodedata.combining(letter) else 2 if unicodedata.east_asian_width(letter) in "WF" else 1


def _is_rtl(text: Sequence[str]) -> bool:
    return any(unicodedata.bidirectional(c) in {"R", "AL", "AN"} for c in text)
