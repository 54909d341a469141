"""Duplicate detection: quality by kind of pair beside other libraries, then speed, disk and memory as the index grows.

python bench/dedup.py                     quality, and speed at 100,000 texts
python bench/dedup.py --texts 1000000     the same at a million
python bench/dedup.py --load sentences    a load in which every tenth pair of texts shares a sentence
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from newscrawl.arabic import normalise
from newscrawl.dedup import DuplicateIndex
from newscrawl.store.duplicates import TextIndexFile

SHARED = Path(__file__).parents[2] / "shared"
Judge = Callable[[str, str], bool]


def shingles(text: str) -> list[str]:
    words = text.split()
    return [" ".join(three) for three in zip(words, words[1:], words[2:], strict=False)]


def judge_newscrawl() -> Judge:
    def judge(a: str, b: str) -> bool:
        index = DuplicateIndex()
        index.copy_of("a", a)
        return index.copy_of("b", b) is not None

    return judge


def judge_datasketch(simplify: Callable[[str], str] = normalise) -> Judge:
    """Word 3-shingles, 128 values, 32 bands of 4 rows, estimated Jaccard >= 0.5."""
    from datasketch import MinHash, MinHashLSH

    def sign(text: str) -> Any:
        minhash = MinHash(num_perm=128)
        minhash.update_batch([shingle.encode() for shingle in shingles(simplify(text))])
        return minhash

    def judge(a: str, b: str) -> bool:
        lsh, one, two = MinHashLSH(num_perm=128, params=(32, 4)), sign(a), sign(b)
        lsh.insert("a", one)
        return bool(lsh.query(two)) and one.jaccard(two) >= 0.5

    return judge


def judge_rensa() -> Judge:
    """The same settings with rensa's own signatures and index."""
    from rensa import RMinHash, RMinHashLSH

    def sign(text: str) -> Any:
        minhash = RMinHash(128, 42)
        minhash.update(shingles(normalise(text)))
        return minhash

    def judge(a: str, b: str) -> bool:
        lsh, one, two = RMinHashLSH(0.5, 128, 32), sign(a), sign(b)
        lsh.insert(1, one)
        return bool(lsh.query(two)) and one.jaccard(two) >= 0.5

    return judge


def judge_datatrove() -> Judge:
    """The text simplification of datatrove in the place of `normalise`, everything else as for datasketch."""
    from datatrove.utils.text import simplify_text

    return judge_datasketch(simplify_text)


def judge_trafilatura() -> Judge:
    """64-bit simhash; 0.8 is the best threshold on these pairs that keeps its precision above 0.99."""
    from trafilatura.deduplication import Simhash

    return lambda a, b: Simhash(a).similarity(Simhash(b)) >= SIMHASH


SIMHASH = 0.8
JUDGES: dict[str, Callable[[], Judge]] = {
    "newscrawl": judge_newscrawl,
    "datasketch": judge_datasketch,
    "rensa": judge_rensa,
    "datatrove": judge_datatrove,
    "trafilatura": judge_trafilatura,
}


def quality(path: Path) -> None:
    """Found pairs by kind, precision and recall, for each library."""
    pairs = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    kinds = sorted({(-pair["label"], pair["kind"]) for pair in pairs})
    print(f"{'found of 56 (112 random)':<14} " + " ".join(f"{kind:>16}" for _, kind in kinds) + "  precision recall")
    for name, make in JUDGES.items():
        try:
            judge = make()
        except ImportError as error:
            print(f"!!! {name:<12} NOT MEASURED: {error}: pip install -r bench/requirements.txt !!!")
            continue
        found: dict[str, int] = defaultdict(int)
        right = false = 0
        for pair in pairs:
            if judge(pair["a"], pair["b"]):
                found[pair["kind"]] += 1
                right, false = right + pair["label"], false + 1 - pair["label"]
        copies = sum(pair["label"] for pair in pairs)
        counts = " ".join(f"{found[kind]:>16}" for _, kind in kinds)
        print(f"{name:<24} {counts}  {right / max(right + false, 1):9.4f} {right / copies:6.4f}")


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
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=Path, default=SHARED / "vectors" / "neardup.jsonl")
    parser.add_argument("--corpus", type=Path, default=SHARED / "corpus" / "ar_pud.txt", help="one sentence a line")
    parser.add_argument("--texts", type=int, default=100_000)
    parser.add_argument("--load", choices=("words", "sentences"), default="words")
    parser.add_argument("--only", choices=("quality", "speed"), help="memory is told best without the other libraries")
    arguments = parser.parse_args()
    for path in (arguments.pairs, arguments.corpus):
        if not path.exists():
            parser.error(f"{path} is missing: name another file")
    if arguments.only != "speed":
        quality(arguments.pairs)
    if arguments.only != "quality":
        speed(load(arguments.load, arguments.corpus), arguments.texts)


if __name__ == "__main__":
    main()
