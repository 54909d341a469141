"""Dates of Arab newspapers: publication lines, the months of every Arab calendar, Hijri years, relative times.

What is ambiguous or invalid gives None; nothing is clamped or guessed. Every function is pure and linear in time.
"""

from __future__ import annotations

import calendar
import re
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from importlib import resources
from typing import TYPE_CHECKING, NamedTuple
from zoneinfo import ZoneInfo

from hijridate import Hijri

from newscrawl.arabic import clean, fold_letters, normalise

if TYPE_CHECKING:
    from collections.abc import Iterable

ZONES = {
    "AE": "Asia/Dubai",
    "BH": "Asia/Bahrain",
    "DJ": "Africa/Djibouti",
    "DZ": "Africa/Algiers",
    "EG": "Africa/Cairo",
    "IQ": "Asia/Baghdad",
    "JO": "Asia/Amman",
    "KM": "Indian/Comoro",
    "KW": "Asia/Kuwait",
    "LB": "Asia/Beirut",
    "LY": "Africa/Tripoli",
    "MA": "Africa/Casablanca",
    "MR": "Africa/Nouakchott",
    "OM": "Asia/Muscat",
    "PS": "Asia/Hebron",
    "QA": "Asia/Qatar",
    "SA": "Asia/Riyadh",
    "SD": "Africa/Khartoum",
    "SO": "Africa/Mogadishu",
    "SY": "Asia/Damascus",
    "TN": "Africa/Tunis",
    "YE": "Asia/Aden",
}
"""Time zone of each Arab country, by ISO 3166 alpha-2."""


class Published(NamedTuple):
    """When a text was published, as exactly as its line says."""

    iso: str
    """`YYYY-MM-DD`; with a clock time ISO 8601 with the country's offset; `YYYY-MM` where no day is given."""
    approx: bool
    """The day was computed from a Hijri date that the country's own sighting may place a day earlier or later."""


def parse_published(line: str, *, country: str, now: datetime) -> str | None:
    """The ISO date of `line`, or None; see `read_published`.

    >>> from datetime import datetime, UTC
    >>> parse_published("نشر في اليوم 24 يوم 12 - 06 - 2018", country="MA", now=datetime(2026, 2, 16, tzinfo=UTC))
    '2018-06-12'
    """
    published = read_published(line, country=country, now=now)
    return published.iso if published else None


def read_published(line: str, *, country: str, now: datetime) -> Published | None:
    """What `line` says of its date, read in the calendar and clock of `country` (ISO 3166 alpha-2) at the instant `now`.

    Of a publication line the date after the last `يوم`, `le` or `on` holds: names of papers are full of days and months.

    Raises:
        ValueError: `country` is not an Arab country, or `now` is without an offset.
    """
    if now.tzinfo is None:
        raise ValueError("now needs an offset from UTC")
    zone = _zone(country)
    text = _fold(line)
    if not text:
        return None
    if anchored := list(_ANCHORED.finditer(text)):
        start = anchored[-1].end()
        match = _NUMERIC.match(text, start)
        return _published([_numeric(match)], text[match.end() :], zone, country) if match else None
    return _absolute(text, zone, country) if _has_year(text) else _relative(text, zone, now)


def find_publication_line(text: str) -> str | None:
    r"""The first publication line in a longer text, as given but for its spaces, ending at its date; None without one.

    For pages whose markup is not known.

    >>> find_publication_line("عنوان\nنشر في  المصري اليوم يوم 11 - 02 - 2011\nنص")
    'نشر في المصري اليوم يوم 11 - 02 - 2011'
    """
    found = _find_line(text)
    return " ".join(text[found[0] : found[3]].split()) if found else None


def publisher_of(line: str) -> str | None:
    """The paper's name in a publication line, cleaned; None where there is no such line or no name in it.

    >>> publisher_of("Publié dans Aujourd'hui le Maroc le 15 - 11 - 2015")
    "Aujourd'hui le Maroc"
    """
    found = _find_line(line)
    return clean(line[found[1] : found[2]], "title") or None if found else None


