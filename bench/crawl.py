"""Crawl the bundled aggregator, served by another process, with newscrawl and with an empty Scrapy spider.

Newscrawl runs twice: as it is, and with Scrapy's own components in place of its guards (robots.txt, rights, addresses,
decoding, verdict).

    python bench/crawl.py [--articles 1500] [--rounds 3]

Each round runs every crawler once, in a process of its own, on the same pages. Reported are the medians of pages per
second, CPU seconds per 1,000 responses (from the opening to the closing of the spider) and peak memory. Timings of one run
are noisy; the ratios of one run are what counts.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import re
import resource
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

ROOT = Path(__file__).parent.parent
UNGUARDED = {
    "ROBOTSTXT_OBEY": False,
    "DOWNLOADER_MIDDLEWARES": {
        "newscrawl.safety.AddressGuard": None,
        "newscrawl.politeness.RobotsTxt": None,
        "newscrawl.safety.BoundedDecoding": None,
        "scrapy.downloadermiddlewares.httpcompression.HttpCompressionMiddleware": 590,
    },
    "ITEM_PIPELINES": {"newscrawl.politeness.RespectRights": None},
    "EXTENSIONS": {"newscrawl.verdict.RunVerdict": None},
    "DOWNLOAD_HANDLERS": dict.fromkeys(
        ("http", "https"), "scrapy.core.downloader.handlers.http11.HTTP11DownloadHandler"
    ),
    "TWISTED_DNS_RESOLVER": "scrapy.resolver.CachingThreadedResolver",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--articles", type=int, default=1500, help="articles of the aggregator (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=3, help="times that each crawler runs (default: %(default)s)")
    parser.add_argument("--child", nargs=3, metavar=("CRAWLER", "BASE_URL", "FOLDER"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        run_child(*options.child)
        return
    command = [sys.executable, "-m", "newscrawl.demo", "--articles", str(options.articles)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as server:
        try:
            base_url = re.search(r"http://\S+", server.stdout.readline())[0]
            with urllib.request.urlopen(f"{base_url}/__truth") as answer:
                truth = json.load(answer)
            with tempfile.TemporaryDirectory() as folder:
                compare(base_url, truth, Path(folder), options.rounds)
        finally:
            server.terminate()


def compare(base_url: str, truth: dict, folder: Path, rounds: int) -> None:
    urls = [re.sub(r"https://[^/]+", base_url, article["url"]) for article in truth["articles"].values()]
    (folder / "urls.txt").write_text("\n".join(urls))
    sizes = []
    for url in urls:  # every page once: the server renders it now, and those that fail at first do so now
        with contextlib.suppress(urllib.error.HTTPError), urllib.request.urlopen(url) as answer:
            sizes.append(len(answer.read()))
    print(f"{len(urls)} articles, {statistics.mean(sizes) / 1000:.1f} KB a page")
    crawlers = ("empty", "empty, one item at a time", "newscrawl, unguarded", "newscrawl")
    results: dict[str, list[dict]] = {name: [] for name in crawlers}
    for number in range(rounds):
        for name in crawlers:
            place = folder / f"{number}-{name[:8]}-{len(name)}"
            child = [sys.executable, __file__, "--child", name, base_url, str(place)]
            done = subprocess.run(child, cwd=ROOT, capture_output=True, text=True, check=True)
            results[name].append(json.loads(done.stdout.splitlines()[-1]))
    print(f"{'crawler':28} {'responses':>9} {'pages/s':>8} {'CPU s/1,000':>12} {'ratio':>6} {'peak MB':>8}")
    base = None
    for name in crawlers:
        cpu = statistics.median(r["cpu"] / r["responses"] * 1000 for r in results[name])
        base = base or cpu
        rate = statistics.median(r["responses"] / r["wall"] for r in results[name])
        peak = max(r["peak_mb"] for r in results[name])
        print(f"{name:28} {results[name][0]['responses']:9} {rate:8.0f} {cpu:12.2f} {cpu / base:6.2f} {peak:8.0f}")
    lines = results["newscrawl"][0]["lines"]
    assert lines == len(truth["ids"]), f"newscrawl wrote {lines} lines, the aggregator has {len(truth['ids'])} articles"


def run_child(name: str, base_url: str, folder: str) -> None:
    os.chdir(ROOT)
    from scrapy import Spider, signals
    from scrapy.crawler import CrawlerProcess
    from scrapy.utils.project import get_project_settings

    measured: dict[str, float] = {}

    class Empty(Spider):
        name = "empty"
        start_urls = (Path(folder).parent / "urls.txt").read_text().split()

        def parse(self, response):
            return None

    def opened() -> None:
        measured.update(cpu=-time.process_time(), wall=-time.perf_counter())

    def closed() -> None:
        measured["cpu"] += time.process_time()
        measured["wall"] += time.perf_counter()

    if name.startswith("empty"):
        settings = {"LOG_LEVEL": "WARNING", "TELNETCONSOLE_ENABLED": False, "REMOTE_CONTROL_ENABLED": False}
        process = CrawlerProcess(settings | ({"CONCURRENT_ITEMS": 1} if "one" in name else {}))
        crawler, given = process.create_crawler(Empty), {}
    else:
        settings = get_project_settings()
        settings.setdict({"NEWSCRAWL_DATA": folder, "LOG_LEVEL": "WARNING"}, priority="cmdline")
        if name.endswith("unguarded"):
            for setting, value in UNGUARDED.items():
                own = settings.getdict(setting) if isinstance(value, dict) else {}
                settings.set(setting, {**own, **value} if isinstance(value, dict) else value, priority="cmdline")
        process = CrawlerProcess(settings)
        crawler, given = process.create_crawler("aggregator"), {"site": "demo", "base_url": base_url}
    crawler.signals.connect(opened, signal=signals.spider_opened, weak=False)
    crawler.signals.connect(closed, signal=signals.spider_closed, weak=False)
    process.crawl(crawler, **given)
    process.start()
    feeds = Path(folder) / "feeds"
    measured["lines"] = sum(path.read_bytes().count(b"\n") for path in feeds.glob("*.jsonl")) if feeds.exists() else 0
    measured["responses"] = crawler.stats.get_value("downloader/response_count")
    measured["peak_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps(measured))


if __name__ == "__main__":
    main()
