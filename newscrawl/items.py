"""What a crawl yields: an `Article` a page, a `SourceRecord` an original, and the JSON Schema of their feed lines."""

from __future__ import annotations

import ast
import inspect
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Literal

import msgspec

SCHEMA_VERSION = 1
"""Changes when the meaning of an exported field does."""


@dataclass
class Image:
    """A picture inside the text of an article."""

    url: str
    """Absolute address of the picture."""
    caption: str | None = None
    """Text that stands with the picture, cleaned; null where there is none."""


@dataclass
class Article:
    """One article of one paper, as the aggregator republished it; the fields are exported in this order."""

    id: str
    """`{site}/{edition}/{paper}/{number}`: the key of the article in every feed."""
    url: str
    """Canonical address on the aggregator: https, the site's canonical host, no query, no fragment."""
    site: str
    """Id of the aggregator, such as `maghress`."""
    edition: str
    """`ar`, `fr` or `en`: the edition it was published in."""
    language: str | None
    """`ar`, `fr` or `en`: the language of the text as detected; null where none is certain."""
    title: str
    """One line, cleaned."""
    body: str
    """Paragraphs joined by one newline, cleaned; no ticker, widget, caption, script, related link or closing line."""
    publisher: str | None
    """Name of the paper."""
    publisher_id: str
    """Slug of the paper in the aggregator's addresses."""
    authors: list[str] = field(default_factory=list)
    """Names of the authors; the paper's own name is not an author."""
    published: str | None = None
    """ISO date of the publication line (`YYYY-MM-DD`)."""
    published_raw: str | None = None
    """The line that `published` was read from, spaces collapsed."""
    source_url: str | None = None
    """Where the closing line points, absolute, as given; null where there is no such link."""
    images: list[Image] = field(default_factory=list)
    """Pictures of the content, in their order."""
    repairs: list[str] = field(default_factory=list)
    """Names of the repairs that were made to title and body, such as `lost_quotes`."""
    duplicate_of: str | None = None
    """Id of the first article seen with this text; null in the feed of articles."""
    similarity: float | None = None
    """How alike the two texts are, 0 to 1; null where `duplicate_of` is."""
    rights: dict[str, Any] | None = None
    """What the site said of the use of this page when it was fetched; null where it said nothing."""
    fetched_at: str | None = None
    """When the page was fetched: UTC, ISO 8601."""
    schema_version: int = SCHEMA_VERSION
    """Version of the meaning of these fields."""


SourceStatus = Literal[
    "alive",
    "redirected",
    "home_page",
    "gone",
    "forbidden",
    "robots",
    "refused_address",
    "busy",
    "server_error",
    "domain_gone",
    "unreachable",
    "unreadable",
]
"""Where the link of a closing line leads; see docs/sources.md."""


@dataclass
class Source:
    """The original of an article, as it was found; what only `source=fetch` reads is null after `source=check`."""

    url: str
    """Address that was asked: the article's `source_url`, percent-encoded and without fragment."""
    final_url: str | None
    """Address of the answer, after all redirects; null where none came."""
    canonical_url: str | None
    """Address that the page names as its own (rel=canonical, og:url); null where it names none."""
    status: SourceStatus
    """`alive`; `redirected` to another address; `home_page` in place of the article; `gone` (404, 410 or a page that
    says so); `forbidden` (401, 402, 403, 407, 451 or a challenge); `robots` (robots.txt forbids it, or cannot be had);
    `refused_address` (a private address, which is not asked); `busy` (429, or 503 with Retry-After); `server_error`
    (5xx); `domain_gone` (the name is not known); `unreachable` (no answer, or a broken one); `unreadable` (an answer
    that is no page: not HTML, too large, or with a status of no other name)."""
    http_status: int | None
    """Status of the answer; null where none came."""
    checked_at: str
    """When: UTC, ISO 8601."""
    similarity: float | None = None
    """How alike original and copy are, 0 to 1, as `similarity` of an article counts; null where no text was found."""
    truncated: float | None = None
    """Share of the original's words that the copy lacks, 0 to 1."""
    title_changed: bool | None = None
    """Whether the titles differ in more than letters' spelling and punctuation."""
    date_gap_days: int | None = None
    """Days from the original's publication to the copy's."""
    title: str | None = None
    """Title of the original, cleaned."""
    authors: list[str] = field(default_factory=list)
    """Its authors."""
    published: str | None = None
    """Its publication: ISO 8601, with time and zone where the page gives them."""
    section: str | None = None
    """The publisher's section it stands in."""
    image: str | None = None
    """Absolute address of its leading picture."""
    accessible_for_free: bool | None = None
    """What the page says of itself (isAccessibleForFree); where false, its text is a teaser and is not compared."""
    rendered: bool = False
    """Whether a browser was needed to read it."""
    rights: dict[str, Any] | None = None
    """What the publisher said of the use of this page; null where it said nothing."""


@dataclass
class SourceRecord:
    """One look at the original of one article: a line of `sources.jsonl`. A later line of the same id replaces it."""

    id: str
    """Id of the article."""
    source: Source
    """What was found."""
    body_source: str | None = None
    """The original's text, cleaned, where it mends damage of the copy: lost quotes, lost letters, missing paragraphs."""
    schema_version: int = SCHEMA_VERSION
    """Version of the meaning of these fields."""

    @property
    def line_key(self) -> str:
        """What this look is known by for ever: an original is asked once a day at most."""
        return f"{self.id} {self.source.checked_at}"


_encode = msgspec.json.Encoder().encode


def feed_line(article: Article | SourceRecord) -> bytes:
    r"""One line of a feed, without its newline: UTF-8, keys in the order of the fields.

    U+2028 and U+2029 end a line for some readers; cleaned text holds none, and addresses are escaped here.

    >>> feed_line(Image("https://a.example/\N{LINE SEPARATOR}"))  # doctest: +ELLIPSIS
    b'{"url":"https://a.example/\\u2028",...
    """
    line: bytes = _encode(article)
    if b"\xe2\x80" in line:
        line = line.replace(b"\xe2\x80\xa8", rb"\u2028").replace(b"\xe2\x80\xa9", rb"\u2029")
    return line


def feed_schema(item_class: type[Article | SourceRecord]) -> dict[str, Any]:
    """JSON Schema (draft 2020-12) of a feed line, made from its dataclass and the docstrings under the fields.

    The shipped copies are `newscrawl/schemas/{article,source}.schema.json`; a test keeps them alike.
    """
    schema = msgspec.json.schema(item_class)
    definitions = schema.pop("$defs")
    for part in (Article, Image, SourceRecord, Source):
        if (definition := definitions.get(part.__name__)) is None:
            continue
        definition["description"] = inspect.getdoc(part)
        definition["additionalProperties"] = False
        # A line always carries every key: what is unknown is null or [].
        definition["required"] = list(definition["properties"])
        for name, text in _field_docs(part).items():
            definition["properties"][name]["description"] = text
            definition["properties"][name].pop("default", None)
    own = definitions.pop(item_class.__name__)
    name = "article" if item_class is Article else "source"
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"https://newscrawl.invalid/{name}.schema.json",
        **own,
        "$defs": definitions,
    }


def _field_docs(item_class: type) -> dict[str, str]:
    """The docstring under each field of a dataclass, by the field's name."""
    (definition,) = ast.parse(inspect.getsource(item_class)).body
    body = getattr(definition, "body", [])
    docs: dict[str, str] = {}
    for declared, below in pairwise(body):
        match declared, below:
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=text)):
                docs[name] = inspect.cleandoc(str(text))
    return docs