def _find_line(text: str) -> tuple[int, int, int, int] | None:
    """Where a publication line starts, its name starts and ends, and where the line ends."""
    if "-" not in text:  # a thousandth of the time of the pattern
        return None
    for date_match in _LINE_DATE.finditer(text):
        # A name is shorter than this; looking back no further keeps a page full of dates linear.
        window = text[max(0, date_match.start() - _LONGEST_NAME) : date_match.start()]
        for lead in reversed(list(_LINE_LEAD.finditer(window))):
            if lead.lastgroup == date_match.lastgroup:
                offset = date_match.start() - len(window)
                return offset + lead.start(), offset + lead.end(), date_match.start(), date_match.end()
    return None


_LONGEST_NAME = 150
_LINE_LEAD = re.compile(
    r"(?<!\w)(?:(?P<ar>نشر\s{1,9}في)|(?P<fr>publi(?:é|é|e)\s{1,9}dans)|(?P<en>published\s{1,9}in))\s", re.IGNORECASE
)
_GAP = r"[\s\u00ad\u061c\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff]{0,9}"
_LINE_NUMBERS = rf"{_GAP}\d{{1,2}}{_GAP}-{_GAP}\d{{1,2}}{_GAP}-{_GAP}\d{{4}}(?!\d)"
_LINE_DATE = re.compile(
    rf"(?<!\w)(?:(?P<ar>يوم(?=\W)(?={_LINE_NUMBERS}))|(?P<fr>le(?=\W)(?={_LINE_NUMBERS}))|(?P<en>on(?=\W)(?={_LINE_NUMBERS}))){_LINE_NUMBERS}",
    re.IGNORECASE,
)


# Numbers, months and days, in the letters of layer B


def _numbered(lists: str, start: int = 1) -> dict[str, int]:
    """The words of each line, separated by commas, stand for its number."""
    return {
        normalise(word): number
        for number, line in enumerate(lists.strip().splitlines(), start)
        for word in line.split(",")
    }


_GREGORIAN = _numbered(
    """
    يناير,جانفي,كانون الثاني,كانون ثاني,كانون ثان,كانون 2,ينايير,janvier,janv,january,jan
    فبراير,فيفري,شباط,فبرائر,février,févr,fév,february,feb
    مارس,آذار,mars,march
    أبريل,أفريل,نيسان,avril,avr,april,apr
    مايو,ماي,أيار,مايس,mai,may
    يونيو,يونيه,جوان,حزيران,juin,june,jun
    يوليو,يوليه,يوليوز,جويلية,تموز,juillet,juil,july,jul
    أغسطس,غشت,أوت,آب,أغشت,اغسطس,août,august,aug
    سبتمبر,شتنبر,أيلول,شتمبر,septembre,sept,september,sep
    أكتوبر,أوكتوبر,تشرين الأول,تشرين أول,تشرين 1,octobre,oct,october
    نوفمبر,نونبر,تشرين الثاني,تشرين ثاني,تشرين ثان,تشرين 2,novembre,nov,november
    ديسمبر,دجنبر,دجمبر,دسمبر,كانون الأول,كانون أول,كانون 1,décembre,déc,december,dec
    """
)
_HIJRI = _numbered(
    """
    محرم,المحرم,محرم الحرام,muharram,mouharram
    صفر,safar
    ربيع الأول,ربيع أول,ربيع 1
    ربيع الآخر,ربيع الثاني,ربيع آخر,ربيع ثاني,ربيع 2
    جمادى الأولى,جمادى الأول,جمادى أولى,جمادى 1
    جمادى الآخرة,جمادى الثانية,جمادى الآخر,جمادى الثاني,جمادى 2
    رجب,رجب الفرد,rajab
    شعبان,chaabane,chaâbane,shaaban
    رمضان,رمضان المبارك,رمضان الأبرك,رمضان المعظم,ramadan,ramadhan
    شوال,chaoual,shawwal
    ذو القعدة,ذي القعدة,ذو القعده,ذي قعدة
    ذو الحجة,ذي الحجة,ذي حجة,ذو حجة
    """
)
_AMBIGUOUS = frozenset(map(normalise, ("كانون", "تشرين", "ربيع", "جمادى")))
"""Two months have this name; a second word tells which."""

