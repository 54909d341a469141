"""The verdict on a run, site by site: is what came what the site has, and if not, on whose side is the fault?"""

from __future__ import annotations

import json
import logging
from collections import Counter
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, Literal, Self

from scrapy import signals
from scrapy.exceptions import NotConfigured

from newscrawl.frontier import Frontier, data_folder, frontier_of
from newscrawl.store import Kind, State

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from scrapy.crawler import Crawler

    from newscrawl.items import Article

logger = logging.getLogger(__name__)

Word = Literal["healthy", "degraded", "blocked", "down", "empty"]

FIELDS: Final = ("language", "publisher", "authors", "published", "source_url", "images")
"""Fields whose absence is watched."""
_ALWAYS: Final = ("publisher", "published")
"""Fields that no site goes without: missed even where no earlier run can be compared."""
_REFUSALS: Final = frozenset({"http_401", "http_403", "http_407", "http_429", "http_451", "challenge"})
_UNREAD: Final = frozenset(
    {"empty", "no_title", "not_an_article", "boilerplate", "nothing_listed", "unreadable", "not_html", "listing"}
    | {"article_in_place_of_listing", "too_many_tags", "too_long", "not_a_feed"}
)
"""Reasons that a parser which no longer fits the site would give."""
_NEVER_ASKED: Final = frozenset({"robots", "forbidden_address"})
_ENOUGH: Final = 20
"""Articles from which a share says something."""
_GONE_MISSING: Final = 0.2
_MANY_FAILURES: Final = 0.2
_RUNS: Final = 10
_EVERY: Final = 1 << 62
"""No number of an exported item is as large."""

Ends = Counter[tuple[Kind, State, str]]


@dataclass(slots=True)
class SiteVerdict:
    """What came of a run on one site, as it is kept in the state and in verdict.json."""

    verdict: Word
    why: str
    """One line; empty for a healthy site."""
    pages: int
    """Pages that were settled with what they brought."""
    articles: int
    """Articles and duplicates whose pages have settled."""
    failures: dict[str, int]
    """Pages given up or put off, by reason, the most frequent first."""
    skipped: dict[str, int]
    missing: dict[str, float] = field(default_factory=dict)
    """Share of the articles without this field."""
    gone_missing: list[str] = field(default_factory=list)
    """Fields that the last runs had and this one has not."""


def judge(
    ends: Ends,
    *,
    articles: int = 0,
    missing: Mapping[str, int] | None = None,
    past: Sequence[Mapping[str, Any]] = (),
    refused: str | None = None,
    unreachable: str | None = None,
    known: bool = True,
) -> SiteVerdict:
    """Judge a run on one site.

    Args:
        ends: how often a page of a kind came to an end for a reason.
        articles: articles and duplicates whose pages have settled.
        missing: how many of them lack a field.
        past: verdicts on earlier runs, as `SiteVerdict` keeps them.
        refused: why the site was not asked further (a challenge, its robots.txt), None where it was not.
        unreachable: the failure where no answer came at all.
        known: whether an article of the site was ever exported: finding nothing new is then no fault.
    """
    failures: Counter[str] = Counter()
    skipped: Counter[str] = Counter()
    for (_, state, reason), count in ends.items():
        if state is State.SKIPPED:
            skipped[reason] += count
        elif state in {State.DEAD, State.DEFERRED}:
            failures[reason] += count
    pages = sum(count for (_, state, _), count in ends.items() if state is State.DONE)
    asked = pages + failures.total() + sum(n for reason, n in skipped.items() if reason not in _NEVER_ASKED)
    shares = {name: (missing or {}).get(name, 0) / articles for name in FIELDS} if articles else {}
    gone = _gone_missing(shares, articles, past)
    refusals = sum(count for reason, count in failures.items() if reason in _REFUSALS)
    word: Word = "healthy"
    why = ""
    if refused and (not pages or refused.startswith("challenge")):
        word, why = "blocked", refused
    elif skipped and not asked:
        word, why = "blocked", f"nothing may be asked ({_listed(skipped)})"
    elif refusals * 2 >= max(asked, 1):
        word, why = "blocked", f"{refusals} of {asked} pages refused ({_listed(failures)})"
    elif unreachable:
        word, why = "down", f"no answer ({unreachable})"
    elif asked and not pages and failures and all(_is_outage(reason) for reason in failures):
        word, why = "down", f"no page came ({_listed(failures)})"
    elif not articles and (unread := _unread(ends)):
        word, why = "empty", f"pages came and none could be read as what it should be ({unread})"
    elif not articles and not known and asked:
        word, why = "empty", "pages came and no article was found"
    elif gone:
        word, why = "degraded", f"{', '.join(gone)} went missing"
    elif asked >= _ENOUGH and failures.total() / asked > _MANY_FAILURES:
        word, why = "degraded", f"{failures.total()} of {asked} pages failed ({_listed(failures)})"
    rounded = {name: round(share, 3) for name, share in shares.items()}
    return SiteVerdict(
        word, why, pages, articles, dict(failures.most_common()), dict(skipped.most_common()), rounded, gone
    )


