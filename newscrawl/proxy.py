"""The browser's only way out: a forward proxy on loopback that judges each address which it connects to.

A browser follows redirects, runs scripts and looks names up by itself; none of that can be judged from outside. So it is
started with this proxy and nothing else (`newscrawl.rendering`): names are looked up here, the address that a connection
goes to is the one that was judged, and each page has a ticket of its own, which bounds its bytes and ends with it.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import secrets
from dataclasses import dataclass, field
from ipaddress import ip_address
from socket import SOCK_STREAM
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from newscrawl.safety import is_internal, is_named, literal_address

if TYPE_CHECKING:
    from asyncio import StreamReader, StreamWriter

_LONGEST_HEAD: Final = 64 << 10
_CHUNK: Final = 64 << 10
_CONNECT_SECONDS: Final = 15.0
_OF_ONE_CONNECTION: Final = frozenset(
    {"connection", "keep-alive", "proxy-connection", "proxy-authorization", "upgrade"}
)
_FORBIDDEN: Final = "403 Forbidden"


class _Refused(Exception):
    """No address of this name may be connected to, or none answers."""


@dataclass(slots=True, eq=False)
class Ticket:
    """What one page may do, while it is open."""

    host: str
    port: int
    """The page's own host: an exemption of the operator holds for the page that it was given for, not for others."""
    left: int
    """bytes that may still pass, in both directions together"""
    password: str = field(default_factory=secrets.token_urlsafe)
    refused: int = 0
    """connections that were refused"""
    connections: set[StreamWriter] = field(default_factory=set)

    def spend(self, size: int) -> None:
        """Account for bytes.

        Raises:
            ConnectionError: the page has had its bytes.
        """
        self.left -= size
        if self.left < 0:
            self.end()
            raise ConnectionAbortedError("too many bytes for one page")

    def end(self) -> None:
        """Cut what is under way."""
        for connection in self.connections:
            connection.transport.abort()


class GuardedProxy:
    """HTTP proxy (CONNECT, and http by absolute addresses) for those who hold a ticket."""

    def __init__(self) -> None:
        self._tickets: dict[str, Ticket] = {}
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        """Listen on a free port of 127.0.0.1."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, limit=_LONGEST_HEAD)

    @property
    def address(self) -> str:
        """Where it listens, as an http address."""
        assert self._server
        return "http://{}:{}".format(*self._server.sockets[0].getsockname())

    async def close(self) -> None:
        """Cut everything and listen no more."""
        for ticket in list(self._tickets.values()):
            self.collect(ticket)
        if self._server:
            self._server.close()

    def issue(self, url: str, size: int) -> Ticket:
        """A ticket for the page at `url`, with which `size` bytes may pass; the user's name is `page`."""
        parts = urlsplit(url)
        ticket = Ticket(parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80), size)
        self._tickets[_credentials(ticket)] = ticket
        return ticket

    def collect(self, ticket: Ticket) -> None:
        """The page is closed: its ticket is worth nothing any more."""
        self._tickets.pop(_credentials(ticket), None)
        ticket.end()

    async def _serve(self, reader: StreamReader, writer: StreamWriter) -> None:
        ticket = None
        try:
            lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")[:-2]
            method, target, _ = lines[0].split(" ")
            headers = [(name, value.strip()) for name, _, value in (line.partition(":") for line in lines[1:])]
            named = {name.lower(): value for name, value in headers}
            ticket = self._tickets.get(named.get("proxy-authorization", ""))
            if ticket is None:
                await _say(writer, "407 Proxy Authentication Required", 'Proxy-Authenticate: Basic realm="page"')
                return
            ticket.connections.add(writer)
            if method == "CONNECT":
                await self._tunnel(ticket, target, reader, writer)
            elif target.startswith("http://") and "transfer-encoding" not in named:
                size = int(named.get("content-length", "0"))
                await self._forward(ticket, method, target, headers, size, reader, writer)
            else:
                await _say(writer, _FORBIDDEN)
        except _Refused:
            with contextlib.suppress(OSError):
                await _say(writer, _FORBIDDEN)
        except (OSError, EOFError, ValueError, asyncio.LimitOverrunError):
            pass  # the browser, or the other side, hung up or talks no HTTP
        finally:
            if ticket:
                ticket.connections.discard(writer)
            writer.close()

    async def _tunnel(self, ticket: Ticket, target: str, reader: StreamReader, writer: StreamWriter) -> None:
        there, to_there = await _connect(ticket, f"//{target}", 443)
        try:
            writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            await _first_to_end(_pour(reader, to_there, ticket), _pour(there, writer, ticket))
        finally:
            to_there.close()

    async def _forward(
        self,
        ticket: Ticket,
        method: str,
        target: str,
        headers: list[tuple[str, str]],
        size: int,
        reader: StreamReader,
        writer: StreamWriter,
    ) -> None:
        """One request and its answer; the connection ends with them."""
        there, to_there = await _connect(ticket, target, 80)
        try:
            parts = urlsplit(target)
            path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
            to_there.write(_head(f"{method} {path} HTTP/1.1", headers))
            if size:
                ticket.spend(size)
                to_there.write(await reader.readexactly(size))
            await to_there.drain()
            await _first_to_end(_answer(there, writer, ticket), reader.read(1))
        finally:
            to_there.close()