_ORDINALS = _numbered(
    """
    الأول,فاتح,الفاتح,غرة
    الثاني
    الثالث
    الرابع
    الخامس
    السادس
    السابع
    الثامن
    التاسع
    العاشر
    الحادي عشر
    الثاني عشر
    الثالث عشر
    الرابع عشر
    الخامس عشر
    السادس عشر
    السابع عشر
    الثامن عشر
    التاسع عشر
    العشرين,العشرون
    الحادي والعشرين,الحادي والعشرون,الواحد والعشرين,الواحد والعشرون
    الثاني والعشرين,الثاني والعشرون
    الثالث والعشرين,الثالث والعشرون
    الرابع والعشرين,الرابع والعشرون
    الخامس والعشرين,الخامس والعشرون
    السادس والعشرين,السادس والعشرون
    السابع والعشرين,السابع والعشرون
    الثامن والعشرين,الثامن والعشرون
    التاسع والعشرين,التاسع والعشرون
    الثلاثين,الثلاثون
    الحادي والثلاثين,الحادي والثلاثون,الواحد والثلاثين,الواحد والثلاثون
    """
)
_LAST_DAY = normalise("متم")
_CARDINALS = _numbered(
    """
    واحد,واحدة,un,une,one,a,an
    اثنين,اثنان,اثنتين,اثنتان,deux,two
    ثلاث,ثلاثة,trois,three
    أربع,أربعة,quatre,four
    خمس,خمسة,cinq,five
    ست,ستة,six
    سبع,سبعة,sept,seven
    ثمان,ثماني,ثمانية,huit,eight
    تسع,تسعة,neuf,nine
    عشر,عشرة,dix,ten
    أحد عشر,إحدى عشرة,onze,eleven
    اثني عشر,اثنا عشر,اثنتي عشرة,اثنتا عشرة,douze,twelve
    ثلاثة عشر,ثلاث عشرة,treize,thirteen
    أربعة عشر,أربع عشرة,quatorze,fourteen
    خمسة عشر,خمس عشرة,quinze,fifteen
    ستة عشر,ست عشرة,seize,sixteen
    سبعة عشر,سبع عشرة,seventeen
    ثمانية عشر,ثماني عشرة,eighteen
    تسعة عشر,تسع عشرة,nineteen
    عشرين,عشرون,vingt,twenty
    """
) | {normalise(word): number for word, number in (("ثلاثين", 30), ("trente", 30), ("أربعين", 40), ("خمسين", 50))}
_WEEKDAYS = _numbered(
    """
    الإثنين,الاثنين,lundi,monday
    الثلاثاء,mardi,tuesday
    الأربعاء,mercredi,wednesday
    الخميس,jeudi,thursday
    الجمعة,vendredi,friday
    السبت,samedi,saturday
    الأحد,dimanche,sunday
    """,
    start=0,
)

_NONE, _SECOND, _MINUTE, _HOUR, _DAY, _WEEK, _MONTH, _YEAR = range(8)
_SECONDS = {_SECOND: 1, _MINUTE: 60, _HOUR: 3600}
_UNITS = _numbered(
    """
    ثانية,ثوان,ثواني,ثانيتين,seconde,secondes,second,seconds
    دقيقة,دقائق,دقيقتين,minute,minutes,min,mins
    ساعة,ساعات,ساعتين,heure,heures,hour,hours,h
    يوم,يوما,أيام,يومين,jour,jours,day,days
    أسبوع,أسبوعا,أسابيع,أسبوعين,semaine,semaines,week,weeks
    شهر,شهرا,أشهر,شهور,شهرين,mois,month,months
    سنة,سنوات,سنين,سنتين,عام,عاما,أعوام,عامين,an,ans,année,années,year,years
    """
)
_DUALS = frozenset(map(normalise, ("ثانيتين", "دقيقتين", "ساعتين", "يومين", "أسبوعين", "شهرين", "سنتين", "عامين")))
_SINGULARS = frozenset(map(normalise, ("ثانية", "دقيقة", "ساعة", "يوم", "أسبوع", "شهر", "سنة", "عام")))
_NEAR_DAYS = {
    normalise(word): days
    for days, words in enumerate(
        (
            "اليوم,هذا اليوم,aujourd'hui,today",
            "أمس,الأمس,بالأمس,البارحة,hier,yesterday",
            "أول أمس,أمس الأول,قبل أمس,أول البارحة,avant-hier,day before yesterday,the day before yesterday",
        )
    )
    for word in words.split(",")
}
_NOW = frozenset(map(normalise, ("الآن", "maintenant", "à l'instant", "now", "just now")))


