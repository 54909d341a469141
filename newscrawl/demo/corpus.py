"""Who published what: papers, articles, copies of stories, damage, and the truth a crawler must arrive at."""

import random
import re
from dataclasses import dataclass, field
from datetime import date, timedelta
from urllib.parse import quote_plus

from newscrawl.demo.content import GRAMMARS, Language, Story, Writer, person_name, tell, with_other_typography
from newscrawl.demo.damage import DAMAGES, damaged

SITE = "demo"
HOST = "www.demoress.example"
HOME = f"https://{HOST}"

LAYOUTS = {
    "ar": (
        "span", "div", "h1", "td", "several_contents", "unclosed_p", "br", "upper_case", "minified", "clutter",
        "picture", "bare_report", "cp1256_header", "cp1256_meta", "redesign_og", "redesign_h1", "no_closing_line",
        "inline_links", "plain_html", "div_ticker",
    ),
    "fr": (
        "span", "div", "br", "picture", "unclosed_p", "redesign_og", "several_contents", "clutter", "no_closing_line",
    ),
    "en": ("span", "h1", "br", "picture", "td", "redesign_h1", "minified"),
}  # fmt: skip
REDESIGNED = ("redesign_og", "redesign_h1")

COPY_KINDS = ("exact", "typography", "dateline", "cut", "headline")
AGENCIES = {"ar": "و م ع", "fr": "MAP", "en": "Reuters"}
DATELINES = ("الرباط - و م ع", "و م ع - متابعة")

ONLY_BY = {9: "ticker", 17: "ticker", 25: "ticker", 33: "related", 41: "related", 49: "rss", 57: "rss", 65: "author"}
"""Articles that no listing shows, by number of appearance, and the one way to each."""

QUIRKS = {12: "recovers", 100: "recovers", 13: "respelled", 101: "respelled"}
"""Articles that are served only at the second request (after a 500), or after a redirect to another spelling."""

FRENCH_IN_ARABIC_EDITION = 29
SHARED_AUTHOR = "سعيد أمزال"


def edition_path(edition: str) -> str:
    """The prefix of the edition's addresses; the Arabic one has none."""
    return "" if edition == "ar" else "/" + edition


def author_path(edition: str, name: str) -> str:
    """The listing of an author, percent-encoded, with ``+`` for spaces."""
    return f"{edition_path(edition)}/author/{quote_plus(name)}"


@dataclass(frozen=True)
class Paper:
    """One newspaper of an edition; its articles are numbered upwards from ``first_number``."""

    edition: Language
    slug: str
    name: str
    first_number: int

    @property
    def path(self) -> str:
        """Its listing, which begins the address of each of its articles."""
        return edition_path(self.edition) + "/" + self.slug


PAPERS = (
    Paper("ar", "alyaoum24", "اليوم 24", 55120),
    Paper("ar", "almassae", "المساء", 131006),
    Paper("ar", "febrayer", "فبراير.كوم", 3170),
    Paper("ar", "aloufoq", "الأفق المغربي", 20411),
    Paper("ar", "sadaljiha", "صدى الجهة", 875),
    Paper("ar", "minbarcharq", "منبر الشرق", 41007),
    Paper("ar", "addifa", "الضفة نيوز", 9920),
    Paper("ar", "alwaha", "الواحة", 1000213),
    Paper("ar", "annachra", "النشرة يوم بيوم", 640),
    Paper("fr", "aujourdhui", "Aujourd'hui le Maroc", 88100),
    Paper("fr", "alyaoum24", "Alyaoum24 en français", 55120),
    Paper("en", "onsunday", "Morocco on Sunday", 7300),
)
"""Names are traps for the publication line (يوم, le, on); one slug and its numbers occur in two editions."""


