"""`scrapy crawl`: Scrapy's own, with arguments checked before anything starts and an exit status that tells the truth."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from scrapy.commands import crawl
from scrapy.exceptions import UsageError

from newscrawl.arguments import ArgumentError

if TYPE_CHECKING:
    import argparse


class Command(crawl.Command):
    """Run a spider; exit 0 where all is settled, 1 where something is not, 2 where the command line is wrong."""

    def run(self, args: list[str], opts: argparse.Namespace) -> None:
        """Check the arguments, crawl, and take the exit status from the run's verdict."""
        if len(args) != 1:
            raise UsageError("give the name of one spider, as in: scrapy crawl aggregator")
        assert self.crawler_process
        try:
            crawler = self._create_crawler(args[0])
            if check := getattr(crawler.spidercls, "check_arguments", None):
                check(opts.spargs)
        except KeyError:
            known = ", ".join(self.crawler_process.spider_loader.list())
            return self._refuse(f"unknown spider {args[0]!r}: choose from {known}")
        except ArgumentError as error:
            return self._refuse(str(error))
        self.crawler_process.crawl(crawler, **opts.spargs)
        self.crawler_process.start()
        if self.crawler_process.bootstrap_failed or crawler.stats is None:
            self.exitcode = 1
        elif crawler.stats.get_value("finish_reason") is None:  # the spider was not closed
            print("newscrawl: stopped at once; what is settled is kept: run the same command to go on", file=sys.stderr)
            self.exitcode = 1
        else:
            self.exitcode = crawler.stats.get_value("newscrawl/exit_status", 0)
        return None

    def _refuse(self, message: str) -> None:
        print(f"newscrawl: {message}", file=sys.stderr)
        self.exitcode = 2
