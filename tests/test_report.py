"""The report: its figures, what it says of feeds that are not right, and the page in a real Chromium."""

import dataclasses
import gzip
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
import zstandard

from newscrawl.arabic import normalise
from newscrawl.items import Article, feed_line
from newscrawl.report.figures import ReportError, collect, find_sources
from newscrawl.report.page import page_of
from newscrawl.store import open_store
from tests.conftest import ROOT, crawl, read_feed, run_scrapy

CHROMIUM = shutil.which("chromium")
ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
ATTACK = "<script>document.title='owned'</script><img src=x onerror=alert(1)>'\"]]>"


def article(number=1, paper="hespress", **fields):
    given = {
        "id": f"maghress/ar/{paper}/{number}",
        "url": f"https://www.maghress.com/{paper}/{number}",
        "site": "maghress",
        "edition": "ar",
        "language": "ar",
        "title": f"خبر رقم {number}",
        "body": "نص الخبر",
        "publisher": {"hespress": "هسبريس", "almassae": "المساء"}.get(paper, paper),
        "publisher_id": paper,
        "published": "2026-11-20",
        "fetched_at": "2026-11-21T10:00:00Z",
        "rights": {"robots": "allowed"},
    }
    return Article(**{**given, **fields})


def folder_of(tmp_path, articles=(), duplicates=()):
    feeds = tmp_path / "feeds"
    feeds.mkdir(parents=True)
    for name, lines in (("articles", articles), ("duplicates", duplicates)):
        (feeds / f"{name}.jsonl").write_bytes(b"".join(feed_line(line) + b"\n" for line in lines))
    return tmp_path


def figures_of(folder):
    return collect(find_sources([folder]))


@pytest.fixture(scope="module")
def crawled(demo, tmp_path_factory):
    folder = tmp_path_factory.mktemp("report")
    assert crawl(folder, "NEWSCRAWL_LINGER=5", site="demo", base_url=demo.base_url).status == 0
    return folder


# Figures


def test_the_figures_are_those_of_the_feeds_and_the_state(crawled, demo):
    figures, truth = figures_of(crawled), demo.truth()["articles"]
    assert figures.totals["articles"] + figures.totals["copies"] == len(truth)
    assert sum(paper["articles"] + paper["copies"] for paper in figures.papers) == len(truth)
    assert figures.problems == []
    (site,) = figures.sites
    assert (site.site, site.verdict, site.urls["leased"]) == ("demo", "healthy", 0)
    failed = sum(urls for _, state, _, urls in figures.failures if state == "dead")
    assert site.urls["dead"] == failed > 0
    (run,) = figures.runs
    assert run.articles == len(truth)
    assert run.per_minute(run.articles) > 0
    assert run.pages >= run.articles
    assert sum(file.lines for file in figures.files) == len(truth)
    lacking = sum(1 for line in read_feed(crawled / "feeds" / "articles.jsonl") if line["source_url"] is None)
    assert figures.missing[0]["source_url"] >= lacking > 0


def test_who_copies_whom_goes_by_the_date_of_publication(tmp_path):
    first = article(1, "hespress", published="2026-11-20")
    # Settled later, but published earlier: the origin.
    earlier = article(2, "almassae", published="2026-11-18", duplicate_of=first.id, similarity=0.9)
    figures = figures_of(folder_of(tmp_path, [first], [earlier]))
    assert [(pair["origin"], pair["copier"], pair["copies"], pair["delay"]) for pair in figures.copying] == [
        ("المساء", "هسبريس", 1, 2.0)
    ]


def test_a_copy_whose_first_is_in_no_feed_names_its_paper(tmp_path):
    copy = article(2, "almassae", duplicate_of="maghress/ar/febrayer/9", similarity=1.0)
    (pair,) = figures_of(folder_of(tmp_path, [], [copy])).copying
    # The first has no date, so that the dated copy stands before it.
    assert {pair["origin"], pair["copier"]} == {"febrayer", "المساء"}


def test_days_are_filled_and_end_with_the_newest(tmp_path):
    lines = [article(1, published="2026-11-01"), article(2, published="2026-11-10"), article(3, published=None)]
    days = {day: count for day, count, _ in figures_of(folder_of(tmp_path, lines)).days}
    assert len(days) == 60
    assert (list(days)[-1], days["2026-11-10"], days["2026-11-05"], days["2026-11-01"]) == ("2026-11-10", 1, 0, 1)