@dataclass
class Article:
    """One article page: what it shows (``raw_*``, before HTML escaping) and what must be read from it."""

    order: int
    paper: Paper
    number: int
    story: Story
    copy: str | None
    title: str
    paragraphs: list[str]
    raw_title: str
    raw_paragraphs: list[str]
    repairs: list[str]
    layout: str
    author_link: str
    authors: list[str]
    published: date
    source_url: str | None
    images: list[tuple[str, str | None]]
    via: str = "listing"
    quirk: str = ""
    related: list["Article"] = field(default_factory=list)

    @property
    def edition(self) -> Language:
        """As published; the language of the text is the story's."""
        return self.paper.edition

    @property
    def path(self) -> str:
        """The canonical address, without the host."""
        return f"{self.paper.path}/{self.number}"

    @property
    def id(self) -> str:
        """The key of the exported article."""
        return f"{SITE}/{self.edition}/{self.paper.slug}/{self.number}"

    @property
    def raw_teaser(self) -> str:
        """The beginning of the text, for listings and feeds."""
        return " ".join(self.raw_paragraphs[0].split(" ")[:28])

    @property
    def published_raw(self) -> str:
        """The publication line."""
        return PUBLICATION_LINE[self.edition].format(self.paper.name, f"{self.published:%d - %m - %Y}")

    def truth(self, *, in_feed: bool) -> dict[str, object]:
        """The fields that a crawl must export, and below them what the tests want to know of the page."""
        return {
            "id": self.id,
            "url": HOME + self.path,
            "site": SITE,
            "edition": self.edition,
            "language": self.story.language,
            "title": self.title,
            "body": "\n".join(self.paragraphs),
            "publisher": self.paper.name,
            "publisher_id": self.paper.slug,
            "authors": self.authors,
            "published": self.published.isoformat(),
            "published_raw": self.published_raw,
            "source_url": self.source_url,
            "images": [{"url": "https:" + source, "caption": caption} for source, caption in self.images],
            "repairs": self.repairs,
            "layout": self.layout,
            "story": self.story.key,
            "copy": self.copy,
            "via": self.via,
            "in_feed": in_feed,
        }


PUBLICATION_LINE = {"ar": "نشر في {} يوم {}", "fr": "Publié dans {} le {}", "en": "Published in {} on {}"}


@dataclass(frozen=True)
class Deadend:
    """An address that listings show like an article's and that is none, for this ``reason``."""

    paper: Paper
    number: int
    behaviour: str
    reason: str
    raw_title: str
    author_link: str = ""
    raw_teaser: str = "تفاصيل أكثر في النص الكامل"

    @property
    def path(self) -> str:
        """The canonical address, without the host."""
        return f"{self.paper.path}/{self.number}"


_DEADENDS = (
    ("gone_404", "gone", "خبر حذف بعد نشره"),
    ("gone_410", "gone", "مقال سحبه صاحبه من الموقع"),
    ("soft_404", "soft_404", "صفحة لم تعد موجودة في الأرشيف"),
    ("listing", "listing", "كل أخبار الأسبوع في صفحة واحدة"),
    ("without_content", "empty", "عنوان دون نص ينتظر التحيين"),
    ("to_home", "home_page", "رابط قديم يعيد إلى الواجهة"),
    ("to_known", "redirected_to_known", "خبر أدمج مع خبر آخر"),
    ("pdf", "not_html", "النص الكامل للقرار بصيغة قابلة للتحميل"),
    ("zero_bytes", "empty", "خبر عاجل لم يكتمل تحميله"),
    ("login_wall", "login_wall", "تحقيق خاص بالمشتركين وحدهم"),
)
DEADENDS = {
    end.path: end
    for end in (
        Deadend(PAPERS[index % 8], 11 + index, behaviour, reason, title)
        for index, (behaviour, reason, title) in enumerate(_DEADENDS)
    )
}


