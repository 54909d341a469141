"""What of a page is parsed, cut out of its bytes: a tree of all of it takes four times as long as one of the article."""

from __future__ import annotations

import re
from itertools import islice
from typing import Final

CONTENT: Final = b"articlecontent"
"""The family's class of an article's text."""
# By what an article is known, and where its title stands on pages without the family's classes.
_SIGNS: Final = (CONTENT, b"articletitle", b"articlenewspaper", b"og:title", b"<h1")
# The last words of the closing line, and room for the tags behind them.
_CLOSING_WORDS: Final = ("مصدره".encode(), b"depuis sa source", b"from its source")
_BEHIND_CLOSING: Final = 512
_BETWEEN_CONTENTS: Final = 512
"""Bytes, of an advertisement for example, within which a further content belongs to the one before."""
_MOST_TAGS: Final = 20_000
"""Tags of a content, of which a real one has some dozens; where there are more, it is read as any other page."""
_LONG_REST: Final = 1 << 14
"""Bytes behind the closing line from which on a second look at a page that needs one costs less than it saves."""
# Behind the beginning of these nothing is a tag until their end comes.
_HIDING: Final = re.compile(
    rb"<(?=[!sStTiIxXnNpP])(?:!--|(?i:(script|style|title|textarea|iframe|xmp|noembed|noframes|plaintext)))"
)
# A script or comment with all that it holds, or a tag with its attributes. Neither group is set where it is anything else,
# or broken. Every loop is possessive, and what has no end is the end: the time is linear in the length of the page.
_TAG: Final = re.compile(
    rb"<(?=[A-Za-z/!?])(?:((?i:script|style)[\s>](?s:.*?)</(?i:script|style)>|!--(?!-?>)(?s:.*?)--!?>)"
    rb"|(?!(?i:script|style)[\s>])(/?[A-Za-z][A-Za-z0-9:]*+)"
    rb"(?:\s++[^\s=>\"'<]++(?:\s*+=\s*+(?:\"[^\"]*+\"|'[^']*+'|[^\s\"'<>]++))?+)*+[\s/]*+>)?+"
)
_VOID: Final = frozenset(b"br hr img wbr".split())
_INLINE: Final = frozenset(b"a b big em font i iframe s small strike strong sub sup u".split())
_FLOW: Final = frozenset(b"article blockquote center div figcaption figure noscript section span".split())
_BLOCKS: Final = frozenset(b"h2 h3 h4 h5 h6 ol p table ul".split())
_PARTS: Final = {
    b"li": frozenset({b"ol", b"ul"}),
    b"tbody": frozenset({b"table"}),
    b"tr": frozenset({b"table", b"tbody"}),
    b"td": frozenset({b"tr"}),
    b"th": frozenset({b"tr"}),
}
"""Elements that stand in certain others only."""
_HOLD_ANY: Final = _FLOW | {b"li", b"td", b"th"}


def without_ticker(body: bytes) -> bytes:
    """A page without its marquees; one that holds more than links, because its end is lost, stays."""
    if (start := body.find(b"<marquee")) < 0:
        return body
    kept, end = [], 0
    while start >= 0 and (close := body.find(b"</marquee>", start)) >= 0:
        if b"article" not in body[start:close].lower():
            kept.append(body[end:start])
            end = close
        start = body.find(b"<marquee", close)
    return b"".join([*kept, body[end:]])


def around_article(body: bytes) -> bytes | None:
    """The head of a page and its article, from the first class of the family to the end of the content.

    None where the bytes do not tell that these are in it what they are in the whole page: there is no such class, or
    tags are not nested as they are written.
    """
    if (head := body.find(b"</head>")) < 0:
        head = body.find(b"</HEAD>")
    content = body.find(CONTENT, head)
    if head < 0 or content < 0:
        return None
    start, opening = _tag_around(body, body.find(b"article", head)), _tag_around(body, content)
    end = _end_of_contents(body, opening) if 0 <= start <= opening else -1
    if end < 0 or body.find(b"ARTICLE", head, end) >= 0 or _hides(body, head, start):
        return None
    return b"%b</head><body>%b" % (body[:head], body[start:end])


def up_to_closing(body: bytes) -> bytes | None:
    """A page up to the closing line of its text; None where there is none.

    Where the family's classes tell the text, None as well if little follows. Elsewhere the line itself tells it: the page
    ends with its last words, since what stands behind them in the same element would hide that they are the last.
    """
    content = body.find(CONTENT)
    found = [at for words in _CLOSING_WORDS if (at := _find_outside_comments(body, words, max(content, 0))) >= 0]
    if not found:
        return None
    closing = min(found)
    if content < 0:
        return body[:end] if (end := body.find(b"<", closing)) >= 0 else None
    return body[: body.rfind(b"<", 0, closing + _BEHIND_CLOSING)] if len(body) - closing >= _LONG_REST else None


def has_signs(rest: bytes) -> bool:
    """Whether a part of a page may hold the text, the title or the publication line of an article."""
    lowered = rest.lower()
    return any(sign in lowered for sign in _SIGNS)


def _find_outside_comments(body: bytes, words: bytes, start: int) -> int:
    at = body.find(words, start)
    while at >= 0 and body.rfind(b"<!--", 0, at) > body.rfind(b"-->", 0, at):
        at = body.find(words, end) if (end := body.find(b"-->", at)) >= 0 else -1
    return at


def _tag_around(body: bytes, at: int) -> int:
    """Where the tag begins that `at` stands in; -1 where the one before it was left open, and may have taken it in."""
    start = body.rfind(b"<", 0, at)
    return start if body.rfind(b">", 0, start) > body.rfind(b"<", 0, start) else -1


def _hides(body: bytes, start: int, end: int) -> bool:
    """Whether a comment, a script or the like that begins between `start` and `end` goes on there."""
    while opening := _HIDING.search(body, start, end):
        close = b"</" + opening[1] if opening[1] else b"-->"
        if (start := body.find(close, opening.end(), end)) < 0:
            return True
    return False


def _end_of_contents(body: bytes, start: int) -> int:
    """Where the element ends that begins at `start`, and what follows it up to the last content near by.

    -1 where a tree might not hold what is in the element as it is nested, and where it is endless.
    """
    opened: list[bytes] = []
    end = -1
    for tag in islice(_TAG.finditer(body, start), _MOST_TAGS):
        if tag[1]:
            continue
        name = (tag[2] or b"").lower()
        if opened and opened[-1] == b"p" and (name == b"p" or (name[:1] == b"/" and name != b"/p")):
            opened.pop()  # the end of a paragraph may be left out
        if name[:1] != b"/":
            if not (_may_stand_in(name, opened[-1]) if opened else name in _HOLD_ANY):
                break
            if name not in _VOID:
                opened.append(name)
        elif not opened or opened.pop() != name[1:]:
            break
        elif not opened:
            end = tag.end()
            if body.find(CONTENT, end, end + _BETWEEN_CONTENTS) < 0:
                break
    return end


def _may_stand_in(name: bytes, parent: bytes) -> bool:
    """Whether libxml2 leaves an element open where another begins in it; it ends paragraphs, <b> and <a> at some."""
    if name in _PARTS:
        return parent in _PARTS[name]
    if name in _FLOW or name in _BLOCKS:
        return parent in _HOLD_ANY
    return name in _VOID or (name in _INLINE and name != parent)