def test_parts_in_every_form_are_read_and_each_id_counts_once(tmp_path):
    folder = folder_of(tmp_path, [article(1)])
    lines = [feed_line(article(number)) + b"\n" for number in range(1, 7)]
    (folder / "feeds" / "articles-000002.jsonl.gz").write_bytes(gzip.compress(lines[1]) + gzip.compress(lines[2]))
    frames = zstandard.ZstdCompressor().compress(lines[3]), zstandard.ZstdCompressor().compress(lines[4])
    (folder / "feeds" / "articles-000003.jsonl.zst").write_bytes(b"".join(frames))
    (folder / "feeds" / "articles-000004.jsonl").write_bytes(lines[0] + lines[5])
    figures = figures_of(folder)
    assert figures.totals["articles"] == 6
    assert any("1 lines repeat the id" in problem.what for problem in figures.problems)


def test_what_cannot_be_read_is_named_with_its_line(tmp_path):
    folder = folder_of(tmp_path, [article(1)])
    feed = folder / "feeds" / "articles.jsonl"
    good = feed.read_bytes()
    feed.write_bytes(good + b"<html>\n" + b'{"id": 5}\n' + b"\xff\xfe\n" + feed_line(article(2)) + b"\n" + good[:40])
    cut = gzip.compress(feed_line(article(3)) + b"\n") + gzip.compress(feed_line(article(4)) + b"\n")[:-9]
    (folder / "feeds" / "articles-000002.jsonl.gz").write_bytes(cut)
    frames = [zstandard.ZstdCompressor().compress(feed_line(article(n)) + b"\n") for n in (5, 6)]
    (folder / "feeds" / "articles-000003.jsonl.zst").write_bytes(frames[0] + frames[1][:-9])
    (folder / "feeds" / "articles-000004.jsonl.gz").write_bytes(b"no gzip at all")
    figures = figures_of(folder)
    said = {(problem.file.name, problem.line): problem.what for problem in figures.problems}
    assert said["articles.jsonl", 2].startswith("no JSON")
    assert said["articles.jsonl", 3].startswith("no article")
    assert ("articles.jsonl", 4) in said
    assert said["articles.jsonl", 6].startswith("torn")
    assert "ends within a compressed member" in said["articles-000002.jsonl.gz", 3]
    assert "ends within a compressed member" in said["articles-000003.jsonl.zst", 2]
    assert "damaged" in said["articles-000004.jsonl.gz", 1]
    assert figures.totals["articles"] == 5
    page = page_of(figures)
    assert "articles-000003.jsonl.zst" in page.split('id="problems"')[1].split("</section>")[0]


def test_a_damaged_state_is_named_and_the_feeds_are_shown(tmp_path):
    folder = folder_of(tmp_path, [article(1)])
    (folder / "state.sqlite").write_bytes(b"no database")
    figures = figures_of(folder)
    assert figures.totals["articles"] == 1
    assert "not a crawl state" in figures.problems[0].what


def test_a_state_in_use_is_read_all_the_same(crawled, tmp_path):
    shutil.copytree(crawled, tmp_path / "data")
    store = open_store(tmp_path / "data" / "state.sqlite")
    try:
        store.begin_run("site=demo mode=latest")
        figures = figures_of(tmp_path / "data")
    finally:
        store.close()
    assert figures.problems == []
    assert [run.reason for run in figures.runs] == ["finished", "under way or killed"]


def test_the_newest_verdict_on_a_site_is_shown(tmp_path):
    store = open_store(tmp_path / "state.sqlite")
    for word in ("healthy", "down"):
        store.begin_run("site=demo mode=latest")
        verdict = {"demo": {"verdict": word, "why": "no <answer>", "pages": 7}}
        store.end_run(finished=True, summary={"reason": "finished", "verdict": verdict})
    store.close()
    figures = figures_of(tmp_path)
    (site,) = figures.sites
    assert (site.site, site.verdict, [run.pages for run in figures.runs]) == ("demo", "down", [7, 7])
    page = page_of(figures)
    assert "✗ down" in page
    assert "no &lt;answer&gt;" in page


def test_several_folders_make_one_report(crawled, tmp_path):
    shutil.copytree(crawled, tmp_path / "all" / "demo")
    folder_of(tmp_path / "all" / "maghress", [article(1)])
    figures = figures_of(tmp_path / "all")
    assert [folder.name for folder in figures.folders] == ["demo", "maghress"]
    assert {paper["site"] for paper in figures.papers} == {"demo", "maghress"}


def test_an_empty_folder_is_refused(tmp_path):
    with pytest.raises(ReportError, match=r"neither a state\.sqlite nor feeds"):
        find_sources([tmp_path])
    with pytest.raises(ReportError, match="no such folder"):
        find_sources([tmp_path / "nowhere"])


def test_feeds_without_a_line_make_a_page(tmp_path):
    assert "No articles." in page_of(figures_of(folder_of(tmp_path)))


# The command


def test_the_command_writes_one_file(crawled, tmp_path):
    done = run_scrapy("report", "-o", str(tmp_path / "out" / "r.html"), data=crawled)
    assert done.returncode == 0, done.stderr
    assert "260 articles, made in" in done.stdout
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["r.html"]


