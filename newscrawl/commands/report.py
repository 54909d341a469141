"""`scrapy report`: one HTML page about a crawl, from its feeds and its state."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from scrapy.commands import ScrapyCommand

from newscrawl.frontier import data_folder, feed_paths

if TYPE_CHECKING:
    import argparse

    from newscrawl.report.figures import Source


class Command(ScrapyCommand):
    """Write a report; exit 0 where the page is written, 2 where there is nothing to report on."""

    requires_project = True
    default_settings: ClassVar[dict[str, Any]] = {"LOG_ENABLED": False}

    def syntax(self) -> str:
        """Show the arguments."""
        return "[options] [<data folder>...]"

    def short_desc(self) -> str:
        """Show what the command does."""
        return "Write an HTML page about the articles, sites and runs of a crawl"

    def long_desc(self) -> str:
        """Explain the arguments."""
        return (
            "Each data folder holds a state.sqlite and feeds, or folders that do; without one, NEWSCRAWL_DATA is meant. "
            "A crawl may be under way."
        )

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        """Add the place of the page."""
        super().add_options(parser)
        parser.add_argument(
            "-o", "--output", default="report.html", metavar="FILE", help="the page (default: %(default)s)"
        )

    def run(self, args: list[str], opts: argparse.Namespace) -> None:
        """Read, count, write."""
        # duckdb, pygal and jinja2 take half a second, and every `scrapy` command imports this module.
        from newscrawl.report.figures import ReportError, collect  # noqa: PLC0415
        from newscrawl.report.page import page_of  # noqa: PLC0415

        began = time.monotonic()
        try:
            figures = collect(self._sources(args))
            page = page_of(figures)
            _write(Path(opts.output), page)
        except ReportError as error:
            return self._refuse(str(error))
        except OSError as error:
            return self._refuse(f"{error.filename or opts.output}: {error.strerror}")
        found = figures.totals["articles"] + figures.totals["copies"]
        problems = f", notes on the input: {len(figures.problems)}" if figures.problems else ""
        print(f"{opts.output}: {found:,} articles{problems}, made in {time.monotonic() - began:.1f} s")
        return None

    def _sources(self, args: list[str]) -> list[Source]:
        from newscrawl.report.figures import ReportError, Source, feed_files, find_sources  # noqa: PLC0415

        assert self.settings
        if args or not self.settings["NEWSCRAWL_FEED"]:
            return find_sources([Path(arg) for arg in args] or [data_folder(self.settings)])
        paths = feed_paths(self.settings)
        files = {name: feed_files(paths[name]) for name in ("articles", "duplicates")}
        source = Source(data_folder(self.settings), files)
        if not any(files.values()) and not source.state.exists():
            raise ReportError(f"{self.settings['NEWSCRAWL_FEED']}: no such feed: run a crawl first")
        return [source]

    def _refuse(self, message: str) -> None:
        print(f"newscrawl: {message}", file=sys.stderr)
        self.exitcode = 2


def _write(path: Path, page: str) -> None:
    """Put the page in its place at once: a reader never sees half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        new.write_text(page, encoding="utf-8")
        new.replace(path)
    finally:
        new.unlink(missing_ok=True)
