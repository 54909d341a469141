"""Every setting of the project once, with its reason. Override on the command line with `-s NAME=VALUE`."""

import gc
import logging
import os

from newscrawl import __version__
from newscrawl.safety import SafeRecord
from newscrawl.sites import SITES

BOT_NAME = "newscrawl"
SPIDER_MODULES = ["newscrawl.spiders"]
NEWSPIDER_MODULE = "newscrawl.spiders"
COMMANDS_MODULE = "newscrawl.commands"  # `crawl` with validated arguments and an exit status; `record`

# --- Where things lie -------------------------------------------------------------------------------------------------

NEWSCRAWL_DATA = os.environ.get("NEWSCRAWL_DATA", "data")
"""Folder of the crawl state and the feeds."""
NEWSCRAWL_FEED = None
"""Path of the feed of articles; its ending chooses .jsonl, .jsonl.gz or .jsonl.zst. None: feeds/articles.jsonl."""

# --- Who asks ---------------------------------------------------------------------------------------------------------

NEWSCRAWL_CONTACT = os.environ.get("NEWSCRAWL_CONTACT", "")
"""URL or address under which a site's operator reaches you; a live crawl without one says so."""
USER_AGENT = f"newscrawl/{__version__} (+{NEWSCRAWL_CONTACT})" if NEWSCRAWL_CONTACT else f"newscrawl/{__version__}"
ROBOTSTXT_OBEY = True
HTTPPROXY_ENABLED = False  # only where the operator says so: a proxy of the environment looks names up by itself

# --- How fast ---------------------------------------------------------------------------------------------------------

# Live sites of the family: one request at a time, five seconds apart. A base_url and the bundled aggregator have other
# hosts, so they go as fast as the two settings below say.
DOWNLOAD_SLOTS = {site.host: {"concurrency": 1, "delay": 5.0, "jitter": 0.0} for site in SITES.values()}
DOWNLOAD_DELAY = 0
CONCURRENT_REQUESTS_PER_DOMAIN = 16
CONCURRENT_REQUESTS = 16
DOWNLOAD_TIMEOUT = 30
DOWNLOAD_MAXSIZE = 8 << 20  # bytes; the largest real page seen has 110 KB
DOWNLOAD_WARNSIZE = 0
DOWNLOAD_FAIL_ON_DATALOSS = True  # a short body is a failure to try again, not an article

NEWSCRAWL_ROTATE_LINES = 0
"""Lines after which a part of a feed is finished; 0: no limit. Any rotation numbers the files and writes a manifest."""
NEWSCRAWL_ROTATE_BYTES = 0
"""Bytes on disk after which a part is finished; 0: no limit."""
NEWSCRAWL_ROTATE_DAILY = False
"""Finish a part with its day in UTC."""
NEWSCRAWL_BATCHES = None
"""s3://bucket/prefix for finished parts; without a rotation each run finishes one. Needs the extra s3."""
NEWSCRAWL_S3_ENDPOINT = None
"""Address of an S3 service other than Amazon's, such as MinIO."""

NEWSCRAWL_ALERT_WEBHOOK = os.environ.get("NEWSCRAWL_ALERT_WEBHOOK", "")
"""Address that is told, by POST, when a site's verdict changes; empty: nobody. An environment variable keeps it secret."""
NEWSCRAWL_ALERT_FILE = None
"""File that gets a line when a site's verdict changes."""
NEWSCRAWL_PROMETHEUS = None
"""File for the counters of the last run, as node_exporter's textfile collector reads them."""

NEWSCRAWL_DUPLICATES = "split"
"""split: copies go to the feed of duplicates; label: one feed, copies marked; off: copies are not looked for."""
NEWSCRAWL_DUPLICATES_WINDOW = 0
"""Days between two publications beyond which the second is no copy of the first; 0 for no such limit."""

NEWSCRAWL_RETRY_DELAYS = [60, 600, 3600, 21600, 172800]
"""Seconds before the next try of a failed URL; after the last it is dead. Replaces RETRY_TIMES: tries outlive a run."""
NEWSCRAWL_LINGER = 120
"""Seconds that a run waits for what falls due; what is due later is left to the next run."""

NEWSCRAWL_SOURCE_DELAY = 5.0
"""Seconds between two requests to one publisher (`-a source=`), one at a time; its Crawl-delay may lengthen them."""
NEWSCRAWL_BACKOFF = 30
"""Seconds that a host is left alone after 429 or 503 without Retry-After; doubled until a page comes, up to a day."""

# --- Pages that need a browser: see docs/sources.md -----------------------------------------------------------------------

NEWSCRAWL_BROWSER_PAGES = 4
"""Pages open in the browser at the same time, one a host."""
NEWSCRAWL_BROWSER_RENEW = 500
"""Pages after which the browser is started anew."""
NEWSCRAWL_BROWSER_MEMORY = 1500
"""MB of the browser's own memory from which on it is started anew."""
PLAYWRIGHT_LAUNCH_OPTIONS: dict[str, object] = {}
"""`executable_path` and `args` of another browser than the first of chromium, chromium-browser and google-chrome."""
PLAYWRIGHT_ABORT_REQUEST = "newscrawl.browser.carries_no_text"

# --- What may be asked, and used ----------------------------------------------------------------------------------------

NEWSCRAWL_ALLOW_HOSTS: list[str] = []
"""`host:port` or networks that may be asked though they are not on the public internet; a base_url is allowed anyway."""
NEWSCRAWL_RIGHTS = "flag"
"""`flag` notes what a site says of the use of a page in its `rights`; `skip` leaves out what it reserves."""
NEWSCRAWL_RIGHTS_SIGNALS = ["ai-train", "noai", "tdm-reservation"]
"""Signals that `skip` goes by: see docs/politeness.md."""

