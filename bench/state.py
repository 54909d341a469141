"""What state and feeds cost a crawl: `python bench/state.py [--quick] [--keys paper|spread|random] [--feed FILE]`.

CPU milliseconds a page for settle, commit and drain, with 1,000 and with 1,000,000 URLs known: each page brings one
item of 6 KB and 10 new URLs, 50 pages make a group. Then the seconds until a killed crawl is ready again, the growth of
peak memory, and bytes a URL. Of --keys, `paper` (default) numbers articles as the aggregators do, a page's links being
of its paper; `spread` draws them from 300 papers by turns; `random` has no order at all, the worst case for the index.
The first 1,000 pages are not counted: they read the index from disk for the first time.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import resource
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from newscrawl.feeds import Feeds
from newscrawl.store import Kind, Leased, OutboxItem, Settlement, State, Store, Url, open_store

GROUP = 50
LINKS = 10
PAPERS = 300
WARM = 1000
BODY = "قال المتحدث إن الاجتماع سينعقد في الرباط يوم الاثنين المقبل. " * 55
"""About 6 KB in UTF-8."""


@dataclass
class Keys:
    """Addresses as an aggregator gives them out."""

    order: str
    given: int = 0
    papers: list[str] = field(default_factory=lambda: [f"paper{number:03d}" for number in range(PAPERS)])

    def urls(self, count: int) -> list[Url]:
        """The next addresses of articles."""
        numbers = range(self.given, self.given + count)
        self.given += count
        if self.order == "random":
            names = [hashlib.blake2b(str(number).encode(), digest_size=10).hexdigest() for number in numbers]
        else:
            step = 1 if self.order == "spread" else LINKS
            names = [f"{self.papers[number // step * 7919 % PAPERS]}/{10_000_000 + number}" for number in numbers]
        return [Url(f"https://www.maghress.com/{name}", "maghress", "www.maghress.com", Kind.ARTICLE) for name in names]


def known(path: Path, count: int, keys: Keys) -> None:
    """Make a state of `count` URLs, all done but the last 1,000, which are leased; leave it as a kill does."""
    store = open_store(path)
    store.begin_run("bench")
    for start in range(0, count, 10_000):
        store.add(keys.urls(min(10_000, count - start)))
        leased = store.lease(1, 10_000)
        for lease in leased if start + 10_000 < count else leased[:-1000]:
            store.settle(Settlement(lease.id, State.DONE))
        store.commit()
    with closing(sqlite3.connect(path)) as db:
        pages, size = (db.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "page_size"))
    print(json.dumps({"state_bytes": pages * size}), flush=True)
    os._exit(0)


def crawl(store: Store, feeds: Feeds, pages: int, keys: Keys) -> list[float]:
    """Settle pages in groups; answer CPU milliseconds a page, group by group."""
    times = []
    waiting: list[Leased] = []
    for _ in range(pages // GROUP):
        if len(waiting) < GROUP:
            waiting.extend(store.lease(1, 2000))
        work = [(waiting.pop(0), keys.urls(LINKS)) for _ in range(GROUP)]
        items = [
            OutboxItem(
                lease.key,
                "articles",
                json.dumps({"id": lease.key, "body": BODY}, ensure_ascii=False).encode(),
                hashlib.blake2b(lease.key.encode(), digest_size=16).digest(),
            )
            for lease, _ in work
        ]
        started = time.process_time()
        for (lease, found), item in zip(work, items, strict=True):
            store.settle(Settlement(lease.id, State.DONE, found=found, items=[item]))
        feeds.drain()
        times.append((time.process_time() - started) * 1000 / GROUP)
    return times


def measure(folder: Path, feed: str, pages: int, keys: Keys) -> dict[str, float]:
    """Open, recover and crawl in this process."""
    started = time.perf_counter()
    store = open_store(folder / "state.sqlite")
    store.begin_run("bench")
    feeds = Feeds(store, {"articles": folder / feed})
    feeds.open()
    recovery = time.perf_counter() - started
    crawl(store, feeds, WARM, keys)
    times = crawl(store, feeds, pages, keys)
    feeds.close()
    store.close()
    return {
        "ms": statistics.mean(times),
        "recovery_s": recovery,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def child(folder: Path, args: argparse.Namespace, step: str, count: int) -> dict[str, float]:
    """Run a step in a process of its own, whose memory is then its alone."""
    command = [sys.executable, __file__, "--step", step, "--folder", str(folder), "--known", str(count)]
    command += ["--pages", str(args.pages), "--feed", args.feed, "--keys", args.keys]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    answer: dict[str, float] = json.loads(done.stdout)
    return answer


def compare(args: argparse.Namespace) -> None:
    """Measure both sizes in turn, so that a busy machine meets both, and print the best of each."""
    sizes = (1000, 100_000 if args.quick else 1_000_000)
    results: dict[int, list[dict[str, float]]] = {size: [] for size in sizes}
    with tempfile.TemporaryDirectory() as name:
        for size in sizes:
            (Path(name) / str(size)).mkdir()
            made = child(Path(name) / str(size), args, "make", size)
        for _ in range(args.rounds):
            for size in sizes:
                copy = Path(name) / "copy"
                shutil.copytree(Path(name) / str(size), copy)
                results[size].append(child(copy, args, "measure", size))
                shutil.rmtree(copy)
    best = [min(results[size], key=lambda result: result["ms"]) for size in sizes]
    for size, result in zip(sizes, best, strict=True):
        print(f"{size:>9,} known: {result['ms']:.3f} ms CPU a page, peak memory {result['peak_mb']:.1f} MB")
    print(f"ratio: {best[1]['ms'] / best[0]['ms']:.2f}")
    print(f"recovery of {sizes[1]:,}: {max(result['recovery_s'] for result in results[sizes[1]]):.2f} s")
    print(f"memory growth: {best[1]['peak_mb'] - best[0]['peak_mb']:.1f} MB")
    print(f"state: {made['state_bytes'] / sizes[1]:.0f} bytes a URL")


def main() -> None:
    """Print the table, or do one step of it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="100,000 instead of 1,000,000 URLs, one round")
    parser.add_argument("--keys", choices=("paper", "spread", "random"), default="paper")
    parser.add_argument("--feed", default="articles.jsonl")
    parser.add_argument("--pages", type=int, default=5000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--step", help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--known", type=int, default=0, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.step == "make":
        known(args.folder / "state.sqlite", args.known, Keys(args.keys))
    elif args.step == "measure":
        print(json.dumps(measure(args.folder, args.feed, args.pages, Keys(args.keys, args.known))))
    else:
        if args.quick:
            args.rounds = 1
        compare(args)


if __name__ == "__main__":
    main()
