import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from newscrawl.language import Language, detect

CORPUS = Path(__file__).parents[2] / "shared" / "corpus"


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("", Language(None, None)),
        ("2026 - 15:30 !!", Language(None, None)),
        ("OK", Language(None, None)),
        ("المغرب", Language("ar", None)),
        ('ليلة "Chaabi Thérapie" كاملة العدد في الدار البيضاء', Language("ar", None)),
        ("Le ministre a reçu hier son homologue espagnol à Rabat (الرباط)", Language("fr", None)),
        ("The minister received his Spanish counterpart in Rabat yesterday", Language("en", None)),
        ("واش كاين شي حاجة فهاد البلاد؟ راه بزاف ديال الناس ما عارفينش علاش", Language("ar", "ary")),
        ("قال واش في جملة واحدة ثم عاد إلى العربية الفصحى في خطابه", Language("ar", None)),
        ("ⴰⵣⵓⵍ ⴼⵍⵍⴰⵡⵏ المغرب", Language(None, "ber")),
        (
            "Tameslayt n teqbaylit d yiwet seg tmeslayin timaziɣin i yettmeslayen yimdanen deg Leqbayel",
            Language(None, "kab"),
        ),
    ],
)
def test_languages(text, language):
    assert detect(text) == language


@pytest.mark.parametrize("code", ["ar", "fr", "en"])
def test_ten_sentences_are_never_mistaken(code):
    path = CORPUS / f"{code}_pud.txt"
    if not path.exists():
        pytest.skip(f"the corpus is not here: {path}")
    lines = path.read_text(encoding="utf-8").split("\n")[:1000]
    found = [detect("\n".join(lines[i : i + 10])) for i in range(0, len(lines), 10)]
    assert found == [Language(code, None)] * 100


@settings(derandomize=True, deadline=None, max_examples=200)
@given(st.text())
def test_any_text_has_an_answer(text):
    detect(text + "\ud800")


@pytest.mark.parametrize(
    "text",
    [
        "المغرب",
        "Le ministre a reçu hier les députés de la majorité, qui demandent un plan pour la santé.",
        "The minister received the members of the committee, who asked for a plan by the end of this week.",
    ],
)
def test_the_model_is_not_loaded_for_what_script_or_function_words_tell(text):
    program = (
        "import sys; from newscrawl.language import detect; detect(sys.argv[1]); print('py3langid' in sys.modules)"
    )
    run = subprocess.run(
        [sys.executable, "-c", program, text], capture_output=True, text=True, check=True, cwd=Path(__file__).parents[1]
    )
    assert run.stdout.strip() == "False"
