"""`python -m bench [PART ...]`: measure, hold the figures against the last ones, write docs/benchmarks.md."""

from __future__ import annotations

import argparse
import sys
import time
from importlib import import_module

from bench import figures, quality, report


def main() -> int:
    """Exit status 1 where a figure is worse than it may be."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"{', '.join(report.PARTS)}; default: all")
    parser.add_argument("--accept", default="", metavar="REASON", help="let figures fall; the reason is kept")
    parser.add_argument("--check", action="store_true", help="only newscrawl's own quality against what is held")
    parser.add_argument("--render", action="store_true", help="only write docs/benchmarks.md anew")
    chosen = parser.parse_args()
    if unknown := set(chosen.parts) - set(report.PARTS):
        parser.error(f"no such part: {', '.join(unknown)}; there are {', '.join(report.PARTS)}")
    if chosen.check:
        return check()
    fallen = []
    for part in () if chosen.render else chosen.parts or report.PARTS:
        begun = time.monotonic()
        result = import_module(f"bench.{part}").measure()
        result.show()
        print(f"\n{part}: {time.monotonic() - begun:.0f} s", flush=True)
        known = figures.load()
        fallen += [f"{part}: {line}" for line in figures.merge(known, part, result, chosen.accept)]
        figures.save(known)
        report.write(known)
    for line in fallen:
        print(f'!!! WORSE: {line}; the earlier figures of this part stay, unless you give ACCEPT="reason" !!!')
    if chosen.render:
        report.write(figures.load())
    return 1 if fallen else 0


def check() -> int:
    """The part that is quick enough for every change."""
    result = quality.measure(["newscrawl"])
    fallen = figures.worse(figures.load()["held"].get("quality", {}), result)
    for line in fallen + result.missing:
        print(f"quality: {line}")
    if not fallen and not result.missing:
        print(f"Extraction quality is held: {len(result.exact)} figures.")
    return 1 if fallen or result.missing else 0


if __name__ == "__main__":
    sys.exit(main())
