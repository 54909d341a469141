"""Links of a page, read from its bytes in one pass: a tree of the whole page would take five times as long."""

from __future__ import annotations

import re
from html import unescape
from typing import Final

# As the tokenizer of the HTML standard sees them: a comment or an element of raw text has no tags, the first attribute of a
# name counts. Every loop is possessive or ends the page, so that the time is linear in its length.
_RAW_TEXT: Final = "script style title textarea iframe xmp noembed noframes"
_OTHER_ATTRIBUTE: Final = (
    r"(?![hH][rR][eE][fF][\s=])[^\s=>/]++(?:\s*+=\s*+(?:\"[^\"]*+\"?|'[^']*+'?|[^\s>]*+))?+[\s/]*+"
)


def _any_case(word: str) -> str:
    # Not the flag: with it, the search for `<` is three times slower.
    return "".join(f"[{letter}{letter.upper()}]" for letter in word)


_LINK: Final = re.compile(
    (
        # What has no address is a match too: its tag is not read again.
        rf"<(?:[aA][\s/]++(?:{_OTHER_ATTRIBUTE})*+(?:{_any_case('href')}\s*+=\s*+"
        r"(?:\"(?:([^\"]*+)\"|.*+)|'(?:([^']*+)'|.*+)|([^\s>]++)))?+"
        r"|!--(?:-?>|.*?--!?>|.*+)"
        rf"|(?=[sStTiIxXnN])({'|'.join(map(_any_case, _RAW_TEXT.split()))})(?=[\s/>])"
        r"[^>]*+(?:>.*?</(?i:\4)(?=[\s/>])|.*+))"
    ).encode(),
    re.DOTALL,
)
_REFERENCE: Final = re.compile(r"&(?:#[0-9]{1,9}|#[xX][0-9A-Fa-f]{1,9}|[A-Za-z][A-Za-z0-9]{1,40});")


def hrefs_of(page: bytes) -> list[str]:
    """Addresses of the links of a page in UTF-8, as written; empty ones, which lead nowhere else, left out.

    >>> hrefs_of(b"<!-- <a href='/1'> --><A class=x HREF='/2?a=1&amp;b=2'>two</A> <a name=top> <a href=/3>")
    ['/2?a=1&b=2', '/3']
    """
    hrefs = [(double or single or bare).decode("utf-8", "replace") for double, single, bare, _ in _LINK.findall(page)]
    return [_REFERENCE.sub(_character, href) if "&" in href else href for href in hrefs if href]


def _character(reference: re.Match[str]) -> str:
    return unescape(reference[0])