def test_the_command_refuses_in_one_line(tmp_path):
    done = run_scrapy("report", data=tmp_path / "nothing")
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
    assert "no such folder: name a data folder" in done.stderr


def test_a_named_feed_is_reported_on(demo, tmp_path):
    feed = tmp_path / "elsewhere" / "maroc.jsonl.gz"
    settings = ["-s", f"NEWSCRAWL_FEED={feed}"]
    crawled = run_scrapy(
        "crawl",
        "aggregator",
        "-a",
        "site=demo",
        "-a",
        f"base_url={demo.base_url}",
        "-a",
        "limit=10",
        *settings,
        data=tmp_path / "data",
    )
    assert crawled.returncode == 0, crawled.stderr
    done = run_scrapy("report", "-o", str(tmp_path / "r.html"), *settings, data=tmp_path / "data")
    assert re.search(r" 1\d articles, made in", done.stdout), done


def test_a_hundred_thousand_articles_in_flat_memory(tmp_path):
    """Under 20 s and 512 MB; the lines are 4 KB long, as those of the bundled aggregator are."""
    (tmp_path / "feeds").mkdir()
    body = "نص الخبر كما جاء في الصفحة، بعد التنظيف. " * 48
    template = feed_line(article(123456789, title="خبر", body=body, fetched_at="2026-11-21T10:00:00Z"))
    with (tmp_path / "feeds" / "articles.jsonl").open("wb") as out:
        out.writelines(template.replace(b"123456789", b"%d" % number) + b"\n" for number in range(100_000))
    began = time.monotonic()
    done = run_scrapy("report", "-o", str(tmp_path / "r.html"), data=tmp_path)
    took = time.monotonic() - began
    assert "100,000 articles" in done.stdout, done.stderr
    assert took < 20
    assert (tmp_path / "r.html").stat().st_size < 3_000_000
    peak = subprocess.run(
        [sys.executable, "-c", PEAK, str(tmp_path)], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60
    )
    assert int(peak.stdout) < 512 << 10, "KB"


# VmHWM and not ru_maxrss: on Linux that one begins with the size of the process that a child was forked from, here pytest.
PEAK = """
import re, sys
from pathlib import Path
from newscrawl.report.figures import collect, find_sources
collect(find_sources([Path(sys.argv[1])]))
print(re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1])
"""


# The page in a browser


@pytest.fixture(scope="module")
def browser():
    if CHROMIUM is None:
        pytest.skip("no chromium (apt-get install chromium): the page is not looked at")
    playwright = pytest.importorskip("playwright.sync_api", reason="no playwright: the page is not looked at")
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=CHROMIUM, headless=True, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def visit(browser, tmp_path):
    """Open the page of these figures; fails where anything is asked of a host or said on the console."""
    contexts, heard = [], []

    def open_page(figures, **options):
        path = tmp_path / "report.html"
        path.write_text(page_of(figures) if not isinstance(figures, str) else figures, "utf-8")
        contexts.append(browser.new_context(**options))
        page = contexts[-1].new_page()
        page.on("console", lambda message: heard.append(message.text))
        page.on("pageerror", lambda error: heard.append(str(error)))
        page.on(
            "request",
            lambda request: heard.append(request.url) if not request.url.startswith(("file:", "data:")) else None,
        )
        page.goto(path.as_uri())
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert heard == []


CHARTS = ("days", "months", "papers", "copies", "missing", "failures")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [375, 1280])
def test_charts_are_drawn_and_the_page_fits(crawled, visit, scheme, width):
    page = visit(figures_of(crawled), color_scheme=scheme, viewport={"width": width, "height": 800})
    for name in CHARTS:
        chart = page.locator(f"#{name} svg")
        assert chart.count() == 1, name
        box = chart.bounding_box()
        assert 200 < box["width"] <= width, (name, box)
        assert chart.locator(".bar rect").count() > 0
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    ink, paper = page.evaluate(
        "[getComputedStyle(document.body).color, getComputedStyle(document.body).backgroundColor]"
    )
    light = [sum(map(int, re.findall(r"\d+", color)[:3])) for color in (ink, paper)]
    assert (light[0] < light[1]) is (scheme == "light")
    axis = page.locator("#papers svg .axis text").first.evaluate("node => getComputedStyle(node).fill")
    assert axis != "rgb(0, 0, 0)"


def test_arabic_stands_right_to_left(crawled, visit):
    page = visit(figures_of(crawled))
    rows = page.evaluate(
        "[...document.querySelectorAll('#rows tr')].map(row => [row.cells[2].lang, row.cells[2].matches(':dir(rtl)'),"
        " getComputedStyle(row.cells[2]).textAlign, row.cells[2].querySelector('a').getBoundingClientRect().right,"
        " row.cells[2].getBoundingClientRect().right])"
    )
    arabic = [row for row in rows if row[0] == "ar"]
    assert arabic
    assert all(rtl and cell_right - text_right < 20 for _, rtl, _, text_right, cell_right in arabic)
    assert all(not row[1] for row in rows if row[0] == "fr")


