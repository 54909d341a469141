"""`scrapy status`: what the crawl state knows, beside a running crawl or after it."""

from __future__ import annotations

import json
import os
import sys
import time
from collections import Counter
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, ClassVar, Final, Literal

from scrapy.commands import ScrapyCommand
from scrapy.exceptions import UsageError

from newscrawl.frontier import data_folder, feed_paths
from newscrawl.sources import link_rot
from newscrawl.store import PastRun, State, Store, StoreError, open_store

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable, Sequence
    from pathlib import Path

_RUNS: Final = 5
_GROUPS: Final[tuple[Literal["publisher", "year"], ...]] = ("publisher", "year")
_PUBLISHERS: Final = 20
"""Publishers in the table of originals; `--json` has them all."""
_COLUMNS: Final = (State.DONE, State.SKIPPED, State.DEFERRED, State.DEAD, State.PENDING, State.LEASED)
"""Where a URL may stand, in the order of the table; together they are the URLs discovered."""


class Command(ScrapyCommand):
    """Print the accounts of the crawl state; exit 0 where there is one that can be read, else 1 with one line."""

    requires_project = True
    requires_crawler_process = False
    default_settings: ClassVar[dict[str, Any]] = {"LOG_ENABLED": False}

    def syntax(self) -> str:
        """Show the arguments."""
        return "[options]"

    def short_desc(self) -> str:
        """Show what the command does."""
        return "Show what the crawl state knows: URLs by site and state, feeds, last runs"

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        """Add the form of the output."""
        super().add_options(parser)
        parser.add_argument("--json", action="store_true", help="print one JSON object instead of tables")

    def run(self, args: list[str], opts: argparse.Namespace) -> None:
        """Read the state and print it."""
        if args:
            raise UsageError("status takes no arguments; choose the state with -s NEWSCRAWL_DATA=folder")
        assert self.settings
        state, feeds = data_folder(self.settings) / "state.sqlite", feed_paths(self.settings)
        try:
            store = open_store(state, readonly=True)
            try:
                known = accounts(store, state, feeds)
            finally:
                store.close()
        except (StoreError, OSError) as error:
            print(f"newscrawl: {error}", file=sys.stderr)
            self.exitcode = 1
            return
        print(json.dumps(known, ensure_ascii=False, indent=1) if opts.json else "\n".join(_text(known, time.time())))


def accounts(store: Store, state: Path, feeds: Iterable[str]) -> dict[str, Any]:
    """What the state knows, as JSON values; times are Unix seconds.

    The URLs of all sites come from one reading, so that they add up beside a running crawl too: `discovered` is the
    sum of the six states, and the reasons of a state sum to it.
    """
    sites: dict[str, dict[str, Any]] = {}
    for count in store.counts():
        site = sites.setdefault(
            count.site,
            {
                "discovered": 0,
                **{s.name.lower(): 0 for s in _COLUMNS},
                "reasons": {},
                "by_kind": Counter(),
                "verdict": None,
            },
        )
        name = count.state.name.lower()
        site["discovered"] += count.urls
        site[name] += count.urls
        site["by_kind"][count.kind.name.lower()] += count.urls
        if count.reason is not None or count.state in {State.SKIPPED, State.DEFERRED, State.DEAD}:
            reasons = site["reasons"].setdefault(name, Counter())
            reasons[count.reason or "unknown"] += count.urls
    runs, originals = store.runs(_RUNS), store.sources.counts()
    for run in reversed(runs):
        for name, verdict in _verdicts(run).items():
            if name in sites:
                sites[name]["verdict"] = verdict
    return {
        "state": str(state),
        "bytes": sum(file.stat().st_size for file in (state, state.with_name(f"{state.name}-wal")) if file.exists()),
        "process": crawling(store, state),
        "sites": sites,
        "oldest_pending": store.oldest_pending(),
        "originals": {
            "waiting": sum(count.articles for count in originals if count.status is None),
            **{f"by_{by}": [asdict(row) for row in link_rot(originals, by)] for by in _GROUPS},
        },
        "feeds": {feed: _feed(store, feed) for feed in feeds},
        "runs": [_run(run) for run in runs],
    }


def crawling(store: Store, state: Path) -> int | None:
    """Process id of the crawl that is under way on this state, None where there is none.

    The lock file names its last holder. It is read, not tried: holding it for an instant could turn a starting crawl
    away.
    """
    last = store.runs(1)
    if not last or last[0].ended is not None:
        return None
    try:
        process = int(state.with_name(f"{state.name}.lock").read_text("ascii"))
        os.kill(process, 0)
    except PermissionError:  # of another user
        return process
    except (OSError, ValueError):
        return None
    return process


