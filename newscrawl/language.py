"""The language of a text: by its script, then by its function words, by a model only where neither tells."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np

from newscrawl.arabic import normalise

if TYPE_CHECKING:
    from py3langid.langid import LanguageIdentifier


Code = Literal["ar", "fr", "en"]


class Language(NamedTuple):
    """The language of a text, and what it seems to be more closely."""

    code: Code | None
    """What is exported; None where the text is in none of the three or too short to tell."""
    hint: Literal["ary", "ber", "kab"] | None
    """Darija, Amazigh in Tifinagh, or Kabyle in Latin letters."""


def detect(text: str) -> Language:
    """The language of a cleaned text of any length.

    More than 30 % Tifinagh letters are Amazigh; more than 50 % Arabic letters are Arabic, and Darija with three words that
    only Darija has. In Latin letters every sixth word of French or English is one that only that language has; what is
    left, mostly titles and Kabyle, goes to py3langid among the languages that occur.

    >>> detect("الملك يهنئ رئيس صربيا بالعيد الوطني")
    Language(code='ar', hint=None)
    >>> detect("واش هاد الشي ديال بصح؟"), detect("ⴰⵣⵓⵍ ⴼⵍⵍⴰⵡⵏ")
    (Language(code='ar', hint='ary'), Language(code=None, hint='ber'))
    """
    if (other := _other_than_arabic(text)) is not None:
        return other
    darija = sum(map(_DARIJA.__contains__, normalise(text).split()))
    return Language("ar", "ary" if darija >= 3 else None)


def code_of(text: str) -> Code | None:
    """The code that `detect` answers, without asking what is more closely meant.

    >>> code_of("الملك يهنئ رئيس صربيا بالعيد الوطني")
    'ar'
    """
    other = _other_than_arabic(text)
    return "ar" if other is None else other.code


def _other_than_arabic(text: str) -> Language | None:
    """The language of a text by script and words, None where its script is Arabic."""
    units = np.frombuffer(text.encode("utf-16-le", "surrogatepass"), np.uint16)
    _, others, arabic, tifinagh = np.bincount(_SCRIPTS.take(units), minlength=4).tolist()
    letters = others + arabic + tifinagh
    if tifinagh > 0.3 * letters:
        return Language(None, "ber")
    return _by_model(text, letters) if arabic <= 0.5 * letters else None


def _by_model(text: str, letters: int) -> Language:
    if letters < _FEWEST_LETTERS:
        return Language(None, None)
    text = text[:_MOST_LETTERS]
    if (language := _by_words(text)) is not None:
        return language
    name, _ = _model().classify(text.encode(errors="replace"))
    match name:
        case "ar" | "fr" | "en":
            return Language(name, None)
        case "ary":
            return Language("ar", "ary")
        case _:
            return Language(None, "kab")


def _by_words(text: str) -> Language | None:
    """French or English where its function words leave no doubt, else None."""
    words = _LETTERS.findall(text.casefold())
    french, english = (sum(map(known.__contains__, words)) for known in (_FRENCH, _ENGLISH))
    if max(french, english) < max(_FEWEST_WORDS, len(words) / 6) or 4 * min(french, english) > max(french, english):
        return None
    return Language("fr" if french > english else "en", None)


@lru_cache
def _model() -> LanguageIdentifier:
    """py3langid's own model, loaded when it is first needed: 78 MB of memory and 0.5 s (Python 3.11, py3langid 0.4.0).

    An instance of its own: the module's shared one would be restricted for everybody.
    """
    from py3langid.langid import MODEL_FILE, LanguageIdentifier  # noqa: PLC0415 - most texts never need it

    model = LanguageIdentifier.from_model_file(MODEL_FILE)
    model.set_languages(["ar", "fr", "en", "ary", "kab"])
    return model


_LETTERS = re.compile(r"[^\W\d_]+")
_SCRIPTS = np.array([chr(unit).isalpha() for unit in range(0x10000)], np.uint8)
"""Script of the letter that a UTF-16 code unit is: 0 for none, 1 for any other, 2 Arabic, 3 Tifinagh. Pairs of units, mostly
emoji, are no letters."""
for _first, _last in (
    (0x620, 0x64A), (0x66E, 0x6D3), (0x6D5, 0x6D5), (0x6EE, 0x6EF), (0x6FA, 0x6FF), (0x750, 0x77F), (0x8A0, 0x8C9),
):  # fmt: skip
    _SCRIPTS[_first : _last + 1] = 2
_SCRIPTS[0x2D30:0x2D70] = 3
_FEWEST_LETTERS = 8
"""Of a text in Latin letters: below it is a name or an abbreviation."""
_MOST_LETTERS = 800
"""Enough for words and model, whose time grows with the text: a page of a megabyte is told by its beginning."""
_FEWEST_WORDS = 5
_FRENCH_WORDS = (
    "le les des du et est dans que qui sur une un au aux ce cette avec plus pas ne il elle sa ses leur leurs sont été ont "
    "nous vous ils entre mais après où aussi selon lors depuis par pour en de qu à se"
)
_ENGLISH_WORDS = (
    "the of and to in is that for was with by at from are has have had be it this his her which their will not were its "
    "been they who would said after more also he she on"
)
_FRENCH, _ENGLISH = frozenset(_FRENCH_WORDS.split()), frozenset(_ENGLISH_WORDS.split())
_DARIJA_WORDS = (
    "ديال ديالو ديالها ديالهم ديالنا ديالي ديالك ديالكم دابا واش بزاف كاين كاينة كاينين شنو شناهو علاش كيفاش فين فوقاش "
    "بغيت بغا بغينا باغي هاد هادشي هادا هادي غادي حيت باش راه راها راهم مزيان مزيانة دري درية حنا نتا نتي هوما ديك داك "
    "بحال كيقول كيقولو كنقول تيقول كيدير كيديرو كندير ماكاين مكاين شحال عافاك خويا ختي"
)
"""Words of Moroccan Arabic that standard Arabic does not have."""
_DARIJA = frozenset(map(normalise, _DARIJA_WORDS.split()))
