"""Speed of the text rules on one core: `python bench/text.py [seconds per line]`.

Articles of 3,000 letters are drawn from a list of words, so that the figures need no corpus.
"""

from __future__ import annotations

import random
import sys
import time
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

from newscrawl.arabic import clean, normalise
from newscrawl.dates import parse_published
from newscrawl.language import detect

if TYPE_CHECKING:
    from collections.abc import Callable

ARABIC = (
    "المغرب الحكومة وزارة الداخلية أعلنت يوم الخميس أن مشروع القانون الجديد سيعرض على البرلمان خلال الدورة المقبلة وقال "
    "مصدر مسؤول في تصريح للجريدة إن اللجنة ستجتمع من أجل دراسة التعديلات التي تقدمت بها فرق المعارضة بعد نقاش طويل حول "
    "الميزانية كما أكّد رئيس الجهة ضرورة الإسراع بإنجاز الطريق بين مدينة فاس ومدينة مكناس قبل نهاية سنة 2026 وأضاف أنّ"
)
FRENCH = (
    "le gouvernement a présenté jeudi devant la commission des finances un projet de loi relatif à la réforme de la santé "
    "et des hôpitaux publics selon une source proche du ministère qui précise que les députés étudieront le texte après "
    "l'été dans le cadre d'une session extraordinaire où l'opposition a déjà déposé plusieurs amendements"
)
LETTERS = 3_000


def article(words: str, stop: str, seed: int) -> str:
    """Paragraphs of about 400 letters, sentences of about 15 words."""
    draw = random.Random(seed)
    lines: list[str] = []
    while sum(len(line.replace(" ", "")) for line in lines) < LETTERS:
        sentences = [" ".join(draw.choices(words.split(), k=draw.randint(8, 22))) + stop for _ in range(5)]
        lines.append(" ".join(sentences))
    return "\n".join(lines)


def damaged(text: str) -> str:
    """What the aggregator does to an article: one lost space, lost quotes, bidi controls and no-break spaces."""
    words = text.replace(". ", ".", 1).split(" ")
    words[7] = f"?{words[7]}?"
    words[20] = f"\N{RIGHT-TO-LEFT OVERRIDE}{words[20]}\N{POP DIRECTIONAL FORMATTING}"
    words[40] += "\N{NO-BREAK SPACE}"
    return " ".join(words)


def rate(call: Callable[[str], object], texts: list[str], seconds: float) -> float:
    """Texts a second: the best of five rounds."""
    best = 0.0
    for _ in range(5):
        done, started = 0, time.perf_counter()
        while (spent := time.perf_counter() - started) < seconds / 5:
            for text in texts:
                call(text)
            done += len(texts)
        best = max(best, done / spent)
    return best


def main() -> None:
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 2.0
    arabic = [article(ARABIC, ".", seed) for seed in range(30)]
    french = [article(FRENCH, ".", seed) for seed in range(30)]
    broken = [damaged(text) for text in arabic]
    lines = [f"نشر في اليوم 24 يوم {day:02} - 06 - 2018" for day in range(1, 31)]
    dates = partial(parse_published, country="MA", now=datetime(2026, 2, 16, tzinfo=UTC))
    for name, call, texts in (
        ("clean, Arabic article", clean, arabic),
        ("clean, damaged Arabic article", clean, broken),
        ("clean, French article", clean, french),
        ("normalise, Arabic article", normalise, arabic),
        ("normalise, damaged Arabic article", normalise, broken),
        ("normalise, French article", normalise, french),
        ("language, Arabic article", detect, arabic),
        ("language, French article", detect, french),
        ("publication line", dates, lines),
    ):
        print(f"{name:36}{rate(call, texts, seconds):10,.0f} /s")


if __name__ == "__main__":
    main()
