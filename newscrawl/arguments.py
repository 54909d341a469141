"""Arguments of the aggregator spider: strings from `-a` or Scrapyd, validated before the first request."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, TypeVar, get_args
from urllib.error import URLError
from urllib.request import urlopen

from newscrawl.sites import EDITIONS, Edition, Place, Site, get_site

if TYPE_CHECKING:
    from collections.abc import Iterable

SourceMode = Literal["off", "check", "fetch"]
SOURCE_MODES: Final[tuple[SourceMode, ...]] = get_args(SourceMode)

RenderMode = Literal["auto", "never", "always"]
RENDER_MODES: Final[tuple[RenderMode, ...]] = get_args(RenderMode)

Mode = Literal["latest", "archive", "feed", "urls"]
MODES: Final[tuple[Mode, ...]] = get_args(Mode)
_NAMES: Final = (
    "site", "edition", "paper", "mode", "seeds", "since", "until", "limit", "base_url", "refresh",
    "source", "render",
)  # fmt: skip
_SEEDS_LIMIT: Final = 8 << 20
"""Bytes of a list of seeds; a longer one is a mistake."""


_Word = TypeVar("_Word", bound=str)


class ArgumentError(ValueError):
    """An argument cannot be used; the text is one line that names it and the valid values."""


@dataclass(frozen=True, slots=True)
class Arguments:
    """What a run was asked for."""

    sites: tuple[Site, ...]
    mode: Mode = "latest"
    editions: tuple[Edition, ...] = ()
    """Editions asked for; empty where each site's own are meant."""
    papers: frozenset[str] = frozenset()
    """Slugs of the papers asked for; empty for all."""
    seeds: tuple[tuple[Site, Place], ...] = ()
    since: date | None = None
    until: date | None = None
    limit: int | None = None
    """Articles after which the run ends."""
    refresh: int | None = None
    """Age in days from which a settled article is fetched again."""
    source: SourceMode = "off"
    """Whether the originals are asked for, and read."""
    render: RenderMode = "auto"
    """Whether a browser reads originals and listings: those that need one, none, or all."""

    @classmethod
    def parse(cls, given: dict[str, str]) -> Arguments:
        """Read the arguments of a command line; names that begin with `_` are Scrapyd's own.

        Raises:
            ArgumentError: one of them cannot be used.
        """
        for name in given:
            if name not in _NAMES and not name.startswith("_"):
                raise ArgumentError(f"unknown argument {name!r}: valid are {', '.join(_NAMES)}")
        sites = tuple(_site(name) for name in _list(given.get("site", "maghress"), "site"))
        if base_url := given.get("base_url"):
            if len(sites) > 1:
                raise ArgumentError(f"argument base_url: serves one site, not {len(sites)}; name one with site=")
            try:
                sites = (sites[0].served_from(base_url),)
            except ValueError as error:
                raise ArgumentError(f"argument base_url: {error}; give it as http://HOST:PORT") from None
        mode = _choice(given.get("mode", "latest"), "mode", MODES)
        seeds = _seeds(given["seeds"], sites) if "seeds" in given else ()
        if mode == "urls" and not seeds:
            raise ArgumentError("argument mode: urls needs seeds=FILE_OR_URL with one address a line")
        since, until = _date(given, "since"), _date(given, "until")
        if since and until and since > until:
            raise ArgumentError(f"argument since: {since} is later than until={until}")
        return cls(
            sites=sites,
            mode=mode,
            editions=tuple(_choice(e, "edition", EDITIONS) for e in _list(given.get("edition", ""), "edition")),
            papers=frozenset(_slug(paper) for paper in _list(given.get("paper", ""), "paper")),
            seeds=seeds,
            since=since,
            until=until,
            limit=_count(given, "limit"),
            refresh=_count(given, "refresh"),
            source=_choice(given.get("source", "off"), "source", SOURCE_MODES),
            render=_choice(given.get("render", "auto"), "render", RENDER_MODES),
        )

    @property
    def scope(self) -> str:
        """What makes two runs the same crawl: the second continues the first where that was cut short."""
        seeds = hashlib.sha256("\n".join(place.url for _, place in self.seeds).encode()).hexdigest()[:16]
        parts = {
            "site": ",".join(sorted(site.id for site in self.sites)),
            "mode": self.mode,
            "edition": ",".join(self.editions),
            "paper": ",".join(sorted(self.papers)),
            "seeds": seeds if self.seeds else "",
            "since": str(self.since or ""),
            "until": str(self.until or ""),
            "source": self.source if self.source != "off" else "",
        }
        return " ".join(f"{name}={value}" for name, value in parts.items() if value)

    def wanted(self, places: Iterable[Place]) -> list[Place]:
        """Those of these places that belong to the editions and papers asked for."""
        editions, papers = self.editions, self.papers
        return [p for p in places if (not editions or p.edition in editions) and (not papers or p.paper in papers)]


