"""The stories of the bundled aggregator, written by a small phrase grammar over ``words``.

In a phrase ``{symbol}`` is replaced by one of that symbol's phrases. ``<symbol>`` likewise, and its gender (a leading
``+`` is feminine) rules the agreement marks of its template: ``~`` past verb (none/ت), ``^`` present verb (ي/ت), ``°``
pronoun (ه/ها), ``*`` adjective (none/ة). Phrases are a handful of words at most, so that two stories share few runs of
three words. Numbers end in 18..99, where Arabic counts in the accusative singular.
"""

import random
import re
from dataclasses import dataclass
from typing import Literal

from newscrawl.demo.words import ARABIC, ARABIC_THEMES, ENGLISH, FRENCH, PEOPLE

Language = Literal["ar", "fr", "en"]

GRAMMARS = {
    language: {symbol: text.split("|") for symbol, text in words.items()}
    for language, words in {"ar": ARABIC, "fr": FRENCH, "en": ENGLISH}.items()
}
TOPICS = ("politics", "economics", "international", "sports", "society", "culture", "religion", "health")
FRENCH_AND_ENGLISH_TOPIC = "economics"


@dataclass(frozen=True)
class Story:
    """What happened, once, before any paper printed it: ``paragraphs`` are plain text in ``language``."""

    key: str
    language: Language
    topic: str
    city: str
    title: str
    paragraphs: tuple[str, ...]


class Writer:
    """Expands symbols for one story; phrases of a symbol are dealt like cards, so none repeats before all were used."""

    def __init__(self, grammar: dict[str, list[str]], draw: random.Random) -> None:
        self.grammar = grammar
        self.draw = draw
        self.decks: dict[str, list[str]] = {}

    def deal(self, symbol: str) -> str:
        """One phrase of the symbol, as it is listed, or a number."""
        match symbol:
            case "n":
                return str(self.draw.choice((0, 0, 1, 2, 3, 4, 6, 8)) * 100 + self.draw.randint(18, 99))
            case "m":
                return str(self.draw.randint(18, 49))
            case "k":
                return str(self.draw.randint(3, 9))
            case "d":
                return str(self.draw.randint(2, 28))
            case "p":
                return str(self.draw.randint(3, 96)) + self.draw.choice(("", "", ",5", ",2", ",7"))
            case "past":
                return str(self.draw.randint(1998, 2009))
            case "future":
                return str(self.draw.randint(2027, 2035))
        if not self.decks.get(symbol):
            self.decks[symbol] = self.draw.sample(self.grammar[symbol], len(self.grammar[symbol]))
        return self.decks[symbol].pop()

    def write(self, symbol: str, *, feminine: bool = False) -> str:
        """A phrase of the symbol with everything in it expanded and agreeing."""
        template = self.deal(symbol)
        ruled = re.search(r"<(\w+)>", template)
        ruler = self.write(ruled[1]) if ruled else ""
        if ruled:
            feminine = ruler.startswith("+")
        for mark, (masculine_form, feminine_form) in _AGREEMENT.items():
            template = template.replace(mark, feminine_form if feminine else masculine_form)
        template = re.sub(r"\{(\w+)\}", lambda found: self.write(found[1], feminine=feminine).lstrip("+"), template)
        text = template.replace(ruled[0], ruler.lstrip("+")) if ruled else template
        return re.sub(r"\bلال(?=\w)", "لل", text)

    def sentence(self, symbol: str) -> str:
        """A written symbol as a sentence: capital letter, full stop."""
        return capitalised(self.write(symbol)) + "."


_AGREEMENT = {"~": ("", "ت"), "^": ("ي", "ت"), "°": ("ه", "ها"), "*": ("", "ة")}


def tell(seed: int, number: int, language: Language) -> tuple[Story, Writer]:
    """The story of this number, the same for the same seed, and its writer, who can add headlines and captions."""
    draw = random.Random(f"{seed}/{language}/{number}")
    grammar = dict(GRAMMARS[language])
    topic = FRENCH_AND_ENGLISH_TOPIC
    if language == "ar":
        topic, *lists = list(ARABIC_THEMES.values())[number % len(ARABIC_THEMES)]
        grammar |= {
            symbol: text.split("|") for symbol, text in zip(("org", "noun", "goal", "fact"), lists, strict=True)
        }
        speakers = [draw.random() < 0.5, draw.random() < 0.5]
        grammar["person"] = [person_name(draw, feminine=feminine, marked=True) for feminine in speakers]
        grammar["same"] = ["+المتحدثة ذاتها", "+المسؤولة نفسها"] if speakers[0] else ["المتحدث ذاته", "المسؤول نفسه"]
    city = draw.choice(grammar["city"])
    grammar["home"] = [city]
    writer = Writer(grammar, draw)
    title = writer.write("headline")
    if draw.random() < 0.06:
        paragraphs = [writer.sentence("lead") + " " + writer.sentence("closer")]
    else:
        paragraphs = [writer.sentence("lead")]
        for _ in range(draw.randint(4, 8)):
            paragraphs.append(" ".join(writer.sentence("sentence") for _ in range(draw.randint(2, 3))))
        paragraphs.append(writer.sentence("closer"))
    key = f"{language}-{number}"
    return Story(key, language, topic, city, capitalised(title), tuple(paragraphs)), writer


def capitalised(text: str) -> str:
    """Its first letter in upper case, be it behind a quotation mark."""
    return re.sub(r"\w", lambda first: first[0].upper(), text, count=1)


def person_name(draw: random.Random, *, feminine: bool, marked: bool = False) -> str:
    """A full Arabic name; ``marked`` puts the ``+`` of the grammar before a woman's name."""
    first = draw.choice(PEOPLE["women" if feminine else "men"].split("|"))
    return ("+" if marked and feminine else "") + first + " " + draw.choice(PEOPLE["families"].split("|"))


_WITH_MARKS = {"أن": "أنّ", "حتى": "حتّى", "مما": "ممّا", "أكد": "أكّد", "أكدت": "أكّدت", "مدة": "مدّة", "ترقب": "ترقّب"}
_ACCUSATIVE = re.compile(r"(?!ال)\w{2,}[^هومنذ]ا|يوما|درهما|متهما")
_JOINING = re.compile(r"[بتسعم][\u0621-\u064a]{3,}")


def with_other_typography(text: str, draw: random.Random) -> str:
    """The same words as another desk types them: hamzas, quotes, diacritics and tatweel differ, nothing else."""
    words = []
    for word in text.split(" "):
        dice = draw.random()
        if word in _WITH_MARKS and dice < 0.5:
            words.append(_WITH_MARKS[word])
        elif _ACCUSATIVE.fullmatch(word) and dice < 0.6:
            words.append(word + "\N{ARABIC FATHATAN}")
        elif _JOINING.fullmatch(word) and dice > 0.93:
            words.append(word[0] + "\N{ARABIC TATWEEL}" * 2 + word[1:])
        elif dice < 0.3:
            words.append(re.sub(r"ى$", "ي", word.replace("أ", "ا").replace("إ", "ا")))
        else:
            words.append(word)
    return " ".join(words).replace("«", '"').replace("»", '"')