# --- Components -------------------------------------------------------------------------------------------------------

SCHEDULER = "newscrawl.frontier.Frontier"  # the stock one loses its queue to a SIGKILL
SPIDER_MIDDLEWARES = {
    "newscrawl.settlement.SettlementMiddleware": 20,  # next to the engine: sees what really reaches it
    "scrapy.spidermiddlewares.start.StartSpiderMiddleware": None,  # nothing asks which requests were the first
    "scrapy.spidermiddlewares.httperror.HttpErrorMiddleware": None,  # the settlement decides by the status
    "scrapy.spidermiddlewares.referer.RefererMiddleware": None,  # pages are not told where their link was found
    "scrapy.spidermiddlewares.depth.DepthMiddleware": None,  # the frontier knows pages of listings, not depth
    "scrapy.spidermiddlewares.urllength.UrlLengthMiddleware": None,  # see LONGEST_ADDRESS in newscrawl.sites
    "scrapy.spidermiddlewares.metacopy.MetaCopyDetectionMiddleware": None,  # the settlement drops a copied lease
}
DOWNLOADER_MIDDLEWARES = {
    "newscrawl.safety.AddressGuard": 10,
    "newscrawl.politeness.RobotsTxt": 100,
    "newscrawl.rendering.Rendering": 110,
    "scrapy.downloadermiddlewares.robotstxt.RobotsTxtMiddleware": None,  # allows everything after a 500 or a timeout
    "newscrawl.safety.BoundedDecoding": 590,
    "scrapy.downloadermiddlewares.httpcompression.HttpCompressionMiddleware": None,  # takes half a gzip for a page
    "scrapy.downloadermiddlewares.offsite.OffsiteMiddleware": None,  # the spider locates addresses, others have no row
    "scrapy.downloadermiddlewares.httpauth.HttpAuthMiddleware": None,
    "scrapy.downloadermiddlewares.redirect.MetaRefreshMiddleware": None,  # the family has none; interstitials do
}
ITEM_PIPELINES = {
    "newscrawl.politeness.RespectRights": 50,
    "newscrawl.pipelines.Validate": 100,
    "newscrawl.pipelines.Deduplicate": 200,
}
EXTENSIONS = {
    "newscrawl.extensions.Progress": 0,
    "newscrawl.verdict.RunVerdict": 0,
    "newscrawl.alerts.Alerts": 0,  # off without a setting to tell by
    "newscrawl.batches.Batches": 0,  # off without NEWSCRAWL_BATCHES
    "scrapy.extensions.logstats.LogStats": None,  # Progress tells more
}
STATS_CLASS = "newscrawl.extensions.Stats"
RETRY_ENABLED = False  # see NEWSCRAWL_RETRY_DELAYS
COOKIES_ENABLED = False  # no page of the family needs any
TELNETCONSOLE_ENABLED = False  # an open door for whoever is on the machine
REMOTE_CONTROL_ENABLED = False  # runs Python that it is sent
DOWNLOAD_HANDLERS = {
    **dict.fromkeys(("data", "file", "ftp", "s3")),  # only http and https are ever asked
    **dict.fromkeys(("http", "https"), "newscrawl.rendering.RenderingHandler"),
}
TWISTED_DNS_RESOLVER = "newscrawl.safety.GuardedResolver"  # judges the address that is connected to

# 1 instead of 100: Scrapy 2.19 starts that many tasks for each response, 2 ms of CPU, and a page yields one item.
CONCURRENT_ITEMS = 1

ASYNCIO_EVENT_LOOP = "uvloop.Loop"  # 3.5 % less CPU time than with Python's own

# Python's own 700 cost 7 % of a crawl's CPU time. No cycle holds a page of an aggregator: see docs/decisions.md.
gc.set_threshold(50_000)

# --- What is said -----------------------------------------------------------------------------------------------------

LOG_LEVEL = "INFO"
LOG_FORMAT = "%(asctime)s %(levelname)s %(message)s"
LOG_DATEFORMAT = "%H:%M:%S"
LOG_FORMATTER = "newscrawl.extensions.LogFormatter"
LOGSTATS_INTERVAL = 60  # seconds between progress lines where the output is no terminal
STATS_DUMP = False  # the summary is for people; -s STATS_DUMP=1 shows all counters
FEED_EXPORT_ENCODING = "utf-8"  # for -o and FEEDS: Arabic letters as letters


def _only_what_matters(record: logging.LogRecord) -> bool:
    """Scrapy lists its versions, components and steps at INFO; a crawl's log is for what happened to it."""
    stops = str(record.msg).startswith("Received ")  # a signal: it tells how to stop at once
    return stops or record.levelno >= logging.WARNING or record.exc_info is not None


# Filters, since Scrapy's logging configuration resets the levels of its own loggers.
for _name in ("addons", "core.engine", "crawler", "extensions.feedexport", "middleware", "utils.log"):
    logging.getLogger(f"scrapy.{_name}").addFilter(_only_what_matters)
# It warns that redirects carry no Referer, which is what is wanted.
logging.getLogger("scrapy.downloadermiddlewares.redirect").addFilter(lambda record: record.levelno > logging.WARNING)

# What befalls its pages is told by newscrawl.browser, in one line.
logging.getLogger("scrapy-playwright").setLevel(logging.ERROR)
# A page without a text is a result, which the record tells.
for _name in ("trafilatura", "htmldate"):
    logging.getLogger(_name).setLevel(logging.CRITICAL)

# Pages, headers and addresses end up in messages: none may move a cursor or begin a line.
logging.setLogRecordFactory(SafeRecord)