def _credentials(ticket: Ticket) -> str:
    return "Basic " + base64.b64encode(f"page:{ticket.password}".encode()).decode()


async def _connect(ticket: Ticket, url: str, default_port: int) -> tuple[StreamReader, StreamWriter]:
    """A connection to the first address of a host that may be asked and answers.

    Raises:
        _Refused: there is none.
    """
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or default_port
    literal = literal_address(host)
    try:
        found = await asyncio.get_running_loop().getaddrinfo(str(literal or host), port, type=SOCK_STREAM)
    except (OSError, UnicodeError):
        raise _Refused from None
    own = (host, port) == (ticket.host, ticket.port)
    for *_, sockaddr in found:
        address = ip_address(sockaddr[0])
        if is_internal(address) and not (own and is_named(host, port, address)):
            ticket.refused += 1
            continue
        with contextlib.suppress(OSError, TimeoutError):
            async with asyncio.timeout(_CONNECT_SECONDS):
                return await asyncio.open_connection(str(address), port, limit=_LONGEST_HEAD)
    raise _Refused


async def _first_to_end(*sides: object) -> None:
    """Wait until one side is through, and leave the other."""
    tasks = [asyncio.ensure_future(side) for side in sides]  # type: ignore[call-overload]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _pour(source: StreamReader, target: StreamWriter, ticket: Ticket) -> None:
    while data := await source.read(_CHUNK):
        ticket.spend(len(data))
        target.write(data)
        await target.drain()


async def _answer(there: StreamReader, writer: StreamWriter, ticket: Ticket) -> None:
    """An answer, whose last head says that the connection ends with it."""
    status = "100"
    while status.startswith("1"):
        head = await there.readuntil(b"\r\n\r\n")
        ticket.spend(len(head))
        first, *lines = head.decode("latin-1").split("\r\n")[:-2]
        status = first.partition(" ")[2]
        pairs = [(name, value.strip()) for name, _, value in (line.partition(":") for line in lines)]
        writer.write(head if status.startswith("1") else _head(first, pairs))
    await _pour(there, writer, ticket)
    await writer.drain()


def _head(first: str, headers: list[tuple[str, str]]) -> bytes:
    kept = [f"{name}: {value}" for name, value in headers if name.lower() not in _OF_ONE_CONNECTION]
    return "\r\n".join([first, *kept, "Connection: close", "", ""]).encode("latin-1")


async def _say(writer: StreamWriter, status: str, *headers: str) -> None:
    lines = [f"HTTP/1.1 {status}", *headers, "Content-Length: 0", "Connection: close", "", ""]
    writer.write("\r\n".join(lines).encode())
    await writer.drain()