def _any(words: Iterable[str]) -> str:
    """A pattern for one of the words, the longest first; a number at the end of a word is a whole number."""
    names = sorted(words, key=len, reverse=True)
    return "|".join(name + r"(?!\d)" * name[-1].isdigit() for name in names)


_MONTH_NAMES = {**_GREGORIAN, **_HIJRI, **dict.fromkeys(_AMBIGUOUS, 0)}
_A_MONTH = rf"(?P<month>{_any(_MONTH_NAMES)})(?![^\W\d])(?: ?[/(|-] ?(?P<other>{_any(_MONTH_NAMES)})(?![^\W\d])\)?)?[.,،]{{0,2}}"
_OF_YEAR = r"(?: ?(?:(?:من )?(?:سنه|عام|لسنه|لعام) ?|(?:de|of) )?)"
_DAY_MONTH = re.compile(
    rf"(?<!\w)(?P<day>\d{{1,2}}(?: ?(?:er|st|nd|rd|th)(?![^\W\d]))?|(?:{_any([*_ORDINALS, _LAST_DAY])})(?!\w))"
    rf" ?(?:(?:من|شهر|de|of) ){{0,2}}{_A_MONTH}(?:{_OF_YEAR}(?P<year>\d++)(?! ?[:h]))?"
)
_MONTH_DAY = re.compile(
    rf"(?<!\w)(?P<month>{_any(name for name in _GREGORIAN if name.isascii())})\.? (?P<day>\d{{1,2}})(?:st|nd|rd|th)?"
    r"(?P<other>),? (?P<year>\d{4})(?!\d)"
)
_MONTH_YEAR = re.compile(rf"(?<!\w){_A_MONTH}{_OF_YEAR}(?P<year>\d{{4}})(?!\d)")
_DIGITS = r"(?P<first>\d{1,4}) ?(?P<separator>[-/.]) ?(?P<second>\d{1,2}) ?(?P=separator) ?(?P<third>\d{1,4})(?!\d)"
_NUMERIC = re.compile(rf"(?<![\d/.:-]){_DIGITS}")
_ANCHORED = re.compile(rf"(?<!\w)(?:يوم|le|on) (?={_DIGITS})")
_LEAD = re.compile(r"\W*(?:نشر في|publie dans|published in) ")
_RANGE = re.compile(r"(?<![:h]\d)(?<![:h])\d ?(?:-|/|الي|و|au|et|to|and) ?$")


def _fold(line: str) -> str:
    """`line` in the letters and digits of layer B, with its punctuation; every dash is a hyphen."""
    return fold_letters(clean(line, "title")).translate(_DASHES)


_DASHES = str.maketrans("‐‑‒–—−", "------")


# Absolute dates: each reading is a day, or None where it is no day of its calendar


class _Day(NamedTuple):
    day: date
    hijri: bool


def _has_year(text: str) -> bool:
    """Whether a day with its year is in the text."""
    return bool(
        any(match["year"] or match["month"] in _HIJRI for match in _DAY_MONTH.finditer(text))
        or _MONTH_DAY.search(text)
        or any(4 in (len(match["first"]), len(match["third"])) for match in _NUMERIC.finditer(text))
    )


