import json
import re
import time
import unicodedata
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from newscrawl.arabic import (
    _NOT_WORD,
    CLEAN_VERSION,
    _fold,
    _fold_common,
    clean,
    fold_letters,
    normalise,
    quality,
    repair,
)

HERE = Path(__file__).parent
SHARED = HERE.parents[1] / "shared"
VECTORS = [
    json.loads(line) for line in (HERE / "vectors" / "clean.jsonl").read_text(encoding="utf-8").split("\n") if line
]

by_rule = pytest.mark.parametrize("vector", VECTORS, ids=[f"{v['rule']}-{v['id']}" for v in VECTORS])
often = settings(derandomize=True, deadline=None, max_examples=1000)

# Pieces from which every rule can be built, and broken at every place.
PIECES = [
    *"ابتهورأإكلمطظىیکپء", *"َُّْٰـ", *"اا بت", "\N{ARABIC HAMZA ABOVE}", "\N{ARABIC MADDAH ABOVE}", "هناك", "وتقول", "مصر", "كوم",
    *"?؟.!،؛:()[]\"'«»“”…-/@ \t\n\r\v\f", "\N{LINE SEPARATOR}", "\N{NO-BREAK SPACE}", "\N{EN QUAD}", "\x1c", "\x85",
    "\N{ZERO WIDTH NON-JOINER}", "\N{ZERO WIDTH JOINER}", "\N{ZERO WIDTH SPACE}", "\N{SOFT HYPHEN}", "\N{WORD JOINER}",
    "\N{RIGHT-TO-LEFT MARK}", "\N{POP DIRECTIONAL FORMATTING}", "\N{ZERO WIDTH NO-BREAK SPACE}", "\0", "\x81", "\x93", "\x9d",
    "&", "&amp;", "amp;", "&quot;", "quot", "&#", "x26", "38", ";", "&shy;", "&zwnj;", "&#8203;", "&#894;", "&semi;", "&nbsp;",
    "&#xD800;", "&notit;", "\N{GREEK QUESTION MARK}", "l", "d", "é", "q", "A", "h", "N", "1", "٣", "_",
    "ÇáãÛÑÈ", "Ýí", "Ø§Ù„", "Ø§Ù\x84", "ط§ظ„", "ظپظٹ", "ط", "ظ", "„", "§", "Ã", "©", "Â", "â€œ", "â€‹", "Ã‚", "œ", "æ", "Í¾",
    "ﻻ", "ﺏ", "\N{ARABIC SHADDA ISOLATED FORM}", "\N{ARABIC LIGATURE ALLAH ISOLATED FORM}", "ﷺ", "ﷻ", "﷽", "﷼", "ﬁ", "½", "²", "ß", "İ",
    "\ud83d", "\ude00", "😀", "👨", "❤\N{VARIATION SELECTOR-16}", "\N{REPLACEMENT CHARACTER}", "\N{COMBINING ACUTE ACCENT}", "ᄀ", "ᅡ", "\ufdd0", "\U0001ffff",
    "شكرا على الإبلاغ!", "انقر هنا لقراءة الخبر من مصدره.",
]  # fmt: skip
nasty = st.lists(st.sampled_from(PIECES), max_size=12).map("".join) | st.text(max_size=30)


@by_rule
def test_clean_gives_the_vector(vector):
    assert clean(vector["input"], vector["kind"]) == vector["expected_clean"]


@by_rule
def test_normalise_gives_the_vector(vector):
    assert normalise(vector["input"]) == vector["expected_normalised"]


@by_rule
def test_the_vector_is_stable(vector):
    assert clean(vector["expected_clean"], vector["kind"]) == vector["expected_clean"]
    assert repair(vector["expected_clean"], vector["kind"]).repairs == ()
    assert normalise(vector["expected_normalised"]) == vector["expected_normalised"]


