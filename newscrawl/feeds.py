"""Feed files that no crash tears: written from the outbox in order, and cut back to what is recorded after a crash.

A flush appends lines, flushes and fsyncs the file (and its directory when it is new), and only then records bytes and
outbox sequence in the store. Until the record is committed the outbox still has the lines, so whatever a dead process
left beyond the recorded offset is cut off and written again.

What the operator does to a file is found out before each flush, by its inode, and at the start, by a digest of its
first and of its last recorded bytes:

- moved away or deleted: the feed goes on in a new file of that name, with a warning;
- replaced by other content: that stays as it is, and the feed goes on in the next free `articles-000002.jsonl` beside
  it, with a warning;
- shorter than recorded: FeedError, since lines are lost that the outbox no longer has.

The ending of the path chooses the form: `.jsonl`, `.gz` (one whole member a flush) or `.zst` (one whole frame a flush).
"""

from __future__ import annotations

import json
import logging
import os
import stat
import time
import zlib
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from hashlib import blake2b, sha256
from typing import TYPE_CHECKING, Any

import zstandard

from newscrawl.failpoints import due, fail_at
from newscrawl.store import FeedFile

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from hashlib import _Hash
    from pathlib import Path

    from newscrawl.store import Store

logger = logging.getLogger(__name__)

MARK = 4096
"""Bytes at each end of the recorded part of a file that identify it."""
CHUNK = 1 << 18
COMPRESSED = (".gz", ".zst")


class FeedError(Exception):
    """A feed cannot be written or continued; the text is one line: the file, the reason, the next step."""


@dataclass(frozen=True, slots=True)
class Rotation:
    """When a part of a feed is finished; what is None never finishes one.

    A part holds at most `lines`, ends with the flush that reaches `size` bytes on disk, and with its day in UTC.
    """

    lines: int | None = None
    size: int | None = None
    daily: bool = False

    def __post_init__(self) -> None:
        """Raise ValueError for a limit below 1, under which nothing could be written."""
        if min(self.lines or 1, self.size or 1) < 1 or 0 in {self.lines, self.size}:
            msg = f"rotation at {self.lines} lines or {self.size} bytes: a limit is at least 1"
            raise ValueError(msg)


@dataclass(frozen=True, slots=True)
class Problem:
    """Something wrong in a feed."""

    file: Path
    line: int | None
    """counted from 1; None where it concerns the file"""
    what: str


