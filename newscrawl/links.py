"""Links of a page, read from its bytes in one pass: a tree of the whole page would take five times as long."""

from __future__ import annotations

import re
from html import unescape
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

# As the tokenizer of the HTML standard sees them: a comment or an element of raw text has no tags, the first attribute of a
# name counts. Every loop is possessive or ends the page, so that the time is linear in its length.
_RAW_TEXT: Final = "script style title textarea iframe xmp noembed noframes"
_ATTRIBUTE: Final = r"[^\s=>/]++(?:\s*+=\s*+(?:\"[^\"]*+\"?|'[^']*+'?|[^\s>]*+))?+[\s/]*+"


def _any_case(word: str) -> str:
    # Not the flag: with it, the search for `<` is three times slower.
    return "".join(f"[{letter}{letter.upper()}]" for letter in word)


_RAW: Final = "|".join(map(_any_case, _RAW_TEXT.split()))
_UP_TO_HREF: Final = (
    rf"[\s/]*+(?:(?![hH][rR][eE][fF][\s=]){_ATTRIBUTE})*+(?:{_any_case('href')}\s*+=\s*+"
    r"(?:\"(?:([^\"]*+)\"|.*+)|'(?:([^']*+)'|.*+)|([^\s>]++)))?+"
)
_INNER_TAG: Final = rf"<(?!/?[aA][\s/>]|!|(?:{_RAW})[\s/>])"
# So many at most: a link whose tags were never closed would be looked at to the end of the page, and so would the next.
_SPACE: Final = rf"\s*+(?:(?:\xc2\xa0|{_INNER_TAG}[^>]*+>)\s*+){{0,9}}+"
# How listings are paged is not known: these are the usual words, and numbers in Western, Arabic and Persian digits.
_DIGIT: Final = r"(?:[0-9]|\xd9[\xa0-\xa9]|\xdb[\xb0-\xb9])"
_NEXT_PAGE: Final = rf"{_DIGIT}{{1,6}}+|(?:الصفحة\s++)?+التالي(?:ة)?+|[sS]uivant|SUIVANT|[nN]ext|NEXT|»|›"


def _reader_of(tag: str) -> re.Pattern[bytes]:
    """Reads tags of this pattern, and comments and raw text, which set none of its groups."""
    skipped = (
        r"!--(?:-?>|.*?--!?>|.*+)"
        rf"|(?=[sStTiIxXnN])(?P<raw>{_RAW})(?=[\s/>])[^>]*+(?:>.*?</(?i:(?P=raw))(?=[\s/>])|.*+)"
    )
    return re.compile(rf"<(?:{tag}|{skipped})".encode(), re.DOTALL)


# What has no address is a match too: its tag is not read again. What else a link has takes half the time again.
_ADDRESSES: Final = _reader_of(rf"[aA](?=[\s/]){_UP_TO_HREF}")
_LINK_ELEMENTS: Final = _reader_of(rf"{_any_case('link')}(?=[\s/])({_UP_TO_HREF}[\s/]*+(?:{_ATTRIBUTE})*+)")
_LINKS: Final = _reader_of(
    # Its attributes, with its address among them; its words where they are those of a further page; what it holds.
    rf"[aA](?=[\s/>])({_UP_TO_HREF}[\s/]*+(?:{_ATTRIBUTE})*+)"
    rf"(?:>(?:(?={_SPACE}({_NEXT_PAGE}){_SPACE}</?[aA][\s/>]))?+([^<]*+(?:{_INNER_TAG}[^<]*+)*+))?+"
)
_REFERENCE: Final = re.compile(r"&(?:#[0-9]{1,9}|#[xX][0-9A-Fa-f]{1,9}|[A-Za-z][A-Za-z0-9]{1,40});")
_REL_NEXT: Final = re.compile(rb"(?<![\w-])rel\s*=\s*(?:\"[^\">]*next|'[^'>]*next|[^\s>\"']*next)", re.IGNORECASE)
_NEXT_WORDS: Final = re.compile(rf"{_SPACE}(?:{_NEXT_PAGE}){_SPACE}".encode())
_TAG: Final = re.compile(rb"<[^>]*>")
_NOWHERE: Final = (b"#", b"javascript:")
_LONGEST_CONTENT: Final = 4096
"""Bytes of text and tags in a link that are read; icons may be drawn there."""


def hrefs_of(page: bytes) -> list[str]:
    """Addresses of the links of a page in UTF-8, as written; empty ones, which lead nowhere else, left out.

    >>> hrefs_of(b"<!-- <a href='/1'> --><A class=x HREF='/2?a=1&amp;b=2'>two</A> <a name=top> <a href=/3>")
    ['/2?a=1&b=2', '/3']
    """
    return _addresses([a or b or c for a, b, c, _ in _ADDRESSES.findall(page)])


class Links:
    """The links of a page in UTF-8 with their attributes and words.

    >>> links = Links('<a class="item" href="/1">عنوان</a> <a href="?from=20"><b>2</b></a> <a href="#">المزيد</a>'.encode())
    >>> links.hrefs(), links.of_class(b"item"), links.further(), list(links.controls())
    (['/1', '?from=20', '#'], ['/1'], (['?from=20'], []), ['المزيد'])
    """

    def __init__(self, page: bytes) -> None:
        self._page = page
        self._found: list[tuple[bytes, ...]] = _LINKS.findall(page)

    def hrefs(self) -> list[str]:
        """What `hrefs_of` the page are."""
        return _addresses([a or b or c for _, a, b, c, _, _, _ in self._found])

    def of_class(self, name: bytes) -> list[str]:
        """Addresses of the links in whose class this stands."""
        return _addresses([a or b or c for attributes, a, b, c, _, _, _ in self._found if name in attributes])

    def further(self) -> tuple[list[str], list[str]]:
        """Addresses of links that say, by words or `rel=next`, that they lead to a further page, and of those that may."""
        said, others = [], []
        for attributes, a, b, c, next_page, content, _ in self._found:
            href = a or b or c
            named = next_page or ((b"rel" in attributes or b"REL" in attributes) and _REL_NEXT.search(attributes))
            if named or (b"&" in content and _NEXT_WORDS.fullmatch(_resolved(content))):
                said += [href] if href and href != b"#" else []
            elif b"?" in href or b"page/" in href:
                others.append(href)
        if not said and (b"next" in self._page or b"Next" in self._page):
            found = _LINK_ELEMENTS.findall(self._page)
            said = [a or b or c for attributes, a, b, c, _ in found if _REL_NEXT.search(attributes)]
        return _addresses(said), _addresses(others)

    def controls(self) -> Iterator[str]:
        """What links say that lead to no page: scripts may do something where they are clicked."""
        for attributes, a, b, c, _, content, _ in self._found:
            href = (a or b or c).lower()
            if not href or href.startswith(_NOWHERE) or b"onclick" in attributes.lower():
                words = _resolved(_TAG.sub(b"", content[:_LONGEST_CONTENT])).decode()
                yield " ".join(words.split())


def _addresses(found: list[bytes]) -> list[str]:
    hrefs = [href.decode("utf-8", "replace") for href in found]
    return [_REFERENCE.sub(_character, href) if "&" in href else href for href in hrefs if href]


def _resolved(content: bytes) -> bytes:
    """What a link holds, with the characters that its references stand for."""
    return _REFERENCE.sub(_character, content[:_LONGEST_CONTENT].decode("utf-8", "replace")).encode()


def _character(reference: re.Match[str]) -> str:
    return unescape(reference[0])
