"""`scrapy feeds verify` and `scrapy feeds upload`: look at the feeds, or bring their finished parts to S3."""

from __future__ import annotations

import sys
import time
from dataclasses import fields
from typing import TYPE_CHECKING, Any, ClassVar, Final

from scrapy.commands import ScrapyCommand
from scrapy.exceptions import UsageError

from newscrawl.batches import BatchError, bucket_of, said, upload
from newscrawl.commands.status import crawling
from newscrawl.feeds import verify
from newscrawl.frontier import data_folder, feed_paths
from newscrawl.items import Article, SourceRecord
from newscrawl.store import StoreError, open_store

if TYPE_CHECKING:
    import argparse
    from pathlib import Path

_CLEAR_LINE: Final = "\r\N{ESCAPE}[2K"
_EVERY: Final = 0.2
"""Seconds between two states of the moving line."""


class Command(ScrapyCommand):
    """Exit 0 where all is well, 1 where a feed is wrong or a part not uploaded, 2 where the command could not begin."""

    requires_project = True
    requires_crawler_process = False
    default_settings: ClassVar[dict[str, Any]] = {"LOG_ENABLED": False}

    def syntax(self) -> str:
        """Show the arguments."""
        return "[options] verify|upload"

    def short_desc(self) -> str:
        """Show what the command does."""
        return "Verify every line of the feeds, or upload their finished parts to S3"

    def run(self, args: list[str], opts: argparse.Namespace) -> None:
        """Do the one or the other."""
        if args == ["verify"]:
            self._verify()
        elif args == ["upload"]:
            self._upload()
        else:
            raise UsageError("say what to do, as in: scrapy feeds verify")

    def _verify(self) -> None:
        """Print `file:line: what is wrong`, then a summary."""
        assert self.settings
        state, paths = data_folder(self.settings) / "state.sqlite", feed_paths(self.settings)
        kinds = {"articles": Article, "duplicates": Article, "sources": SourceRecord}
        names = {feed: [field.name for field in fields(kind)] for feed, kind in kinds.items()}
        wrong = 0
        try:
            store = open_store(state, readonly=True)
            try:
                process = crawling(store, state)
                files = [file for feed in paths for file in store.feed_files(feed)]
                lines = sum(file.lines for file in files if file.state != "left")
                left = [store.folder / file.path for file in files if file.state == "left"]
                progress = _Progress(sum(file.offset for file in files if file.state != "left"))
                for problem in verify(store, paths, names, growing=process is not None, show=progress.show):
                    wrong += 1
                    where = problem.file if problem.line is None else f"{problem.file}:{problem.line}"
                    progress.clear()
                    print(f"{where}: {problem.what}")
                progress.clear()
            finally:
                store.close()
        except (StoreError, OSError) as error:
            print(f"newscrawl: {error}", file=sys.stderr)
            self.exitcode = 2
            return
        except KeyboardInterrupt:
            print("newscrawl: stopped before the end", file=sys.stderr)
            self.exitcode = 130
            return
        for path in left:
            print(f"{path}: was moved or replaced: not looked at")
        beside = (
            f" A crawl is under way (process {process}): what it adds meanwhile was not looked at." if process else ""
        )
        verdict = f"{wrong} problems" if wrong else "all as recorded"
        print(f"{len(files) - len(left)} files, {lines:,} lines: {verdict}.{beside}")
        self.exitcode = 1 if wrong else 0

    def _upload(self) -> None:
        """Upload, with a line for each file."""
        assert self.settings
        try:
            bucket = bucket_of(self.settings)
        except BatchError as error:
            print(f"newscrawl: {error}", file=sys.stderr)
            self.exitcode = 2
            return
        try:
            print(said(upload(bucket, feed_paths(self.settings).values(), lambda line: print(line, file=sys.stderr))))
        except BatchError as error:
            print(f"newscrawl: {error}", file=sys.stderr)
            self.exitcode = 1
        except KeyboardInterrupt:
            print("newscrawl: stopped: the same command goes on", file=sys.stderr)
            self.exitcode = 130


class _Progress:
    """A moving line on a terminal, nothing elsewhere."""

    def __init__(self, size: int) -> None:
        self._size = max(size, 1)
        self._read = 0
        self._shown = time.monotonic()
        self._terminal = sys.stderr.isatty()

    def show(self, file: Path, read: int) -> None:
        """Tell how far the reading is."""
        self._read += read
        if self._terminal and time.monotonic() - self._shown >= _EVERY:
            self._shown = time.monotonic()
            print(f"{_CLEAR_LINE}{self._read / self._size:4.0%} {file.name}", end="", file=sys.stderr, flush=True)

    def clear(self) -> None:
        """Wipe the moving line."""
        if self._terminal:
            print(_CLEAR_LINE, end="", file=sys.stderr, flush=True)
