"""What the benchmarks measured, and the ratchet: bench/figures.json, which is committed.

A part answers a `Result`. Its `exact` figures may never fall; its `ratios`, speeds relative to something else in the same
run, may fall by `TOLERANCE`. Of both, more is better. What is held only rises, unless a reason is given.
"""

from __future__ import annotations

import json
import os
import platform
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypeAlias

ROOT = Path(__file__).parent.parent
FILE = Path(__file__).with_name("figures.json")
TOLERANCE = 0.10
PRODUCT = ("scrapy", "twisted", "lxml", "msgspec", "duckdb", "trafilatura")

Cell: TypeAlias = str | float | None
Figures: TypeAlias = dict[str, Any]


@dataclass
class Table:
    """Rows of figures; the first column names what was measured. None is what does not exist there."""

    title: str
    columns: list[str]
    rows: list[list[Cell]]
    note: str = ""
    plot: list[str] = field(default_factory=list)
    """Columns drawn as bars."""

    def text(self) -> str:
        """The table for a terminal, which is Markdown."""
        lines = [self.columns, ["---"] + ["---:"] * (len(self.columns) - 1)]
        lines += [[shown(cell) for cell in row] for row in self.rows]
        return "\n".join("| " + " | ".join(line) + " |" for line in lines)


@dataclass
class Result:
    """What one part measured."""

    tables: list[Table]
    exact: dict[str, float] = field(default_factory=dict)
    ratios: dict[str, float] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)
    """What could not be measured, and why."""

    def miss(self, what: str, why: object) -> None:
        """Note that something is not measured, once, however many rounds there are."""
        if (line := f"{what}: {why}") not in self.missing:
            self.missing.append(line)

    def show(self) -> None:
        """Prints the tables; what is missing comes last, where it is seen."""
        for table in self.tables:
            print(f"\n{table.title}\n\n{table.text()}\n{table.note and chr(10) + table.note}")
        for line in self.missing:
            print(f"!!! NOT MEASURED: {line} !!!")


def shown(cell: Cell) -> str:
    """A cell as it is read: thousands parted, no more digits than were measured.

    >>> [shown(cell) for cell in (None, "a", 12345.6, 3.14159, 0.99949, 1.0, 7)]
    ['–', 'a', '12,346', '3.14', '0.9995', '1', '7']
    """
    if cell is None:
        return "–"
    if isinstance(cell, str):
        return cell
    if cell == round(cell) or abs(cell) >= 1000:
        return f"{cell:,.0f}"
    return f"{cell:.1f}" if abs(cell) >= 100 else f"{cell:.2f}" if abs(cell) >= 1 else f"{cell:.4f}"


def load(file: Path = FILE) -> Figures:
    """The figures of earlier runs."""
    empty: Figures = {"parts": {}, "held": {}, "accepted": []}
    return json.loads(file.read_text("utf-8")) if file.exists() else empty


def worse(held: Figures, result: Result) -> list[str]:
    """What of a result falls below what is held, one line each.

    >>> worse({"F1": 0.5, "speed": 20.0}, Result([], exact={"F1": 0.4999}, ratios={"speed": 18.1}))
    ['F1: 0.4999, held is 0.5000']
    """
    limits = dict.fromkeys(result.exact, 1.0) | dict.fromkeys(result.ratios, 1 - TOLERANCE)
    measured = result.exact | result.ratios
    return [
        f"{name}: {shown(measured[name])}, held is {shown(held[name])}"
        for name, share in limits.items()
        if name in held and measured[name] < held[name] * share
    ]


def merge(figures: Figures, part: str, result: Result, accept: str = "") -> list[str]:
    """Put the result of a part among the figures, unless it is worse and nobody accepts that.

    Returns:
        What is worse; the figures are unchanged where it is not accepted.
    """
    held: dict[str, float] = figures["held"].setdefault(part, {})
    fallen = worse(held, result)
    if fallen and not accept:
        return fallen
    measured = result.exact | result.ratios
    if fallen:
        figures["accepted"].append({"date": today(), "part": part, "reason": accept, "figures": fallen})
        held.update(measured)
    held |= {name: max(value, held.get(name, value)) for name, value in measured.items()}
    figures["parts"][part] = {"date": today(), "machine": machine(), "versions": versions(), **asdict(result)}
    return []


def save(figures: Figures, file: Path = FILE) -> None:
    """Write the figures as they are committed."""
    file.write_text(json.dumps(figures, ensure_ascii=False, indent=1) + "\n", "utf-8")


def today() -> str:
    """The day, in UTC."""
    return datetime.now(UTC).date().isoformat()


def machine() -> str:
    """Processor, cores, memory, system."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text("utf-8").splitlines() if info.exists() else []
    model = next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), platform.machine())
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{model}, {os.cpu_count()} cores, {memory:.0f} GB, {platform.system()} {platform.release()}"


def versions() -> dict[str, str]:
    """Of Python and of what the product's speed hangs on; the peers' stand in bench/requirements*.txt."""
    return {"python": platform.python_version(), **{name: version(name) for name in PRODUCT}}