class Feeds:
    """All feeds of a crawl, written from one outbox."""

    def __init__(
        self,
        store: Store,
        paths: Mapping[str, Path],
        rotate: Rotation | None = None,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Write each feed to its path; raises FeedError for an unknown ending or a path named twice."""
        if len({path.absolute() for path in paths.values()}) < len(paths):
            msg = f"{', '.join(str(path) for path in paths.values())}: one file for two feeds: name two"
            raise FeedError(msg)
        self._store = store
        self._feeds = [_Feed(store, name, path, rotate, clock) for name, path in paths.items()]
        self._opened = False

    def open(self) -> None:
        """Continue the files: cut off what is not recorded, finish what a crash left half done."""
        for feed in self._feeds:
            feed.open()
        self._store.commit()
        self._opened = True

    def drain(self) -> int:
        """Commit the group, then write what waits in the outbox; returns lines written.

        The records of this flush are durable with the next commit. After a FeedError (disk full) nothing is lost and
        the next drain tries again.
        """
        self._store.commit()
        return sum(feed.drain() for feed in self._feeds)

    def close(self) -> None:
        """Write what waits, finish the parts where they rotate, make all of it durable; nothing if `open` failed."""
        try:
            if self._opened:
                self.drain()
                for feed in self._feeds:
                    feed.finish()
                self._store.commit()
        finally:
            for feed in self._feeds:
                feed.let_go()


class _Feed:
    """One feed and the file it is written to at present."""

    def __init__(
        self, store: Store, name: str, path: Path, rotate: Rotation | None, clock: Callable[[], float]
    ) -> None:
        self._store = store
        self._name = name
        self._path = path.absolute()
        self._base = _recorded(self._path, store.folder)
        self._rotate = rotate
        self._clock = clock
        self._encode = _encoder(self._path)
        self._file: FeedFile | None = None
        self._at = self._path
        self._fd = -1
        self._sum: _Hash | None = None
        self._part = 0
        self._seq = 0

    # start

    def open(self) -> None:
        every = self._store.feed_files(self._name)
        self._seq = max((file.last_seq or 0 for file in every), default=0)
        mine = [file for file in every if file.base == self._base]
        self._part = max((file.part for file in mine), default=0)
        if mine and mine[-1].state == "open":
            self._continue(mine[-1])
        elif every and not mine:
            logger.warning(
                "the %s feed goes on in %s; what was exported before is in %s",
                self._name,
                self._path,
                self._store.folder / every[-1].path,
            )
        if self._rotate:
            if self._file is not None and self._at == self._path and self._file.lines:
                self._close_part()  # it was begun when the feed was one file
            self._write_manifest()

    def _continue(self, file: FeedFile) -> None:
        """Take the file up where its record ends, or leave it if it is not that file any more."""
        path = self._store.folder / file.path
        try:
            fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError:
            self._leave(file, "was moved or deleted")
            return
        except OSError as error:
            raise _failure(path, error) from error
        try:
            size = os.fstat(fd).st_size
            if size < file.offset:
                raise FeedError(_too_short(path, size, file.offset))
            if _mark(fd, file.offset) != file.mark:
                os.close(fd)
                self._leave(file, "holds other content now and stays as it is")
                return
            if size > file.offset:
                fail_at("feeds.cut.before")
                os.ftruncate(fd, file.offset)
                os.fsync(fd)
                fail_at("feeds.cut.after")
                logger.info(
                    "%s: %d bytes of an interrupted flush cut off, to be written again", path, size - file.offset
                )
        except OSError as error:
            os.close(fd)
            raise _failure(path, error) from error
        except FeedError:
            os.close(fd)
            raise
        self._file, self._at, self._fd = file, path, fd
        if self._rotate:
            self._sum = sha256()
            for chunk in _chunks(path, file.offset):
                self._sum.update(chunk)

    def _leave(self, file: FeedFile, why: str) -> None:
        logger.warning(
            "%s %s: the %s feed goes on in a new file after the %d lines written there",
            self._store.folder / file.path,
            why,
            self._name,
            file.lines,
        )
        self._store.record_feed(replace(file, state="left"))
        self.let_go()

    # writing

    def drain(self) -> int:
        written = 0
        while True:
            if self._file is not None and self._ended(self._file):
                self._close_part()
            lines = self._store.outbox_lines(self._name, self._seq, self._room())
            if not lines:
                return written
            self._append(self._present() or self._begin_file(), lines)
            written += len(lines)

    def _room(self) -> int:
        """Lines that the next flush may hold."""
        if self._rotate is None or self._rotate.lines is None:
            return 1000
        return min(1000, self._rotate.lines - (self._file.lines if self._file is not None else 0))

    def _present(self) -> FeedFile | None:
        """Answer the file, or None if the operator moved it: what would be written there then could be lost with it."""
        if self._file is None:
            return None
        offset = self._file.offset
        try:
            here = self._at.stat()
            if not os.path.samestat(os.fstat(self._fd), here):
                self._leave(self._file, "was replaced and stays as it is")
            elif here.st_size < offset:
                raise FeedError(_too_short(self._at, here.st_size, offset))
            elif here.st_size > offset:
                os.ftruncate(self._fd, offset)
        except FileNotFoundError:
            self._leave(self._file, "was moved or deleted")
        except OSError as error:
            raise _failure(self._at, error) from error
        return self._file

    def _begin_file(self) -> FeedFile:
        """Create the next file and record it while empty, so that its first bytes are never taken for a stranger's."""
        fail_at("feeds.create.before")
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            numbered = self._rotate is not None
            while True:
                self._part += 1
                path = _numbered(self._path, self._part) if numbered else self._path
                fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
                status = os.fstat(fd)
                if stat.S_ISREG(status.st_mode) and status.st_size == 0:
                    break
                os.close(fd)
                numbered = True
                logger.warning(
                    "%s holds other content and stays as it is: the %s feed goes on in the next free number",
                    path,
                    self._name,
                )
            _sync_directory(path.parent)
            _sync_directory(path.parent.parent)
        except OSError as error:
            raise _failure(self._path, error) from error
        fail_at("feeds.create.after")
        now = self._clock()
        self._fd, self._at, self._sum = fd, path, sha256() if self._rotate else None
        self._file = FeedFile(
            feed=self._name,
            base=self._base,
            part=self._part,
            path=_recorded(path, self._store.folder),
            opened=now,
            offset=0,
            lines=0,
            first_seq=None,
            last_seq=None,
            mark=_mark(fd, 0),
        )
        self._store.record_feed(self._file)
        self._store.commit()
        fail_at("feeds.create.recorded")
        return self._file

    def _append(self, file: FeedFile, lines: Sequence[tuple[int, bytes]]) -> None:
        data = self._encode(b"".join([line + b"\n" for _, line in lines]))
        offset = file.offset + len(data)
        try:
            fail_at("feeds.write.before")
            if due("feeds.write.torn"):
                os.pwrite(self._fd, data[: len(data) // 2], file.offset)
            fail_at("feeds.write.torn")
            _write(self._fd, data, file.offset)
            fail_at("feeds.write.after")
            os.fsync(self._fd)
            fail_at("feeds.fsync.after")
            mark = _mark(self._fd, offset)
        except OSError as error:
            with suppress(OSError):  # the next flush or start cuts it off
                os.ftruncate(self._fd, file.offset)
            raise _failure(self._at, error) from error
        grown = replace(
            file,
            offset=offset,
            lines=file.lines + len(lines),
            first_seq=lines[0][0] if file.first_seq is None else file.first_seq,
            last_seq=lines[-1][0],
            mark=mark,
        )
        fail_at("feeds.record.before")
        self._store.record_feed(grown)
        self._file, self._seq = grown, lines[-1][0]
        if self._sum is not None:
            self._sum.update(data)
        fail_at("feeds.record.after")

    # parts

    def _ended(self, file: FeedFile) -> bool:
        """Whether the part has reached a limit of the rotation."""
        rotate = self._rotate
        return (
            rotate is not None
            and file.lines > 0
            and (
                (rotate.lines is not None and file.lines >= rotate.lines)
                or (rotate.size is not None and file.offset >= rotate.size)
                or (rotate.daily and _day(file.opened) != _day(self._clock()))
            )
        )

    def finish(self) -> None:
        """Close the part, where there are parts."""
        if self._rotate and self._file is not None and self._file.lines:
            self._close_part()

    def _close_part(self) -> None:
        if self._file is None or self._sum is None:
            return
        self._store.record_feed(replace(self._file, state="closed", sha256=self._sum.hexdigest()))
        fail_at("feeds.part.before_close")
        self._store.commit()
        fail_at("feeds.part.after_close")
        self.let_go()
        self._write_manifest()

    def let_go(self) -> None:
        """Close the file; what is recorded is all on disk."""
        if self._fd >= 0:
            os.close(self._fd)
        self._file, self._fd, self._sum = None, -1, None

    def _write_manifest(self) -> None:
        """Write the list of finished parts, whole or not at all."""
        path = manifest_path(self._path)
        parts = [file for file in self._store.feed_files(self._name) if file.base == self._base and file.sha256]
        files = [_entry(self._store.folder, file) for file in parts]
        try:
            before = path.read_bytes() if path.exists() else b""
            _same_manifest(path, before, {entry["file"] for entry in files})
            text = _manifest_text(self._name, files)
            if (not files and not before) or text == before:
                return
            path.parent.mkdir(parents=True, exist_ok=True)
            new = path.with_name(path.name + ".tmp")
            fail_at("manifest.write.before")
            with new.open("wb") as out:
                out.write(text)
                out.flush()
                fail_at("manifest.write.after")
                os.fsync(out.fileno())
            fail_at("manifest.fsync.after")
            new.replace(path)
            fail_at("manifest.rename.after")
            _sync_directory(path.parent)
            fail_at("manifest.done")
        except OSError as error:
            raise _failure(path, error) from error


def verify(
    store: Store | None,
    paths: Mapping[str, Path],
    fields: Mapping[str, Sequence[str]] | None = None,
    *,
    growing: bool = False,
    show: Callable[[Path, int], None] | None = None,
) -> Iterator[Problem]:
    """Read every file of the feeds and answer what is wrong, as it is found.

    Each line must be a JSON object with the keys that `fields` names for its feed, in this order (those of the first line
    where None), and an `id` that no other line of any feed has (of `sources`: an id and a time). With a store, the files, their sizes, line counts, checksums and the ids
    in their order must be as recorded; without one, the files beside each path are held against its manifest.
    `growing` says that a run is under way, so that bytes beyond the record are no problem. `show` is called with each
    file and the bytes just read of it.

    Memory grows by about 100 bytes a line, for 8-byte digests of the ids.
    """
    ids: set[bytes] = set()
    for feed, path in paths.items():
        reading = _Reading((fields or {}).get(feed), ids, growing=growing, show=show)
        files = _by_manifest(path.absolute()) if store is None else _by_store(store, feed)
        for file, record in files.items():
            keys = None if store is None or record is None else _keys(store, feed, record)
            try:
                yield from reading.problems(file, record, keys)
            except FileNotFoundError:
                yield Problem(file, None, "missing")
            except OSError as error:
                yield Problem(file, None, f"cannot be read: {error.strerror}")
        if store is not None and not growing:
            every, waiting = store.exported(feed)
            recorded = sum(file.lines for file in store.feed_files(feed))
            if every - waiting != recorded:
                yield Problem(path, None, f"{every - waiting} lines left the outbox, {recorded} are recorded in files")


@dataclass(frozen=True, slots=True)
class _Record:
    """What a file should be."""

    size: int
    lines: int
    sha256: str | None
    first_seq: int | None
    last_seq: int | None


def _by_store(store: Store, feed: str) -> dict[Path, _Record | None]:
    """The files of a feed as recorded; what was left to the operator is not among them."""
    return {
        store.folder / file.path: _Record(file.offset, file.lines, file.sha256, file.first_seq, file.last_seq)
        for file in store.feed_files(feed)
        if file.state != "left"
    }


def _by_manifest(base: Path) -> dict[Path, _Record | None]:
    """The files that lie beside the path of a feed, and those that its manifest names."""
    stem, ending = _split(base)
    numbered = sorted(base.parent.glob(f"{stem}-[0-9][0-9][0-9][0-9][0-9][0-9]{ending}"))
    files: dict[Path, _Record | None] = dict.fromkeys(file for file in (base, *numbered) if file.exists())
    manifest = manifest_path(base)
    if manifest.exists():
        for entry in json.loads(manifest.read_bytes())["files"]:
            files[base.with_name(entry["file"])] = _Record(
                entry["bytes"], entry["lines"], entry["sha256"], entry["first_seq"], entry["last_seq"]
            )
    return files or {base: None}


def _keys(store: Store, feed: str, record: _Record) -> Iterator[str]:
    """Item keys among which those of the file are, in their order (others, where two files took turns)."""
    after, end = (record.first_seq or 1) - 1, record.last_seq or 0
    while rows := store.exported_keys(feed, after, end):
        yield from (key for _, key in rows)
        after = rows[-1][0]


class _Reading:
    """One reading through all files of a feed; `ids` are those of all feeds so far."""

    def __init__(
        self,
        fields: Sequence[str] | None,
        ids: set[bytes],
        *,
        growing: bool,
        show: Callable[[Path, int], None] | None,
    ) -> None:
        self._fields = None if fields is None else list(fields)
        self._growing = growing
        self._show = show
        self._ids = ids

    def problems(self, file: Path, record: _Record | None, keys: Iterator[str] | None) -> Iterator[Problem]:
        size = file.stat().st_size
        if record is not None and size != record.size and not (self._growing and size > record.size):
            beyond = "a run is under way, or its next start cuts them off" if size > record.size else "lines are lost"
            yield Problem(file, None, f"{size} bytes, recorded are {record.size}: {beyond}")
        number, summed = 0, sha256()

        def note(chunk: bytes) -> None:
            summed.update(chunk)
            if self._show:
                self._show(file, len(chunk))

        try:
            for number, line in enumerate(_lines(file, size if record is None else record.size, note), 1):
                what, key = self._judge(line)
                if what:
                    yield Problem(file, number, what)
                if keys is not None and key is not None and key not in keys:  # reads on until it is found
                    yield Problem(file, number, f"id {key} is out of order, or was never exported")
                    keys = None
        except (EOFError, zlib.error, zstandard.ZstdError) as error:
            yield Problem(file, number + 1, f"damaged: {error}")
        if record is not None and number != record.lines:
            yield Problem(file, None, f"{number} lines, recorded are {record.lines}")
        if record is not None and record.sha256 not in {None, summed.hexdigest()}:
            yield Problem(file, None, "checksum differs from the recorded one")

    def _judge(self, line: bytes) -> tuple[str, str | None]:
        """Answer what is wrong with a line, and its id where it has one."""
        if not line.endswith(b"\n"):
            return "torn: no newline at its end", None
        try:
            value = json.loads(line)
        except ValueError as error:
            return f"no JSON: {error}", None
        if not isinstance(value, dict) or not isinstance(value.get("id"), str):
            return "no object with an id", None
        key = value["id"]
        if isinstance(source := value.get("source"), dict):
            key = f"{key} {source.get('checked_at')}"  # as `SourceRecord.line_key`
        digest = blake2b(key.encode("utf-8", "surrogatepass"), digest_size=8).digest()
        if digest in self._ids:
            return f"id {key} was exported before", key
        self._ids.add(digest)
        if self._fields is None:
            self._fields = list(value)
        if list(value) != self._fields:
            return f"keys {', '.join(value)}; they should be {', '.join(self._fields)}", key
        return "", key


def _lines(file: Path, size: int, note: Callable[[bytes], None]) -> Iterator[bytes]:
    """Lines of the first `size` bytes, each chunk noted on the way; EOFError where a member is cut short."""
    chunks = _plain(file, _noted(_chunks(file, size), note))
    rest = b""
    for chunk in chunks:
        *whole, rest = (rest + chunk).split(b"\n")
        for line in whole:
            yield line + b"\n"
    if rest:
        yield rest


def _noted(chunks: Iterable[bytes], note: Callable[[bytes], None]) -> Iterator[bytes]:
    for chunk in chunks:
        note(chunk)
        yield chunk


def _plain(file: Path, chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Decompress members or frames one after the other."""
    if file.suffix not in COMPRESSED:
        yield from chunks
        return
    unpacker: Any = None
    for chunk in chunks:
        left = chunk
        while left:
            if unpacker is None:
                unpacker = (
                    zlib.decompressobj(31) if file.suffix == ".gz" else zstandard.ZstdDecompressor().decompressobj()
                )
            yield unpacker.decompress(left)
            left, unpacker = (unpacker.unused_data, None) if unpacker.eof else (b"", unpacker)
    if unpacker is not None:
        msg = "ends within a compressed member"
        raise EOFError(msg)


def manifest_path(path: Path) -> Path:
    """Where the manifest of a rotated feed lies."""
    return path.with_name(path.name + ".manifest.json")


def _entry(folder: Path, file: FeedFile) -> dict[str, object]:
    return {
        "file": (folder / file.path).name,
        "lines": file.lines,
        "bytes": file.offset,
        "sha256": file.sha256,
        "first_seq": file.first_seq,
        "last_seq": file.last_seq,
    }


def _manifest_text(feed: str, files: Sequence[Mapping[str, object]]) -> bytes:
    total = {
        "feed": feed,
        "lines": sum(int(str(file["lines"])) for file in files),
        "bytes": sum(int(str(file["bytes"])) for file in files),
        "files": files,
    }
    return (json.dumps(total, ensure_ascii=False, indent=1) + "\n").encode()


def _same_manifest(path: Path, text: bytes, known: set[object]) -> None:
    """Refuse to write over a manifest that names files this state did not write."""
    if not text:
        return
    try:
        named = {entry["file"] for entry in json.loads(text)["files"]}
    except (ValueError, KeyError, TypeError):
        named = {"(unreadable)"}
    if unknown := sorted(str(name) for name in named - known):
        msg = f"{path}: names {unknown[0]}, which this crawl state did not write: move the manifest and its files away"
        raise FeedError(msg)


def _numbered(path: Path, part: int) -> Path:
    """`articles.jsonl.gz`, 3 -> `articles-000003.jsonl.gz`."""
    stem, ending = _split(path)
    return path.with_name(f"{stem}-{part:06d}{ending}")


def _split(path: Path) -> tuple[str, str]:
    """`articles.jsonl.gz` -> `articles`, `.jsonl.gz`."""
    ending = "".join(path.suffixes[-2:]) if path.suffix in COMPRESSED else path.suffix
    return path.name.removesuffix(ending), ending


def _recorded(path: Path, folder: Path) -> str:
    """A path as the store keeps it: relative to its folder where it lies inside, so that both can be moved."""
    with suppress(ValueError):
        return str(path.relative_to(folder.absolute()))
    return str(path)


def _encoder(path: Path) -> Callable[[bytes], bytes]:
    if path.suffix == ".jsonl":
        return bytes
    if path.suffix == ".gz":
        return _gzip
    if path.suffix == ".zst":
        return zstandard.ZstdCompressor(level=3, write_checksum=True).compress
    msg = f"{path}: unknown ending of a feed: .jsonl, .jsonl.gz and .jsonl.zst are known"
    raise FeedError(msg)


def _gzip(data: bytes) -> bytes:
    packer = zlib.compressobj(6, zlib.DEFLATED, 31)
    return packer.compress(data) + packer.flush()


def _write(fd: int, data: bytes, offset: int) -> None:
    view = memoryview(data)
    while view:
        done = os.pwrite(fd, view, offset)
        view, offset = view[done:], offset + done


def _mark(fd: int, offset: int) -> bytes:
    """Identify a file by its recorded bytes; while it has none, by its inode."""
    if not offset:
        return f"inode {os.fstat(fd).st_ino}".encode()
    head, tail = min(MARK, offset), max(0, offset - MARK)
    return blake2b(os.pread(fd, head, 0) + os.pread(fd, offset - tail, tail), digest_size=16).digest()


def _day(when: float) -> str:
    return datetime.fromtimestamp(when, UTC).date().isoformat()


def _too_short(path: Path, size: int, offset: int) -> str:
    return (
        f"{path}: {size} bytes, shorter than the {offset} recorded: put the whole file back, "
        "or move it away and the feed goes on in a new one"
    )


def _failure(path: Path, error: OSError) -> FeedError:
    return FeedError(f"{path}: cannot be written ({error.strerror}): free the disk and run again; nothing is lost")


def _sync_directory(path: Path) -> None:
    fd = os.open(path, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _chunks(path: Path, size: int) -> Iterator[bytes]:
    """The first `size` bytes of a file."""
    with path.open("rb") as file:
        while size > 0 and (chunk := file.read(min(CHUNK, size))):
            size -= len(chunk)
            yield chunk
