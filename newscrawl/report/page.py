"""The page: figures and charts put into `page.html`, with style and script inside, every text escaped."""

from __future__ import annotations

import base64
import hashlib
import json
from datetime import UTC, datetime
from importlib import resources
from typing import TYPE_CHECKING, Any, Final

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from newscrawl import __version__
from newscrawl.report import charts
from newscrawl.report.lines import MAY_MISS
from newscrawl.sources import link_rot

if TYPE_CHECKING:
    from newscrawl.report.figures import Figures

_FIRST_ROWS: Final = 50
_PAPERS: Final = 20
_PAIRS: Final = 12
_REASONS: Final = 15
_PROBLEMS: Final = 200


def page_of(figures: Figures) -> str:
    """The report as one HTML document that asks nothing of any host."""
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters |= {"number": _number, "moment": _moment, "size": _size}
    script = _resource("page.js")
    newest = [{**row, "url": _safe(row["url"])} for row in figures.newest]
    totals = figures.totals
    tiles = [
        (_number(totals["articles"]), "articles"),
        (_number(totals["copies"]), "copies"),
        (_number(totals["papers"]), "papers"),
        (_number(totals["sites"]), "sites"),
        (_number(len(figures.runs)), "runs"),
        (_size(sum(file.disk for file in figures.files)), "in feeds"),
    ]
    return environment.from_string(
        _resource("page.html")
    ).render(
        version=__version__,
        made=figures.made,
        folders=figures.folders,
        # Escaped text would be no CSS, JavaScript or SVG any more; these four are our own or made of escaped parts.
        style=Markup(_resource("page.css")),  # noqa: S704
        script=Markup(script),  # noqa: S704
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        newest_json=_json_in_html(newest),
        tiles=tiles,
        problems=figures.problems,
        most_problems=_PROBLEMS,
        sites=figures.sites,
        days=figures.days,
        months=figures.months,
        papers=figures.papers,
        shown_papers=min(_PAPERS, len(figures.papers)),
        newest=newest,
        first_rows=newest[:_FIRST_ROWS],
        copying=figures.copying,
        missing=figures.missing,
        may_miss=MAY_MISS,
        failures=figures.failures,
        rot_by_publisher=link_rot(figures.originals, "publisher"),
        rot_by_year=link_rot(figures.originals, "year"),
        runs=figures.runs,
        files=figures.files,
        **{name: Markup(svg) for name, svg in _charts(figures).items()},  # noqa: S704
    )


def _charts(figures: Figures) -> dict[str, str]:
    """Each chart as SVG; empty where there is nothing to draw."""
    drawn = dict.fromkeys(
        (
            "day_chart",
            "month_chart",
            "paper_chart",
            "copy_chart",
            "missing_chart",
            "failure_chart",
            "rot_chart",
            "speed_chart",
            "growth_chart",
        ),
        "",
    )
    if figures.days:
        days, articles, copies = zip(*figures.days, strict=True)
        drawn["day_chart"] = charts.columns("Articles per day", days, ("Articles", articles), ("Copies", copies))
    if figures.months:
        months, counts = zip(*figures.months, strict=True)
        drawn["month_chart"] = charts.columns("Articles per month", months, ("Articles", counts))
    if papers := figures.papers[:_PAPERS]:
        drawn["paper_chart"] = charts.bars(
            "Articles per paper",
            [charts.isolated(paper["name"]) for paper in papers],
            ("Articles", [paper["articles"] for paper in papers]),
            ("Copies", [paper["copies"] for paper in papers]),
        )
    if pairs := figures.copying[:_PAIRS]:
        drawn["copy_chart"] = charts.bars(
            "Who copies whom",
            [f"{charts.isolated(pair['origin'], 15)} → {charts.isolated(pair['copier'], 15)}" for pair in pairs],
            ("Copies", [pair["copies"] for pair in pairs]),
        )
    if total := sum(row["articles"] for row in figures.missing):
        shares = [(100 * sum(row[name] for row in figures.missing) / total, name) for name in MAY_MISS]
        drawn["missing_chart"] = charts.bars(
            "Missing fields",
            [name for _, name in shares],
            ("% of the articles", [round(share, 1) for share, _ in shares]),
            unit="%",
        )
    if failed := _by_reason(figures):
        drawn["failure_chart"] = charts.bars(
            "Failures by reason",
            [charts.isolated(reason) for reason in failed],
            ("Given up", [counts["dead"] for counts in failed.values()]),
            ("Deferred", [counts["deferred"] for counts in failed.values()]),
        )
    if years := link_rot(figures.originals, "year"):
        drawn["rot_chart"] = charts.bars(
            "Originals that are lost",
            [row.group for row in years],
            ("% of the originals asked", [round(100 * row.share_lost, 1) for row in years]),
            unit="%",
        )
    fast = [run for run in figures.runs if run.per_minute(run.articles)]
    if len(fast) > 1:
        drawn["speed_chart"] = charts.line(
            "Crawl speed over runs",
            [_moment(run.started)[5:] for run in fast],
            ("Articles a minute", [run.per_minute(run.articles) for run in fast]),
            ("Pages a minute", [run.per_minute(run.pages) for run in fast]),
        )
    if len(figures.growth) > 1:
        days, sizes = zip(*figures.growth, strict=True)
        drawn["growth_chart"] = charts.line(
            "Size of the feeds", days, ("MB", [round(size / 1e6, 2) for size in sizes]), unit="MB"
        )
    return drawn


def _by_reason(figures: Figures) -> dict[str, dict[str, int]]:
    """URLs given up and deferred by reason, the most frequent first."""
    reasons: dict[str, dict[str, int]] = {}
    for _, state, reason, urls in figures.failures:
        if state in {"dead", "deferred"}:
            counts = reasons.setdefault(reason, {"dead": 0, "deferred": 0})
            counts[state] += urls
    ranked = sorted(reasons.items(), key=lambda entry: -sum(entry[1].values()))
    return dict(ranked[:_REASONS])


def _json_in_html(newest: list[dict[str, Any]]) -> Markup:
    """Papers, and the rows that page.js searches, as JSON that can stand inside a script element."""
    papers = list(dict.fromkeys(row["paper"] for row in newest))
    numbers = {name: number for number, name in enumerate(papers)}
    rows = [
        [row["title"], numbers[row["paper"]], row["day"] or "", row["url"], row["language"] or "", int(row["copy"])]
        for row in newest
    ]
    text = json.dumps([papers, rows], ensure_ascii=False, separators=(",", ":"))
    # `</script` and `<!--` would end or change the element; inside JSON strings the escapes mean the same letters.
    text = text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
    return Markup(text)  # noqa: S704


def _safe(url: str | None) -> str:
    """An address that may become a link: a feed can hold anything, `javascript:` too."""
    return url if url and url.startswith(("https://", "http://")) else ""


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:,.0f}" if value == int(value) or abs(value) >= 100 else f"{value:,.1f}"


def _moment(seconds: float | None) -> str:
    return "" if seconds is None else datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M")


def _size(size: float) -> str:
    """Bytes in units that people read.

    >>> _size(2_345_678)
    '2.3 MB'
    """
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000 or unit == "GB":
            break
        size /= 1000
    return f"{size:,.0f} {unit}" if unit == "B" else f"{size:,.1f} {unit}"


def _resource(name: str) -> str:
    return resources.files("newscrawl.report").joinpath(name).read_text("utf-8")