def _absolute(text: str, zone: ZoneInfo, country: str) -> Published | None:
    """The one day with its year that a text gives; the Gregorian one where there is a Hijri one beside it."""
    spans: list[tuple[int, int]] = []
    days: dict[bool, list[_Day | None]] = {False: [], True: []}
    for pattern in (_DAY_MONTH, _MONTH_DAY):
        for match in pattern.finditer(text):
            if match["year"]:
                days[match["month"] in _HIJRI].append(_spelled(match, match["year"]))
                spans.append(match.span())
    for match in _NUMERIC.finditer(text):
        years = [int(part) for part in (match["first"], match["third"]) if len(part) == 4]
        if years:
            days[years[0] < _FIRST_GREGORIAN_YEAR].append(_numeric(match))
            spans.append(match.span())
    rest = text
    for start, end in sorted(spans, reverse=True):
        rest = f"{rest[:start]} | {rest[end:]}"
    return _published(days[False] or days[True], rest, zone, country)


def _spelled(match: re.Match[str], digits: str) -> _Day | None:
    """A day, the name of its month, and its year of four digits; the end of a range is no day of its own."""
    month, hijri = _month(match), match["month"] in _HIJRI
    if not month or len(digits) != 4 or _RANGE.search(match.string[max(0, match.start() - 12) : match.start()]):
        return None
    year = int(digits)
    if match["day"] == _LAST_DAY:
        return _last_day(year, month, hijri=hijri)
    number = _ORDINALS.get(match["day"]) or int(re.sub(r"\D", "", match["day"]))
    return _day(year, month, number, hijri=hijri)


def _numeric(match: re.Match[str]) -> _Day | None:
    """Day first or year first, with all four digits of the year; month first is never assumed."""
    first, third = match["first"], match["third"]
    if len(first) == 4 and len(third) < 3:
        year, number = int(first), int(third)
    elif len(third) == 4 and len(first) < 3:
        year, number = int(third), int(first)
    else:
        return None
    return _day(year, int(match["second"]), number, hijri=year < _FIRST_GREGORIAN_YEAR)


def _month(match: re.Match[str]) -> int:
    """The number of the month; 0 where its name stands for two, or two names disagree."""
    numbers = {_MONTH_NAMES[name] for name in (match["month"], match["other"]) if name and name not in _AMBIGUOUS}
    calendars = {name in _HIJRI for name in (match["month"], match["other"]) if name}
    return numbers.pop() if len(numbers) == 1 and len(calendars) == 1 else 0


def _day(year: int, month: int, number: int, *, hijri: bool) -> _Day | None:
    """A day of the Gregorian calendar or of the Umm al-Qura one, which is known for 1343 to 1500."""
    try:
        if hijri:
            return _Day(date(*Hijri(year, month, number).to_gregorian().datetuple()), hijri)
        return _Day(date(year, month, number), hijri) if year >= _FIRST_GREGORIAN_YEAR else None
    except (ValueError, OverflowError):
        return None


def _last_day(year: int, month: int, *, hijri: bool) -> _Day | None:
    first = _day(year, month, 1, hijri=hijri)
    if not first:
        return None
    length = Hijri(year, month, 1).month_length() if hijri else calendar.monthrange(year, month)[1]
    return _day(year, month, length, hijri=hijri)


_FIRST_GREGORIAN_YEAR = 1600
"""Below it a year of four digits is a Hijri year: newspapers are younger, and 1600 AH is 2173."""


# Clock times


def _published(readings: list[_Day | None], rest: str, zone: ZoneInfo, country: str) -> Published | None:
    """One day with the clock time in the rest of its line; None where the readings or the times differ."""
    if len(set(readings)) != 1 or readings[0] is None:
        return None
    day, hijri = readings[0]
    iso = _with_clock(day, rest, zone)
    return Published(iso, hijri and country != "SA") if iso else None