@often
@given(nasty, st.sampled_from(["title", "body"]))
@example("&" + "amp;" * 60 + "quot;", "body")
@example("&s" * 60 + "hy;" * 60, "body")
@example("â" * 12 + "€‹" * 12, "body")
@example("?ا ?كرمان?? ب", "body")
def test_clean_is_total_and_idempotent(text, kind):
    cleaned, repairs = repair(text, kind)
    assert repair(cleaned, kind) == (cleaned, ())
    cleaned.encode()  # a lone surrogate would raise
    assert unicodedata.is_normalized("NFC", cleaned)
    assert not re.search(
        "[\r\v\f\t\x00-\x09\N{NO-BREAK SPACE}\N{LINE SEPARATOR}\x7f-\x9f]|  |^[ \n]|[ \n]$|\n\n", cleaned
    )
    assert kind == "body" or "\n" not in cleaned
    assert len(set(repairs)) == len(repairs)


@often
@given(nasty)
@example("ظ" + "َ" + "ٹ" + "ظَٹ")
@example("شكرا على\nالإبلاغ!")
def test_normalise_is_idempotent_and_blind_to_clean(text):
    key = normalise(text)
    assert normalise(key) == key
    assert normalise(clean(text)) == key
    assert not _NOT_WORD.sub("", key).replace(" ", "").split() or re.fullmatch(r"[^\W_]+(?: [^\W_]+)*", key)


@often
@given(st.text(st.sampled_from("ابتهوأإآىیةگ َّـ٣٤۵.،؟«»\nabéÉ7&?-_…")))
def test_the_table_folds_as_the_rules_do(text):
    by_table = _fold_common(text)
    assert by_table is None or by_table == " ".join(_NOT_WORD.sub(" ", fold_letters(text)).split())
    assert _fold(_fold(text)) == _fold(text)


visible = st.text(st.sampled_from("ابتثجحهوةىأؤئءپگ َّـ٣٤7Zé.،؟!:«»()-\n ")).map(
    lambda text: unicodedata.normalize("NFC", text)
)


def counted(text):
    return Counter(c for c in text if not c.isspace())


@often
@given(
    visible,
    st.sampled_from(
        ["\N{ZERO WIDTH SPACE}", "\N{RIGHT-TO-LEFT EMBEDDING}", "\0", "\N{NO-BREAK SPACE}", "\r\n", "\N{SOFT HYPHEN}"]
    ),
    st.data(),
)
def test_nothing_that_is_seen_is_lost(text, hidden, data):
    place = data.draw(st.integers(0, len(text)))
    damaged = text[:place] + hidden + text[place:]
    assert counted(unicodedata.normalize("NFC", clean(damaged))) == counted(unicodedata.normalize("NFC", text))


@often
@given(st.text(st.characters(exclude_categories=["C", "Z", "M"], exclude_characters="?&"), max_size=40))
def test_no_letter_is_lost(text):
    repaired = repair(text)
    if not set(repaired.repairs) & {"mojibake", "presentation_forms"}:
        assert counted(repaired.text) == counted(unicodedata.normalize("NFC", text))


