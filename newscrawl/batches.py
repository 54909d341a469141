"""Batches: finished parts of the feeds as objects below an `s3://` prefix, the manifest of each feed last.

An object has the name of its part and the SHA-256 of the manifest in its metadata. What is uploaded already is asked of
S3 itself, so that a crash, a second uploader or another machine need no record of their own: a part counts as uploaded
where the prefix lists it with the right size and either the uploaded manifest or the object's metadata names its
checksum. A part of that name with other content is never written over.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self
from urllib.parse import urlsplit

from scrapy import signals
from scrapy.exceptions import CloseSpider, NotConfigured

from newscrawl.feeds import manifest_path
from newscrawl.frontier import feed_paths

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from scrapy.crawler import Crawler
    from scrapy.settings import BaseSettings

logger = logging.getLogger(__name__)

_TYPES: Final = {".jsonl": "application/x-ndjson", ".gz": "application/gzip", ".zst": "application/zstd"}


class BatchError(Exception):
    """Batches cannot be uploaded; the text is one line: the thing, the reason, the next step."""


@dataclass(frozen=True, slots=True)
class Part:
    """A finished file of a feed, as its manifest names it."""

    path: Path
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Uploaded:
    """What an upload did."""

    parts: int
    bytes: int
    present: int
    """parts that were there already"""


class Bucket:
    """A prefix of an S3 bucket, with credentials from where boto3 looks for them (environment, profile, role)."""

    def __init__(self, address: str, endpoint: str | None = None) -> None:
        """Take `s3://bucket/prefix`, and the address of the service where it is not Amazon's.

        Raises:
            BatchError: the address is none, or boto3 is not installed.
        """
        parts = urlsplit(address)
        if parts.scheme != "s3" or not parts.netloc or parts.query or parts.fragment:
            raise BatchError(f"NEWSCRAWL_BATCHES={address}: no address of a bucket: give s3://bucket/prefix")
        try:
            import boto3  # noqa: PLC0415  (an extra: only who uploads needs it)
            from boto3.exceptions import Boto3Error  # noqa: PLC0415
            from botocore.config import Config  # noqa: PLC0415
            from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415
        except ImportError:
            raise BatchError("NEWSCRAWL_BATCHES needs boto3: install newscrawl[s3]") from None
        for name in ("boto3", "botocore", "s3transfer", "urllib3"):
            logging.getLogger(name).setLevel(logging.WARNING)  # they tell of credentials found and of each request
        self._errors: tuple[type[Exception], ...] = (Boto3Error, BotoCoreError, ClientError)
        self._bucket, self._prefix = parts.netloc, parts.path.strip("/")
        # Services other than Amazon's often have no host name for each bucket.
        style = {"addressing_style": "path"} if endpoint else {}
        config = Config(connect_timeout=10, read_timeout=60, retries={"mode": "standard", "max_attempts": 5}, s3=style)
        try:
            self._client: Any = boto3.client("s3", endpoint_url=endpoint or None, config=config)
        except (*self._errors, ValueError) as error:
            raise BatchError(f"NEWSCRAWL_S3_ENDPOINT={endpoint}: {_line(error)}") from None

    def address(self, name: str = "") -> str:
        """The address of an object."""
        return f"s3://{self._bucket}/{self._key(name)}"

    def upload(self, manifest: Path, show: Callable[[str], None]) -> Uploaded:
        """Upload the parts that the manifest of a feed names and that are not there, then the manifest.

        Raises:
            BatchError: something cannot be uploaded; what was uploaded stays and is not uploaded again.
        """
        try:
            text = manifest.read_bytes()  # once: a running crawl may write a longer one meanwhile
        except OSError as error:
            raise BatchError(f"{manifest}: cannot be read ({error.strerror})") from None
        parts = _parts(text, manifest)
        try:
            there = self._listed()
            before = self._read(manifest.name) if manifest.name in there else b""
            known = {part.path.name: part.sha256 for part in _parts(before, self.address(manifest.name))}
            todo = [part for part in parts if not self._is_there(part, there, known)]
            for part in todo:
                self._upload(part)
                show(f"{self.address(part.path.name)}: {part.size:,} bytes uploaded")
            new = {part.path.name for part in parts} - set(known)
            if new and len(known) + len(new) > len(parts):
                name = self.address(manifest.name)
                raise BatchError(f"{name}: names parts of another feed: use another prefix")
            if new:  # else it is the same, or an uploader that began later has written a longer one
                self._client.put_object(
                    Bucket=self._bucket, Key=self._key(manifest.name), Body=text, ContentType="application/json"
                )
        except self._errors as error:
            raise BatchError(
                f"{self.address()}: {_line(error)}: the files stay, `scrapy feeds upload` goes on"
            ) from None
        return Uploaded(len(todo), sum(part.size for part in todo), len(parts) - len(todo))

    def _is_there(self, part: Part, there: Mapping[str, int], known: Mapping[str, str]) -> bool:
        name = part.path.name
        if name not in there:
            return False
        if (checksum := known.get(name)) is None:
            head = self._client.head_object(Bucket=self._bucket, Key=self._key(name))
            checksum = head["Metadata"].get("sha256")
        if (there[name], checksum) != (part.size, part.sha256):
            raise BatchError(f"{self.address(name)}: holds other content and stays as it is: use another prefix")
        return True

    def _upload(self, part: Part) -> None:
        try:
            with part.path.open("rb") as file:
                checksum = hashlib.file_digest(file, "sha256").hexdigest()
            if checksum != part.sha256:
                raise BatchError(f"{part.path}: differs from its manifest, not uploaded: see `scrapy feeds verify`")
            extra = {"Metadata": {"sha256": checksum}, "ContentType": _TYPES[part.path.suffix]}
            # Objects appear whole or not at all, also where a large one goes up in pieces.
            self._client.upload_file(str(part.path), self._bucket, self._key(part.path.name), ExtraArgs=extra)
        except OSError as error:
            raise BatchError(f"{part.path}: cannot be read ({error.strerror}): put it back and run again") from None

    def _listed(self) -> dict[str, int]:
        """Sizes of the objects of this prefix by their names: one request for each thousand."""
        pages = self._client.get_paginator("list_objects_v2").paginate(
            Bucket=self._bucket, Prefix=self._key(""), Delimiter="/"
        )
        found = (entry for page in pages for entry in page.get("Contents", ()))
        return {entry["Key"].removeprefix(self._key("")): entry["Size"] for entry in found}

    def _read(self, name: str) -> bytes:
        body: bytes = self._client.get_object(Bucket=self._bucket, Key=self._key(name))["Body"].read()
        return body

    def _key(self, name: str) -> str:
        return f"{self._prefix}/{name}" if self._prefix else name


class Batches:
    """Extension: uploads what is finished when a crawl has closed its feeds.

    Settings: NEWSCRAWL_BATCHES (none: off), NEWSCRAWL_S3_ENDPOINT.
    """

    def __init__(self, crawler: Crawler, feeds: Iterable[Path]) -> None:
        self._crawler = crawler
        self._feeds = list(feeds)
        self._bucket: Bucket | None = None

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        """Listen to the beginning and the end of the spider."""
        if not crawler.settings["NEWSCRAWL_BATCHES"]:
            raise NotConfigured
        extension = cls(crawler, feed_paths(crawler.settings).values())
        crawler.signals.connect(extension.spider_opened, signal=signals.spider_opened)
        crawler.signals.connect(extension.spider_closed, signal=signals.spider_closed)
        return extension

    def spider_opened(self) -> None:
        """End the run at once where nothing could be uploaded in the end."""
        try:
            self._bucket = bucket_of(self._crawler.settings)
        except BatchError as error:
            self._fail(error)
            raise CloseSpider("batches_error") from None

    async def spider_closed(self, reason: str) -> None:
        """Upload, unless the operator wants an end now; the next run or `scrapy feeds upload` does it then."""
        if self._bucket is None or reason in {"shutdown", "state_error"}:
            return
        try:
            # In a thread, so that a signal to stop is heard meanwhile.
            done = await asyncio.to_thread(upload, self._bucket, self._feeds, logger.info)
        except BatchError as error:
            self._fail(error)
            self._crawler.stats.set_value("newscrawl/exit_status", 1)
        else:
            logger.info(said(done))

    def _fail(self, error: BatchError) -> None:
        self._crawler.stats.set_value("newscrawl/error", str(error))
        logger.error(str(error))


def bucket_of(settings: BaseSettings) -> Bucket:
    """The place of NEWSCRAWL_BATCHES.

    Raises:
        BatchError: it is not set, no place, or boto3 is not installed.
    """
    address = settings["NEWSCRAWL_BATCHES"]
    if not address:
        raise BatchError("NEWSCRAWL_BATCHES is not set: give s3://bucket/prefix")
    return Bucket(address, settings["NEWSCRAWL_S3_ENDPOINT"])


def upload(bucket: Bucket, feeds: Iterable[Path], show: Callable[[str], None]) -> Uploaded:
    """Upload the finished parts of these feeds; `show` is called with a line for each.

    Raises:
        BatchError: something cannot be uploaded.
    """
    done = [bucket.upload(manifest, show) for path in feeds if (manifest := manifest_path(path)).exists()]
    return Uploaded(sum(d.parts for d in done), sum(d.bytes for d in done), sum(d.present for d in done))


def said(done: Uploaded) -> str:
    """One line on an upload."""
    return f"Batches: {done.parts} files uploaded ({done.bytes:,} bytes), {done.present} were there"


def _parts(text: bytes, manifest: Path | str) -> list[Part]:
    """The parts that a manifest names; none for an empty one."""
    try:
        entries = json.loads(text)["files"] if text else []
        return [Part(Path(manifest).with_name(entry["file"]), entry["bytes"], entry["sha256"]) for entry in entries]
    except (ValueError, KeyError, TypeError):
        raise BatchError(f"{manifest}: no manifest of a feed: move it away and run again") from None


def _line(error: Exception) -> str:
    """What an error says, in one line."""
    return " ".join(str(error).split())
