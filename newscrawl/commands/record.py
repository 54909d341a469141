"""`scrapy record SITE URL`: save one page with its headers as a test fixture. The only step that touches the network."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from scrapy import Request, Spider
from scrapy.commands import ScrapyCommand
from scrapy.exceptions import UsageError

from newscrawl.demo import DemoServer
from newscrawl.sites import Site, get_site

if TYPE_CHECKING:
    import argparse
    from collections.abc import AsyncIterator

    from scrapy.http import Response

_LEFT_OUT = {b"content-encoding", b"content-length", b"transfer-encoding", b"connection", b"date", b"set-cookie"}


class Command(ScrapyCommand):
    """Record a page below tests/fixtures; `pytest --update-expected` then writes what the parser makes of it."""

    requires_project = True
    default_settings: ClassVar[dict[str, Any]] = {"LOG_LEVEL": "WARNING"}

    def syntax(self) -> str:
        """Show the arguments."""
        return "[options] <site> <url>"

    def short_desc(self) -> str:
        """Show what the command does."""
        return "Save one page of an aggregator as a test fixture"

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        """Add the name and the place of the fixture."""
        super().add_options(parser)
        parser.add_argument("--case", help="name of the fixture (default: made from the address)")
        parser.add_argument("--into", default="tests/fixtures", help="folder of the fixtures (default: %(default)s)")

    def run(self, args: list[str], opts: argparse.Namespace) -> None:
        """Fetch the page and write body.html and meta.json."""
        if len(args) != 2:
            raise UsageError("give a site and an address, as in: scrapy record maghress https://www.maghress.com/")
        try:
            site = get_site(args[0])
        except ValueError as error:
            return self._refuse(str(error))
        place = site.locate(args[1])
        if place is None:
            return self._refuse(f"{args[1]!r} is no page of {site.host}: give an address of that site")
        folder = Path(opts.into) / site.id / (opts.case or re.sub(r"\W+", "-", place.url.split("/", 3)[3]) or "home")
        server = DemoServer() if site.id == "demo" else None
        if server:
            server.start()
            site = site.served_from(server.base_url)
        assert self.crawler_process
        crawler = self.crawler_process.create_crawler(_Recorder)
        self.crawler_process.crawl(crawler, site=site, url=place.url, folder=folder)
        self.crawler_process.start()
        if server:
            server.stop()
        if isinstance(crawler.spider, _Recorder) and crawler.spider.recorded:
            print(f"{folder}: now run `pytest --update-expected` and read what it wrote")
            return None
        return self._refuse(f"no answer from {site.address(place.url)}: see the log above")

    def _refuse(self, message: str) -> None:
        print(f"newscrawl: {message}", file=sys.stderr)
        self.exitcode = 1


class _Recorder(Spider):
    """Fetches one page, whatever its status, and writes it down."""

    name = "record"
    custom_settings = {  # noqa: RUF012 - Scrapy declares it as an attribute of instances
        "SCHEDULER": "scrapy.core.scheduler.Scheduler",
        "SPIDER_MIDDLEWARES": {},
        "ITEM_PIPELINES": {},
        "EXTENSIONS": {},
    }

    def __init__(self, site: Site, url: str, folder: Path) -> None:
        super().__init__()
        self._site, self._url, self._folder = site, url, folder
        self.recorded = False
        self.origins = [site.origin] if site.origin else []

    async def start(self) -> AsyncIterator[Request]:
        """Ask for the page."""
        yield Request(self._site.address(self._url), meta={"handle_httpstatus_all": True})

    def parse(self, response: Response, **kwargs: Any) -> None:
        """Write the exact bytes and what was said about them."""
        self._folder.mkdir(parents=True, exist_ok=True)
        (self._folder / "body.html").write_bytes(response.body)
        headers = {
            name.decode("latin-1"): [value.decode("latin-1") for value in values]
            for name, values in response.headers.items()
            if name.lower() not in _LEFT_OUT
        }
        meta = {"site": self._site.id, "url": self._url, "status": response.status, "headers": headers}
        text = json.dumps(meta, ensure_ascii=False, indent=1)
        (self._folder / "meta.json").write_text(text + "\n", encoding="utf-8")
        self.recorded = True
