"""docs/benchmarks.md and its plots, written from the figures; nothing in it is typed by hand."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pygal
from pygal.style import CleanStyle

from bench.figures import ROOT, TOLERANCE, Figures, Table, shown

if TYPE_CHECKING:
    from pathlib import Path

# As newscrawl/report/charts.py does: pygal leaves an import hook in a form that later imports warn of.
sys.meta_path[:] = [finder for finder in sys.meta_path if type(finder).__name__ != "PluginImportFixer"]

PARTS = {
    "quality": "Extraction quality",
    "speed": "Extraction speed",
    "originals": "Extraction of originals",
    "crawl": "Crawl",
    "profile": "Where the time of a page goes",
    "growth": "Growth",
    "dedup": "Duplicates",
    "durability": "Durability",
    "queries": "Report and queries",
}
"""In the order of the document; each is a module of this package with a function `measure`."""

HEAD = """# Benchmarks

Written by `make bench` from [bench/figures.json](../bench/figures.json); do not edit. Everything in a table was measured
in one run on one machine, crawlers and libraries in turn. Seconds depend on the machine, ratios much less.

```sh
make bench                         # all parts; peers go into environments of their own, .venv-bench*
make bench PARTS="quality speed"   # some parts; the others keep their figures and their date
make bench ACCEPT="reason"         # let figures fall, and keep the reason
make check                         # includes newscrawl's own extraction quality against what is held
```

Each part also runs alone: `python -m bench.quality`. The peers' versions are those of
[bench/requirements.txt](../bench/requirements.txt) and
[bench/requirements-fundus.txt](../bench/requirements-fundus.txt).
"""


def write(figures: Figures, docs: Path = ROOT / "docs") -> None:
    """Write the document and the plots."""
    plots = docs / "benchmarks"
    plots.mkdir(exist_ok=True)
    blocks = [HEAD]
    for part, title in PARTS.items():
        blocks.append(f"## {title}\n")
        if not (record := figures["parts"].get(part)):
            blocks.append("Not measured yet.\n")
            continue
        notes = set()
        for number, table in enumerate((Table(**fields) for fields in record["tables"]), 1):
            blocks.append(f"### {table.title}\n\n{table.text()}\n")
            for place, column in enumerate(table.plot):
                file = plots / f"{part}-{number}{'abc'[place]}.svg"
                plot(table, column, file)
                blocks.append(f"![{column}](benchmarks/{file.name})\n")
            if table.note and table.note not in notes:
                notes.add(table.note)
                blocks.append(f"{table.note}\n")
        blocks += [f"**Not measured:** {line}\n" for line in record["missing"]]
        versions = ", ".join(f"{name} {number}" for name, number in record["versions"].items())
        blocks.append(f"*Measured {record['date']} on {record['machine']}; {versions}.*\n")
    blocks.append(ratchet(figures))
    (docs / "benchmarks.md").write_text("\n".join(blocks), "utf-8")


def ratchet(figures: Figures) -> str:
    """What may not fall, and what did and why."""
    exact = {part: record["exact"] for part, record in figures["parts"].items()}
    rows = [
        f"| {part} | {name} | {shown(value)} | {'nothing' if name in exact.get(part, {}) else f'{TOLERANCE:.0%}'} |"
        for part, held in figures["held"].items()
        for name, value in held.items()
    ]
    accepted = [
        f"- {fall['date']}, {fall['part']}: {fall['reason']} ({'; '.join(fall['figures'])})"
        for fall in figures["accepted"]
    ]
    head = "| part | figure | held | may fall by |\n| --- | --- | ---: | ---: |"
    table = "\n".join([head, *rows])
    return f"## The ratchet\n\nOf each figure, more is better.\n\n{table}\n\n" + (
        "Falls that were accepted:\n\n" + "\n".join(accepted) + "\n" if accepted else "No fall was accepted yet.\n"
    )


def plot(table: Table, column: str, file: Path) -> None:
    """One bar a row."""
    place = table.columns.index(column)
    rows = [(str(row[0]), value) for row in table.rows if isinstance(value := row[place], int | float)]
    chart = pygal.HorizontalBar(
        style=CleanStyle, js=[], no_prefix=True, show_legend=False, print_values=True, width=800,
        height=80 + 40 * len(rows), title=f"{table.title}: {column}", value_formatter=shown,
    )  # fmt: skip
    chart.x_labels = [name for name, _ in reversed(rows)]
    chart.add(column, [value for _, value in reversed(rows)])
    file.write_bytes(chart.render())
