"""newscrawl: an Arabic news aggregator as a feed that can be trusted."""

__version__ = "0.1.0"
