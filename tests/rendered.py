"""The aggregator's spider, which wants the text of each original: a page that holds none needs a browser."""

import sys

from lxml import html

from newscrawl.frontier import frontier_of
from newscrawl.sources import NO_BROWSER, NeedsBrowser, records_of
from newscrawl.spiders.aggregator import AggregatorSpider as Aggregator


class Rendered(Aggregator):
    name = "aggregator"

    def parse_source(self, response):
        rows = frontier_of(self.crawler).store.sources.of(frontier_of(self.crawler).lease_of(response.request).key)
        text = "".join(html.fromstring(response.text).xpath("//article//text()")) if response.body else ""
        if not text and "<script" in response.text and NO_BROWSER not in response.meta:
            raise NeedsBrowser(response.url)
        for record in records_of(response, rows, None):
            record.source.similarity = float(len(text)) if text else None
            record.source.title = text[:2000] or None
            yield record

    def closed(self, reason):
        self.logger.info("loaded: %s", [name for name in sys.modules if name.endswith("playwright")])
