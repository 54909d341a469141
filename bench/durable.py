"""The crawl that Scrapy's own documentation, or scrapy-redis's, calls resumable: `python -m bench.durable KIND BASE_URL FOLDER`.

KIND is `jobdir` (JOBDIR and FEEDS) or a Redis URL (its scheduler, duplicates filter and item pipeline; the items are
written to a file at the end). The spider asks for the sitemap and yields one item an article.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from scrapy import Request, Spider
from scrapy.crawler import CrawlerProcess

if TYPE_CHECKING:
    from collections.abc import Iterator

    from scrapy.http import Response


class Resumable(Spider):
    """Articles of the bundled aggregator."""

    name = "resumable"

    def parse(self, response: Response, **_: Any) -> Iterator[Request]:
        """Ask for every article of the sitemap."""
        for url in response.xpath("//*[local-name() = 'loc']/text()").getall():
            yield Request(url, self.article)

    def article(self, response: Response) -> Iterator[dict[str, str | None]]:
        """The item of an article, named as the aggregator names it."""
        path = urlsplit(response.url).path.strip("/")
        edition = "" if path[:3] in {"fr/", "en/"} else "ar/"
        title = response.css(".articletitle ::text, h1 ::text").get()
        yield {"id": f"demo/{edition}{path}", "title": title, "body": "\n".join(response.css("p ::text").getall())}


def main() -> None:
    """Crawl to the end."""
    kind, base_url, folder = sys.argv[1:]
    out = Path(folder) / "items.jsonl"
    settings: dict[str, Any] = {"LOG_LEVEL": "WARNING", "TELNETCONSOLE_ENABLED": False}
    if kind == "jobdir":
        settings |= {
            "JOBDIR": f"{folder}/job",
            "FEEDS": {str(out): {"format": "jsonlines", "encoding": "utf-8", "overwrite": False}},
        }
    else:
        settings |= {
            "SCHEDULER": "scrapy_redis.scheduler.Scheduler",
            "DUPEFILTER_CLASS": "scrapy_redis.dupefilter.RFPDupeFilter",
            "SCHEDULER_PERSIST": True,
            "ITEM_PIPELINES": {"scrapy_redis.pipelines.RedisPipeline": 300},
            "REDIS_URL": kind,
        }
    process = CrawlerProcess(settings)
    process.crawl(Resumable, start_urls=[f"{base_url}/sitemap.xml"])
    process.start()
    if kind != "jobdir":
        from redis import Redis

        items = Redis.from_url(kind).lrange("resumable:items", 0, -1)
        out.write_text("".join(json.dumps(json.loads(item)) + "\n" for item in items), "utf-8")


if __name__ == "__main__":
    main()
