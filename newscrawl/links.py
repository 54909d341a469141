"""Links of a page, read from its bytes in one pass: a tree of the whole page would take five times as long."""

from __future__ import annotations

import re
from html import unescape
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

# As the tokenizer of the HTML standard sees them: a comment or an element of raw text has no tags, the first attribute of a
# name counts. Every loop is possessive or ends the page, so that the time is linear in its length.
_RAW_TEXT: Final = "script style title textarea iframe xmp noembed noframes"
_ATTRIBUTE: Final = r"[^\s=>/]++(?:\s*+=\s*+(?:\"[^\"]*+\"?|'[^']*+'?|[^\s>]*+))?+[\s/]*+"


def _any_case(word: str) -> str:
    # Not the flag: with it, the search for `<` is three times slower.
    return "".join(f"[{letter}{letter.upper()}]" for letter in word)


_RAW: Final = "|".join(map(_any_case, _RAW_TEXT.split()))
_ATTRIBUTES: Final = (
    rf"[\s/]*+(?:(?![hH][rR][eE][fF][\s=]){_ATTRIBUTE})*+(?:{_any_case('href')}\s*+=\s*+"
    r"(?:(\"[^\"]++\"|'[^']++'|[^\s>\"'][^\s>]*+)|\"\"|''|[\"'].*+))?+"
    rf"[\s/]*+(?:{_ATTRIBUTE})*+"
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


# All that the readers below take for the address of a link, and much else that looks so. Quoted ones are looked at, not
# consumed: one quote may stand in a text. Unquoted ones end at what HTML forbids in them.
_UNQUOTED: Final = r"[^\s<>\"']++"
_ADDRESS: Final = rf"\s*+=\s*+(?=(\"[^\"]++\"|'[^']++'|{_UNQUOTED}))(?:{_UNQUOTED})?+"
# Two patterns: to search for one letter takes an eighth of the time of one of two.
_WRITTEN, _WRITTEN_IN_CAPITALS = (re.compile(rf"{h}[rR][eE][fF]{_ADDRESS}".encode()) for h in "hH")
_FEW: Final = 500
"""Letters H of a page that are looked at one by one."""
# What has no address is a match too: its tag is not read again.
_ADDRESSES: Final = _reader_of(rf"[aA](?=[\s/]){_ATTRIBUTES}")
_LINK_ELEMENTS: Final = _reader_of(rf"{_any_case('link')}(?=[\s/])({_ATTRIBUTES})")
_LINKS: Final = _reader_of(
    # Its attributes; its address, as `addresses_in` has it; its words where they are those of a further page; what it holds.
    rf"[aA](?=[\s/>])({_ATTRIBUTES})"
    rf"(?:>(?:(?={_SPACE}({_NEXT_PAGE}){_SPACE}</?[aA][\s/>]))?+([^<]*+(?:{_INNER_TAG}[^<]*+)*+))?+"
)
_REFERENCE: Final = re.compile(r"&(?:#[0-9]{1,9}|#[xX][0-9A-Fa-f]{1,9}|[A-Za-z][A-Za-z0-9]{1,40});")
_REL_NEXT: Final = re.compile(rb"(?<![\w-])rel\s*=\s*(?:\"[^\">]*next|'[^'>]*next|[^\s>\"']*next)", re.IGNORECASE)
_NEXT_WORDS: Final = re.compile(rf"{_SPACE}(?:{_NEXT_PAGE}){_SPACE}".encode())
_TAG: Final = re.compile(rb"<[^>]*>")
_QUOTES: Final = b"\"'"
_NOWHERE: Final = (b"#", b"javascript:")
_LONGEST_CONTENT: Final = 4096
"""Bytes of text and tags in a link that are read; icons may be drawn there."""


def addresses_in(page: bytes) -> list[bytes]:
    """What may be the address of a link of a page in UTF-8, as written, with its quotes; see `href_of`.

    None of its links is missing, but other elements, comments and scripts have addresses too: `links_among` tells them
    apart. Most addresses of a page stood on a page before, written in the same way: with these left out first, little is
    left to be told.

    >>> addresses_in(b"<!-- <a href='/1'> --><A class=x HREF='/2?a=1&amp;b=2'>two</A> <a href=/3>")
    [b"'/1'", b'/3', b"'/2?a=1&amp;b=2'"]
    """
    found: list[bytes] = _WRITTEN.findall(page)
    # To find one byte takes a twentieth of the time of a pattern, and most pages have few capital letters.
    at = -1
    for _ in range(_FEW):
        if (at := page.find(b"H", at + 1)) < 0:
            return found
        if page[at + 1 : at + 4].lower() == b"ref":
            break
    return found + _WRITTEN_IN_CAPITALS.findall(page)


def links_among(addresses: Sequence[bytes], page: bytes) -> set[bytes]:
    """Those of these addresses in a page, given in the order that they stand in, that are links of it.

    >>> page = b"<!-- <a href='/1'> --><link href='/2'><a href='/3'>three</a>"
    >>> links_among(addresses_in(page), page)
    {b"'/3'"}
    """
    found: set[bytes] = set()
    # As far as they stand, and further where that does not suffice: what a tag is, is told by what comes before.
    for end in (page.find(b">", page.find(addresses[-1])), len(page)) if addresses else ():
        found = {address for address, _ in _ADDRESSES.findall(page, 0, end)}.intersection(addresses)
        if len(found) == len(addresses):
            break
    return found


def href_of(address: bytes) -> str:
    """The link that an address leads to, with the characters that its references stand for.

    >>> href_of(b"'/2?a=1&amp;b=2'")
    '/2?a=1&b=2'
    """
    href = (address[1:-1] if address[:1] in _QUOTES else address).decode("utf-8", "replace")
    return _REFERENCE.sub(_character, href) if "&" in href else href


class Links:
    """The links of a page in UTF-8 with their attributes and words; those in whose class `item` stands are its items.

    Addresses are as `addresses_in` has them.

    >>> page = '<a class="item" href="/1">عنوان</a> <a href="?from=20"><b>2</b></a> <a href="#">المزيد</a>'.encode()
    >>> links = Links(page, item=b"item")
    >>> links.items(), links.further(), list(links.controls())
    ([b'"/1"'], ([b'"?from=20"'], []), ['المزيد'])
    """

    def __init__(self, page: bytes, *, item: bytes) -> None:
        self._page = page
        self._items: list[tuple[bytes, ...]] = []
        self._others: list[tuple[bytes, ...]] = []
        for link in _LINKS.findall(page):
            (self._items if item in link[0] else self._others).append(link)

    def addresses(self) -> list[bytes]:
        """Addresses of all links."""
        return [link[1] for link in (*self._items, *self._others) if link[1]]

    def items(self) -> list[bytes]:
        """Addresses of the items."""
        return [link[1] for link in self._items if link[1]]

    def further(self) -> tuple[list[bytes], list[bytes]]:
        """Addresses of links that say, by words or `rel=next`, that they lead to a further page, and of those that may."""
        said, others = [], []
        for attributes, address, next_page, content, _ in self._others:
            named = next_page or ((b"rel" in attributes or b"REL" in attributes) and _REL_NEXT.search(attributes))
            if named or (b"&" in content and _NEXT_WORDS.fullmatch(_resolved(content))):
                said += [address] if address.strip(_QUOTES) not in {b"", b"#"} else []
            elif b"?" in address or b"page/" in address:
                others.append(address)
        if not said and (b"next" in self._page or b"Next" in self._page):
            found = _LINK_ELEMENTS.findall(self._page)
            said = [address for attributes, address, _ in found if address and _REL_NEXT.search(attributes)]
        return said, others

    def controls(self) -> Iterator[str]:
        """What links say that lead to no page: scripts may do something where they are clicked."""
        for attributes, address, _, content, _ in self._others:
            href = address.strip(_QUOTES).lower()
            if not href or href.startswith(_NOWHERE) or b"onclick" in attributes.lower():
                words = _resolved(_TAG.sub(b"", content[:_LONGEST_CONTENT])).decode()
                yield " ".join(words.split())


def _resolved(content: bytes) -> bytes:
    """What a link holds, with the characters that its references stand for."""
    return _REFERENCE.sub(_character, content[:_LONGEST_CONTENT].decode("utf-8", "replace")).encode()


def _character(reference: re.Match[str]) -> str:
    return unescape(reference[0])
