import json
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from newscrawl.dates import ZONES, Published, find_publication_line, parse_published, publisher_of, read_published

VECTORS = [
    json.loads(line)
    for line in (Path(__file__).parent / "vectors" / "dates.jsonl").read_text(encoding="utf-8").split("\n")
    if line
]
NOW = datetime(2026, 2, 16, 12, tzinfo=UTC)


@pytest.mark.parametrize("vector", VECTORS, ids=[f"{v['note'].partition(':')[0]}-{v['id']}" for v in VECTORS])
def test_parse_published_gives_the_vector(vector):
    now = datetime.fromisoformat(vector["now"])
    assert parse_published(vector["input"], country=vector["country"], now=now) == vector["expected_iso"]


@pytest.mark.parametrize(
    ("line", "country", "iso"),
    [
        # publication lines
        ("نشر في 20 فبراير يوم 12 - 06 - 2018", "MA", "2018-06-12"),
        ("نشر في يوم 12 - 06 - 2018 يوم 31 - 02 - 2019", "MA", None),
        ("نشر في فبراير.كوم", "MA", None),
        ("نشر في 20 فبراير", "MA", None),
        ("نشر في اليوم 24", "MA", None),
        ("Publié dans Aujourd'hui le Maroc le 01 - 02 - 2020", "MA", "2020-02-01"),
        ("Published in The Daily on 12 - 13 - 2015", "MA", None),
        ("نشر في هسبريس يوم 15 - 11 - 15", "MA", None),
        ("نشر في هسبريس يوم 00 - 11 - 2015", "MA", None),
        ("نشر في الشروق يوم 7 يناير 2015", "TN", "2015-01-07"),
        # months and days
        ("16 شتمبر 2015", "MR", "2015-09-16"),
        ("6 نونبر 1975", "MA", "1975-11-06"),
        ("15 كانون 2 2015", "LB", "2015-01-15"),
        ("15 تشرين 2019", "LB", None),
        ("يناير (كانون الثاني) 2015", "LB", "2015-01"),
        ("3 يناير/شباط 2015", "LB", None),
        ("الفاتح من نونبر 1954", "DZ", "1954-11-01"),
        ("الحادي والعشرين من شهر مارس سنة 2020", "EG", "2020-03-21"),
        ("متم فبراير 2024", "MA", "2024-02-29"),
        ("31 أبريل 2020", "MA", None),
        ("5-7 ماي 2015", "MA", None),
        ("من 5 إلى 7 ماي 2015", "MA", None),
        ("15 نوفمبر 15", "MA", None),
        ("15 نوفمبر 2015م", "EG", "2015-11-15"),
        ("5 ماي 2015 و 6 ماي 2015", "MA", None),
        ("29 فبراير", "MA", "2024-02-29"),
        ("15th November 2015", "MA", "2015-11-15"),
        ("Sept. 3, 2020", "MA", "2020-09-03"),
        ("15 . 11 . 2015", "MA", "2015-11-15"),
        ("15/11-2015", "MA", None),
        # clocks and zones
        ("2015-07-15T10:20:00Z", "MA", "2015-07-15T10:20:00+00:00"),
        ("2016-07-15T10:20:00Z", "MA", "2016-07-15T11:20:00+01:00"),
        ("2023-07-01 12:00", "EG", "2023-07-01T12:00:00+03:00"),
        ("2015-11-15T10:20:00-05:00", "TN", "2015-11-15T16:20:00+01:00"),
        ("2016-07-01 12:00", "SD", "2016-07-01T12:00:00+03:00"),
        ("2020-07-01 12:00", "SD", "2020-07-01T12:00:00+02:00"),
        ("15/11/2015 12:00 GMT+2", "TN", "2015-11-15T11:00:00+01:00"),
        ("18:45 - 15 نوفمبر 2015", "TN", "2015-11-15T18:45:00+01:00"),
        ("15 نوفمبر 2015 على الساعة 18:45 مساء", "TN", "2015-11-15T18:45:00+01:00"),
        ("15 نوفمبر 2015 18:45 ص", "TN", None),
        ("15/11/2015 25:00", "TN", None),
        ("15/11/2015 10:00-12:00", "TN", None),
        ("2023-10-26 23:30", "EG", None),  # told twice by the clock change
        ("أمس على الساعة 10:00", "EG", "2026-02-15T10:00:00+02:00"),
        ("2024-04-26 00:30", "EG", None),  # skipped by the clock change
        ("2024-10-31 23:30", "EG", None),  # told twice by it
        # told from now
        ("منذ ساعة", "MA", "2026-02-16T11:00:00+00:00"),
        ("منذ ساعة و20 دقيقة", "MA", "2026-02-16T10:40:00+00:00"),
        ("منذ نصف ساعة", "MA", "2026-02-16T11:30:00+00:00"),
        ("منذ ساعة ونصف", "MA", None),
        ("منذ ساعات", "MA", None),
        ("منذ شهر", "MA", "2026-01-16"),
        ("منذ 11 يوما", "MA", "2026-02-05"),
        ("منذ أسبوعين", "MA", "2026-02-02"),
        ("قبل عامين", "MA", "2024-02-16"),
        ("il y a une heure", "MA", "2026-02-16T11:00:00+00:00"),
        ("an hour ago", "MA", "2026-02-16T11:00:00+00:00"),
        ("3 days ago", "MA", "2026-02-13"),
        ("avant-hier", "MA", "2026-02-14"),
        ("aujourd'hui", "MA", "2026-02-16"),
        ("أمس الأول", "MA", "2026-02-14"),
        ("أمس الأحد", "MA", "2026-02-15"),
        ("أمس السبت", "MA", None),
        ("اليوم 10:30", "MA", "2026-02-16T10:30:00+00:00"),
        ("يوم الجمعة الماضي", "MA", "2026-02-13"),
        ("lundi dernier", "MA", "2026-02-09"),
        ("last Friday", "MA", "2026-02-13"),
        ("الإثنين", "MA", None),
        ("Aujourd'hui le Maroc", "MA", None),
        ("المساء", "MA", None),
        # Hijri
        ("متم رمضان 1446", "SA", "2025-03-29"),
        ("30 رمضان 1446", "SA", None),
        ("غرة محرم 1447", "SA", "2025-06-26"),
        ("1447/8/27", "SA", "2026-02-15"),
        ("1 رمضان 1300", "SA", None),
        ("12 ربيع 1447", "SA", None),
        ("5 ماي 1447", "SA", None),
        ("رمضان 1445", "SA", None),
        ("27 شعبان 1447 الموافق 31 فبراير 2026", "SA", None),
        ("27/8/1447 - 15/2/2026", "SA", "2026-02-15"),
    ],
)  # fmt: skip
def test_lines_at_their_edges(line, country, iso):
    assert parse_published(line, country=country, now=NOW) == iso


