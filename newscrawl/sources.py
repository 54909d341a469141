"""The way from an article to its original: what is asked, what an answer or its absence means, and the records of it."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, Literal
from urllib.parse import urlsplit

from scrapy.exceptions import CannotResolveHostError
from w3lib.url import safe_url_string

from newscrawl.items import Source, SourceRecord
from newscrawl.originals import Original, compare, read_head, read_original
from newscrawl.pages import Rejected, challenge_of, is_html
from newscrawl.store.sources import SourceRow

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from scrapy.http import Response

    from newscrawl.arguments import SourceMode
    from newscrawl.items import Article, SourceStatus
    from newscrawl.store.sources import SourceCount

AGAIN_AFTER: Final = 86_400.0
"""Seconds from one try of an address to the next: never more than one a day."""
TRIES: Final = 3
"""Tries of an address whose failure may pass."""
MAY_PASS: Final = frozenset({"busy", "server_error", "unreachable", "domain_gone"})
_LONGEST_URL: Final = 2000
_FORBIDDEN: Final = frozenset({401, 402, 403, 407, 451})

NO_BROWSER: Final = "newscrawl_no_browser"
"""Response.meta key: no browser can bring more than this answer, so `NeedsBrowser` is not to be raised."""


class NeedsBrowser(Exception):
    """The page as it was sent holds nothing of what was asked for, and scripts that may bring it."""


def original_url(source_url: str) -> str | None:
    """The address to be asked for an article's `source_url`, None where it is none.

    >>> original_url("HTTP://Press.example/خبر?utm_source=x#top")
    'http://press.example/%D8%AE%D8%A8%D8%B1?utm_source=x'
    """
    try:
        parts = urlsplit(safe_url_string(source_url))
        port = parts.port
    except ValueError:
        return None
    host = (parts.hostname or "").rstrip(".")
    if parts.scheme not in {"http", "https"} or not host or len(source_url) > _LONGEST_URL:
        return None
    name = f"[{host}]" if ":" in host else host
    default = {"http": 80, "https": 443}[parts.scheme]
    netloc = name if port in {None, default} else f"{name}:{port}"
    return parts._replace(netloc=netloc, path=parts.path or "/", fragment="").geturl()


def row_of(article: Article, url: str, mode: SourceMode) -> SourceRow:
    """What the state keeps of an article until its original was asked for."""
    copy = None
    if mode == "fetch":
        names = ("title", "body", "published", "language")
        copy = json.dumps({name: getattr(article, name) for name in names}, ensure_ascii=False)
    year = int(article.published[:4]) if article.published else None
    return SourceRow(article.id, url, article.publisher_id, year, copy=copy)


def records_of(
    response: Response, rows: Sequence[SourceRow], rights: Callable[[dict[str, str]], dict[str, Any] | None]
) -> list[SourceRecord]:
    """What an answer says of the articles that name its address.

    Args:
        response: the answer.
        rows: these articles.
        rights: tells from the page's named meta elements what is said of its use.

    Raises:
        NeedsBrowser: the text is wanted, and only scripts may bring it.
    """
    asked = rows[0].url
    source = Source(
        url=asked,
        final_url=response.url,
        canonical_url=None,
        status=_status_by_answer(response),
        http_status=response.status,
        checked_at=_now(),
        rendered="playwright" in response.flags,
    )
    head, original = None, None
    if source.status == "alive":
        content_type = (response.headers.get(b"Content-Type") or b"").decode("latin-1")
        languages = [json.loads(row.copy)["language"] for row in rows if row.copy]
        try:
            if not is_html(response):
                raise Rejected("not_html")
            if languages:
                original = read_original(response.body, response.url, content_type, language=languages[0])
            head = original.head if original else read_head(response.body, response.url, content_type)
        except Rejected:
            source.status = "unreadable"
        else:
            source.canonical_url = head.canonical_url
            source.status = _status_by_page(asked, response.url, head.canonical_url, missing=head.missing)
    if original and not original.text and challenge_of(response):
        source.status = "forbidden"
    source.rights = rights(head.metas if head else {})
    if original is None or source.status not in {"alive", "redirected"}:
        return [SourceRecord(row.article, source) for row in rows]
    if original.needs_script and NO_BROWSER not in response.meta:
        raise NeedsBrowser(response.url)
    return [_compared(row, source, original) for row in rows]


def brought_text(static: Response, rendered: Response) -> bool:
    """Whether the browser's answer holds more of a text than the one before it."""
    return _words(rendered) > _words(static)


def records_of_failure(rows: Sequence[SourceRow], status: SourceStatus) -> list[SourceRecord]:
    """What the absence of an answer says of the articles that name this address."""
    return [
        SourceRecord(
            row.article,
            Source(row.url, final_url=None, canonical_url=None, status=status, http_status=None, checked_at=_now()),
        )
        for row in rows
    ]


