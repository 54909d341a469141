"""One crawler in a process of its own: `python -m bench.crawlers NAME BASE_URL FOLDER`.

FOLDER has `urls.txt`, the articles as the server answers them, and `public.txt`, the same as the aggregator calls them.
The last line of output is JSON: CPU and wall seconds from the opening to the closing of the spider, responses, articles
written, peak memory; of Scrapy's spiders also the CPU seconds from the last page to the end. Nothing is imported that another environment lacks.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.peers import peak_mb

if TYPE_CHECKING:
    from collections.abc import Callable

    from scrapy.http import Response

UNGUARDED: dict[str, Any] = {
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
"""Scrapy's own components in place of newscrawl's guards: robots.txt, rights, addresses, decoding, verdict."""


class Clock:
    """CPU and wall seconds between `start` and `stop`."""

    def start(self) -> None:
        """The spider opens."""
        self.cpu, self.wall = -time.process_time(), -time.perf_counter()
        self.idle_at: float | None = None

    def idle(self) -> None:
        """Nothing is left to ask, or for the moment."""
        self.idle_at = time.process_time()

    def stop(self) -> None:
        """The spider closed."""
        end = time.process_time()
        self.cpu += end
        self.closing = end - (end if self.idle_at is None else self.idle_at)
        self.wall += time.perf_counter()


def empty(clock: Clock, base_url: str, folder: Path, **settings: Any) -> tuple[int, int]:
    """A spider that asks for every article and does nothing with it, at Scrapy's default settings: a line of log a response."""
    from scrapy import Spider

    class Empty(Spider):
        name = "empty"
        start_urls = (folder / "urls.txt").read_text().split()

        def parse(self, response: Response, **_: Any) -> None:
            return None

    return scrape(clock, Empty, settings), 0


def empty_silent(clock: Clock, base_url: str, folder: Path, **settings: Any) -> tuple[int, int]:
    """The same without its log."""
    return empty(clock, base_url, folder, LOG_LEVEL="WARNING", **settings)


def empty_one_item(clock: Clock, base_url: str, folder: Path) -> tuple[int, int]:
    """The same without the hundred tasks that Scrapy starts for each response."""
    return empty_silent(clock, base_url, folder, CONCURRENT_ITEMS=1)


def newscrawl(clock: Clock, base_url: str, folder: Path, *, guarded: bool = True, **given: str) -> tuple[int, int]:
    """Everything on: text, state, duplicates, politeness, feeds; its own settings, log included."""
    from scrapy.utils.project import get_project_settings

    settings = get_project_settings()
    data = folder / "data"
    settings.set("NEWSCRAWL_DATA", str(data), priority="cmdline")
    for name, value in {} if guarded else UNGUARDED.items():
        own = {**settings.getdict(name), **value} if isinstance(value, dict) else value
        settings.set(name, own, priority="cmdline")
    responses = scrape(clock, "aggregator", settings, site="demo", base_url=base_url, **given)
    lines = 0
    for path in (data / "feeds").glob("*.jsonl"):
        with path.open("rb") as file:  # line by line: its size is no memory of the crawl
            lines += sum(1 for _ in file)
    return responses, lines


def newscrawl_seeds(clock: Clock, base_url: str, folder: Path) -> tuple[int, int]:
    return newscrawl(clock, base_url, folder, mode="urls", seeds=str(folder / "public.txt"))


def newscrawl_unguarded(clock: Clock, base_url: str, folder: Path) -> tuple[int, int]:
    return newscrawl(clock, base_url, folder, guarded=False)


def scrape(clock: Clock, spider: Any, settings: Any, **given: str) -> int:
    """Run a Scrapy spider; answer the number of responses."""
    from scrapy import signals
    from scrapy.crawler import CrawlerProcess

    process = CrawlerProcess(settings)
    crawler = process.create_crawler(spider)
    crawler.signals.connect(clock.start, signal=signals.spider_opened)
    crawler.signals.connect(clock.idle, signal=signals.spider_idle)
    crawler.signals.connect(clock.stop, signal=signals.spider_closed)
    process.crawl(crawler, **given)
    process.start()
    assert crawler.stats
    return int(crawler.stats.get_value("downloader/response_count"))