def _with_clock(day: date, rest: str, zone: ZoneInfo) -> str | None:
    """`day` in ISO 8601, with the one clock time of `rest` if there is one; None where it is no time of that day."""
    times = list(_CLOCK.finditer(rest))
    if not times:
        return day.isoformat()
    clock = times[0]
    hour, minute, second = (int(clock[part] or 0) for part in ("hour", "minute", "second"))
    minute = minute or int(clock["after_h"] or 0)
    half = clock["half"] or clock["bare_half"]
    if half and not 0 <= hour - (half[0] in _AFTERNOON) <= (23 if half[0] in _AFTERNOON else 12):
        return None
    if half and hour <= 12:
        hour = hour % 12 + 12 * (half[0] in _AFTERNOON)
    try:
        wall = datetime(day.year, day.month, day.day, hour, minute, second)  # noqa: DTZ001 - its zone comes below
    except ValueError:
        return None
    if len(times) > 1:
        return None
    if clock["zone"] or clock["offset"]:
        ahead = (clock["offset"] or clock["ahead"] or "+0").replace(" ", "").replace(":", "")
        hours, minutes = int(ahead[:3]), int(ahead[0] + (ahead[3:] or "0"))
        return (wall.replace(tzinfo=UTC) - timedelta(hours=hours, minutes=minutes)).astimezone(zone).isoformat()
    local = wall.replace(tzinfo=zone)
    # A wall time that the clock change skips or repeats is no instant, or two.
    return local.isoformat() if local.utcoffset() == local.replace(fold=1).utcoffset() else None


_AFTERNOON = "مظp"
_CLOCK = re.compile(
    r"(?<![\d:.,+])(?P<hour>\d{1,2})"
    r"(?: ?(?::(?P<minute>\d{2})(?::(?P<second>\d{2})(?:[.,]\d+)?)?|h(?![^\W\d]) ?(?P<after_h>\d{2})?)(?![\d:])"
    r"(?: ?(?P<half>صباحا|مساء|ظهرا|ص|م|[ap]\.?m\.?)(?!\w))?"
    r"(?: ?(?P<zone>z|utc|gmt)(?!\w)(?P<ahead> ?[+-] ?\d{1,2}(?![\d:]))?)?"
    # 10:00-12:00 is no time behind Greenwich
    r"(?P<offset>\+\d{2}:?\d{2}(?!\d)|(?<=:\d\d:\d\d)-\d{2}:?\d{2}(?!\d))?"
    r"| ?(?P<bare_half>صباحا|مساء|[ap]\.?m\.?)(?!\w))"
)


@lru_cache
def _zone(country: str) -> ZoneInfo:
    """The zone of a country, from the pinned tzdata: the machine's own rules may be older than Morocco's last decree."""
    try:
        name = ZONES[country]
    except KeyError:
        raise ValueError(f"no time zone is known for country {country!r}; known: {', '.join(ZONES)}") from None
    *folders, file = name.split("/")
    with resources.files(".".join(("tzdata", "zoneinfo", *folders))).joinpath(file).open("rb") as data:
        return ZoneInfo.from_file(data, key=name)


# What is told from now: days without a year, months, relative times


def _relative(text: str, zone: ZoneInfo, now: datetime) -> Published | None:
    local = now.astimezone(zone)
    if _LEAD.match(text):
        return None  # the name of a paper: it may be a day, or "today"
    iso = (
        _without_year(text, zone, local)
        or _month_only(text)
        or _ago(text, zone, now)
        or _near_day(text, zone, local)
        or _last_weekday(text, local)
    )
    return Published(iso, approx=False) if iso else None


def _without_year(text: str, zone: ZoneInfo, local: datetime) -> str | None:
    """A day and its month: the latest such day that is not after today."""
    matches = list(_DAY_MONTH.finditer(text))
    if len(matches) != 1 or matches[0]["month"] in _HIJRI:
        return None
    match = matches[0]
    for year in range(local.year, local.year - 9, -1):  # a 29th of February comes back within eight years
        found = _spelled(match, str(year))
        if found and found.day <= local.date():
            return _with_clock(found.day, f"{text[: match.start()]} | {text[match.end() :]}", zone)
    return None


def _month_only(text: str) -> str | None:
    """`YYYY-MM` of a Gregorian month; a Hijri month lies in two of them."""
    months = {(match["year"], _month(match), match["month"] in _HIJRI) for match in _MONTH_YEAR.finditer(text)}
    if len(months) != 1 or _DAY_MONTH.search(text):
        return None
    year, month, hijri = months.pop()
    return f"{year}-{month:02}" if month and not hijri and int(year) >= _FIRST_GREGORIAN_YEAR else None