def test_text_of_a_page_is_only_text(tmp_path, visit):
    lines = [
        article(1, "hespress", title=ATTACK, publisher=ATTACK, language='ar" onclick="alert(1)'),
        article(2, "almassae", url="javascript:alert(1)", title="</script><script>alert(1)</script>"),
        article(
            3,
            ATTACK.replace("/", ""),
            title="<!--<script>",
            duplicate_of="maghress/ar/hespress/1",
            similarity=1.0,
            published="2026-11-21",
        ),
    ]
    folder = folder_of(tmp_path / "<b>data", lines)
    (folder / "feeds" / "articles-<img src=x>.jsonl").write_bytes(b"<script>alert(1)</script>\n")
    page = visit(figures_of(folder))
    assert page.title().startswith("newscrawl report")
    assert page.locator("script").count() == 2
    assert page.locator("img, [onerror], [onclick], [href^='javascript']").count() == 0
    assert page.locator("#rows tr").count() == 3
    assert page.locator("#rows").inner_text().count("<script>document.title='owned'</script>") == 2
    assert "<script>document.title" in page.locator("#papers svg").text_content()


def test_search_folds_arabic_letters(tmp_path, visit):
    lines = [
        article(1, title="أحمد الريسوني يُغادر إلى الدوحة"),
        article(2, "almassae", title="مدرسة الرباط: افتتاح ١٢ قسما", published="2026-10-02"),
        article(3, title="Élections à Oujda", language="fr", published=None),
    ]
    page = visit(figures_of(folder_of(tmp_path, lines)))

    def found(words, **fields):
        page.fill("#words", words)
        for name in ("from", "until"):
            page.fill(f"#{name}", fields.get(name, ""))
        page.select_option("#paper", label=fields.get("paper", "all"))
        return [
            int(row.split()[-1].rsplit("/", 1)[1])
            for row in page.evaluate("[...document.querySelectorAll('#rows a')].map(a => a.href)")
        ]

    assert sorted(found("")) == [1, 2, 3]
    assert found("احمد") == [1]
    assert found("الى  الدوحه") == [1]
    assert found("يغادر") == [1]
    assert found("مدرسه 12") == [2]
    assert found("المساء") == [2]
    assert found("elections") == [3]
    assert found("2026-10") == [2]
    assert found("", paper="هسبريس") == [1, 3]
    assert found("", **{"from": "2026-10-01", "until": "2026-10-31"}) == [2]
    assert found("لا شيء") == []
    assert "Nothing found" in page.locator("#count").inner_text()


def test_the_page_folds_as_layer_b_does(crawled, visit, shared):
    page = visit(figures_of(crawled))
    titles = [line["title"] for line in read_feed(crawled / "feeds" / "articles.jsonl")]
    for name in ("ar_pud.txt", "fr_pud.txt", "en_pud.txt"):
        titles += (shared / "corpus" / name).read_text("utf-8").splitlines()[:500]
    titles += ["ﻟﻠﻤﻐﺮﺏ", "Straße", "مُحَمَّدٌ ـــ ٣٫٥", "a\u200fb", "ڤيديو پاريس چاي", "ﬁn", "بقلم:_كاتب_"]
    folded = page.evaluate("titles => titles.map(fold)", titles)
    differ = [
        (title, key, normalise(title)) for title, key in zip(titles, folded, strict=True) if key != normalise(title)
    ]
    assert differ == []


def test_more_rows_are_shown_when_asked_for(crawled, visit):
    page = visit(figures_of(crawled))
    assert page.locator("#rows tr").count() == 50
    page.click("#more")
    assert page.locator("#rows tr").count() == 250
    page.click("#more")
    assert page.locator("#rows tr").count() == 260
    assert page.locator("#more").is_hidden()


def test_paper_and_phone(crawled, visit):
    page = visit(figures_of(crawled), color_scheme="dark")
    page.emulate_media(media="print", color_scheme="dark")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert page.locator("#search").is_hidden()
    assert page.pdf(format="A4").startswith(b"%PDF")


def test_the_newest_are_there_without_a_script(crawled, browser, tmp_path):
    path = tmp_path / "report.html"
    path.write_text(page_of(figures_of(crawled)), "utf-8")
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(path.as_uri())
    assert page.locator("#rows tr").count() == 50
    context.close()


def test_figures_hold_what_the_page_shows():
    from newscrawl.report.figures import Figures

    names = {field.name for field in dataclasses.fields(Figures)}
    used = (Path(ROOT) / "newscrawl" / "report" / "page.py").read_text("utf-8")
    assert [name for name in names if f"figures.{name}" not in used] == []
