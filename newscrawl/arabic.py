"""Arabic text in two layers: `clean` for what is published, `normalise` for keys that are never published.

Layer A (`clean`, `repair`) gives the string that a reader saw, repaired: only what is invisible, undecodable or provably a
conversion defect changes. Layer B (`normalise`) folds layer A for hashing, duplicate detection and search.

Both are total (any str gives a str), idempotent and linear in time. The proof of idempotence is the order of `repair`:
a decoded text is accepted only when every rule, run on it again, leaves it alone.
"""

from __future__ import annotations

import ast
import html
import re
import unicodedata
from functools import lru_cache
from html.entities import html5
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np
from ftfy import TextFixerConfig, fix_encoding
from ftfy.badness import is_bad

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from numpy.typing import NDArray

CLEAN_VERSION = 1
"""Rises when `clean` gives another text for the same input: archives keep it beside the text."""

Kind = Literal["title", "body"]


class Repaired(NamedTuple):
    """A cleaned text and the names of the repairs that were made, in the order of the rules."""

    text: str
    repairs: tuple[str, ...]


class Quality(NamedTuple):
    """What layer A had to leave: letters that were lost before the text reached us."""

    fffd: int
    """Number of U+FFFD, each of them an undecodable byte of the source."""
    lost_text: bool
    """Two or more words are only question marks."""


def clean(text: str, kind: Kind = "body") -> str:
    """Layer A of `text`: paragraphs with one newline between them, or one line where `kind` is "title".

    >>> clean("قال &quot;نعم&quot;  هناك.وتقول")
    'قال "نعم" هناك. وتقول'
    """
    return _clean_line(text) if kind == "title" and len(text) <= _SHORT else repair(text, kind).text


@lru_cache(maxsize=4096)
def _clean_line(text: str) -> str:
    """Names of papers and authors come again and again; a publication line is cleaned for its date and for itself."""
    return repair(text, "title").text


def repair(text: str, kind: Kind = "body") -> Repaired:
    """Layer A of `text` and what was done; spaces, newlines, NFC and dropped boilerplate are no repair of the text.

    >>> repair("في مدينة ?كرمان? هناك.وتقول").repairs
    ('lost_quotes', 'sentence_gap')
    """
    names: set[str] = set()
    try:
        signs = _signs(text)
    except UnicodeEncodeError:
        text = replace_surrogates(text)
        names.add("surrogates")
        signs = _signs(text)
    text = _decode(text, kind, names) if _is_damaged(text, signs) else _typeset(compose(text), kind, names)
    return Repaired(text, tuple(name for name in REPAIRS if name in names) if names else ())


def quality(text: str) -> Quality:
    """Flags of a cleaned text: what could not be repaired.

    A lone `?` between spaces is French punctuation, so that a lost word has at least two.

    >>> quality("?? ??? المغ\N{REPLACEMENT CHARACTER}ب")
    Quality(fffd=1, lost_text=True)
    """
    lost = "??" in text and len(_LOST_WORD.findall(text)) > 1
    return Quality(text.count("\N{REPLACEMENT CHARACTER}"), lost)


def normalise(text: str) -> str:
    """Layer B of `text`: words of folded letters and ASCII digits with one space between; "" must not be hashed.

    NFKC, case, Latin accents, Arabic marks, tatweel and letter variants are folded; hamza carriers (U+0624, U+0626) are not,
    as in Lucene's ArabicNormalizer. `normalise(clean(text)) == normalise(text)`.

    >>> normalise("إلى المغـــرب، مسؤولٌ ١٢")
    'الي المغرب مسؤول 12'
    """
    # Where layer A would change nothing but punctuation and spaces, the key is the same without it.
    try:
        key = None if _is_damaged(text, _signs(text)) else _fold_common(text)
    except UnicodeEncodeError:
        key = None
    if key is not None and not _has_boilerplate(key):
        return key
    # A key of rare letters can itself look damaged (marks dropped between those of a mojibake): the limit is the key.
    while True:
        key = _fold(clean(text))
        if key == text or (_fold_common(key) == key and key not in _BOILERPLATE):
            return key
        text = key


_SHORT = 200
"""Letters of a line that is worth remembering."""
_LOST_WORD = re.compile(r"(?<!\S)\?{2,}+(?!\S)")


# Character classes. Ranges are written as escapes: a range of right-to-left letters is unreadable as letters.