def test_only_a_hijri_date_outside_saudi_arabia_is_approximate():
    assert read_published("1 رمضان 1445 هـ", country="MA", now=NOW) == Published("2024-03-11", approx=True)
    assert read_published("1 رمضان 1445 هـ", country="SA", now=NOW) == Published("2024-03-11", approx=False)
    assert read_published("27 شعبان 1447 الموافق 15 فبراير 2026", country="MA", now=NOW) == Published(
        "2026-02-15", approx=False
    )


def test_months_are_counted_on_the_calendar_and_never_clamped():
    assert parse_published("منذ شهر", country="MA", now=datetime(2026, 3, 31, tzinfo=UTC)) is None
    assert parse_published("منذ سنة", country="MA", now=datetime(2024, 2, 29, 12, tzinfo=UTC)) is None


def test_an_unknown_country_and_a_naive_now_are_refused():
    with pytest.raises(ValueError, match="'XX'"):
        read_published("أمس", country="XX", now=NOW)
    with pytest.raises(ValueError, match="offset"):
        read_published("أمس", country="MA", now=NOW.replace(tzinfo=None))


@pytest.mark.parametrize("country", ZONES)
def test_every_country_has_its_clock(country):
    assert parse_published("2026-07-01 12:00", country=country, now=NOW).startswith("2026-07-01T12:00:00+0")


