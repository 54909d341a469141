"""Feed files read line by line: rows for the database, and what is wrong with the lines that are no articles.

duckdb reads JSON lines too, but it neither names a line that it cannot read nor notices a zstd frame that is cut short.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

import msgspec
import zstandard

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import BinaryIO

MAY_MISS: Final = ("language", "publisher", "authors", "published", "source_url", "images", "rights", "fetched_at")
"""Fields that are null or [] where they are unknown; a row's `missing` has one bit for each, in this order."""
ENDINGS: Final = (".jsonl", ".jsonl.gz", ".jsonl.zst")
_CHUNK: Final = 1 << 18
_LONGEST_LINE: Final = 32 << 20
"""Bytes; what is longer is a foreign file, and is not collected in memory."""


@dataclass(frozen=True, slots=True)
class Problem:
    """A line or a file that could not be read."""

    file: Path
    line: int | None
    """counted from 1; None where it concerns the file"""
    what: str


class _Article(msgspec.Struct):
    """What the report needs of a feed line; another type in one of these fields makes the line a foreign one."""

    id: str
    title: str
    body: str
    url: str | None = None
    site: str | None = None
    edition: str | None = None
    language: str | None = None
    publisher: str | None = None
    publisher_id: str | None = None
    authors: list[Any] | None = None
    published: str | None = None
    source_url: str | None = None
    images: list[Any] | None = None
    rights: Any = None
    duplicate_of: str | None = None
    similarity: float | None = None
    fetched_at: str | None = None


_decode = msgspec.json.Decoder(_Article).decode
_encode = msgspec.json.Encoder().encode


@dataclass(slots=True)
class FileSize:
    """One feed file as it was read."""

    file: Path
    feed: str
    disk: int
    """bytes on disk"""
    lines: int = 0
    unread: int = 0
    """lines that are no articles"""


def read_feed(size: FileSize, source: int, out: BinaryIO, problems: list[Problem], most: int = 200) -> None:
    """Write a row for each article of a file to `out`, and note what is wrong, at most `most` notes of a file."""
    try:
        for number, line in _lines(size.file):
            if not line.strip():
                continue
            row, what = _row(line)
            size.lines += 1
            if row is None:
                size.unread += 1
                if size.unread <= most:
                    problems.append(Problem(size.file, number, what))
                continue
            out.write(_encode({"source": source, "feed": size.feed, "bytes": len(line), **row}))
            out.write(b"\n")
    except (EOFError, zlib.error, zstandard.ZstdError) as error:
        problems.append(Problem(size.file, size.lines + 1, f"damaged, nothing after it could be read: {error}"))
    except OSError as error:
        problems.append(Problem(size.file, None, f"cannot be read: {error.strerror}"))
    if size.unread > most:
        problems.append(Problem(size.file, None, f"{size.unread - most} more lines that are no articles"))


def _row(line: bytes) -> tuple[dict[str, Any] | None, str]:
    """The row of a line, or None and what is wrong with it."""
    if not line.endswith(b"\n"):
        return None, "torn: no newline at its end (a run may be writing it)"
    try:
        article = _decode(line)
    except (msgspec.ValidationError, UnicodeDecodeError) as error:
        return None, f"no article: {error}"
    except msgspec.DecodeError as error:
        return None, f"no JSON: {error}"
    missing = sum(1 << bit for bit, name in enumerate(MAY_MISS) if not getattr(article, name))
    site, edition, paper, *_ = [*article.id.split("/"), "", "", ""]
    paper = article.publisher_id or paper
    return {
        "id": article.id,
        "title": article.title,
        "url": article.url,
        "site": article.site or site,
        "edition": article.edition or edition,
        "language": article.language,
        "publisher": article.publisher or paper,
        "paper": paper,
        "published": article.published,
        "duplicate_of": article.duplicate_of,
        "similarity": article.similarity,
        "fetched": _seconds(article.fetched_at),
        "missing": missing,
    }, ""


def _seconds(moment: str | None) -> float | None:
    """Unix seconds of an ISO 8601 moment."""
    try:
        return datetime.fromisoformat(moment).timestamp() if moment else None
    except ValueError:
        return None


def _lines(file: Path) -> Iterator[tuple[int, bytes]]:
    """(number, line with its newline) of every line; EOFError where a compressed member is cut short."""
    number, rest = 0, b""
    for chunk in _plain(file):
        *whole, rest = (rest + chunk).split(b"\n")
        for line in whole:
            number += 1
            yield number, line + b"\n"
        if len(rest) > _LONGEST_LINE:
            msg = f"a line of more than {_LONGEST_LINE >> 20} MiB"
            raise EOFError(msg)
    if rest:
        yield number + 1, rest


def _plain(file: Path) -> Iterator[bytes]:
    """The decompressed bytes of a feed file: gzip members and zstd frames follow each other."""
    with file.open("rb") as raw:
        if file.suffix not in {".gz", ".zst"}:
            while chunk := raw.read(_CHUNK):
                yield chunk
            return
        unpacker: Any = None
        while left := raw.read(_CHUNK):
            while left:
                if unpacker is None:
                    gzipped = file.suffix == ".gz"
                    unpacker = zlib.decompressobj(31) if gzipped else zstandard.ZstdDecompressor().decompressobj()
                yield unpacker.decompress(left)
                left, unpacker = (unpacker.unused_data, None) if unpacker.eof else (b"", unpacker)
        if unpacker is not None:
            msg = "it ends within a compressed member"
            raise EOFError(msg)
