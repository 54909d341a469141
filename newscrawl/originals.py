"""The page of a publisher: what an original says, and how the aggregator's copy differs. Pure functions, no network."""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urljoin

from lxml import etree
from lxml.html import HTMLParser

from newscrawl import arabic
from newscrawl.language import code_of
from newscrawl.pages import metas_of, says_missing, tree_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_CANONICAL: Final = etree.XPath(
    "//link[translate(@rel, 'CANOIL', 'canoil') = 'canonical']/@href | //meta[@property = 'og:url']/@content",
    smart_strings=False,
)
_TITLES: Final = etree.XPath("//title | //h1")
_HEADINGS: Final = etree.XPath("//h1")
_JSON_LD: Final = etree.XPath(
    "//script[translate(normalize-space(@type), 'ADJLNOP', 'adjlnop') = 'application/ld+json']"
)
_SCRIPTS: Final = etree.XPath("//script[@src or string-length(.) > 0]")
_PUBLISHED: Final = etree.XPath(
    "//meta[@property = 'article:published_time' or @property = 'og:article:published_time' or @name = 'article:published_time'"
    " or @itemprop = 'datePublished']/@content | //time[@pubdate or @itemprop = 'datePublished']/@datetime",
    smart_strings=False,
)
_SECTION: Final = etree.XPath("//meta[@property = 'article:section']/@content", smart_strings=False)
_LONGEST_URL: Final = 2000
_LONGEST_JSON: Final = 1 << 20
_MOST_ITEMS: Final = 200
"""Objects looked at in the JSON-LD of a page."""
_MOST_ELEMENTS: Final = 8_000
"""Of a page whose text is looked for; with more, trafilatura takes longer than a second (measured 2026-11)."""
_TOO_DEEP: Final = etree.XPath(f"boolean({'/*' * 150})")
"""The same holds from 3,000 nested elements on; pages of papers are some 30 deep."""
_FEWEST_WORDS: Final = 40
"""Of a text that needs no script to be there: the notice "please enable JavaScript" is shorter, most briefs are not."""
_COMPLETE: Final = 0.9
"""Share of a declared text that the text found on the page must hold; below it the declared one is taken."""
_CUT_OFF: Final = ("…", "...", "[…]", "[...]")
_EARLIEST_YEAR: Final = 1990
_JSON_COMMENT: Final = re.compile(r"^\s*(?:<!--|//\s*<!\[CDATA\[|<!\[CDATA\[)|(?:-->|(?://\s*)?\]\]>)\s*$")

_SAME_STORY: Final = 0.6
"""Share of the copy's words that stand in a text which may mend it."""
_MISSING_WORDS: Final = 8
"""Of a paragraph that counts as missing, at least."""
_MISSING_SHARE: Final = 0.3
"""Share of a missing paragraph's words that the copy may hold all the same: small words are everywhere."""
_QUOTES: Final = re.compile('["«»“”„‟\N{FULLWIDTH QUOTATION MARK}]')


@dataclass(frozen=True, slots=True)
class Head:
    """What a page says of itself."""

    canonical_url: str | None
    """rel=canonical or else og:url, absolute"""
    missing: bool
    """whether it says that there is no such page"""
    metas: dict[str, str]
    """content of its named meta elements, by lower-cased name"""


@dataclass(frozen=True, slots=True)
class Original:
    """An original as its page gives it; texts are cleaned (`newscrawl.arabic`)."""

    head: Head
    title: str | None
    text: str
    """paragraphs joined by one newline; empty where none was found"""
    authors: list[str]
    published: str | None
    """ISO 8601, with time and zone where the page gives them"""
    section: str | None
    image: str | None
    """absolute address"""
    free: bool | None
    """what the page says of itself (isAccessibleForFree of schema.org)"""
    needs_script: bool
    """hardly any text was found, and scripts may bring it"""


@dataclass(frozen=True, slots=True)
class Comparison:
    """How a copy differs from its original."""

    similarity: float | None
    """Jaccard index of the word pairs of both texts, 0 to 1, exact; None where the original's text is not known"""
    truncated: float | None
    """share of the original's words that the copy lacks, 0 to 1; None as above"""
    title_changed: bool | None
    """None where one of the titles is not known"""
    date_gap_days: int | None
    """days from the original's publication to the copy's"""
    body_source: str | None
    """the original's text where it mends damage of the copy"""


# Reading


def read_head(body: bytes, url: str, content_type: str = "") -> Head:
    """What a page says of itself, without reading its text.

    Args:
        body: the page, decoded from its Content-Encoding.
        url: its address.
        content_type: the header of that name.

    Raises:
        Rejected: it cannot be read as a page.
    """
    return _head_of(tree_of(body, content_type), url)