class Corpus:
    """All articles in order of appearance, oldest first; ``grow`` adds to the end."""

    def __init__(self, articles: int, seed: int) -> None:
        self.seed = seed
        self.initial = articles
        self.articles: list[Article] = []
        self._numbers = {paper.path: paper.first_number for paper in PAPERS}
        self._counts = {"ar": 0, "fr": 0, "en": 0, "paper": 0, "damage ar": 0, "damage fr": 0, "copy": 0}
        self.grow(articles)

    def grow(self, count: int) -> list[Article]:
        """Publishes this many more articles; which ones depends on the seed and the number of articles so far."""
        added = [self._publish(order) for order in range(len(self.articles), len(self.articles) + count)]
        for article in added:
            article.related = self._related_to(article)
        return added

    def listed(self, edition: str) -> list[Article]:
        """What listings of this edition show, newest first."""
        return [item for item in reversed(self.articles) if item.edition == edition and item.via == "listing"]

    def feed(self, edition: str, paper: Paper | None = None, size: int = 15) -> list[Article]:
        """What an RSS feed holds, newest first: those that only feeds show stay in the feed of their paper."""
        listed = [item for item in self.listed(edition) if paper in {None, item.paper}]
        hidden = [item for item in self.articles if item.via == "rss" and item.paper == paper]
        return listed[: size - len(hidden)] + hidden

    def truth(self) -> dict[str, object]:
        """Everything that a full crawl must find, as plain JSON values."""
        feeds = [self.feed(edition) for edition in ("ar", "fr", "en")] + [self.feed(p.edition, p) for p in PAPERS]
        fed = {article.id for articles in feeds for article in articles}
        return {
            "ids": [article.id for article in self.articles],
            "articles": {article.id: article.truth(in_feed=article.id in fed) for article in self.articles},
            "failures": {HOME + end.path: end.reason for end in DEADENDS.values()},
            "papers": {paper.path: paper.name for paper in PAPERS},
        }

    def _next(self, counter: str) -> int:
        self._counts[counter] += 1
        return self._counts[counter] - 1

    def _publish(self, order: int) -> Article:
        """The article of this place: every eighth is French, every twelfth English, every eighth a copy."""
        draw = random.Random(f"{self.seed}/article/{order}")
        edition: Language = "fr" if order % 8 == 3 else "en" if order % 12 == 4 else "ar"
        if edition == "ar":
            paper = PAPERS[self._next("paper") % 9]
        else:
            paper = draw.choice([paper for paper in PAPERS if paper.edition == edition])
        self._numbers[paper.path] += draw.randint(1, 4)
        original = self._copied(order, paper) if order % 8 == 6 else None
        copy = COPY_KINDS[self._next("copy") % len(COPY_KINDS)] if original else None
        if original:
            story = original.story
            _, writer = tell(self.seed, int(story.key.split("-")[1]), story.language)
        else:
            story, writer = tell(self.seed, order, "fr" if order == FRENCH_IN_ARABIC_EDITION else edition)
        title, paragraphs = _copied_text(story, copy, writer, draw)
        layout = LAYOUTS[edition][self._next(edition) % len(LAYOUTS[edition])]
        via = ONLY_BY.get(order, "listing")
        author_link, authors = self._author(order, paper, draw)
        if layout in REDESIGNED:
            author_link, authors = "", []
        article = Article(
            order, paper, self._numbers[paper.path], story, copy, title, paragraphs, title, list(paragraphs), [],
            layout, author_link, authors, self._date(order), None, [], via=via, quirk=QUIRKS.get(order, ""),
        )  # fmt: skip
        article.source_url = _source_url(article, draw)
        if layout in {"picture", "bare_report", "clutter"}:
            captions = [writer.write("caption"), None] if layout == "picture" else [None]
            article.images = [
                (f"//images2.demoress.example/{paper.slug}/{article.number}" + ("/2" if index else ""), caption)
                for index, caption in enumerate(captions)
            ]
        if order % 5 in {1, 3} and edition in DAMAGES and story.language == edition:
            kinds = DAMAGES[edition]
            _damage(article, kinds[self._next(f"damage {edition}") % len(kinds)], draw)
        self.articles.append(article)
        return article

    def _date(self, order: int) -> date:
        """Bursts of eight articles within three days, from January 2010 to January 2026; later ones follow daily."""
        if order >= self.initial:
            return date(2026, 2, 1) + timedelta(days=(order - self.initial) // 20)
        burst, place = divmod(order, 8)
        span = (date(2026, 1, 20) - date(2010, 1, 4)).days
        return date(2010, 1, 4) + timedelta(days=span * burst // max(1, self.initial // 8) + place // 3)

    def _copied(self, order: int, paper: Paper) -> Article | None:
        """A long story of the same days in another paper."""
        for earlier in reversed(self.articles[max(0, order - 6) :]):
            arabic = earlier.edition == earlier.story.language == "ar"
            if arabic and earlier.paper != paper and not earlier.copy and len(earlier.story.paragraphs) > 3:
                return earlier
        return None

    def _author(self, order: int, paper: Paper, draw: random.Random) -> tuple[str, list[str]]:
        """What the author link reads, and who is therefore the author: neither the paper nor an agency is one."""
        if order in {65, 66, 72}:
            return SHARED_AUTHOR, [SHARED_AUTHOR]
        match order % 6:
            case 1 | 4:
                return paper.name, []
            case 3:
                return AGENCIES[paper.edition], []
        if paper.edition != "ar":
            name = draw.choice(("Nadia Tazi", "Karim Bennani", "Leïla Amrani", "Omar Haddad"))
        else:
            name = person_name(random.Random(f"author {draw.randint(1, 40)}"), feminine=draw.random() < 0.5)
        return name, [name]

    def _related_to(self, article: Article) -> list[Article]:
        """Four earlier articles of its edition, and where it stands next to one that nothing else links, that one."""
        earlier = self.articles[max(0, article.order - 40) : article.order]
        related = [item for item in earlier if item.via == "listing" and item.edition == article.edition][-4:]
        before = self.articles[article.order - 1]
        return [*related, before] if before.via == "related" else related


def _source_url(article: Article, draw: random.Random) -> str | None:
    if article.layout == "no_closing_line" or (article.order % 9 == 8 and article.layout not in REDESIGNED):
        return None
    address = f"http://www.{article.paper.slug}.example/{article.published:%Y/%m}/{article.number}.html"
    return address + draw.choice(("", "", "?utm_source=demoress&utm_medium=rss"))


def _copied_text(story: Story, copy: str | None, writer: Writer, draw: random.Random) -> tuple[str, list[str]]:
    """Title and paragraphs of the story as this kind of copy carries them."""
    title, paragraphs = story.title, list(story.paragraphs)
    match copy:
        case "typography":
            title = with_other_typography(title, draw)
            paragraphs = [with_other_typography(paragraph, draw) for paragraph in paragraphs]
        case "dateline":
            paragraphs[0] = f"{draw.choice(DATELINES)}: {paragraphs[0]}"
        case "cut":
            del paragraphs[draw.randrange(1, len(paragraphs))]
        case "headline":
            title = writer.write("headline")
    return title, paragraphs


def _damage(article: Article, kind: str, draw: random.Random) -> None:
    """Damages the title, or one paragraph that this damage can touch, and notes the repair that mends it."""
    if kind.startswith("title "):
        kind = kind.removeprefix("title ")
        if kind in {"lost_quotes", "entities"} and not re.search(r" «[\w ]+» ", article.title):
            article.title = f"مبادرة «{draw.choice(GRAMMARS['ar']['program'])}» : {article.title}"
        article.title, article.raw_title, repair = damaged(article.title, kind)
    else:
        for place in draw.sample(range(len(article.paragraphs)), len(article.paragraphs)):
            printed = article.paragraphs[place]
            repaired, raw, repair = damaged(printed, kind)
            if raw != printed:
                article.paragraphs[place], article.raw_paragraphs[place] = repaired, raw
                break
    if repair:
        article.repairs.append(repair)
