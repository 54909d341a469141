"""What the end of a run tells others: a webhook or a file when a site's verdict changes, Prometheus text of the counters.

All of it is off until a setting names where to: NEWSCRAWL_ALERT_WEBHOOK, NEWSCRAWL_ALERT_FILE, NEWSCRAWL_PROMETHEUS.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from scrapy import signals
from scrapy.exceptions import NotConfigured

from newscrawl.frontier import data_folder
from newscrawl.store import StoreError, open_store

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from scrapy.crawler import Crawler

logger = logging.getLogger(__name__)

HEALTHY: Final = "healthy"
_MEMORY: Final = "alerts.json"
"""File in the data folder: the verdict of each site that was last told or needed no telling."""
_CANCELLED: Final = frozenset({"shutdown", "cancelled"})
"""Ends that say nothing of a site: Ctrl-C, SIGTERM, cancel.json."""
_TIMEOUT: Final = 10.0
"""Seconds that a webhook may take; a run's end waits no longer."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """How a site fares, as a run said at its end."""

    site: str
    word: str
    """`healthy`, or what is wrong"""
    why: str = ""
    """one line, may be empty"""


class Alerts:
    """Extension: tells a change of verdict once, and writes the counters of the run."""

    def __init__(self, crawler: Crawler, data: Path, webhook: str, file: Path | None, counters: Path | None) -> None:
        self._crawler = crawler
        self._data = data
        self._webhook = webhook
        self._file = file
        self._counters = counters
        self._started = time.time()

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        """Take the places from the settings; without any there is nothing to do."""
        settings = crawler.settings
        webhook = settings["NEWSCRAWL_ALERT_WEBHOOK"] or ""
        file, counters = settings["NEWSCRAWL_ALERT_FILE"], settings["NEWSCRAWL_PROMETHEUS"]
        if not (webhook or file or counters):
            raise NotConfigured
        if webhook and urlsplit(webhook).scheme not in {"http", "https"}:
            logger.warning("NEWSCRAWL_ALERT_WEBHOOK is no http or https address: no alert will be sent")
            webhook = ""
        extension = cls(
            crawler, data_folder(settings), webhook, Path(file) if file else None, Path(counters) if counters else None
        )
        # The verdict is in the state and the exit status in the stats once every `spider_closed` has been handled.
        crawler.signals.connect(extension.engine_stopped, signal=signals.engine_stopped)
        return extension

    async def engine_stopped(self) -> None:
        """Tell what changed, then write the counters; what fails here is a warning and no failure of the run."""
        verdicts = self._verdicts()
        if self._webhook or self._file:
            before = _remembered(self._data / _MEMORY)
            told = dict(before)
            for verdict in verdicts:
                if await self._tell(verdict, before.get(verdict.site)):
                    told[verdict.site] = verdict.word
            if told != before:
                _replace(self._data / _MEMORY, json.dumps(told, ensure_ascii=False, indent=1) + "\n")
        if self._counters:
            _replace(self._counters, "".join(self._lines(verdicts)))

    def _verdicts(self) -> list[Verdict]:
        """Verdicts of this run; where it has none of its own, the exit status stands for one."""
        stats = self._crawler.stats
        arguments = getattr(self._crawler.spider, "arguments", None)
        sites = [site.id for site in arguments.sites] if arguments else [str(self._crawler.spidercls.name)]
        error = stats.get_value("newscrawl/error") if stats else None
        if stats and stats.get_value("finish_reason") in _CANCELLED:
            return []
        if error and "in use by another crawl" in str(error):
            return []  # that crawl speaks for the site
        if not error and (given := self._of_last_run()):
            return given
        failed = not stats or stats.get_value("newscrawl/exit_status", 0)
        unreachable = [
            name for name in (stats.get_stats() if stats else {}) if name.startswith("newscrawl/unreachable/")
        ]
        why = str(error or ("no answer" if unreachable else "see the last line of the log")) if failed else ""
        return [Verdict(site, "failed" if failed else HEALTHY, why) for site in sites]

    def _of_last_run(self) -> list[Verdict]:
        """What the summary of the run that has just ended says under `verdict`."""
        try:
            store = open_store(self._data / "state.sqlite", readonly=True)
        except StoreError:
            return []
        try:
            runs = store.runs(1)
        except StoreError:
            return []
        finally:
            store.close()
        if not runs or runs[0].ended is None or runs[0].ended < self._started:
            return []
        return [Verdict(site, word, why) for site, (word, why) in verdicts_of(runs[0].summary).items()]

    async def _tell(self, verdict: Verdict, before: str | None) -> bool:
        """Tell a change; whether it is settled, so that a webhook that was down is tried again at the end of the next run."""
        if verdict.word == (before or HEALTHY):
            return True
        text = f"newscrawl: {verdict.site} is {verdict.word}" + (f": {verdict.why}" if verdict.why else "")
        text += f" (was {before})" if before else ""
        said = True
        if self._file:
            said = _append(self._file, f"{_now()} {' '.join(text.split())}\n")
        if self._webhook:
            message = {
                "text": text, "site": verdict.site, "verdict": verdict.word, "why": verdict.why, "before": before, "at": _now(),
            }  # fmt: skip
            said = await asyncio.to_thread(_post, self._webhook, message) and said
        return said

    def _lines(self, verdicts: list[Verdict]) -> Iterator[str]:
        """Prometheus text of the run's counters."""
        stats = self._crawler.stats.get_stats() if self._crawler.stats else {}
        scope = str(getattr(self._crawler.spider, "scope", self._crawler.spidercls.name))
        counts = {
            name.removeprefix("newscrawl/"): value for name, value in stats.items() if name.startswith("newscrawl/")
        }
        for name in ("articles", "duplicates", "pages", "fallback_pages"):
            yield from _metric(
                f"newscrawl_{name}", f"{name} of the last run", {(("scope", scope),): counts.get(name, 0)}
            )
        for kind, label in (("failed", "reason"), ("deferred", "reason"), ("skipped", "reason"), ("state", "state")):
            values: dict[tuple[tuple[str, str], ...], int] = {
                (("scope", scope), (label, name.removeprefix(f"{kind}/"))): value
                for name, value in counts.items()
                if name.startswith(f"{kind}/") and isinstance(value, int)
            }
            said = "URLs known by state" if kind == "state" else f"URLs {kind} in the last run by reason"
            yield from _metric(f"newscrawl_{'urls' if kind == 'state' else kind}", said, values)
        of_run = (("scope", scope),)
        yield from _metric(
            "newscrawl_exit_status", "0 where the last run was a success", {of_run: counts.get("exit_status", 1)}
        )
        yield from _metric(
            "newscrawl_run_seconds", "how long the last run took", {of_run: round(time.time() - self._started, 1)}
        )
        yield from _metric(
            "newscrawl_run_end_timestamp_seconds", "when the last run ended", {of_run: round(time.time())}
        )
        yield from _metric(
            "newscrawl_verdict",
            "1 for the verdict that the last run gave on a site",
            {(("site", verdict.site), ("verdict", verdict.word)): 1 for verdict in verdicts},
        )