@pytest.mark.parametrize(
    ("text", "kind", "cleaned", "repairs"),
    [
        ("هناكَ.وتقول جداً.وقالت", "body", "هناكَ. وتقول جداً. وقالت", ("sentence_gap",)),
        ("كلمة.كلمة؟كلمة.كلمة", "body", "كلمة. كلمة؟ كلمة. كلمة", ("sentence_gap",)),
        ("فبراير.كوم اسم@بريد.هناك /طريق.ملفات www.موقع.هناك", "body", None, ()),
        ("د.محمد و.م.ع هناك..وتقول هناك.com.وتقول 2015.وقال", "body", None, ()),
        ("هل رأيت ?كرمان??", "body", 'هل رأيت "كرمان"?', ("lost_quotes",)),
        ("[?ا?] : ?ب ج?، ?Casanegra?.", "body", '["ا"] : "ب ج"، "Casanegra".', ("lost_quotes",)),
        ("Quoi ? Comment ?Oui ? و?كرمان? ماذا? نعم?", "body", None, ()),
        ("(l?Afrique) chef-d?œuvre qu?il a?b", "body", "(l'Afrique) chef-d'œuvre qu?il a?b", ("lost_quotes",)),
        ("?l?homme?", "body", '"l\'homme"', ("lost_quotes",)),
        ("«نعم»\x92 &nbsp;\N{RIGHT-TO-LEFT OVERRIDE}x", "body", "«نعم»’ x", ("entities", "controls", "bidi")),
        ("Ø§Ù\x84Ù\x85ØºØ±Ø¨", "body", "المغرب", ("mojibake",)),
        ("CafÃ© الرباط\nط§ظ„ظ…ط؛ط±ط¨\nÇáãÛÑÈ", "title", "Café الرباط المغرب المغرب", ("mojibake",)),
        ("ÀÁÂÃÄÅ Straße ÄÖÜäöü œuvre", "body", None, ()),
        ("فقط، الحفاظ… عـ؟ «حفظ»", "body", None, ()),
        ("نص \ud83d\ude00", "body", "نص 😀", ("surrogates",)),
        ("ه\N{ZERO WIDTH JOINER}. ب\N{ARABIC FATHA}\N{ZERO WIDTH NON-JOINER}ا", "body", None, ()),
        ("🏳\N{VARIATION SELECTOR-16}\N{ZERO WIDTH JOINER}🌈", "body", None, ()),
        ("شكرا على الإبلاغ!", "title", None, ()),
        (
            "شكرا على الإبلاغ! سيتم حجب هذه الصورة تلقائيا عندما يتم الإبلاغ عنها من طرف عدة أشخاص.\nنص",
            "body",
            "نص",
            (),
        ),
        ("Merci d’avoir signalé !\nCliquez ici pour lire l'article depuis sa source.\nTexte", "body", "Texte", ()),
        ("قال: انقر هنا لقراءة الخبر من مصدره.", "body", None, ()),
    ],
)
def test_rules_at_their_edges(text, kind, cleaned, repairs):
    assert repair(text, kind) == (text if cleaned is None else cleaned, repairs)


@pytest.mark.parametrize("piece", ["?", " ?ا?", "&", "&amp;", "&#38;", ".", "ابت.", "ا؟", "Ã©", "é Ã©ل", "Ø§Ù\x84", "ط§", "ط§ل", "Çá", "Ã ", "\x81",
    "ه\N{ZERO WIDTH JOINER}", "ب\N{ZERO WIDTH NON-JOINER}َ", "\N{ARABIC SHADDA}\N{ARABIC FATHA}", "\0", " ", "\N{NO-BREAK SPACE}", "\n", "\ud800", "ﻻ", "ا", "ـ", "👨\N{ZERO WIDTH JOINER}", "&s", "شكرا على الإبلاغ!\n"])  # fmt: skip
def test_a_hostile_line_costs_linear_time(piece):
    text = (piece * 1_000_000)[:1_000_000]
    started = time.process_time()
    clean(text)
    normalise(text[:300_000])
    assert time.process_time() - started < 4  # a second where nothing else runs


def test_nested_escapes_cost_linear_time():
    started = time.process_time()
    assert clean("&s" * 150_000 + "hy;" * 150_000) == ""
    assert time.process_time() - started < 4


def test_quality_counts_what_was_lost():
    assert quality("الم\N{REPLACEMENT CHARACTER}رب ?? ???") == (1, True)
    assert quality("Quoi ? Comment ? هل؟ ???") == (0, False)
    assert CLEAN_VERSION == 1


@pytest.mark.parametrize("language", ["ar", "fr", "en"])
def test_clean_text_is_left_alone(language):
    corpus = SHARED / "corpus" / f"{language}_pud.txt"
    if not corpus.exists():
        pytest.skip(f"the corpus is not here: {corpus}")
    changed = [line for line in corpus.read_text(encoding="utf-8").split("\n") if line and repair(line) != (line, ())]
    assert changed == []


def test_the_seed_needs_two_repairs():
    seed = SHARED / "seed"
    if not seed.exists():
        pytest.skip(f"the seed page is not here: {seed}")
    expected = json.loads((seed / "expected.json").read_text(encoding="utf-8"))
    page = (seed / "page.txt").read_text(encoding="utf-8")
    body = page.partition(expected["title"] + "\n")[2]
    assert repair(body) == (expected["body"], tuple(expected["repairs"]))
    assert repair(expected["title"], "title") == (expected["title"], ())