def _gone_missing(shares: Mapping[str, float], articles: int, past: Sequence[Mapping[str, Any]]) -> list[str]:
    if articles < _ENOUGH:
        return []
    before = [run["missing"] for run in past if run.get("articles", 0) >= _ENOUGH]
    gone = []
    for name, share in shares.items():
        usual = [run[name] for run in before if name in run]
        # Where no run can be compared, a field that every site has is the measure.
        before_now = sum(usual) / len(usual) if usual else 0.6 if name in _ALWAYS else 1.0
        if share - before_now > _GONE_MISSING:
            gone.append(name)
    return gone


def _unread(ends: Ends) -> str:
    """Reasons why no page of a kind could be read, where none could; empty where some were, or none was asked.

    Single pages are what they are: two at least have to agree that the site has changed.
    """
    for kind in (Kind.ARTICLE, Kind.LISTING):
        of_kind = {(state, reason): count for (k, state, reason), count in ends.items() if k is kind}
        unread = Counter({reason: count for (_, reason), count in of_kind.items() if reason in _UNREAD})
        read = sum(count for (state, _), count in of_kind.items() if state is State.DONE)
        if not read and unread.total() >= 2:
            return _listed(unread)
    return ""


def _is_outage(reason: str) -> bool:
    return not reason.startswith(("http_4", "exception_")) and reason not in _UNREAD


def _listed(counts: Counter[str]) -> str:
    return ", ".join(f"{name} {count}" for name, count in counts.most_common(3))


class RunVerdict:
    """Extension: judges each site when the run ends; into the summary of the run, verdict.json and the stats.

    The summary is read with `store.runs(1)[0].summary["verdict"]`: a verdict by site.
    """

    def __init__(self, crawler: Crawler, path: Path) -> None:
        self._crawler = crawler
        self._path = path
        self._articles: Counter[str] = Counter()
        self._missing: dict[str, Counter[str]] = {}

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        """The folder of the data."""
        extension = cls(crawler, data_folder(crawler.settings) / "verdict.json")
        crawler.signals.connect(extension.spider_opened, signal=signals.spider_opened)
        return extension

    def spider_opened(self) -> None:
        """Be asked before the state is closed: `spider_closed` comes after."""
        try:
            frontier = frontier_of(self._crawler)
        except NotConfigured:
            logger.debug("No verdict: the scheduler is another")
            return
        frontier.watchers.append(self._watch)
        frontier.closing["verdict"] = self._judge

    def _watch(self, article: Article) -> None:
        """Count what an article lacks."""
        self._articles[article.site] += 1
        missing = self._missing.setdefault(article.site, Counter())
        for name in FIELDS:
            if not getattr(article, name):
                missing[name] += 1

    def _judge(self, reason: str) -> dict[str, Any]:
        frontier, stats = frontier_of(self._crawler), self._crawler.stats
        past = [run.summary.get("verdict", {}) for run in frontier.store.runs(_RUNS) if run.ended is not None]
        arguments = getattr(self._crawler.spider, "arguments", None)
        hosts = {site.id: site.host for site in arguments.sites} if arguments else {}
        known = any(frontier.store.exported_keys(feed, 0, _EVERY, 1) for feed in ("articles", "duplicates"))
        verdicts = {}
        for site in hosts or frontier.ends:
            host = hosts.get(site, "")
            verdicts[site] = judge(
                frontier.ends.get(site, Counter()),
                articles=self._articles[site],
                missing=self._missing.get(site),
                past=[run[site] for run in past if isinstance(run, dict) and site in run],
                refused=self._refusal(host),
                unreachable=stats.get_value(f"newscrawl/unreachable/{host}"),
                known=known,
            )
            word, why = verdicts[site].verdict, verdicts[site].why
            stats.set_value(f"newscrawl/verdict/{site}", f"{word}: {why}" if why else word)
        told = {site: asdict(verdict) for site, verdict in verdicts.items()}
        self._write(frontier, reason, told)
        return told

    def _refusal(self, host: str) -> str | None:
        """Why a host was not asked; robots.txt is counted by the address that was asked, which a base_url changes."""
        said = self._crawler.stats.get_stats()
        if stopped := said.get(f"newscrawl/stopped/{host}"):
            return str(stopped)
        for kind, told in (("robots_rule", "robots.txt: {}"), ("robots_unavailable", "robots.txt answers {}")):
            for name, value in said.items():
                if name.startswith(f"newscrawl/{kind}/") and (host in name or len(self._hosts()) == 1):
                    return told.format(value)
        if held := said.get(f"newscrawl/held/{host}"):
            return f"it asked to be left alone ({held})"
        return None

    def _hosts(self) -> set[str]:
        arguments = getattr(self._crawler.spider, "arguments", None)
        return {site.host for site in arguments.sites} if arguments else {""}

    def _write(self, frontier: Frontier, reason: str, told: dict[str, Any]) -> None:
        now = datetime.now(UTC).isoformat(timespec="seconds")
        content = {"run": frontier.run.id, "ended": now, "reason": reason, "sites": told}
        fresh = self._path.with_suffix(".json.new")
        try:
            fresh.write_text(json.dumps(content, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
            fresh.replace(self._path)
        except OSError as error:
            logger.error("Cannot write %s: %s", self._path, error.strerror)