def verdicts_of(summary: Mapping[str, object]) -> dict[str, tuple[str, str]]:
    """(verdict, why) by site, from the summary of a run as `newscrawl.verdict` writes it; empty where it has none.

    >>> verdicts_of({"verdict": {"demo": {"verdict": "down", "why": "no answer"}}})
    {'demo': ('down', 'no answer')}
    """
    given = summary.get("verdict")
    return {
        site: (str(said.get("verdict")), str(said.get("why", "")))
        for site, said in (given.items() if isinstance(given, dict) else ())
        if isinstance(said, dict)
    }


class _Unredirected(HTTPRedirectHandler):
    """A redirected POST would arrive as a GET without its message."""

    def redirect_request(self, *_: Any) -> None:
        return None


def _post(address: str, message: dict[str, Any]) -> bool:
    """Send a message; the address may hold a secret, so that only its host is logged."""
    host = urlsplit(address).hostname
    body = json.dumps(message, ensure_ascii=False).encode()
    try:
        request = Request(address, body, {"Content-Type": "application/json; charset=utf-8"})  # noqa: S310  (checked)
        with build_opener(_Unredirected).open(request, timeout=_TIMEOUT):
            return True
    except HTTPError as error:
        logger.warning(
            "The webhook at %s answered %d: the alert is told again at the end of the next run", host, error.code
        )
    except (OSError, ValueError) as error:
        reason = getattr(error, "reason", None) or error
        logger.warning(
            "The webhook at %s does not answer (%s): the alert is told again after the next run", host, reason
        )
    return False


def _append(path: Path, line: str) -> bool:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a", encoding="utf-8") as file:
            file.write(line)
    except OSError as error:
        logger.warning("%s: cannot be written (%s): the alert is told again after the next run", path, error.strerror)
        return False
    return True


def _replace(path: Path, text: str) -> None:
    """Put a file in its place at once, so that its readers never see half of it."""
    new = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        new.write_text(text, encoding="utf-8")
        new.replace(path)
    except OSError as error:
        logger.warning("%s: cannot be written (%s)", path, error.strerror)
        new.unlink(missing_ok=True)


def _remembered(path: Path) -> dict[str, str]:
    try:
        known = json.loads(path.read_bytes())
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        logger.warning("%s: cannot be read (%s): every verdict is taken for new", path, error)
        return {}
    return {str(site): str(word) for site, word in known.items()} if isinstance(known, dict) else {}


def _metric(name: str, said: str, values: Mapping[tuple[tuple[str, str], ...], Any]) -> Iterator[str]:
    r"""One metric in the text format of Prometheus.

    >>> list(_metric("a", "b", {(("site", 'x"y'),): 1}))
    ['# HELP a b\n', '# TYPE a gauge\n', 'a{site="x\\"y"} 1\n']
    """
    if not values:
        return
    yield f"# HELP {name} {said}\n"
    yield f"# TYPE {name} gauge\n"
    for labels, value in values.items():
        written = ",".join(f'{label}="{_escaped(text)}"' for label, text in labels)
        yield f"{name}{{{written}}} {value}\n"


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