def _feed(store: Store, feed: str) -> dict[str, Any]:
    files = store.feed_files(feed)
    return {
        "lines": sum(file.lines for file in files),
        "bytes": sum(file.offset for file in files),
        "waiting": store.exported(feed)[1],
        "files": [
            {"path": str(store.folder / file.path), "lines": file.lines, "bytes": file.offset, "state": file.state}
            for file in files
        ],
    }


def _verdicts(run: PastRun) -> dict[str, dict[str, Any]]:
    """How each site fared in a run (`newscrawl.verdict`), in one word and one line."""
    told = run.summary.get("verdict")
    if not isinstance(told, dict):
        return {}
    return {site: {"run": run.id, "verdict": of["verdict"], "why": of["why"]} for site, of in told.items()}


def _run(run: PastRun) -> dict[str, Any]:
    names = ("id", "scope", "round", "started", "ended", "finished")
    return {**{name: getattr(run, name) for name in names}, "summary": dict(run.summary)}


def _text(known: dict[str, Any], now: float) -> list[str]:
    """The accounts as a person reads them."""
    process = known["process"]
    under_way = f"a crawl is under way (process {process})" if process else "no crawl is under way"
    lines = [f"{known['state']}: {known['bytes']:,} bytes; {under_way}", ""]
    names = ["discovered", *(state.name.lower() for state in _COLUMNS)]
    lines += _table(
        ["site", *names], [[site, *(f"{of[name]:,}" for name in names)] for site, of in known["sites"].items()]
    )
    for site, of in known["sites"].items():
        if told := of["verdict"]:
            why = f", {told['why']}" if told["why"] else ""
            lines.append(f"{site}: {told['verdict']} in run {told['run']}{why}")
        for state, reasons in of["reasons"].items():
            ordered = sorted(reasons.items(), key=lambda entry: (-entry[1], entry[0]))
            lines.append(f"{site}: {state}: {', '.join(f'{reason} {urls:,}' for reason, urls in ordered)}")
    if known["oldest_pending"] is not None:
        lines.append(f"oldest pending: since {_when(known['oldest_pending'])}, {_span(now - known['oldest_pending'])}")
    lines.append("")
    lines += _table(
        ["feed", "lines", "bytes", "waiting", "files", "last file"],
        [
            [
                feed,
                *(f"{of[name]:,}" for name in ("lines", "bytes", "waiting")),
                f"{len(of['files']):,}",
                of["files"][-1]["path"] if of["files"] else "none yet",
            ]
            for feed, of in known["feeds"].items()
        ],
    )
    lines.append("")
    for by in _GROUPS if known["originals"]["by_year"] else ():
        names = ["asked", "alive", "lost", "refused"]
        rows = known["originals"][f"by_{by}"]
        lines += _table(
            [f"originals by {by}", *names],
            [[row["group"], *(f"{row[name]:,}" for name in names)] for row in rows[:_PUBLISHERS]],
        )
        lines.append("" if len(rows) <= _PUBLISHERS else f"... and {len(rows) - _PUBLISHERS} more: --json has them all")
    lines += _table(
        ["run", "started", "took", "end", "scope"],
        [
            [
                str(run["id"]),
                _when(run["started"]),
                "" if run["ended"] is None else _span(run["ended"] - run["started"]),
                _end(run, under_way=bool(process) and run is known["runs"][0]),
                run["scope"],
            ]
            for run in known["runs"]
        ],
    )
    return lines


def _end(run: dict[str, Any], *, under_way: bool) -> str:
    if run["ended"] is None:
        return "under way" if under_way else "killed"
    return str(run["summary"].get("reason", "finished" if run["finished"] else "interrupted"))


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Columns side by side: numbers to the right, the rest to the left.

    >>> _table(["site", "done"], [["demo", "1,200"], ["maghress", "7"]])
    ['site       done', 'demo      1,200', 'maghress      7']
    """
    widths = [max(len(row[n]) for row in (head, *rows)) for n in range(len(head))]
    right = [bool(rows) and all(row[n].replace(",", "").isdecimal() for row in rows) for n in range(len(head))]
    return [
        "  ".join(cell.rjust(w) if r else cell.ljust(w) for cell, w, r in zip(row, widths, right, strict=True)).rstrip()
        for row in (head, *rows)
    ]


def _when(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def _span(seconds: float) -> str:
    """A length of time in its largest fitting unit.

    >>> _span(59), _span(7200), _span(86400 * 3)
    ('59 s', '2 h', '3 d')
    """
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds / size:.0f} {unit}"
    return f"{max(seconds, 0):.0f} s"