_LETTER = (
    r"\u0620-\u063f\u0641-\u064a\u066e\u066f\u0671-\u06d3\u06d5\u06ee\u06ef\u06fa-\u06fc\u06ff"
    r"\u0750-\u077f\u0870-\u0887\u0889-\u088e\u08a0-\u08c8"
)
_MARK = r"\u0610-\u061a\u064b-\u065f\u0670\u06d6-\u06ed\u08ca-\u08ff"
_ZWNJ, _ZWJ = "\N{ZERO WIDTH NON-JOINER}", "\N{ZERO WIDTH JOINER}"
_TATWEEL = "\N{ARABIC TATWEEL}"

_CONTROL = (
    r"\x00-\x08\x0e-\x1f\x7f-\x9f\u00ad\u180e\u200b\u2060-\u2065\u206a-\u206f"
    r"\ufdd0-\ufdef\ufeff\ufff9-\ufffc\ufffe\uffff"
)
_BIDI = r"\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"
_BREAK = r"\r\x0b\x0c\u2028\u2029"
_SPACE = r"\t\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000"


def _members(ranges: str) -> str:
    r"""Every character of the inside of a regular expression's class.

    >>> _members(r"a-c\u00e9")
    'abcé'
    """
    plain = re.sub(r"\\(?:[trn]|x..|u....|U........)", lambda escape: ast.literal_eval(f"'{escape[0]}'"), ranges)
    pairs = re.findall(r"(.)(?:-(.))?", plain, re.DOTALL)
    return "".join(chr(point) for first, last in pairs for point in range(ord(first), ord(last or first) + 1))


# A1, A8: lines and spaces


def break_lines(text: str) -> str:
    r"""CR, VT, FF, U+2028 and U+2029 end a line; NEL does not, on the web its byte is an ellipsis.

    >>> break_lines("سطر\N{LINE SEPARATOR}سطر")
    'سطر\nسطر'
    """
    return _BREAKS.sub("\n", text)


def settle_spaces(text: str, kind: Kind = "body") -> str:
    r"""One kind of space, one at a time; lines stripped, empty lines dropped; a title is one line.

    >>> settle_spaces("12\N{NO-BREAK SPACE}000  درهم \n\n نص")
    '12 000 درهم\nنص'
    """
    if _ODD_SPACES.search(text):
        text = _SPACES.sub(" ", break_lines(text))
    if kind == "title":
        text = text.replace("\n", " ")
    if "  " in text:
        text = _SPACE_RUN.sub(" ", text)
    if " \n" in text or "\n " in text or "\n\n" in text or text[:1] in _EDGE or text[-1:] in _EDGE:
        text = "\n".join(filter(None, (line.strip(" ") for line in text.split("\n"))))
    return text


_BREAKS = re.compile(f"[{_BREAK}]")
_SPACES = re.compile(f"[{_SPACE}]")
_ODD_SPACES = re.compile(f"[{_BREAK}{_SPACE}]")
_SPACE_RUN = re.compile("  +")
_EDGE = (" ", "\n")


# A2: entities


def decode_entities(text: str) -> str:
    """Residual entities of pages that were escaped twice or more; without a semicolon it is no entity.

    The end of the text read so far is looked at again after each decoding, so that nested escapes end in one pass and
    nothing is left for a second `clean`. What an entity gives is text, never markup.

    >>> decode_entities("&amp;quot;الكاف&amp;quot; AT&T a=1&copy=2")
    '"الكاف" AT&T a=1&copy=2'
    """
    if "&" not in text or not _ENTITY.search(text):
        return text
    read: list[str] = []
    *pieces, rest = text.split(";")
    for piece in pieces:
        read += piece
        read.append(";")
        while read and read[-1] == ";":
            tail = "".join(read[-_LONGEST_ENTITY:])
            start = tail.rfind("&")
            value = _entity(tail[start:]) if start >= 0 else None
            if value is None:
                break
            del read[start - len(tail) :]
            # An invisible inside a name would be dropped later and leave an entity behind.
            read += _INVISIBLE.sub("", value) if read and read[-1] in _ENTITY_CHARACTERS else value
    return "".join(read) + rest


def _entity(escaped: str) -> str | None:
    """What `&…;` stands for, composed; None where it is no entity."""
    if not _ENTITY.fullmatch(escaped):
        return None
    value = html.unescape(escaped) if escaped[1] == "#" else html5.get(escaped[1:])
    return value and unicodedata.normalize("NFC", value)


