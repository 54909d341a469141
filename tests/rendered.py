"""The aggregator's spider, which tells at its end whether a browser was loaded."""

import sys

from newscrawl.spiders.aggregator import AggregatorSpider as Aggregator


class Rendered(Aggregator):
    name = "aggregator"

    def closed(self, reason):
        self.logger.info("loaded: %s", [name for name in sys.modules if name.endswith("playwright")])
