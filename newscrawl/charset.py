"""Which encoding a page is in, decided by evidence: header, meta and XML declaration may all be wrong, the bytes are not.

Valid UTF-8 is UTF-8, whatever is declared: text in another encoding is never valid by accident. The first 16 KB from the
first letter beyond ASCII on are looked at. UTF-8 that was cut or damaged in places stays UTF-8. Only then do the
single-byte encodings of the region compete, by the Arabic words that each would make of the bytes; what was declared
decides between equals.
"""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass
from itertools import islice
from typing import Final

from w3lib.encoding import resolve_encoding

_BOMS: Final = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # begins as UTF-16 does
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_ARABIC: Final = ("cp1256", "iso8859-6")
_LATIN: Final = ("cp1252",)
_HEAD: Final = 4096
"""Bytes in which browsers look for a declaration, four times over."""
_SAMPLE: Final = 1 << 14
"""Bytes that are looked at, from the first beyond ASCII on: all of most pages, menus and headlines of long ones."""
_JUDGED: Final = 150
"""Words that are judged, markup left out, where a hundred are enough; of one without an end, 64 bytes at a time."""
_LETTERS: Final = 1 << 13
"""Bytes beyond ASCII that tell damaged UTF-8 from other encodings."""
_META: Final = re.compile(rb"<meta[^>]{1,300}?charset\s*=\s*[\"']?\s*([\w.:-]{2,40})", re.IGNORECASE)
_XML: Final = re.compile(rb"<\?xml[^>]{1,100}?encoding\s*=\s*[\"']([\w.:-]{2,40})", re.IGNORECASE)
_HEADER: Final = re.compile(r"charset\s*=\s*[\"']?\s*([\w.:-]{2,40})", re.IGNORECASE)

_ASCII: Final = bytes(range(128))
_BEYOND_ASCII: Final = re.compile(rb"[\x80-\xff]{1,64}+")
_LETTER: Final = "A-Za-zÀ-ÖØ-öø-ÿŒœŸ"
# A word of Arabic letters only; a letter of a French word that would be an Arabic one stands beside Latin letters.
_ARABIC_WORD: Final = re.compile(rf"(?<![{_LETTER}])[ء-غـ-ي]{{2,}}(?![{_LETTER}])")
_LATIN_WORD: Final = re.compile(r"[A-Za-z][À-ÖØ-öø-ÿŒœ]|[À-ÖØ-öø-ÿŒœ][A-Za-z]")
# The article ال is one Arabic word in four. Where a text is too short to have one, these letters are a third of all.
_ARTICLE: Final = "ال"
_COMMON: Final = "اليمونرتب"
_MISFITS: Final = re.compile("[\x80-\x9f\ufffd×÷]|[À-ÿ](?=[ء-ي])|(?<=[ء-ي])[À-ÿ]")


@dataclass(frozen=True, slots=True)
class Charset:
    """The encoding of a page and what spoke for it."""

    encoding: str
    """Name of a Python codec."""
    evidence: str
    """`bom`, `bytes` (they are valid in it), `damaged` (UTF-8 but for some bytes), `words`, `declared` or `default`."""


_UTF_8: Final = Charset("utf-8", "bytes")


def detect(body: bytes, content_type: str = "") -> Charset:
    """The encoding of a page.

    Args:
        body: the whole page, decoded from its Content-Encoding.
        content_type: the header of that name.

    >>> detect("نص".encode(), "text/html; charset=windows-1256").encoding
    'utf-8'
    >>> detect("<p>قال الوزير".encode("cp1256"), "text/html; charset=utf-8").encoding
    'cp1256'
    """
    for bom, encoding in _BOMS:
        if body.startswith(bom):
            return Charset(encoding, "bom")
    if b"\0" in body[:_HEAD] and (wide := _without_bom(body[:_HEAD])):
        return Charset(wide, "bytes")
    first = None if body.isascii() else _BEYOND_ASCII.search(body)
    if first is None:
        return _UTF_8
    start = max(first.start() - 1, 0)
    sample = body[start : start + _SAMPLE]
    try:
        codecs.utf_8_decode(sample, "strict", start + _SAMPLE >= len(body))
    except UnicodeDecodeError as error:
        if error.reason == "unexpected end of data" and not sample[: error.start].isascii():
            return Charset("utf-8", "damaged")  # cut inside a letter, which is all that is wrong
        return _of_bytes(sample, declared(body, content_type))
    return _UTF_8