def status_of_failure(error: BaseException) -> SourceStatus:
    """The word for a download that failed."""
    reason = getattr(error, "reason", "")
    if reason in {"robots", "forbidden_address"}:
        return "robots" if reason == "robots" else "refused_address"
    if isinstance(error, CannotResolveHostError):
        return "domain_gone"
    if reason in {"too_large", "content_encoding"}:
        return "unreadable"
    return "unreachable"


def may_pass(records: Sequence[SourceRecord]) -> bool:
    """Whether the address is worth another try another day."""
    return any(record.source.status in MAY_PASS for record in records)


def settled_row(row: SourceRow, record: SourceRecord, *, keep_copy: bool) -> SourceRow:
    """The row of an article after its original was asked for."""
    checked = datetime.fromisoformat(record.source.checked_at).timestamp()
    return replace(row, status=record.source.status, checked_at=checked, copy=row.copy if keep_copy else None)


LOST: Final = frozenset({"gone", "home_page", "domain_gone"})
"""Statuses of an original that is no longer where its article points."""


@dataclass(frozen=True, slots=True)
class LinkRot:
    """How many originals of a group of articles are still there."""

    group: str
    """publisher (`site/paper`) or year"""
    asked: int
    alive: int
    """there, or moved to another address"""
    lost: int
    refused: int
    """forbidden to us, by status or robots.txt"""

    @property
    def share_lost(self) -> float:
        """Share of the asked ones that is lost."""
        return self.lost / self.asked


def link_rot(counts: Iterable[SourceCount], by: Literal["publisher", "year"]) -> list[LinkRot]:
    """Count what is left of the originals, by publisher (most lost first) or by year of publication (in order)."""
    groups: dict[str, Counter[str]] = {}
    for count in counts:
        if count.status is None:
            continue
        name = f"{count.site}/{count.publisher or '?'}" if by == "publisher" else str(count.year or "?")
        groups.setdefault(name, Counter())[count.status] += count.articles
    rows = [
        LinkRot(
            name,
            statuses.total(),
            statuses["alive"] + statuses["redirected"],
            sum(statuses[status] for status in LOST),
            statuses["forbidden"] + statuses["robots"],
        )
        for name, statuses in groups.items()
    ]
    return sorted(rows, key=(lambda row: row.group) if by == "year" else (lambda row: (-row.lost, row.group)))


def _compared(row: SourceRow, source: Source, original: Original) -> SourceRecord:
    if row.copy is None:
        return SourceRecord(row.article, source)
    copy = json.loads(row.copy)
    found = compare(copy["title"], copy["body"], copy["published"], original)
    return SourceRecord(
        row.article,
        replace(
            source,
            similarity=found.similarity,
            truncated=found.truncated,
            title_changed=found.title_changed,
            date_gap_days=found.date_gap_days,
            title=original.title,
            authors=original.authors,
            published=original.published,
            section=original.section,
            image=original.image,
            accessible_for_free=original.free,
        ),
        body_source=found.body_source,
    )


def _words(response: Response) -> int:
    content_type = (response.headers.get(b"Content-Type") or b"").decode("latin-1")
    try:
        return len(read_original(response.body, response.url, content_type).text.split())
    except Rejected:
        return 0


def _status_by_answer(response: Response) -> SourceStatus:
    status = response.status
    if status != 200 and challenge_of(response):
        return "forbidden"
    if status in {404, 410}:
        return "gone"
    if status in _FORBIDDEN:
        return "forbidden"
    if status == 429 or (status == 503 and b"Retry-After" in response.headers):
        return "busy"
    if status >= 500:
        return "server_error"
    return "alive" if 200 <= status < 300 else "unreadable"


def _status_by_page(asked: str, final: str, canonical: str | None, *, missing: bool) -> SourceStatus:
    """Where a page that came with a 2xx stands.

    >>> _status_by_page("http://x.example/a/1", "https://www.x.example/", None, missing=False)
    'home_page'
    >>> _status_by_page("http://x.example/a/1", "https://www.x.example/a/1/", None, missing=False)
    'alive'
    """
    if missing:
        return "gone"
    if not _is_home(asked) and (_is_home(final) or (canonical and _is_home(canonical))):
        return "home_page"
    return "alive" if _same_page(asked, final) else "redirected"


def _is_home(url: str) -> bool:
    parts = urlsplit(url)
    return parts.path.rstrip("/") in {"", "/ar", "/fr", "/en", "/index.html", "/index.php", "/home"} and not parts.query


def _same_page(one: str, other: str) -> bool:
    """Whether two addresses differ in scheme, `www.`, closing slash and fragment at most."""

    def plain(url: str) -> tuple[str, str, str]:
        parts = urlsplit(url)
        return parts.netloc.lower().removeprefix("www."), parts.path.rstrip("/"), parts.query

    return plain(one) == plain(other)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
