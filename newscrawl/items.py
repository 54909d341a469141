"""What a crawl yields: one `Article` for each page, and the JSON Schema of a feed line."""

from __future__ import annotations

import ast
import inspect
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

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


_encode = msgspec.json.Encoder().encode


def feed_line(article: Article) -> bytes:
    r"""One line of a feed, without its newline: UTF-8, keys in the order of the fields.

    U+2028 and U+2029 end a line for some readers; cleaned text holds none, and addresses are escaped here.

    >>> feed_line(Image("https://a.example/\N{LINE SEPARATOR}"))  # doctest: +ELLIPSIS
    b'{"url":"https://a.example/\\u2028",...
    """
    line: bytes = _encode(article)
    if b"\xe2\x80" in line:
        line = line.replace(b"\xe2\x80\xa8", rb"\u2028").replace(b"\xe2\x80\xa9", rb"\u2029")
    return line


def article_schema() -> dict[str, Any]:
    """JSON Schema (draft 2020-12) of a feed line, made from `Article` and the docstrings under its fields.

    The shipped copy is `newscrawl/schemas/article.schema.json`; a test keeps the two alike.
    """
    schema = msgspec.json.schema(Article)
    definitions = schema.pop("$defs")
    for item_class in (Article, Image):
        definition = definitions[item_class.__name__]
        definition["description"] = inspect.getdoc(item_class)
        definition["additionalProperties"] = False
        # A line always carries every key: what is unknown is null or [].
        definition["required"] = list(definition["properties"])
        for name, text in _field_docs(item_class).items():
            definition["properties"][name]["description"] = text
            definition["properties"][name].pop("default", None)
    article = definitions.pop("Article")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "https://newscrawl.invalid/article.schema.json",
        **article,
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