def as_utf8(body: bytes, content_type: str = "") -> bytes:
    """The page in UTF-8; what its encoding cannot read becomes U+FFFD, see also `mended`. A page in UTF-8 is not copied."""
    charset = detect(body, content_type)
    if charset is _UTF_8:
        return body
    text = body.decode(charset.encoding, "replace").removeprefix("\N{ZERO WIDTH NO-BREAK SPACE}")
    return text.encode("utf-8", "replace")


def mended(part: bytes) -> bytes:
    """A part of a page in UTF-8, with U+FFFD where it is damaged: of a long page not all was looked at."""
    try:
        part.decode("utf-8")
    except UnicodeDecodeError:
        return part.decode("utf-8", "replace").encode("utf-8")
    return part


def declared(body: bytes, content_type: str = "") -> list[str]:
    """Codecs that header, XML declaration and meta name, in this order; unknown names are left out."""
    found = [match[1] for match in [_HEADER.search(content_type)] if match]
    head = body[:_HEAD]
    found += [match[1].decode("ascii", "replace") for pattern in (_XML, _META) if (match := pattern.search(head))]
    return list(dict.fromkeys(name for label in found if (name := resolve_encoding(label))))


def _without_bom(head: bytes) -> str | None:
    """UTF-16 without its mark: markup has a zero byte beside each of its letters."""
    even, odd = head[::2].count(0), head[1::2].count(0)
    if max(even, odd) * 5 < len(head) or min(even, odd) * 10 > max(even, odd):
        return None
    return "utf-16-be" if even > odd else "utf-16-le"


def _of_bytes(sample: bytes, named: list[str]) -> Charset:
    """The encoding of bytes that are not valid UTF-8, of a page that names these."""
    text = sample.translate(None, _ASCII)[:_LETTERS].decode("utf-8", "replace")  # ASCII is the same in all of them
    damaged = text.count("\N{REPLACEMENT CHARACTER}")
    letters = len(text) - damaged
    if letters > 2 * damaged:
        return Charset("utf-8", "damaged")
    # Nothing that is judged reaches further into ASCII than the next letter: the markup is left out.
    runs = islice(_BEYOND_ASCII.finditer(sample), _JUDGED)
    words = b"".join(sample[max(run.start() - 1, 0) : run.end() + 1] for run in runs)
    best, best_score = None, 0
    for encoding in dict.fromkeys([name for name in named if name in _ARABIC + _LATIN] + [*_ARABIC, *_LATIN]):
        score = _score(words, encoding)
        if score > 0 and encoding in named:
            if score * 2 > len(words):  # Arabic has 0.6 a byte, in a wrong encoding 0.1: the others need not be tried
                return Charset(encoding, "words")
            score += 2  # decides for a few letters, not for a text
        if score > best_score:
            best, best_score = encoding, score
    if best is not None:
        return Charset(best, "words")
    for encoding in named:
        try:
            sample.decode(encoding)
        except (UnicodeDecodeError, LookupError):
            continue
        return Charset(encoding, "declared")
    return Charset("utf-8" if letters else "cp1252", "default")


def _score(sample: bytes, encoding: str) -> int:
    """How much of the text is words, if it is in this encoding."""
    text = sample.decode(encoding, "replace")
    if encoding in _LATIN:
        return len(_LATIN_WORD.findall(text)) - 2 * len(_MISFITS.findall(text))
    words = _ARABIC_WORD.findall(text)
    joined = " ".join(words)
    return sum(map(joined.count, _COMMON)) + 4 * joined.count(_ARTICLE) - 2 * len(_MISFITS.findall(text))