def read_original(body: bytes, url: str, content_type: str = "", *, language: str | None = None) -> Original:
    """All that the page of an article says of it: JSON-LD first, then meta elements, then what trafilatura finds.

    Args:
        body: the page, decoded from its Content-Encoding.
        url: its address.
        content_type: the header of that name.
        language: `ar`, `fr` or `en`; a text that is certainly in another one is not the article.

    Raises:
        Rejected: it cannot be read as a page.
    """
    # Imported where it is needed: it takes 0.3 s, and only `source=fetch` needs it.
    from trafilatura import bare_extraction  # noqa: PLC0415
    from trafilatura.metadata import extract_metadata  # noqa: PLC0415

    root = tree_of(body, content_type, _html_parser())
    head = _head_of(root, url)
    said = _declared(root)
    scripts = bool(_SCRIPTS(root)) and len(_SCRIPTS(root)) > len(_JSON_LD(root))
    headings = [_line(" ".join(heading.itertext("*"))) for heading in _HEADINGS(root)[:5]]
    published = _published(_strings(said.get("datePublished")), _PUBLISHED(root))
    section = next(map(_line, (*_strings(said.get("articleSection")), *_SECTION(root))), None)

    readable = sum(1 for _ in root.iter("*")) <= _MOST_ELEMENTS and not _TOO_DEEP(root.getroottree())
    found: Any
    if readable:
        found = bare_extraction(root, url=url, include_comments=False, with_metadata=True)
    else:
        found = extract_metadata(root, url, extensive=False)
    text = getattr(found, "text", None) or ""
    text = arabic.clean(_best(text, " ".join(_strings(said.get("articleBody"))[:1])))
    title = _title(_strings(said.get("headline"))[:1], headings, getattr(found, "title", None))
    if title and text.startswith(f"{title}\n"):
        text = text[len(title) + 1 :]
    detected = code_of(text)
    if language and detected and detected != language:
        text, scripts = "", False
    return Original(
        head,
        title,
        text,
        authors=_authors(said, getattr(found, "author", None), getattr(found, "sitename", None)),
        published=published or _published([getattr(found, "date", None) or ""]),
        section=section or next(map(_line, getattr(found, "categories", None) or ()), None),
        image=_first_address([*_strings(said.get("image"), "url"), getattr(found, "image", None) or ""], url),
        free=_free(said.get("isAccessibleForFree")),
        needs_script=scripts and len(text.split()) < _FEWEST_WORDS,
    )


def compare(title: str, body: str, published: str | None, original: Original) -> Comparison:
    """How a copy of the aggregator (its title, body and ISO date of publication) differs from an original.

    Texts are compared only where the page gives one and does not say that it costs: a teaser is not the original.
    """
    changed = arabic.normalise(title) != arabic.normalise(original.title) if original.title else None
    gap = None
    if published and len(published) >= 10 and original.published:
        gap = (date.fromisoformat(published[:10]) - date.fromisoformat(original.published[:10])).days
    if not original.text or original.free is False:
        return Comparison(None, None, changed, gap, None)
    mine, theirs = arabic.normalise(body).split(), arabic.normalise(original.text).split()
    pairs, others = set(pairwise(mine)), set(pairwise(theirs))
    return Comparison(
        similarity=round(len(pairs & others) / len(pairs | others), 3) if pairs or others else float(mine == theirs),
        truncated=round((Counter(theirs) - Counter(mine)).total() / max(len(theirs), 1), 3),
        title_changed=changed,
        date_gap_days=gap,
        body_source=original.text if _mends(body, mine, original.text, theirs) else None,
    )


def _mends(body: str, mine: list[str], text: str, theirs: list[str]) -> bool:
    """Whether an original tells the same story and has what the copy lost: letters, quotes or whole paragraphs."""
    have = Counter(mine)
    if (have & Counter(theirs)).total() < _SAME_STORY * len(mine):
        return False
    if "\N{REPLACEMENT CHARACTER}" in body and "\N{REPLACEMENT CHARACTER}" not in text:
        return True
    if len(_QUOTES.findall(text)) > len(_QUOTES.findall(body)):
        return True
    for paragraph in text.split("\n"):
        words = Counter(arabic.normalise(paragraph).split())
        if words.total() >= _MISSING_WORDS and (words & have).total() <= _MISSING_SHARE * words.total():
            return True
    return False


# What a page declares


def _head_of(root: etree._Element, url: str) -> Head:
    titles = (" ".join("".join(title.itertext("*")).split()) for title in _TITLES(root)[:5])
    return Head(_first_address(_CANONICAL(root), url), any(map(says_missing, titles)), metas_of(root))


