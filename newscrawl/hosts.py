"""Which host may be asked now: hosts take turns, each with its delay, its holds and its number of requests at once."""

from __future__ import annotations

import heapq
import time
from collections import OrderedDict, deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from newscrawl.store import Leased

_LONGEST_HOLD: Final = 86_400.0
"""Seconds: a longer Retry-After is a mistake or a trap."""
_FIRST_TRIES: Final = 3
"""Failures without any answer that mean: this host cannot be reached."""


@dataclass(slots=True)
class Host:
    """One host (`name` or `name:port`) in this run."""

    name: str
    ids: list[int]
    """its rows in the state"""
    at_once: int
    """requests under way at the same time, once it has answered: the first answer says how it wants to be asked"""
    delay: float = 0.0
    """seconds from one request to the next"""
    publisher: bool = False
    """whether originals are asked of it, and not the pages of an aggregator"""
    ready: deque[Leased] = field(default_factory=deque)
    in_flight: int = 0
    free_at: float = 0.0
    """Unix seconds before which it is not asked"""
    held_until: float = 0.0
    holds: int = 0
    """holds in a row that the host itself set no time for"""
    answered: bool = False
    unanswered: int = 0
    """failures in a row without an answer, before the first one"""
    stopped: bool = False
    where: Literal["ring", "rest", "out"] = "out"

    @property
    def unreachable(self) -> bool:
        """Whether it was tried in vain."""
        return not self.answered and self.unanswered >= _FIRST_TRIES

    @property
    def closed(self) -> bool:
        """Whether nothing more is asked of it in this run."""
        return self.stopped or self.unreachable


class Hosts:
    """All hosts that something may be waiting for.

    A host is in the *ring* while it may be asked, *rests* until a time, or is *out*: with as many requests under way as
    it bears, closed, or with nothing pending (`wake` brings it back).
    """

    def __init__(
        self, slot_of: Callable[[str], Mapping[str, Any]], per_host: int, clock: Callable[[], float] = time.time
    ) -> None:
        """Make an empty ring.

        Args:
            slot_of: concurrency and delay of a host, as an entry of the setting DOWNLOAD_SLOTS, and whether it is a
                publisher.
            per_host: requests at once of hosts without a concurrency.
            clock: Unix seconds.
        """
        self._slot_of = slot_of
        self._per_host = per_host
        self._clock = clock
        self._hosts: dict[str, Host] = {}
        self._ring: OrderedDict[str, Host] = OrderedDict()
        self._rest: list[tuple[float, str]] = []

    def __iter__(self) -> Iterator[Host]:
        return iter(self._hosts.values())

    def __getitem__(self, name: str) -> Host:
        """The host of this name, known or not."""
        host = self._hosts.get(name)
        if host is None:
            slot = self._slot_of(name)
            host = Host(
                name, [], slot.get("concurrency", self._per_host), slot.get("delay", 0.0), slot.get("publisher", False)
            )
            self._hosts[name] = host
        return host

    def wake(self, host: Host) -> None:
        """Something may be pending for it."""
        if host.where == "out":
            self._place(host)

    def first(self) -> Host | None:
        """The host whose turn it is, None where none may be asked now."""
        now = self._clock()
        while self._rest and self._rest[0][0] <= now:
            host = self._hosts[heapq.heappop(self._rest)[1]]
            if host.where == "rest":
                host.where = "out"
                self._place(host)
        return next(iter(self._ring.values()), None)

    def out(self, host: Host) -> None:
        """Nothing is pending for it, or it may not be asked."""
        self._ring.pop(host.name, None)
        host.where = "out"

    def asked(self, host: Host) -> None:
        """A request is handed out: the host goes to the end of the ring, or out of it."""
        host.in_flight += 1
        if host.delay:
            host.free_at = max(host.free_at, self._clock() + host.delay)
        self.out(host)
        self._place(host)

    def ended(self, host: Host) -> None:
        """A request is through."""
        host.in_flight -= 1
        self.wake(host)

    def hold(self, host: Host, after: float | None, backoff: float) -> float | None:
        """Ask nothing for `after` seconds, or for `backoff` seconds, doubled with each hold in a row.

        Answers the seconds, 1 to 86,400, None where a hold of this kind is in force: the answers to what was under way
        say the same again.
        """
        now = self._clock()
        if after is None and host.held_until > now:
            return None
        seconds = min(max(1.0, backoff * 2 ** min(host.holds, 20) if after is None else after), _LONGEST_HOLD)
        host.holds += after is None
        self.hold_until(host, now + seconds)
        return seconds

    def hold_until(self, host: Host, until: float) -> None:
        """Ask nothing before these Unix seconds; an earlier end does not shorten a hold."""
        host.held_until = max(host.held_until, until)
        host.free_at = max(host.free_at, host.held_until)
        self.out(host)
        self._place(host)

    def came(self, host: Host) -> None:
        """A page came: the next hold without a time of its own is a first one again."""
        if host.holds and not self.is_held(host):
            host.holds = 0

    def is_held(self, host: Host) -> bool:
        """Whether it is to be left alone now."""
        return host.closed or host.held_until > self._clock()

    def next_free(self) -> float | None:
        """Unix seconds when the first that rests may be asked, None where none rests."""
        return self._rest[0][0] if self._rest else None

    def resting(self) -> list[Host]:
        """Those that wait for a time, the earliest first."""
        return sorted((host for host in self if host.where == "rest"), key=lambda host: host.free_at)

    def _place(self, host: Host) -> None:
        """Put a host that is out where it belongs."""
        if host.closed or host.in_flight >= (host.at_once if host.answered else 1):
            return
        if host.free_at > self._clock():
            host.where = "rest"
            heapq.heappush(self._rest, (host.free_at, host.name))
        else:
            host.where = "ring"
            self._ring[host.name] = host