@pytest.mark.parametrize(
    ("text", "line", "publisher"),
    [
        ("عنوان\n نشر في  اليوم 24\n يوم 12 - 06 - 2018 18:45\nنص", "نشر في اليوم 24 يوم 12 - 06 - 2018", "اليوم 24"),
        ("x Publié dans L'Opinion le 15 - 11 - 2015.", "Publié dans L'Opinion le 15 - 11 - 2015", "L'Opinion"),
        ("PUBLISHED IN On the Go on 1-2-2015", "PUBLISHED IN On the Go on 1-2-2015", "On the Go"),
        ("نشر في الشروق يوم \N{RIGHT-TO-LEFT MARK}15\N{RIGHT-TO-LEFT MARK} - ١١ - ٢٠١٥", "نشر في الشروق يوم \N{RIGHT-TO-LEFT MARK}15\N{RIGHT-TO-LEFT MARK} - ١١ - ٢٠١٥", "الشروق"),
        ("تقرير نشر في مجلة. نشر في العلم يوم 1 - 2 - 2015", "نشر في العلم يوم 1 - 2 - 2015", "العلم"),
        ("نشر في العلم le 1 - 2 - 2015", None, None),
        ("يوم 1 - 2 - 2015", None, None),
        ("نشر في العلم يوم 1 - 2 - 15", None, None),
        ("", None, None),
    ],
)  # fmt: skip
def test_publication_lines_are_found_in_longer_texts(text, line, publisher):
    assert find_publication_line(text) == line
    assert publisher_of(text) == publisher


PIECES = [
    "نشر في", "يوم", "le", "on", "Publié dans", "15", "31", "2", "2015", "1447", "15 - 11 - 2015", "-", "/", ".", ":", " ", " ", " ", "T", "Z", "+01:00",
    "يناير", "كانون", "الأول", "رمضان", "متم", "فاتح", "أمس", "الآن", "منذ", "قبل", "ساعتين", "سنة", "9999", "ago", "il y a", "days", "heures", "hier",
    "الإثنين", "الماضي", "18:45", "18h", "م", "ص", "May", "novembre", "الموافق", "هـ", "\N{RIGHT-TO-LEFT MARK}", "١٢", "\ud800", "\0",
]  # fmt: skip


@settings(derandomize=True, deadline=None, max_examples=1500)
@given(
    st.lists(st.sampled_from(PIECES), max_size=9).map(" ".join)
    | st.lists(st.sampled_from(PIECES), max_size=9).map("".join)
    | st.text(),
    st.sampled_from(["MA", "SA"]),
)
def test_any_line_gives_a_date_or_none(line, country):
    iso = parse_published(line, country=country, now=NOW)
    if iso is not None:
        datetime.fromisoformat(iso if len(iso) > 7 else f"{iso}-01")
    find_publication_line(line)
    publisher_of(line)


@pytest.mark.parametrize(
    "piece",
    [
        "يوم 1 - ",
        "نشر في ",
        "15 - 11 - 2015 ",
        "يوم 15 - 11 - 2015 ",
        "1",
        " ",
        "15 نوفمبر ",
        "كانون ",
        "منذ ساعة و ",
        "18:45 ",
        "a ",
        "منذ ",
    ],
)
def test_a_hostile_line_costs_linear_time(piece):
    text = (piece * 300_000)[:300_000]
    started = time.process_time()
    read_published(text, country="MA", now=NOW)
    find_publication_line(text)
    assert time.process_time() - started < 4
