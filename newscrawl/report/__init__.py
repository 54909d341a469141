"""One page about a crawl, made from its feeds and its state: `scrapy report`.

`lines` reads the feed files, `figures` counts with duckdb, `charts` draws, `page` puts it together.
"""