def _html_parser() -> HTMLParser:
    """As trafilatura parses: what it gets is read by our charset decision, and once."""
    return HTMLParser(
        encoding="utf-8",
        huge_tree=True,
        remove_comments=True,
        remove_pis=True,
        collect_ids=False,
        default_doctype=False,
    )


def _declared(root: etree._Element) -> dict[str, Any]:
    """The first article among the JSON-LD objects of a page, empty where there is none."""
    for script in _JSON_LD(root):
        text = script.text or ""
        if len(text) > _LONGEST_JSON:
            continue
        try:
            data = json.loads(_JSON_COMMENT.sub("", text), strict=False)
        except (ValueError, RecursionError):
            continue
        for number, thing in enumerate(_things(data)):
            if any(kind.endswith(("Article", "Posting")) for kind in _strings(thing.get("@type"))):
                return thing
            if number >= _MOST_ITEMS:
                break
    return {}


def _things(data: Any) -> Iterator[dict[str, Any]]:
    """The objects of a JSON-LD block that are about its page: on the top level, in its graph, or its main entity."""
    for thing in data if isinstance(data, list) else [data]:
        if isinstance(thing, dict):
            yield thing
            for name in ("@graph", "mainEntity"):
                parts = thing.get(name)
                yield from (part for part in (parts if isinstance(parts, list) else [parts]) if isinstance(part, dict))


def _strings(value: Any, name: str = "name") -> list[str]:
    """The texts of a JSON-LD value: strings, or the field `name` of objects, alone or in a list."""
    found = []
    for one in value if isinstance(value, list) else [value]:
        text = one.get(name) if isinstance(one, dict) else one
        if isinstance(text, str) and text.strip():
            found.append(text)
    return found


def _line(text: str) -> str:
    return arabic.clean(text[:2000], "title")


def _best(found: str, declared: str) -> str:
    """The text found on the page, or the declared one where the page shows much less of it."""
    declared = arabic.clean(declared)
    words = Counter(arabic.normalise(declared).split())
    if words.total() < _FEWEST_WORDS or declared.rstrip().endswith(_CUT_OFF):
        return found
    shared = (words & Counter(arabic.normalise(found).split())).total()
    return declared if shared < _COMPLETE * words.total() else found


def _title(declared: list[str], headings: list[str], found: str | None) -> str | None:
    """The declared headline, or the heading that it is the beginning of: some are cut at 110 letters."""
    title = next(map(_line, declared), None) or (_line(found) if found else None) or next(iter(headings), None)
    if title:
        beginning = title.rstrip(" .…")
        return next((heading for heading in headings if heading.startswith(beginning)), title)
    return None


def _authors(said: dict[str, Any], found: str | None, site: str | None) -> list[str]:
    """Persons who wrote it; a publisher or an agency as a whole is no author."""
    author: Any = said.get("author")
    declared = [
        one
        for one in (author if isinstance(author, list) else [author])
        if not (isinstance(one, dict) and "Person" not in _strings(one.get("@type", "Person")))
    ]
    names = _strings(declared) or (found or "").split("; ")
    papers = {arabic.normalise(name) for name in (*_strings(said.get("publisher")), site or "")}
    cleaned = [_line(name) for name in names[:20]]
    return [name for name in dict.fromkeys(cleaned) if name and arabic.normalise(name) not in papers]


def _published(*candidates: Iterable[str]) -> str | None:
    """The first of these that is a date of ISO 8601, of a year that has news pages and not of the future."""
    for text in (text for texts in candidates for text in texts):
        try:
            moment = datetime.fromisoformat(text.strip()[:40])
        except ValueError:
            continue
        if moment.year >= _EARLIEST_YEAR and moment.date() <= datetime.now().astimezone().date() + timedelta(days=1):
            return moment.isoformat() if len(text.strip()) > 10 else moment.date().isoformat()
    return None


def _free(said: Any) -> bool | None:
    """isAccessibleForFree, which occurs as a boolean and as its name.

    >>> _free("False"), _free(True), _free(None)
    (False, True, None)
    """
    return {"true": True, "false": False}.get(str(said).strip().lower().rpartition("/")[2])


def _first_address(hrefs: Iterable[str], base: str) -> str | None:
    """The first of these that is the address of a web page."""
    for href in hrefs:
        try:
            url = urljoin(base, href.strip()) if href.strip() else ""
        except ValueError:
            continue
        if url.startswith(("http://", "https://")) and len(url) <= _LONGEST_URL:
            return url
    return None
