"""What aggregators do to text: functions from a sound text to (the text after repair, the text as the page has it)."""

import re
import unicodedata

DAMAGES = {
    "ar": (
        "lost_quotes", "sentence_gap", "nbsp", "bidi", "presentation_forms", "mojibake", "entities", "fffd", "tatweel",
        "line_separator", "utf8_as_cp1256", "title lost_quotes", "title bidi", "title entities",
    ),
    "fr": ("lost_apostrophes", "nbsp", "accents_as_entities"),
}  # fmt: skip
"""Kinds of damage by edition, dealt in this order; some strike the title."""

REPAIRS = ("entities", "mojibake", "bidi", "presentation_forms", "lost_quotes", "sentence_gap")
"""Names of repairs, in the order in which they are exported."""


def _lost_quotes(text: str, mark: str = "?") -> tuple[str, str]:
    found = re.search(r"(?<= )«([\w ]+)»(?=[ ،])", text)
    if not found:
        return text, text
    return (
        text.replace(found[0], f'"{found[1]}"', 1),
        text.replace(found[0], f"{mark}{found[1]}{mark}", 1),
    )


def _sentence_gap(text: str) -> tuple[str, str]:
    return text, re.sub(r"(?<=[\u0621-\u064a]{3})\. (?=[\u0621-\u064a]{3})", ".", text, count=1)


def _spaces(text: str) -> tuple[str, str]:
    words = text.split(" ")
    wide = "\N{NO-BREAK SPACE}"
    return text, " ".join(words[:3]) + wide + " ".join(words[3:6]) + wide * 4 + " ".join(words[6:])


def _bidi(text: str) -> tuple[str, str]:
    first, *rest = text.split(" ")
    embedded = f"\N{RIGHT-TO-LEFT OVERRIDE}{first}\N{POP DIRECTIONAL FORMATTING}"
    return text, " ".join([embedded, *rest]) + "\N{RIGHT-TO-LEFT MARK}"


def _presentation_forms(text: str) -> tuple[str, str]:
    """The longest word without lam-alef in contextual forms."""
    words = [word for word in re.findall(r"[\u0621-\u064a]+", text) if not re.search("ل[اأإآ]", word)]
    word = max(words, key=len)
    return text, text.replace(word, _shaped(word), 1)


def _shaped(word: str) -> str:
    shaped = []
    for place, letter in enumerate(word):
        after = place > 0 and word[place - 1] not in "اأإآدذرزوؤةىء" and letter != "ء"
        before = place < len(word) - 1 and letter not in "اأإآدذرزوؤةىء" and word[place + 1] != "ء"
        form = {(0, 0): "ISOLATED", (0, 1): "INITIAL", (1, 1): "MEDIAL", (1, 0): "FINAL"}[after, before]
        shaped.append(unicodedata.lookup(f"{unicodedata.name(letter)} {form} FORM"))
    return "".join(shaped)


def _mojibake(text: str) -> tuple[str, str]:
    """Only of texts with a common word: without one, nobody can tell Arabic from other letters of that byte range."""
    if not {"في", "من", "على", "إلى", "أن"} & set(text.split()):
        return text, text
    return text, text.encode("cp1256").decode("latin-1")


def _utf8_as_cp1256(text: str) -> tuple[str, str]:
    return text, text.encode().decode("cp1256")


def _entities(text: str) -> tuple[str, str]:
    return _lost_quotes(text, mark="&quot;")


def _replacement_characters(text: str) -> tuple[str, str]:
    lost = re.sub(r"(?<=[\u0621-\u064a]{3})[\u0621-\u064a]", "\N{REPLACEMENT CHARACTER}", text, count=1)
    return lost, lost


def _tatweel(text: str) -> tuple[str, str]:
    long = re.sub(r"\bب(?=[\u0621-\u064a]{3})", "ب" + "\N{ARABIC TATWEEL}" * 3, text, count=1)
    return long, long


def _line_separator(text: str) -> tuple[str, str]:
    return text.replace(". ", ".\n", 1), text.replace(". ", ".\N{LINE SEPARATOR}", 1)


def _lost_apostrophes(text: str) -> tuple[str, str]:
    return text, re.sub(r"\b([ldns])'(?=\w)", r"\1?", text)


def _accents_as_entities(text: str) -> tuple[str, str]:
    return text, text.replace("é", "&eacute;").replace("à", "&agrave;")


_KINDS = {
    "lost_quotes": _lost_quotes,
    "sentence_gap": _sentence_gap,
    "nbsp": _spaces,
    "bidi": _bidi,
    "presentation_forms": _presentation_forms,
    "mojibake": _mojibake,
    "utf8_as_cp1256": _utf8_as_cp1256,
    "entities": _entities,
    "fffd": _replacement_characters,
    "tatweel": _tatweel,
    "line_separator": _line_separator,
    "lost_apostrophes": _lost_apostrophes,
    "accents_as_entities": _accents_as_entities,
}


def damaged(text: str, kind: str) -> tuple[str, str, str | None]:
    """The text after repair, the text on the page, and the name of the repair, or None where nothing is to be mended.

    >>> damaged("مدينة «كرمان» التركية", "lost_quotes")
    ('مدينة "كرمان" التركية', 'مدينة ?كرمان? التركية', 'lost_quotes')
    """
    repaired, raw = _KINDS[kind](text)
    other_names = {"utf8_as_cp1256": "mojibake", "accents_as_entities": "entities", "lost_apostrophes": "lost_quotes"}
    repair = other_names.get(kind, kind)
    return repaired, raw, repair if repair in REPAIRS and raw != repaired else None