def news_please(clock: Clock, base_url: str, folder: Path) -> tuple[int, int]:
    """Its Download crawler over given addresses, its own settings; without pictures, which would ask other hosts."""
    import newsplease
    from newsplease.single_crawler import SingleCrawler

    text = (Path(newsplease.__file__).parent / "config" / "config.cfg").read_text("utf-8")
    for mine, theirs in (
        (f"working_path = {folder}/", "working_path = ~/news-please-repo/"),
        ("[('newspaper_extractor_no_images', 'NewspaperExtractorNoImages'), ", "extractors = ['newspaper_extractor', "),
        ("LOG_LEVEL = WARNING", "LOG_LEVEL = INFO"),
    ):
        text = text.replace(theirs, f"extractors = {mine}" if mine[0] == "[" else mine)
    (folder / "config.cfg").write_text(text, "utf-8")
    urls = (folder / "urls.txt").read_text().split()
    sites = {"base_urls": [{"url": urls, "crawler": "Download"}]}
    (folder / "sitelist.hjson").write_text(json.dumps(sites), "utf-8")
    clock.start()
    SingleCrawler(str(folder / "config.cfg"), str(folder / "sitelist.hjson"), 0, False, False)
    clock.stop()
    return len(urls), len(list((folder / "data").rglob("*.json")))


def fundus(clock: Clock, base_url: str, folder: Path) -> tuple[int, int]:
    """A publisher with the sitemap as its source and a parser of title and body; no delay, one thread."""
    from fundus import Crawler, Sitemap
    from fundus.parser import BaseParser, ParserProxy, attribute
    from fundus.parser.utility import extract_article_body_with_selector
    from fundus.publishers.base_objects import Publisher, PublisherGroup
    from lxml.etree import XPath

    class Parser(ParserProxy):  # type: ignore[misc]
        class V1(BaseParser):  # type: ignore[misc]
            paragraphs = XPath("//*[contains(@class, 'articlecontent')]//p")

            @attribute  # type: ignore[untyped-decorator]
            def title(self) -> Any:
                return self.precomputed.meta.get("og:title")

            @attribute  # type: ignore[untyped-decorator]
            def body(self) -> Any:
                return extract_article_body_with_selector(self.precomputed.doc, paragraph_selector=self.paragraphs)

    class Demo(metaclass=PublisherGroup):  # type: ignore[metaclass]
        default_language = "ar"
        demo = Publisher("demo", base_url, Parser, [Sitemap(f"{base_url}/sitemap.xml")])

    crawler = Crawler(Demo.demo, delay=0.0, threading=False, ignore_robots=True)
    clock.start()
    found = sum(1 for _ in crawler.crawl(only_complete=False, save_to_file=folder / "articles.json"))
    clock.stop()
    return len((folder / "urls.txt").read_text().split()), found


CRAWLERS: dict[str, Callable[[Clock, str, Path], tuple[int, int]]] = {
    "empty": empty,
    "empty, silent": empty_silent,
    "empty, silent, one item at a time": empty_one_item,
    "newscrawl, known URLs": newscrawl_seeds,
    "newscrawl, discovery": newscrawl,
    "newscrawl, discovery, unguarded": newscrawl_unguarded,
    "news-please": news_please,
    "Fundus": fundus,
}


def main() -> None:
    """Run one and print what it took."""
    name, base_url, folder = sys.argv[1:]
    clock, out = Clock(), os.dup(1)
    os.dup2(2, 1)  # what crawlers print is no answer
    responses, articles = CRAWLERS[name](clock, base_url, Path(folder))
    figures = {"cpu": clock.cpu, "closing": clock.closing, "wall": clock.wall, "responses": responses}
    figures |= {"articles": articles, "peak_mb": peak_mb()}
    os.write(out, f"{json.dumps(figures)}\n".encode())


if __name__ == "__main__":
    main()
