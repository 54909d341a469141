"""One library that finds copies, in an environment that has it: `python -m bench.judges NAME TEXTS [MOST]`.

TEXTS has lines [group, text, normalised text]. Each text is looked up among the earlier ones of its group, then added.
The last line of output is JSON: for each text the place of the earlier one it copies, or null; CPU seconds; peak memory.
Nothing is imported that another environment lacks.
"""

from __future__ import annotations

import json
import sys
import time
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, TypeAlias

from bench.peers import peak_mb

if TYPE_CHECKING:
    from collections.abc import Callable

Find: TypeAlias = "Callable[[int, str, str], int | None]"
"""From the place of a text, the text and the same normalised, to the place of the earlier one."""
SIMHASH = 0.8
"""The best threshold on the labelled pairs that keeps the precision of trafilatura's simhash above 0.99."""
PERMUTATIONS, BANDS, ROWS, JACCARD = 128, 32, 4, 0.5


def shingles(text: str) -> list[str]:
    """Runs of three words."""
    words = text.split()
    return [" ".join(three) for three in zip(words, words[1:], words[2:], strict=False)]


def newscrawl() -> Find:
    """The index of a file, committed every 50 texts."""
    from newscrawl.dedup import DuplicateIndex
    from newscrawl.store.duplicates import TextIndexFile

    folder = TemporaryDirectory()
    file = TextIndexFile(Path(folder.name) / "index.sqlite")
    index = DuplicateIndex(file.tables)

    def find(place: int, text: str, normalised: str, folder: Any = folder) -> int | None:
        copy = index.copy_of(str(place), text)
        if place % 50 == 49:
            file.commit()
        return int(copy.first) if copy else None

    return find


def datasketch(simplify: Callable[[str], str] | None = None) -> Find:
    """Word 3-shingles, 128 values, 32 bands of 4 rows, estimated Jaccard >= 0.5."""
    from datasketch import MinHash, MinHashLSH

    lsh = MinHashLSH(num_perm=PERMUTATIONS, params=(BANDS, ROWS))
    kept: dict[int, Any] = {}

    def find(place: int, text: str, normalised: str) -> int | None:
        signature = MinHash(num_perm=PERMUTATIONS)
        words = simplify(text) if simplify else normalised
        signature.update_batch([shingle.encode() for shingle in shingles(words)])
        near = [other for other in lsh.query(signature) if signature.jaccard(kept[other]) >= JACCARD]
        lsh.insert(place, signature)
        kept[place] = signature
        return min(near, default=None)

    return find


def rensa() -> Find:
    """The same settings with rensa's own signatures and index."""
    from rensa import RMinHash, RMinHashLSH

    lsh = RMinHashLSH(JACCARD, PERMUTATIONS, BANDS)
    kept: dict[int, Any] = {}

    def find(place: int, text: str, normalised: str) -> int | None:
        signature = RMinHash(PERMUTATIONS, 42)
        signature.update(shingles(normalised))
        near = [other for other in lsh.query(signature) if signature.jaccard(kept[other]) >= JACCARD]
        lsh.insert(place, signature)
        kept[place] = signature
        return min(near, default=None)

    return find


def datatrove() -> Find:
    """Datatrove's simplification in the place of `normalise`, everything else as for datasketch."""
    from datatrove.utils.text import simplify_text

    return datasketch(simplify_text)


def trafilatura() -> Find:
    """Its 64-bit simhash; there is no index, so every earlier text is compared."""
    from trafilatura.deduplication import Simhash

    kept: list[tuple[int, Any]] = []

    def find(place: int, text: str, normalised: str) -> int | None:
        signature = Simhash(text)
        near = next((other for other, theirs in kept if signature.similarity(theirs) >= SIMHASH), None)
        kept.append((place, signature))
        return near

    return find


JUDGES: dict[str, Callable[[], Find]] = {
    "newscrawl": newscrawl,
    "datasketch": datasketch,
    "rensa": rensa,
    "datatrove": datatrove,
    "trafilatura": trafilatura,
}


def main() -> None:
    """Read the texts and print one line."""
    name, path, *most = sys.argv[1:]
    found: list[int | None] = []
    group, spent = None, 0.0
    with Path(path).open(encoding="utf-8") as file:
        lines = islice(file, int(most[0]) if most else None)
        for place, (its_group, text, normalised) in enumerate(map(json.loads, lines)):
            if its_group != group:
                group, find = its_group, JUDGES[name]()
            begun = time.process_time()
            found.append(find(place, text, normalised))
            spent += time.process_time() - begun
    print("\n" + json.dumps({"found": found, "cpu": spent, "peak_mb": peak_mb()}))


if __name__ == "__main__":
    main()
