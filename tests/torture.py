"""Crawl the bundled aggregator, be killed at random moments and at every fail point, and count what that did.

    python tests/torture.py [--kills 20] [--seeds 1 2 3] [--articles 1200] [--passings 1 2 5 20] [--jobs 2]

Each line of stdout is the JSON report of one crawl and all its lives, the last one the sum. Exit status 0 only where
nothing is lost, duplicated, torn, unknown or unsettled and every undisturbed run exits with 0. Where `kill9.py` lies
in the folder beside the project, the random kills and their count are its work and not ours.
"""

from __future__ import annotations

import argparse
import gzip
import io
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import zstandard

from newscrawl import failpoints
from newscrawl.demo import DemoServer
from newscrawl.feeds import verify
from newscrawl.store import FINAL, open_store
from tests.conftest import ROOT, SHARED

ENDINGS = (".jsonl", ".jsonl.gz", ".jsonl.zst")
KILL9 = SHARED / "tools" / "kill9.py"
QUICK = ("NEWSCRAWL_RETRY_DELAYS=1,1,1", "NEWSCRAWL_LINGER=5", "LOG_LEVEL=WARNING")
ROTATING = ("feeds.part", "manifest")
"""Fail points that only a crawl with rotation passes."""
ONCE = ("store.create", "store.begin_run", "store.end_run", "feeds.cut")
"""Fail points that a process passes at most once (feeds.cut: once a feed)."""
WRONG = ("lost", "duplicated", "torn", "unknown", "unsettled")


@dataclass(frozen=True)
class Trial:
    """A crawl in a folder of its own, started again and again by the same command."""

    server: DemoServer
    folder: Path
    ending: str = ".jsonl"
    settings: tuple[str, ...] = ()

    @property
    def feed(self) -> Path:
        return self.folder / "feeds" / f"articles{self.ending}"

    @property
    def command(self) -> list[str]:
        given = (*QUICK, f"NEWSCRAWL_DATA={self.folder}", f"NEWSCRAWL_FEED={self.feed}", *self.settings)
        return [
            *(sys.executable, "-m", "scrapy", "crawl", "aggregator"),
            *("-a", "site=demo", "-a", f"base_url={self.server.base_url}"),
            *(part for setting in given for part in ("-s", setting)),
        ]

    def start(self, failpoint: str = "") -> subprocess.Popen[bytes]:
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / "log.txt").open("ab") as log:
            environment = {**os.environ, "NEWSCRAWL_FAILPOINT": failpoint}
            return subprocess.Popen(self.command, cwd=ROOT, env=environment, stdout=log, stderr=log)

    def run(self, failpoint: str = "") -> int:
        """Exit status of a run that nobody kills from outside, or minus the signal of its fail point."""
        with self.start(failpoint) as child:
            try:
                return child.wait(180)
            except subprocess.TimeoutExpired:
                child.kill()
                raise

    def report(self) -> dict:
        """Compare the files with the truth, without any code that wrote them; then ask the state and `verify`."""
        truth, seen, torn = set(self.server.truth()["ids"]), Counter(), 0
        files = sorted(self.feed.parent.glob(f"*{self.ending}"))
        for file in files:
            text = unpacked(file)
            torn += bool(text) and not text.endswith(b"\n")
            for line in text.split(b"\n")[:-1]:
                try:
                    seen[json.loads(line)["id"]] += 1
                except (ValueError, KeyError, TypeError):
                    torn += 1
        store = open_store(self.folder / "state.sqlite", readonly=True)
        feeds = {"articles": self.feed, "duplicates": self.feed.with_name(f"duplicates{self.ending}")}
        problems = [f"{problem.file.name}:{problem.line}: {problem.what}" for problem in verify(store, feeds)]
        unsettled = sum(count.urls for count in store.counts() if count.state not in FINAL)
        store.close()
        return {
            "files": len(files),
            "lines": seen.total(),
            "lost": len(truth - set(seen)),
            "duplicated": seen.total() - len(seen),
            "torn": torn,
            "unknown": len(set(seen) - truth),
            "unsettled": unsettled,
            "problems": problems[:5],
        }


def unpacked(file: Path) -> bytes:
    raw = file.read_bytes()
    if file.suffix == ".gz":
        return gzip.decompress(raw)
    if file.suffix == ".zst":
        return zstandard.ZstdDecompressor().stream_reader(io.BytesIO(raw), read_across_frames=True).read()
    return raw


def judged(report: dict) -> dict:
    """Add whether all is well."""
    clean = not any(report[word] for word in WRONG) and not report["problems"]
    return {**report, "ok": clean and report["exit"] == report["exit_again"] == 0}


