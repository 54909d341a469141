"""Charts as inline SVG, drawn by pygal: colours and fonts are the page's, so one drawing serves light, dark and print."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Final

import pygal
from lxml import etree
from pygal.style import Style

if TYPE_CHECKING:
    from collections.abc import Sequence

# pygal leaves an import hook for plug-ins of its own, in a form that Python 3.12 no longer knows: every later import warns.
sys.meta_path[:] = [finder for finder in sys.meta_path if type(finder).__name__ != "PluginImportFixer"]

_WIDTH: Final = 520
"""Units of a chart; on a phone they become 0.65 pixels, which leaves labels readable."""
_UNWANTED: Final = (
    "local-name() = 'defs'",  # styles and scripts of its own
    "local-name() = 'title'",  # its name, and repeated labels
    "contains(@class, 'text-overlay') or contains(@class, 'tooltip-overlay')",
)
_LONGEST_LABEL: Final = 26
_FEW: Final = 8
# The style only tells pygal how much room labels take: the drawing itself is styled by page.css.
_STYLE: Final = Style(label_font_size=13, major_label_font_size=13, legend_font_size=13)


def columns(name: str, labels: Sequence[str], *series: tuple[str, Sequence[float]]) -> str:
    """Bars side by side over time, the series stacked; few of the labels are shown."""
    chart = _chart(pygal.StackedBar, height=280, show_legend=len(series) > 1)
    return _drawn(chart, name, labels, series, few_labels=True)


def line(name: str, labels: Sequence[str], *series: tuple[str, Sequence[float | None]], unit: str = "") -> str:
    """One line for each series over time."""
    chart = _chart(pygal.Line, height=260, show_legend=len(series) > 1, dots_size=3 if len(labels) < 80 else 1.5)
    if unit:
        chart.config.formatter = chart.config.value_formatter = lambda value: f"{_number(value)} {unit}"
    chart.config.range = (0, max((value or 0 for _, values in series for value in values), default=0) or 1)
    return _drawn(chart, name, labels, series, few_labels=True)


def bars(name: str, labels: Sequence[str], *series: tuple[str, Sequence[float]], unit: str = "") -> str:
    """Horizontal bars, the first at the top."""
    chart = _chart(pygal.HorizontalStackedBar, height=70 + 26 * max(len(labels), 2), show_legend=len(series) > 1)
    if unit:
        chart.config.formatter = chart.config.value_formatter = lambda value: f"{_number(value)} {unit}"
    backwards = [(title, values[::-1]) for title, values in series]
    return _drawn(chart, name, labels[::-1], backwards, few_labels=False)


def isolated(text: str, longest: int = _LONGEST_LABEL) -> str:
    """A label that keeps its own direction beside others, cut where it is long."""
    text = " ".join(text.split())
    if len(text) > longest:
        text = text[: longest - 1].rstrip() + "…"
    return f"\N{FIRST STRONG ISOLATE}{text}\N{POP DIRECTIONAL ISOLATE}"


def _number(value: float | None) -> str:
    """A number as people read it.

    >>> _number(1234.0), _number(0.25)
    ('1,234', '0.25')
    """
    return "" if value is None else f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def _chart(kind: Any, **options: Any) -> Any:
    return kind(
        width=_WIDTH,
        style=_STYLE,
        js=[],  # its tooltips would be fetched from another host
        legend_at_bottom=True,
        legend_box_size=11,
        margin=10,
        margin_right=44,
        max_scale=8,
        formatter=_number,
        value_formatter=_number,
        **options,
    )


def _drawn(
    chart: Any,
    name: str,
    labels: Sequence[str],
    series: Sequence[tuple[str, Sequence[float | None]]],
    *,
    few_labels: bool,
) -> str:
    """The chart as SVG without pygal's own styles and scripts, with native tooltips."""
    if few_labels:
        step = max(1, -(-len(labels) // 5))
        chart.config.x_labels_major = [label for n, label in enumerate(labels) if (len(labels) - 1 - n) % step == 0]
        chart.config.show_minor_x_labels = False
    chart.config.truncate_label = -1
    tops = [sum(value or 0 for value in values) for values in zip(*(values for _, values in series), strict=True)]
    if isinstance(top := max(tops, default=0), int) and top < _FEW:
        chart.y_labels = range(max(top, 1) + 1)  # no tenths of an article
    chart.x_labels = list(labels)
    for title, values in series:
        chart.add(title, list(values))
    svg = chart.render_tree()
    for unwanted in svg.xpath("|".join(f"//*[{condition}]" for condition in _UNWANTED)):
        unwanted.getparent().remove(unwanted)
    titles = [title for title, _ in series] if len(series) > 1 else []
    for value in svg.xpath("//*[local-name() = 'desc'][@class = 'value']"):
        _explain(value.getparent(), titles)
    etree.strip_tags(svg, etree.Comment)
    for element in svg.xpath("//*[@id]"):
        del element.attrib["id"]  # the same ones in each chart
    svg.set("role", "img")
    svg.set("aria-label", name)
    return str(etree.tostring(svg, encoding="unicode"))


def _explain(mark: Any, titles: Sequence[str]) -> None:
    """Put what pygal notes beside a bar or dot where browsers show it: in a title."""
    notes = mark.xpath("./*[local-name() = 'desc' or local-name() = 'title']")
    said = {note.get("class"): note.text or "" for note in notes}
    for note in notes:
        mark.remove(note)
    above = next(part for part in mark.iterancestors() if "serie-" in (part.get("class") or ""))
    number = int(above.get("class").split("serie-")[1].split()[0])
    label, value = said.get("x_label", ""), said.get("value", "")
    parts = (label, titles[number] if titles else "", value.removeprefix(f"{label}: "))
    etree.SubElement(mark, "title").text = ": ".join(part for part in parts if part)
