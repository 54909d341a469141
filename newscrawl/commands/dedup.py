"""`scrapy dedup FILE -o OUT`: the duplicate index over any file of JSON lines, without a crawl."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import sys
import time
import zlib
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, ClassVar, Final

import msgspec
import zstandard
from scrapy.commands import ScrapyCommand
from scrapy.exceptions import UsageError

from newscrawl.store import StoreError
from newscrawl.store.duplicates import Scan, TextIndexFile

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from newscrawl.dedup import Copy, DuplicateIndex

_GROUP: Final = 2_000
"""Lines between two commits; a killed run repeats at most these."""
_HEAD: Final = 1 << 16
_EVERY: Final = 5.0
"""Seconds between two lines of progress where stderr is no terminal."""


class _InputError(Exception):
    """The input or output cannot be used; one line naming the file, and the line where there is one."""


@dataclass(frozen=True, slots=True)
class _Fields:
    """Names of the fields that are read."""

    text: str
    id: str
    paper: str
    day: str


class Command(ScrapyCommand):
    """Split a file into first occurrences and copies; a killed run is continued by the same command."""

    requires_project = True
    default_settings: ClassVar[dict[str, Any]] = {"LOG_ENABLED": False}

    def syntax(self) -> str:
        """Show the arguments."""
        return "[options] <file.jsonl[.gz|.zst]> -o <out.jsonl[.gz|.zst]>"

    def short_desc(self) -> str:
        """Show what the command does."""
        return "Split a file of JSON lines into first occurrences and copies"

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        """Add the output and the names of the fields."""
        super().add_options(parser)
        parser.add_argument(
            "-o", "--output", metavar="OUT", help="first occurrences; copies go to OUT's .duplicates sibling"
        )
        parser.add_argument("--text-field", default="body", help="what is compared (default: %(default)s)")
        parser.add_argument("--id-field", default="id", help="what duplicate_of names (default: %(default)s)")
        parser.add_argument(
            "--paper-field", default="publisher_id", help="whose repeated lines are learnt (default: %(default)s)"
        )
        parser.add_argument("--date-field", default="published", help="ISO date, for --window (default: %(default)s)")
        parser.add_argument("--window", type=int, metavar="DAYS", help="texts further apart are no copies")

    def run(self, args: list[str], opts: argparse.Namespace) -> None:
        """Read, split, write."""
        if len(args) != 1 or not opts.output:
            raise UsageError("give one file and an output, as in: scrapy dedup corpus.jsonl.zst -o unique.jsonl")
        if opts.window is not None and opts.window < 0:
            raise UsageError("--window takes a number of days, 0 or more")
        fields = _Fields(opts.text_field, opts.id_field, opts.paper_field, opts.date_field)
        try:
            if not _split(Path(args[0]), Path(opts.output), fields, opts.window):
                self.exitcode = 1
        except (_InputError, StoreError) as error:
            print(f"newscrawl: {error}", file=sys.stderr)
            self.exitcode = 2
        except KeyboardInterrupt:
            print("\nnewscrawl: stopped: the same command continues", file=sys.stderr)
            self.exitcode = 130


def duplicates_path(path: Path) -> Path:
    """Where the copies go.

    >>> duplicates_path(Path("unique.jsonl.gz")).name
    'unique.duplicates.jsonl.gz'
    """
    stem, dot, ending = path.name.partition(".jsonl")
    return path.with_name(f"{stem}.duplicates{dot}{ending}")


def _split(source: Path, output: Path, fields: _Fields, window: int | None) -> bool:
    """Split a file; answers whether it was whole.

    Raises:
        _InputError: the input or the output cannot be used.
        StoreError: the state beside the output cannot be used.
    """
    from newscrawl.dedup import DuplicateIndex  # noqa: PLC0415  (every `scrapy` command imports this module)

    for path in (source, output):
        if not path.name.endswith((".jsonl", ".jsonl.gz", ".jsonl.zst")):
            raise _InputError(f"{path}: unknown ending: .jsonl, .jsonl.gz and .jsonl.zst are known")
    copies = duplicates_path(output)
    state = output.with_name(output.name + ".state")
    identity = _identity(source, fields, window)
    if not state.exists():
        for path in (output, copies):
            if path.exists():
                raise _InputError(f"{path}: exists: remove it or name another output")
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _InputError(f"{output.parent}: {error.strerror}") from error
    with closing(TextIndexFile(state)) as index:
        scan = index.scan() or Scan(identity)
        if scan.source != identity:
            raise _InputError(
                f"{state}: belongs to another input or other options: remove it and the output to begin anew"
            )
        with closing(_Out(output, scan.first_bytes)) as firsts, closing(_Out(copies, scan.copy_bytes)) as others:
            whole = _scan(source, fields, index, scan, DuplicateIndex(index.tables, window=window), firsts, others)
    for path in (state, Path(f"{state}-wal"), Path(f"{state}-shm")):
        path.unlink(missing_ok=True)
    return whole


def _scan(
    source: Path, fields: _Fields, file: TextIndexFile, scan: Scan, index: DuplicateIndex, firsts: _Out, others: _Out
) -> bool:
    """Read the lines after those of `scan`, committing in groups; answers whether the file was whole."""
    progress = _Progress(source, scan.lines)
    whole = True

    def commit() -> None:
        nonlocal scan
        scan = replace(scan, first_bytes=firsts.flush(), copy_bytes=others.flush())
        index.save()
        file.note_scan(scan)
        file.commit()

    try:
        for number, line in _lines(source, progress):
            if number <= scan.lines:
                continue
            article = _article(line)
            if article is None:
                progress.say(f"{source}:{number}: torn line skipped")
                scan = replace(scan, lines=number, torn=scan.torn + 1)
                continue
            copy = _copy_of(index, article, fields, f"{source}:{number}")
            if copy is None:
                firsts.write(line)
                scan = replace(scan, lines=number, firsts=scan.firsts + 1)
            else:
                others.write(_line({**article, "duplicate_of": copy.first, "similarity": copy.similarity}))
                scan = replace(scan, lines=number, copies=scan.copies + 1)
            if number % _GROUP == 0:
                commit()
                progress.show(scan)
    except (EOFError, zlib.error, zstandard.ZstdError) as error:
        progress.say(f"{source}:{scan.lines + 1}: the compressed file is damaged from here on ({error})")
        scan = replace(scan, torn=scan.torn + 1)
        whole = False
    except OSError as error:
        raise _InputError(f"{error.filename or source}: {error.strerror or error}") from error
    try:
        commit()
    except OSError as error:
        raise _InputError(f"{error.filename or source}: {error.strerror or error}") from error
    progress.show(scan, last=True)
    return whole


def _article(line: bytes) -> dict[str, Any] | None:
    """The object of a line, None where there is none."""
    try:
        value = msgspec.json.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    return value if isinstance(value, dict) else None


def _copy_of(index: DuplicateIndex, article: dict[str, Any], fields: _Fields, where: str) -> Copy | None:
    for name in (fields.id, fields.text):
        if name not in article:
            raise _InputError(f"{where}: no field {name!r}: name it with --id-field or --text-field")
    key, text, paper = article[fields.id], article[fields.text] or "", article.get(fields.paper)
    if not isinstance(text, str) or not isinstance(key, (str, int)):
        raise _InputError(f"{where}: {fields.text!r} must be a text and {fields.id!r} a text or a number")
    day = None
    if isinstance(published := article.get(fields.day), str):
        try:
            day = date.fromisoformat(published[:10]).toordinal()
        except ValueError:
            day = None
    return index.copy_of(str(key), text, paper=paper if isinstance(paper, str) else None, day=day)


def _line(article: dict[str, Any]) -> bytes:
    line = msgspec.json.encode(article)
    return line.replace(b"\xe2\x80\xa8", rb"\u2028").replace(b"\xe2\x80\xa9", rb"\u2029")


def _lines(path: Path, progress: _Progress) -> Iterator[tuple[int, bytes]]:
    """(number, line without its end) of every line that is not empty."""
    number, rest = 0, b""
    with path.open("rb") as raw:
        progress.raw = raw
        for chunk in _plain(path, raw):
            *whole, rest = (rest + chunk).split(b"\n")
            for line in whole:
                number += 1
                if line.strip():
                    yield number, line.rstrip(b"\r")
        if rest.strip():
            yield number + 1, rest


def _plain(path: Path, raw: IO[bytes]) -> Iterator[bytes]:
    """Decompressed chunks; gzip members and zstd frames may follow each other.

    Raises:
        EOFError: the last one is cut short.
    """
    unpacker: Any = None
    while chunk := raw.read(_HEAD):
        left = chunk
        while left:
            if path.suffix == ".jsonl":
                yield left
                break
            if unpacker is None:
                is_gzip = path.suffix == ".gz"
                unpacker = zlib.decompressobj(31) if is_gzip else zstandard.ZstdDecompressor().decompressobj()
            yield unpacker.decompress(left)
            left, unpacker = (unpacker.unused_data, None) if unpacker.eof else (b"", unpacker)
    if unpacker is not None:
        raise EOFError("it ends too early")


def _identity(source: Path, fields: _Fields, window: int | None) -> str:
    """What a state belongs to."""
    try:
        with source.open("rb") as file:
            head = hashlib.sha256(file.read(_HEAD)).hexdigest()
    except OSError as error:
        raise _InputError(f"{source}: {error.strerror}") from error
    return json.dumps([str(source.absolute()), head, fields.text, fields.id, fields.paper, fields.day, window])


class _Out:
    """An output that is cut back to what is recorded, and appended to in whole members."""

    def __init__(self, path: Path, size: int) -> None:
        self._path = path
        self._waiting: list[bytes] = []
        self._size = size
        try:
            self._file = path.open("r+b" if path.exists() else "w+b")
            found = self._file.seek(0, os.SEEK_END)
            if found >= size:
                self._file.truncate(size)
                self._file.seek(size)
        except OSError as error:
            raise _InputError(f"{path}: {error.strerror}") from error
        if found < size:
            self._file.close()
            raise _InputError(
                f"{path}: {found} bytes, shorter than the {size} written: remove {path}.state to begin anew"
            )

    def write(self, line: bytes) -> None:
        """Keep a line for the next flush."""
        self._waiting.append(line)

    def flush(self) -> int:
        """Write what waits, and have it on disk; answers the size of the file."""
        if self._waiting:
            data = b"\n".join((*self._waiting, b""))
            if self._path.suffix == ".gz":
                data = gzip.compress(data, 6)
            elif self._path.suffix == ".zst":
                data = zstandard.ZstdCompressor(level=3, write_checksum=True).compress(data)
            self._file.write(data)
            self._file.flush()
            os.fsync(self._file.fileno())
            self._size += len(data)
            self._waiting.clear()
        return self._size

    def close(self) -> None:
        """Close the file; what was not flushed is written again by the next run."""
        self._file.close()


class _Progress:
    """Lines on stderr: one that is overwritten on a terminal, one in a while elsewhere."""

    def __init__(self, path: Path, lines: int) -> None:
        self.raw: IO[bytes] | None = None
        self._size = max(path.stat().st_size, 1)
        self._before = lines
        self._began = self._shown = time.monotonic()
        self._terminal = sys.stderr.isatty()
        if lines:
            self.say(f"{path}: continued after line {lines:,}")

    def say(self, text: str) -> None:
        """Write a line that stays."""
        print(f"\r\x1b[K{text}" if self._terminal else text, file=sys.stderr, flush=True)

    def show(self, scan: Scan, *, last: bool = False) -> None:
        """Write how far it is."""
        now = time.monotonic()
        if not last and now - self._shown < (0.2 if self._terminal else _EVERY):
            return
        self._shown = now
        rate = (scan.lines - self._before) / max(now - self._began, 1e-3)
        part = 1.0 if last or self.raw is None else self.raw.tell() / self._size
        text = (
            f"{part:4.0%} {scan.lines:,} lines: {scan.firsts:,} first, {scan.copies:,} copies, {scan.torn:,} torn; "
            f"{rate:,.0f} lines/s"
        )
        if last or not self._terminal:
            self.say(text)
        else:
            print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)