_ENTITY = re.compile("&(?:#[0-9]{1,30}|#[xX][0-9A-Fa-f]{1,30}|[A-Za-z][A-Za-z0-9]{1,31});")
_ENTITY_CHARACTERS = frozenset("&#0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
_LONGEST_ENTITY = 40
_INVISIBLE = re.compile(f"[{_CONTROL}{_BIDI}{_ZWNJ}{_ZWJ}]")


# A3: mojibake


def repair_mojibake(text: str) -> str:
    r"""Lines that were decoded with the wrong charset, each on its own: good and bad lines stand side by side.

    >>> repair_mojibake("الملك\nÇáÌíÔ Çáãáßí íäÏÏ Ýí ÈíÇä")
    'الملك\nالجيش الملكي يندد في بيان'
    """
    if not _MOJIBAKE.search(text):
        return text
    config = _WHOLE_AND_PARTS if len(text) <= _MOST_FOR_PARTS else _WHOLE_LINE
    return "\n".join(_repair_line(line, config) if _MOJIBAKE.search(line) else line for line in text.split("\n"))


def utf8_read_as_1256(line: str) -> str | None:
    """The Arabic line behind UTF-8 bytes shown as windows-1256; ftfy knows nothing of it. None where it is not that.

    >>> utf8_read_as_1256("ط§ظ„ظ…ط؛ط±ط¨")
    'المغرب'
    """
    try:
        decoded = line.encode("cp1256").decode()
    except UnicodeError:
        return None
    return decoded if _arabic_share(decoded) > 0.5 else None


def win1256_read_as_latin(line: str) -> str | None:
    """The Arabic line behind windows-1256 bytes shown as windows-1252 or Latin-1; None where it is not that.

    French and German decode too, into mixed scripts: a share of Arabic and a common word are asked for.

    >>> win1256_read_as_latin("ÇáÌíÔ Çáãáßí"), win1256_read_as_latin("Élèves, où")
    ('الجيش الملكي', None)
    """
    try:
        decoded = line.encode("sloppy-windows-1252").decode("cp1256")
    except UnicodeError:
        return None
    accepted = "\N{REPLACEMENT CHARACTER}" not in line and _arabic_share(decoded) > 0.7 and _COMMON_WORD.search(decoded)
    return decoded if accepted else None


def utf8_read_as_latin(line: str, config: TextFixerConfig | None = None) -> str | None:
    """The line behind UTF-8 bytes shown as Latin-1, windows-1252 and their kin, by ftfy; None where it is not bad.

    Letters of other scripts than the papers' are no repair: ftfy reads the Chinese 黫 in `«liberté»«`.

    >>> utf8_read_as_latin("CafÃ© الرباط")
    'Café الرباط'
    """
    fixed = fix_encoding(line, config or _WHOLE_AND_PARTS) if is_bad(line) else line
    return fixed if fixed != line and not _OTHER_SCRIPT.search(fixed) else None


def _repair_line(line: str, config: TextFixerConfig) -> str:
    # C1 controls are bytes of windows-1252: told so, one table serves for Latin-1 and windows-1252.
    latin = _C1.sub(lambda control: _C1_SHOWN[control[0]] or control[0], line)
    return utf8_read_as_1256(line) or win1256_read_as_latin(latin) or utf8_read_as_latin(latin, config) or line


def _arabic_share(text: str) -> float:
    """Arabic letters among all letters; 0 for a single letter, which proves nothing."""
    arabic = len(_LETTERS.findall(text))
    return arabic / sum(map(str.isalpha, text)) if arabic > 1 else 0.0


_C1_SHOWN = {chr(byte): bytes([byte]).decode("windows-1252", "ignore") for byte in range(0x80, 0xA0)}
_C1 = re.compile(r"[\x80-\x9f]")
_LETTERS = re.compile(f"[{_LETTER}]")
_COMMON_WORD = re.compile(
    f"(?<![{_LETTER}])(?:[وفبك]?ال[{_LETTER}][{_LETTER}]"
    f"|(?:في|من|على|إلى|الى|أن|إن|ان|عن|مع|ما|لا|لم|لن|قد|كل|بين|بعد|قبل|هذا|هذه|ذلك|كان|قال|يوم|هو|هي|أو|ثم)(?![{_LETTER}]))"
)
# What no right text has: two neighbours of which the first can be the lead byte of UTF-8 in a wrong charset. For windows-1256
# the quotes, dashes, ellipsis and Arabic punctuation, common after these letters, are left out: no word is made of them alone.
_AFTER_LEAD_1256 = "€پ‚ƒ„†‡ˆ‰ٹ‹Œچژڈگک•™ڑ›œ\u200c\u200dں¢£¤¥¦§¨©ھ¬\xad®¯°±²³´µ¶·¸¹¼½¾"
_LEAD_LATIN = r"\x80-\x9f\xa1-\xaa\xac-\xba\xbc-\u05ff\u201a\u201e\u2020-\u2022\u20ac\u2122\u2200-\u25ff"
_MOJIBAKE = re.compile(
    f"[طظعغ{_LEAD_LATIN}](?:(?<=[طظعغ])[{_AFTER_LEAD_1256}]"
    rf"|(?<=[{_LEAD_LATIN}])[\x80-\u05ff\u2010-\u25ff\ufffd]|(?<=[ÂÃ]) )"
)
_OTHER_SCRIPT = re.compile(
    r"[\u0180-\u025a\u025c-\u0262\u0264-\u02af\u0370-\u05ff\u0700-\u074f\u0780-\u086f\u0900-\u1dff\u2c00-\u2d2f"
    r"\u2d80-\u2dff\u2e80-\ufb4f\U00010000-\U0001efff\U00020000-\U000dffff]"
)
_WHOLE_AND_PARTS = TextFixerConfig(fix_c1_controls=False, explain=False)
# ftfy's repair of parts of a line costs 7 us a part: in a text longer than any article only whole lines are tried.
_MOST_FOR_PARTS = 50_000
_WHOLE_LINE = _WHOLE_AND_PARTS._replace(decode_inconsistent_utf8=False)


# A4, A5: controls and bidi


def drop_controls(text: str) -> str:
    """What is never seen and no bidi mark or joiner: controls, zero-width spaces, soft hyphens, noncharacters.

    C1 controls are shown by browsers as windows-1252; the five bytes that windows-1252 does not know are dropped.

    >>> drop_controls("قال \N{SET TRANSMIT STATE}نعم\N{CANCEL CHARACTER} الم\N{SOFT HYPHEN}غرب")
    'قال “نعم” المغرب'
    """
    text = _CONTROLS.sub(lambda control: _C1_SHOWN.get(control[0], ""), text)
    return _HIGH.sub(lambda high: "" if ord(high[0]) & 0xFFFE == 0xFFFE else high[0], text)


def drop_bidi(text: str) -> str:
    """All twelve bidi controls: order is a matter of display, and they split words for every search.

    >>> drop_bidi("ارتفع \N{LEFT-TO-RIGHT MARK}+5%\N{POP DIRECTIONAL FORMATTING}")
    'ارتفع +5%'
    """
    return _BIDIS.sub("", text)


_CONTROLS = re.compile(f"[{_CONTROL}]")
# The other noncharacters are the last two of each plane; one range is searched faster than thirty-two letters.
_HIGH = re.compile("[\U0001fffe-\U0010ffff]")
_BIDIS = re.compile(f"[{_BIDI}]")


# A6: presentation forms


def unshape(text: str) -> str:
    """Presentation forms, the shapes of letters in old fonts, as the letters themselves.

    NFKC would put a space or a tatweel under a lone mark, and spell out the honorific signs, which are text.

    >>> unshape("ﻻجئ ﻟﻠﻤﻐﺮﺏ \N{ARABIC LIGATURE SALLALLAHOU ALAYHE WASALLAM}")
    'لاجئ للمغرب ﷺ'
    """
    return _SHAPED.sub(lambda shape: _SHAPES[shape[0]], text) if _SHAPED.search(text) else text


def _shapes() -> dict[str, str]:
    """Letters and marks of each presentation form, from the compatibility decompositions of the Unicode database."""
    shapes = {"\N{ARABIC LIGATURE ALLAH ISOLATED FORM}": "الله"}
    for point in (*range(0xFB50, 0xFDF0), *range(0xFE70, 0xFEFF)):
        tag, *letters = unicodedata.decomposition(chr(point)).split() or [""]
        if tag in {"<isolated>", "<initial>", "<medial>", "<final>"}:
            spelled = "".join(chr(int(letter, 16)) for letter in letters)
            # Forms of marks are given on a space or a tatweel, which the text does not have.
            shapes[chr(point)] = spelled.lstrip(" " + _TATWEEL) or spelled
    return shapes


_SHAPES = _shapes()
_SHAPED = re.compile(f"[{''.join(_SHAPES)}]")


# A7: joiners


def settle_joiners(text: str) -> str:
    """Joiners only where they are seen: ZWNJ that parts two letters (UAX #31 A1), ZWJ that shapes a letter or an emoji.

    >>> settle_joiners("می\N{ZERO WIDTH NON-JOINER}خواهم و\N{ZERO WIDTH NON-JOINER}المغرب") == "می\N{ZERO WIDTH NON-JOINER}خواهم والمغرب"
    True
    """
    return _JOINED.sub(_joined, text) if _ZWNJ in text or _ZWJ in text else text


def _joined(match: re.Match[str]) -> str:
    """A run of joiners and marks with at most one joiner, the one that its neighbours call for."""
    text, run = match.string, match[0]
    start = match.start() - 1
    while start >= 0 and text[start] in _TRANSPARENTS:
        start -= 1
    before = text[start] if start >= 0 else ""
    after = text[match.end() : match.end() + 1]
    dual = before in _DUAL
    if _ZWNJ in run and dual and after in _JOINING:
        keep = _ZWNJ
    elif _ZWJ in run and ((dual and not after.isalpha()) or (before in _EMOJI and after in _EMOJI)):
        keep = _ZWJ
    else:
        keep = ""
    first, _, rest = run.partition(keep) if keep else ("", "", run)
    return first.translate(_NO_JOINERS) + keep + rest.translate(_NO_JOINERS)


_NO_JOINERS = str.maketrans("", "", _ZWNJ + _ZWJ)
_TRANSPARENT = rf"{_MARK}\u0300-\u036f\u20d0-\u20ff\ufe00-\ufe0f"
_TRANSPARENTS = frozenset(_members(_TRANSPARENT))
_JOINED = re.compile(f"[{_ZWNJ}{_ZWJ}][{_ZWNJ}{_ZWJ}{_TRANSPARENT}]*+")
# Letters that join on no side, and on the right only: Unicode's ArabicShaping.txt, Joining_Type U and R.
_UNJOINED = r"\u0621\u0674\u0883-\u0885\u0887\u08ad"
_RIGHT_JOINED = (
    r"\u0622-\u0625\u0627\u0629\u062f-\u0632\u0648\u0671-\u0673\u0675-\u0677\u0688-\u0699\u06c0\u06c3-\u06cb\u06cd\u06cf"
    r"\u06d2\u06d3\u06d5\u06ee\u06ef\u0759-\u075b\u076b\u076c\u0771\u0773\u0774\u0778\u0779\u0870-\u0882\u088e\u08aa-\u08ac"
    r"\u08ae\u08b1\u08b2\u08b9"
)
_JOINING = frozenset(_members(_LETTER)) - frozenset(_members(_UNJOINED))
_DUAL = _JOINING - frozenset(_members(_RIGHT_JOINED))
_EMOJI = frozenset(_members(r"\u2190-\u21ff\u2300-\u23ff\u25a0-\u27bf\u2b00-\u2bff\U0001f000-\U0001faff"))


# A7b: NFC


def compose(text: str) -> str:
    """NFC. Never NFKC, which changes what is read: fractions, superscripts, signs.

    >>> compose("ا\N{ARABIC HAMZA ABOVE}حمد") == "\N{ARABIC LETTER ALEF WITH HAMZA ABOVE}حمد"
    True
    """
    if _MARK_RUN.search(text):
        # The library sorts a run of marks by insertion, in squared time; sorted beforehand it finds nothing to move.
        text = _MARK_RUN.sub(_sort_marks, text)
    return text if unicodedata.is_normalized("NFC", text) else unicodedata.normalize("NFC", text)


def _sort_marks(match: re.Match[str]) -> str:
    """The canonical order of Unicode: marks by combining class, characters of class 0 where they are."""
    run: list[str] = []
    marks: list[str] = []
    for character in match[0]:
        if unicodedata.combining(character):
            marks.append(character)
        else:
            run += sorted(marks, key=unicodedata.combining)
            run.append(character)
            marks.clear()
    return "".join(run + sorted(marks, key=unicodedata.combining))


_COMBINING = "".join(c for c in map(chr, range(0x300, 0xFFFF)) if unicodedata.combining(c)) + r"\U00010000-\U0001ffff"
_MARK_RUN = re.compile(f"[{_COMBINING}][{_COMBINING}]{{31,}}+")


# A9: lost quotes


def restore_quotes(text: str) -> str:
    """Quotation marks that a charset without them turned into `?`; the kind of quote is lost, so neutral ones are put.

    >>> restore_quotes("في مدينة ?كرمان? التي"), restore_quotes("l?homme. Tu viens?Oui")
    ('في مدينة "كرمان" التي', "l'homme. Tu viens?Oui")
    """
    if "?" not in text:
        return text
    text = _ELISION.sub("'", text)
    return "\n".join(_restore_pairs(line) if "?" in line else line for line in text.split("\n"))


def _restore_pairs(line: str) -> str:
    """A pair is an opening and, as the very next `?`, a closing one, with no other quotation mark between."""
    parts = line.split("?")
    opened = 0  # index of the part that an opening mark precedes; 0 for none
    marks = ["?"] * (len(parts) - 1)
    for i in range(1, len(parts)):
        before, after = parts[i - 1], parts[i]
        if opened and _closes(before, after):
            marks[opened - 1] = marks[i - 1] = '"'
            opened = 0
        elif _opens(before, after, first=i == 1):
            opened = i
        else:
            opened = 0
    return "".join(part + mark for part, mark in zip(parts, [*marks, ""], strict=True))


def _opens(before: str, after: str, *, first: bool) -> bool:
    return (before[-1:] in _BEFORE_OPENING if before else first) and after[:1].isalpha()


def _closes(inside: str, after: str) -> bool:
    if not inside or inside[-1] == " " or '"' in inside:
        return False
    # Nothing after it is the end of the line, or a question mark of its own behind the quote.
    return not after or after[0] == " " or unicodedata.category(after[0])[0] == "P"


_BEFORE_OPENING = (" ", "(", "[", "{", ":")
_ELISION = re.compile(r"\?(?=[aeiouyhAEIOUYHàâäæéèêëîïôöœùûüÀÂÄÆÉÈÊËÎÏÔÖŒÙÛÜ])(?<=[cdjlmnstCDJLMNST]\?)(?<!\w..)")


# A10: sentence gaps


def open_sentence_gaps(text: str) -> str:
    """The space after a sentence, lost where the aggregator joined paragraphs; dotted names have none to lose.

    >>> open_sentence_gaps("هناك.وتقول و.م.ع وزارة-الاتصالات.مصر")
    'هناك. وتقول و.م.ع وزارة-الاتصالات.مصر'
    """
    if not _GAP.search(text):
        return text
    return "\n".join(_SENTENCES.sub(_open_gaps, line) if _GAP.search(line) else line for line in text.split("\n"))


def _open_gaps(match: re.Match[str]) -> str:
    parts = _STOP.split(match[0])  # word, stop, word, stop, word
    text = match.string
    before = text[match.start() - 1 : match.start()]
    after = text[match.end() : match.end() + 2]
    dot_follows = after[:1] == "." and after[1:].isalnum()
    stops = [before, *parts[1::2], "." if dot_follows else ""]
    words = [len(_LETTERS.findall(word)) > 2 for word in parts[::2]]
    opened = [parts[0]]
    for i, (stop, word) in enumerate(zip(parts[1::2], parts[2::2], strict=True)):
        dotted = stop == "." and ("." in (stops[i], stops[i + 2]) or word.translate(_BARE_ALEF) in _TLDS)
        opens = words[i] and words[i + 1] and not dotted and not (i == 0 and before and before in "/@-")
        opened += [stop, " " if opens else "", word]
    return "".join(opened)


_STOP = re.compile("([.؟!،؛])")
_GAP = re.compile(f"[.؟!،؛](?=[{_LETTER}])(?<=[{_LETTER}{_MARK}{_TATWEEL}{_ZWNJ}].)")
_WORD = f"[{_LETTER}{_MARK}{_TATWEEL}{_ZWNJ}]"
_SENTENCES = re.compile(f"(?<!{_WORD}){_WORD}++(?:[.؟!،؛](?=[{_LETTER}]){_WORD}++)++")
_BARE_ALEF = str.maketrans("أإآ", "ااا")
# Arabic names in the IANA root zone, and the spelled-out Latin ones that papers carry (فبراير.كوم); alefs bare.
_TLDS = frozenset(
    [
        "الاردن",
        "الجزائر",
        "السعودية",
        "السعودیة",
        "المغرب",
        "المغربية",
        "اليمن",
        "امارات",
        "ایران",
        "ايران",
        "البحرين",
        "بھارت",
        "پاکستان",
        "باكستان",
        "تونس",
        "سودان",
        "السودان",
        "سورية",
        "سوريا",
        "عراق",
        "عمان",
        "فلسطين",
        "قطر",
        "ليبيا",
        "مصر",
        "مليسيا",
        "موريتانيا",
        "شبكة",
        "موقع",
        "بازار",
        "كوم",
        "عرب",
        "همراه",
        "ابوظبي",
        "ارامكو",
        "اتصالات",
        "العليان",
        "بيتك",
        "كاثوليك",
        "موبايلي",
        "انفو",
        "اورغ",
    ]
)


# A11: boilerplate


def drop_boilerplate(text: str) -> str:
    r"""Whole lines of the aggregator itself: the picture-report notice and "click here to read".

    >>> drop_boilerplate("نص الخبر\nانقر هنا لقراءة الخبر من مصدره.")
    'نص الخبر'
    """
    lines = text.split("\n")
    short = [line for line in lines if len(line) <= _LONGEST_BOILERPLATE and line.count(" ") < _MOST_WORDS]
    if not short or not _has_boilerplate(_fold(" ".join(short))):
        return text
    boilerplate = {line for line in short if _fold(line) in _BOILERPLATE}
    return "\n".join(line for line in lines if line not in boilerplate)


def _has_boilerplate(key: str) -> bool:
    return any(line in key for line in _BOILERPLATE)


# Layer B


def fold_letters(text: str) -> str:
    """Layer B without its last step: letters, case and digits folded, punctuation and spaces as they are.

    >>> fold_letters("٢٥ أبريل/نيسان، 1445 هـ")
    '25 ابريل/نيسان، 1445 ه'
    """
    text = unicodedata.normalize("NFD", unicodedata.normalize("NFKC", text).casefold())
    return unicodedata.normalize("NFC", _LATIN_ACCENTS.sub("", text)).translate(_FOLDS)


def _fold(text: str) -> str:
    """Layer B of a cleaned text."""
    for sign, words in _SIGNS_SPELLED.items():
        if sign in text:
            text = text.replace(sign, f" {words} ")
    key = _fold_common(text)
    return " ".join(_NOT_WORD.sub(" ", fold_letters(text)).split()) if key is None else key


def _fold_common(text: str) -> str | None:
    """Layer B by a table of UTF-16 code units, 15 times faster; None where a character is not in the table."""
    units = _FOLD_TABLE.take(np.frombuffer(text.encode("utf-16-le"), np.uint16))
    if not units.size or units.max() == _RARE:
        return None
    units = units[units != _DROPPED]
    blank = units == _BLANK
    doubled = blank[1:] & blank[:-1]
    if doubled.any():
        units = units[np.concatenate(([True], ~doubled))]
    return str(units.tobytes(), "utf-16-le").strip(" ")


_SIGNS_SPELLED = {
    "\N{ARABIC LIGATURE SALLALLAHOU ALAYHE WASALLAM}": "صلى الله عليه وسلم",
    "\N{ARABIC LIGATURE JALLAJALALOUHOU}": "جل جلاله",
    "\N{ARABIC LIGATURE BISMILLAH AR-RAHMAN AR-RAHEEM}": "بسم الله الرحمن الرحيم",
}
_LATIN_ACCENTS = re.compile(r"[\u0300-\u036f]+")
_NOT_WORD = re.compile(r"[\W_]+")
_FOLDS = str.maketrans(
    "أإآٱىیېۍةۃہھەکڪگڭݣپڤچ" + "٠١٢٣٤٥٦٧٨٩" + "۰۱۲۳۴۵۶۷۸۹",
    "اااايييي" + "ههههه" + "ككككك" + "بفج" + "0123456789" * 2,
    _members(_MARK) + _TATWEEL + _ZWNJ + _ZWJ + _members(r"\u180b-\u180d\u180f\ufe00-\ufe0f\U000e0100"),
)
_FOLDS |= dict.fromkeys(range(0xE0100, 0xE01F0))


def _fold_table() -> NDArray[np.uint16]:
    """The folded code unit of each common one: what stands for itself whatever its neighbours are.

    Hamza and madda above or below compose with the letter before them, a letter beside ASCII and Arabic can look like
    mojibake once folded: these are left to the exact way.
    """
    table = np.full(0x10000, _RARE, np.uint16)
    for point in (*range(0x180), *range(0x600, 0x700), *range(0x2010, 0x2028), *range(0x2030, 0x2060)):
        key = _NOT_WORD.sub(" ", fold_letters(chr(point)))
        plain = key.isascii() or (_LETTERS.match(key) and key not in "ٹڈژڑں")
        if len(key) < 2 and plain and not 0x653 <= point <= 0x655:
            table[point] = ord(key) if key else _DROPPED
    return table


_RARE, _DROPPED, _BLANK = 0xFFFF, 0, ord(" ")
_FOLD_TABLE = _fold_table()

_NOTICES = (
    ("شكرا على الإبلاغ!", "سيتم حجب هذه الصورة تلقائيا عندما يتم الإبلاغ عنها من طرف عدة أشخاص."),
    (
        "Merci d'avoir signalé!",
        "Cette image sera automatiquement bloquée après qu'elle soit signalée par plusieurs personnes.",
    ),
    (
        "Thank you for reporting!",
        "This image will be automatically disabled when it gets reported by several people.",
    ),
)
_CLOSING_LINES = (
    "انقر هنا لقراءة الخبر من مصدره.",
    "Cliquez ici pour lire l'article depuis sa source.",
    "Click here to read the story from its source.",
)
_BOILERPLATE = frozenset(
    _fold(line) for line in (*_CLOSING_LINES, *(line for pair in _NOTICES for line in (*pair, " ".join(pair))))
)
_LONGEST_BOILERPLATE = 2 * max(map(len, _BOILERPLATE))
"""Letters of a line that may be boilerplate: as many marks as letters."""
_MOST_WORDS = max(len(line.split()) for line in _BOILERPLATE)


# The order of the rules

_HIDDEN_RULES: tuple[tuple[str, Callable[[str], str]], ...] = (
    ("controls", drop_controls),
    ("bidi", drop_bidi),
    ("presentation_forms", unshape),
    ("joiners", settle_joiners),
)
REPAIRS = (
    "surrogates",
    "entities",
    "mojibake",
    *(name for name, _ in _HIDDEN_RULES),
    "lost_quotes",
    "sentence_gap",
)
_DEEPEST_NESTING = 3
"""Times that a text was decoded wrongly, one upon the other; two occur."""


def replace_surrogates(text: str) -> str:
    r"""Halves of a surrogate pair joined; alone they are no character, and UTF-8 cannot carry them.

    >>> replace_surrogates("نص \ud83d\ude00 \ude00")
    'نص 😀 �'
    """
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def _decode(text: str, kind: Kind, names: set[str]) -> str:
    """The whole of layer A.

    Entities, charset repairs and deletions can each lay bare work for the others. Of the readings "decoded, then settled"
    and "settled, then decoded" the first is taken that is stable under all rules, or else the settled text without charset
    repairs: each of the three comes out of a second `clean` as it is.
    """
    decoded = decode_entities(text)
    found = {"entities"} if decoded != text else set()
    stable = _repair_nested(decoded, kind, found)
    if stable is None:
        found = set()
        settled = _settle(text, kind, found)
        further = set(found)
        stable = _repair_nested(settled, kind, further)
        stable, found = (settled, found) if stable is None else (stable, further)
    names |= found
    return stable


def _repair_nested(text: str, kind: Kind, names: set[str]) -> str | None:
    """Charset repairs and all other rules in turn until nothing changes; None where that takes too many turns."""
    found: set[str] = set()
    settled = None
    text = break_lines(text)
    for _ in range(_DEEPEST_NESTING + 1):
        decoded = repair_mojibake(text)
        if decoded == settled:
            names |= found
            return settled
        if decoded != text:
            found.add("mojibake")
        text = settled = _settle(decoded, kind, found)
    return None


def _settle(text: str, kind: Kind, names: set[str]) -> str:
    """Every rule but the charset repairs; run again it changes nothing."""
    text = _apply(_HIDDEN_RULES, compose(text), names)
    decoded = decode_entities(text)
    if decoded != text:
        names.add("entities")
        text = _apply(_HIDDEN_RULES, decoded, names)
    return _typeset(compose(text), kind, names)


def _typeset(text: str, kind: Kind, names: set[str]) -> str:
    """The rules for what is seen."""
    text = settle_spaces(text, kind)
    text = _apply((("lost_quotes", restore_quotes), ("sentence_gap", open_sentence_gaps)), text, names)
    return drop_boilerplate(text) if kind == "body" else text


def _apply(rules: Iterable[tuple[str, Callable[[str], str]]], text: str, names: set[str]) -> str:
    for name, rule in rules:
        before, text = text, rule(text)
        if text != before:
            names.add(name)
    return text


# Signs: one look at a text tells which rules can have work

_HIDDEN, _AMPERSAND, _FOREIGN = 1, 2, 4


def _signs(text: str) -> int:
    """What occurs in `text`, as bits; characters beyond the BMP count as hidden, as their halves say nothing.

    Raises:
        UnicodeEncodeError: there is a lone surrogate.
    """
    units = np.frombuffer(text.encode("utf-16-le"), np.uint16)
    return int(np.bitwise_or.reduce(_SIGN_TABLE.take(units)))


def _is_damaged(text: str, signs: int) -> bool:
    """Whether layer A may change more of a text than its punctuation and spaces."""
    return bool(
        signs & _HIDDEN
        or (signs & _AMPERSAND and _ENTITY.search(text))
        or (signs & _FOREIGN and _MOJIBAKE.search(text))
    )


def _sign_table() -> NDArray[np.uint8]:
    table = np.zeros(0x10000, np.uint8)
    table[[ord(c) for c in _members(_LEAD_LATIN) + _AFTER_LEAD_1256]] |= _FOREIGN
    hidden = _members(_CONTROL + _BIDI + _BREAK + _SPACE) + "".join(_SHAPES) + _ZWNJ + _ZWJ
    table[[ord(c) for c in hidden if ord(c) < 0x10000]] |= _HIDDEN
    table[0xD800:0xE000] |= _HIDDEN
    table[ord("&")] |= _AMPERSAND
    return table


_SIGN_TABLE = _sign_table()
