"""Duplicate detection beside other libraries: labelled pairs by kind, then a stream of generated articles.

python -m bench.dedup                     both
python -m bench.dedup --texts 1000000     speed, disk and memory as the index grows to a million
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from bench.figures import ROOT, Cell, Result, Table
from bench.judges import JUDGES
from bench.peers import OWN, PEERS, Unmeasured, ask
from bench.stories import stories
from newscrawl.arabic import normalise
from newscrawl.dedup import DuplicateIndex
from newscrawl.store.duplicates import TextIndexFile

if TYPE_CHECKING:
    from collections.abc import Iterator

SHARED = ROOT.parent / "shared"
PAIRS = SHARED / "vectors" / "neardup.jsonl"
CORPUS = SHARED / "corpus" / "ar_pud.txt"
ARTICLES = 100_000
MOST = {"trafilatura": 3_000}
"""Texts of the stream where each is compared with all earlier ones."""
NOTE = (
    "datasketch, rensa and datatrove's simplification run with word 3-shingles, 128 values, 32 bands of 4 rows and Jaccard "
    ">= 0.5; all but datatrove and trafilatura are given texts that newscrawl normalised. Trafilatura's simhash runs at the "
    "best threshold that keeps its precision on the pairs; it has no index."
)


def measure() -> Result:
    """Both tables; the pairs where their file lies beside the project."""
    result = Result([])
    with tempfile.TemporaryDirectory() as folder:
        if PAIRS.exists():
            pairs(Path(folder) / "pairs.jsonl", result)
        else:
            result.missing.append(f"labelled pairs: {PAIRS.relative_to(ROOT.parent)} is not beside the project")
        stream(Path(folder) / "stream.jsonl", result)
    return result


def judged(name: str, path: Path, result: Result) -> tuple[list[int | None], float, float] | None:
    """What a library found in a file of texts, in how many CPU seconds, with how much memory."""
    most = [str(MOST[name])] if name in MOST and path.name == "stream.jsonl" else []
    try:
        answer = ask(OWN if name == "newscrawl" else PEERS, "bench.judges", name, str(path), *most)
    except Unmeasured as reason:
        result.miss(name, reason)
        return None
    return answer["found"], answer["cpu"], answer["peak_mb"]


def pairs(path: Path, result: Result) -> None:
    """Found pairs by kind."""
    labelled = [json.loads(line) for line in PAIRS.read_text("utf-8").splitlines()]
    texts = [(number, pair[side]) for number, pair in enumerate(labelled) for side in "ab"]
    path.write_text("\n".join(json.dumps([group, text, normalise(text)]) for group, text in texts), "utf-8")
    sizes = Counter((-pair["label"], pair["kind"]) for pair in labelled)
    kinds = sorted(sizes)
    columns = ["library", *(f"{kind} ({sizes[-label, kind]})" for label, kind in ((-k[0], k[1]) for k in kinds))]
    rows: list[list[Cell]] = []
    for name in JUDGES:
        if not (answer := judged(name, path, result)):
            continue
        hits = [pair for pair, found in zip(labelled, answer[0][1::2], strict=True) if found is not None]
        counts = Counter(pair["kind"] for pair in hits)
        right, copies = sum(pair["label"] for pair in hits), sum(pair["label"] for pair in labelled)
        precision, recall = right / max(len(hits), 1), right / copies
        rows.append([name, *(counts[kind] for _, kind in kinds), precision, recall])
        if name == "newscrawl":
            result.exact |= {"pairs: precision": precision, "pairs: recall": recall}
    title = f"{len(labelled)} labelled pairs: found of each kind"
    result.tables.append(Table(title, [*columns, "precision", "recall"], rows, NOTE, plot=["recall"]))


def stream(path: Path, result: Result) -> None:
    """Generated articles, every eighth a copy of another paper's: the earlier article of the same story is to be found."""
    truth: list[tuple[str, bool]] = []
    with path.open("w", encoding="utf-8") as file:
        for story in stories(ARTICLES):
            body = str(story["body"])
            truth.append((str(story["story"]), bool(story["copy"])))
            file.write(json.dumps([0, body, normalise(body)]) + "\n")
    rows: list[list[Cell]] = []
    for name in JUDGES:
        if not (answer := judged(name, path, result)):
            continue
        found, cpu, peak = answer
        asked = truth[: len(found)]
        hits = [(place, first) for place, first in enumerate(found) if first is not None]
        right = sum(asked[place][0] == asked[first][0] for place, first in hits)
        recall = right / max(sum(copy for _, copy in asked), 1)
        rows.append([name, len(asked), right / max(len(hits), 1), recall, len(asked) / cpu, peak])
        if name == "newscrawl":
            result.exact |= {"stream: precision": right / max(len(hits), 1), "stream: recall": recall}
        if name == "datasketch" and rows[0][0] == "newscrawl":
            result.ratios["times datasketch"] = float(rows[0][4] or 0) / (len(asked) / cpu)
    columns = ["library", "articles", "precision", "recall", "articles/s", "peak MB"]
    title = f"Stream of {ARTICLES:,} generated articles, every eighth a copy"
    result.tables.append(Table(title, columns, rows, NOTE, plot=["articles/s"]))


def load(kind: str, corpus: Path) -> Iterator[str]:
    """Texts of about 160 words: words of the corpus drawn one by one, or whole sentences of its 1,000."""
    sentences = corpus.read_text("utf-8").splitlines()
    words = [word for sentence in sentences for word in sentence.split()]
    rng = random.Random(3)
    while True:
        if kind == "sentences":
            yield "\n".join(" ".join(rng.choices(sentences, k=2)) for _ in range(5))
        else:
            drawn = rng.choices(words, k=160)
            yield "\n".join(" ".join(drawn[i : i + 32]) for i in range(0, 160, 32))


def speed(texts: Iterator[str], count: int) -> None:
    """Articles per second of CPU for signature, lookup and insert together, with a commit every 50."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "index.sqlite"
        file = TextIndexFile(path)
        index = DuplicateIndex(file.tables)
        step = max(count // 10, 1)
        print(f"{'indexed':>10} {'texts/s':>8} {'bytes/text':>10} {'peak MB':>8}  slowest")
        for done in range(step, count + 1, step):
            slowest, spent = 0.0, 0.0
            for number in range(step):
                text = next(texts)
                begun = time.process_time()
                index.copy_of(f"maghress/ar/paper/{done + number}", text, paper=f"paper {number % 200}")
                if number % 50 == 49:
                    file.commit()
                took = time.process_time() - begun
                spent += took
                slowest = max(slowest, took)
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
            print(
                f"{done:>10,} {step / spent:>8,.0f} {path.stat().st_size / done:>10.0f} {peak:>8.0f}  {slowest:.2f} s"
            )
        file.close()


def main() -> None:
    """The tables, or how the index grows."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--texts", type=int, help="only newscrawl, with this many texts")
    parser.add_argument("--load", choices=("words", "sentences"), default="words", help="what these are drawn from")
    parser.add_argument("--corpus", type=Path, default=CORPUS, help="one sentence a line")
    arguments = parser.parse_args()
    if not arguments.texts:
        measure().show()
    elif arguments.corpus.exists():
        speed(load(arguments.load, arguments.corpus), arguments.texts)
    else:
        parser.error(f"{arguments.corpus} is missing: name another file")


if __name__ == "__main__":
    main()