def random_kills(trial: Trial, kills: int, seed: int, spread: float = 0.5) -> dict:
    """Kill a crawl that often, let it finish, and run it once more."""
    report = {"kind": "random", "ending": trial.ending, "seed": seed}
    if not KILL9.exists():
        killed = kill_at_random(trial, kills, seed, spread)
        report |= {"killer": "own", "kills": killed, "exit": trial.run(), "exit_again": trial.run()}
        return judged({**report, "requests": trial.server.requests.total(), **trial.report()})
    done = subprocess.run(
        [
            *(sys.executable, str(KILL9), "--truth", f"{trial.server.base_url}/__truth", "--keep-killing"),
            *("--feed", f"{trial.feed.parent}/*{trial.ending}", "--kills", str(kills), "--seed", str(seed)),
            *("--spread", str(spread), "--log", str(trial.folder.with_suffix(".log")), "--", *trial.command),
        ],
        cwd=ROOT,
        env={**os.environ, "NEWSCRAWL_FAILPOINT": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode not in {0, 1}:
        raise RuntimeError(done.stderr)
    theirs = json.loads(done.stdout.splitlines()[-1])
    ours = trial.report()
    for word in ("lost", "duplicated", "torn", "unknown"):
        ours[word] = max(ours[word], theirs[word])
    names = ("kills", "ended_before_all_kills", "seconds", "requests", "truth", "broken_files")
    report |= {"killer": KILL9.name, **{name: theirs[name] for name in names}, "exit": theirs["last_exit"]}
    report = judged({**report, "exit_again": theirs["last_exit"], **ours})
    report["ok"] = report["ok"] and theirs["ok"]
    return report


def kill_at_random(trial: Trial, kills: int, seed: int, spread: float) -> int:
    """SIGKILL that many lives, one in seven during its start; answers how many died of it."""
    chance, killed = random.Random(seed), 0
    for _ in range(2 * kills):
        asked, started, early = trial.server.requests.total(), time.monotonic(), chance.random() < 0.15
        with trial.start() as child:
            while not early and trial.server.requests.total() == asked and time.monotonic() - started < 30:
                if child.poll() is not None:
                    break
                time.sleep(0.01)
            time.sleep(chance.uniform(0, 2.0 if early else spread))
            child.kill()
            killed += child.wait() == -signal.SIGKILL
        if killed == kills:
            break
    return killed


def crash(trial: Trial, name: str, passing: int) -> dict:
    """Crash a crawl at a fail point, let it finish, and run it once more."""
    if name.startswith("feeds.cut"):
        trial.run("feeds.write.torn:2")  # only a torn file is cut
    report = {"kind": "point", "ending": trial.ending, "rotating": bool(trial.settings), "point": f"{name}:{passing}"}
    status = trial.run(f"{name}:{passing}")
    report |= {"crashed": status == -signal.SIGKILL, "exit": trial.run(), "exit_again": trial.run(), **trial.report()}
    return judged(report)


def points(passings: list[int]) -> list[tuple[str, int, str, tuple[str, ...]]]:
    """Name, passing, ending and settings of every crash of the sweep; the endings take turns."""
    crashes = [
        (name, passing, settings)
        for settings in ((), ("NEWSCRAWL_ROTATE_LINES=5",))
        for name in failpoints.NAMES
        for passing in passings
        if (passing == 1 or not name.startswith(ONCE)) and (settings or not name.startswith(ROTATING))
    ]
    return [(name, passing, ENDINGS[n % 3], settings) for n, (name, passing, settings) in enumerate(crashes)]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=20, help="random kills a seed and ending, 0 for none")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--endings", nargs="+", choices=ENDINGS, default=ENDINGS)
    parser.add_argument("--articles", type=int, default=1200, help="of the aggregator under random kills")
    parser.add_argument("--passings", type=int, nargs="*", default=[1, 2, 5, 20], help="of each fail point")
    parser.add_argument("--jobs", type=int, default=2, help="crawls of the sweep at a time")
    options = parser.parse_args()
    total: Counter[str] = Counter()

    def show(report: dict) -> None:
        print(json.dumps(report), flush=True)
        total.update({word: report[word] for word in WRONG})
        total.update(crawls=1, kills=report.get("kills", report.get("crashed", 0)), failed=not report["ok"])

    with tempfile.TemporaryDirectory() as folder:
        for seed in options.seeds if options.kills else ():
            for ending in options.endings:
                with DemoServer(options.articles, seed) as server:
                    show(random_kills(Trial(server, Path(folder) / f"{seed}{ending}", ending), options.kills, seed))
        with DemoServer() as server, ThreadPoolExecutor(options.jobs) as pool:
            work = [
                pool.submit(crash, Trial(server, Path(folder) / str(number), ending, settings), name, passing)
                for number, (name, passing, ending, settings) in enumerate(points(options.passings))
            ]
            for crashed in work:
                show(crashed.result())
    print(json.dumps(total), flush=True)
    return 1 if total["failed"] else 0


if __name__ == "__main__":
    sys.exit(main())