def _ago(text: str, zone: ZoneInfo, now: datetime) -> str | None:
    """`منذ ساعتين`, `il y a 2 heures`, `2 hours ago`: hours are counted in UTC, days on the country's calendar."""
    phrase = _AGO.search(text)
    if not phrase:
        return None
    amounts = [_amount(part) for part in re.split(r" (?:و|et|and) ?", phrase["since"] or phrase["ago"])]
    units = {unit for unit, _ in amounts}
    if units <= _SECONDS.keys():
        return _back(now, timedelta(seconds=sum(_SECONDS[unit] * number for unit, number in amounts)), zone)
    if len(amounts) != 1 or _NONE in units:
        return None
    unit, number = amounts[0]
    today = now.astimezone(zone).date()
    try:
        if unit in {_DAY, _WEEK}:
            return (today - timedelta(days=number * (7 if unit == _WEEK else 1))).isoformat()
        months = today.year * 12 + today.month - 1 - number * (12 if unit == _YEAR else 1)
        return today.replace(year=months // 12, month=months % 12 + 1).isoformat()
    except (ValueError, OverflowError):
        return None  # there is no such day in that month


def _back(now: datetime, delta: timedelta, zone: ZoneInfo) -> str | None:
    try:
        return (now.astimezone(UTC) - delta).astimezone(zone).isoformat(timespec="seconds")
    except OverflowError:
        return None


def _amount(phrase: str) -> tuple[int, int]:
    """A unit of time and its number; the unit _NONE where the phrase is anything else or says only "hours"."""
    number, _, unit = phrase.rpartition(" ")
    kind = _UNITS.get(unit, _NONE)
    if phrase in _FRACTIONS:
        return _MINUTE, _FRACTIONS[phrase]
    if unit in _DUALS:
        return (_NONE, 0) if number else (kind, 2)
    if not number:
        return (kind, 1) if unit in _SINGULARS else (_NONE, 0)
    count = int(number) if re.fullmatch(r"\d{1,4}", number) else _CARDINALS.get(number, 0)
    return (kind, count) if count else (_NONE, 0)


_FRACTIONS = {normalise("نصف ساعة"): 30, normalise("ربع ساعة"): 15}
_AGO = re.compile(
    r"(?:(?<!\w)(?:منذ|قبل|il y a) (?P<since>[\w ]{2,40})|(?<!\w)(?P<ago>\d{1,4} \w{1,9}|[a-z]{1,9} [a-z]{1,9}) ago)\W*$"
)


def _near_day(text: str, zone: ZoneInfo, local: datetime) -> str | None:
    """`أمس`, `hier`, `yesterday`, alone or with a weekday that agrees, and with or without a clock time; `الآن`."""
    words = normalise(_AT.sub(" ", _CLOCK.sub(" ", text)))
    if words in _NOW:
        return local.isoformat(timespec="seconds") if words == normalise(text) else None
    rest, _, last = words.rpartition(" ")
    weekday = _WEEKDAYS.get(last)
    days = _NEAR_DAYS.get((rest if weekday is not None else words).removeprefix("يوم "))
    if days is None:
        return None
    day = local.date() - timedelta(days=days)
    return _with_clock(day, text, zone) if weekday in {None, day.weekday()} else None


def _last_weekday(text: str, local: datetime) -> str | None:
    """`الإثنين الماضي`, `lundi dernier`, `last Monday`: the latest one before today."""
    match = _LAST_WEEKDAY.fullmatch(normalise(text))
    if not match:
        return None
    weekday = _WEEKDAYS[match["before"] or match["after"]]
    return (local.date() - timedelta(days=(local.weekday() - weekday - 1) % 7 + 1)).isoformat()


_AT = re.compile(r"(?<!\w)(?:(?:علي |في )?الساعه|علي|في|a|at)(?!\w)")
_LAST_WEEKDAY = re.compile(
    rf"(?:يوم )?(?P<before>{_any(_WEEKDAYS)}) (?:الماضي|الماضيه|المنصرم|المنصرمه|الفارط|الفارطه|dernier)"
    rf"|last (?P<after>{_any(_WEEKDAYS)})"
)