def _list(text: str, name: str) -> list[str]:
    values = [value.strip() for value in text.split(",")]
    if text and not all(values):
        raise ArgumentError(f"argument {name}: {text!r} has an empty value; separate values by one comma")
    return list(dict.fromkeys(values)) if text else []


def _site(name: str) -> Site:
    try:
        return get_site(name)
    except ValueError as error:
        raise ArgumentError(f"argument site: {error}") from None


def _choice(value: str, name: str, valid: tuple[_Word, ...]) -> _Word:
    for known in valid:
        if value == known:
            return known
    raise ArgumentError(f"argument {name}: {value!r} is none of {', '.join(valid)}")


def _slug(paper: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9_-]+", paper):
        raise ArgumentError(f"argument paper: {paper!r} is no slug; give the paper's part of its address, as hespress")
    return paper


def _date(given: dict[str, str], name: str) -> date | None:
    if name not in given:
        return None
    try:
        if re.fullmatch(r"\d{4}-\d{2}-\d{2}", given[name]):
            return date.fromisoformat(given[name])
    except ValueError:
        pass
    raise ArgumentError(f"argument {name}: {given[name]!r} is no date; write it YYYY-MM-DD")


def _count(given: dict[str, str], name: str) -> int | None:
    if name not in given:
        return None
    if not re.fullmatch(r"[1-9][0-9]{0,8}", given[name]):
        raise ArgumentError(f"argument {name}: {given[name]!r} is no whole number from 1 up")
    return int(given[name])


def _seeds(source: str, sites: tuple[Site, ...]) -> tuple[tuple[Site, Place], ...]:
    """The places named in a list of seeds; a line that no site knows is an error, not a silent loss."""
    found: dict[str, tuple[Site, Place]] = {}
    for number, line in enumerate(_read_seeds(source).splitlines(), 1):
        address = re.split(r"(?:^|\s)#", line, maxsplit=1)[0].strip()
        if not address:
            continue
        located = next(((site, place) for site in sites if (place := site.locate(address))), None)
        if located is None:
            hosts = ", ".join(site.host for site in sites)
            raise ArgumentError(f"argument seeds: line {number} of {source}: {address!r} is no page of {hosts}")
        found[located[1].url] = located
    if not found:
        raise ArgumentError(f"argument seeds: {source} names no address; write one a line")
    return tuple(found.values())


@lru_cache(maxsize=4)
def _read_seeds(source: str) -> str:
    """The text behind a path or URL. Cached: a command line is checked before its spider reads it."""
    try:
        if source.startswith(("http://", "https://")):
            with urlopen(source, timeout=20) as response:  # noqa: S310 - the scheme is checked, the operator named it
                content: bytes = response.read(_SEEDS_LIMIT + 1)
        else:
            with Path(source).open("rb") as file:
                content = file.read(_SEEDS_LIMIT + 1)
        if len(content) > _SEEDS_LIMIT:
            raise ArgumentError(f"argument seeds: {source} is longer than {_SEEDS_LIMIT >> 20} MiB; split it")
        return content.decode("utf-8-sig")
    except (OSError, URLError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or getattr(error, "reason", None) or error
        raise ArgumentError(f"argument seeds: cannot read {source}: {reason}; give a UTF-8 file or URL") from None
