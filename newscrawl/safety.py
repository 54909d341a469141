"""Guards of the operator's machine and network: which addresses may be asked, how much an answer may weigh.

Three components and a log record: `AddressGuard` and `GuardedResolver` keep requests away from addresses that are not on
the public internet, `BoundedHandler` and `BoundedDecoding` bound what an answer costs, `SafeRecord` keeps control
characters of pages out of terminals and logs.
"""

from __future__ import annotations

import logging
import re
import socket
import sys
import unicodedata
import zlib
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import TYPE_CHECKING, Any, Final, Self
from urllib.parse import unquote, urlsplit
from urllib.request import getproxies

import brotli  # type: ignore[import-untyped]
from scrapy.core.downloader.handlers.http11 import (
    HTTP11DownloadHandler,
    _LenientHTTP11ClientFactory,
    _LenientHTTP11ClientProtocol,
)
from scrapy.exceptions import CannotResolveHostError, DownloadCancelledError, IgnoreRequest
from scrapy.http import TextResponse
from scrapy.resolver import CachingThreadedResolver
from scrapy.responsetypes import responsetypes
from scrapy.utils.httpobj import urlparse_cached
from twisted.internet.interfaces import IHostnameResolver, IResolutionReceiver
from zope.interface import implementer  # type: ignore[import-untyped]

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from scrapy import Request
    from scrapy.crawler import Crawler
    from scrapy.http import Response
    from scrapy.settings import BaseSettings
    from twisted.internet.base import ReactorBase
    from twisted.internet.interfaces import IAddress, IHostResolution

_IPAddress = IPv4Address | IPv6Address

_DEFAULT_PORTS: Final = {"http": 80, "https": 443}
# What IANA reserves and `ipaddress` of some Python versions calls global; and cloud metadata on a public address.
_SPECIAL: Final = tuple(
    ip_network(network)
    for network in (
        "192.0.0.0/24",
        "192.88.99.0/24",
        "168.63.129.16/32",
        "2001::/23",
        "100::/64",
        "3fff::/20",
        "5f00::/16",
    )
)
_COMPATIBLE: Final = IPv6Network("::/96")
_NAT64: Final = IPv6Network("64:ff9b::/96")
_LOCAL_NAT64: Final = IPv6Network("64:ff9b:1::/48")
_REMEMBERED: Final = 10_000
_MOST_ENCODINGS: Final = 3
"""Content-Encodings applied one upon another; each may cost the whole cap again."""
_CHUNK: Final = 1 << 16
_GZIP: Final = zlib.MAX_WBITS | 16
_LONGEST_HEAD: Final = 256 << 10
"""Bytes of a response head; Twisted bounds one line of it, not their number."""


class ForbiddenAddress(IgnoreRequest):
    """A request to an address that no page may send the crawler to."""

    reason = "forbidden_address"


class TooLarge(IgnoreRequest):
    """A body over DOWNLOAD_MAXSIZE, as sent or as decoded."""

    reason = "too_large"


class UnknownEncoding(IgnoreRequest):
    """A Content-Encoding that was not offered."""

    reason = "content_encoding"


class BrokenBody(Exception):
    """A compressed body that ends early or is damaged: another try may bring it whole."""


# Addresses


def literal_address(host: str) -> _IPAddress | None:
    """The address that a host name spells, None where it is a name to be looked up.

    Reads what resolvers and browsers read: short, decimal, octal and hexadecimal forms, full-width digits,
    percent-encoding, a trailing dot, brackets and zone ids.

    >>> [str(literal_address(host)) for host in ("2130706433", "0x7f.1", "0177.0.0.1", "[::ffff:10.0.0.1]", "１２７.1.")]
    ['127.0.0.1', '127.0.0.1', '127.0.0.1', '::ffff:a00:1', '127.0.0.1']
    """
    text = (
        unicodedata.normalize("NFKC", unquote(host)).replace("\N{IDEOGRAPHIC FULL STOP}", ".").strip("[]").rstrip(".")
    )
    try:
        if ":" in text:
            return IPv6Address(text.partition("%")[0])
        return IPv4Address(socket.inet_aton(text))
    except (ValueError, OSError):
        return None


def is_internal(address: _IPAddress) -> bool:
    """Whether an address is anything but one of the public internet; IPv4 inside IPv6 is judged as what it holds.

    >>> [is_internal(ip_address(a)) for a in ("10.1.2.3", "169.254.169.254", "64:ff9b::7f00:1", "93.184.216.34")]
    [True, True, True, False]
    """
    if isinstance(address, IPv6Address):
        if address in _LOCAL_NAT64 or address.is_site_local:
            return True
        inner = address.ipv4_mapped or address.sixtofour
        if inner is None and (address in _NAT64 or address in _COMPATIBLE):
            inner = IPv4Address(int(address) & 0xFFFFFFFF)
        if inner is not None:
            return is_internal(inner)
    return (
        not address.is_global
        or address.is_multicast
        or address.is_reserved
        or any(address in network for network in _SPECIAL)
    )


@dataclass(slots=True)
class Exempt:
    """What the operator has named and may be asked wherever it lies."""

    hosts: set[tuple[str, int]] = field(default_factory=set)
    networks: list[IPv4Network | IPv6Network] = field(default_factory=list)

    @classmethod
    def from_settings(cls, settings: BaseSettings) -> Self:
        """NEWSCRAWL_ALLOW_HOSTS: `host:port` or networks such as 10.1.0.0/16; and the proxies of the environment.

        Raises:
            ValueError: an entry is neither; the text is one line.
        """
        exempt = cls()
        for entry in settings.getlist("NEWSCRAWL_ALLOW_HOSTS"):
            text = entry.strip()
            try:
                if "/" in text:
                    exempt.networks.append(ip_network(text))
                else:
                    exempt.add(f"http://{text}")
                    if urlsplit(f"http://{text}").port is None:
                        raise ValueError("a port is missing")
            except ValueError as error:
                raise ValueError(f"NEWSCRAWL_ALLOW_HOSTS: {text!r}: {error}; give host:port or a network") from None
        if settings.getbool("HTTPPROXY_ENABLED"):
            for name, proxy in getproxies().items():
                if name != "no":
                    exempt.add(proxy if "://" in proxy else f"http://{proxy}")
        return exempt

    def add(self, url: str) -> None:
        """Exempt the host and port of an address."""
        parts = urlsplit(url)
        if not parts.hostname:
            raise ValueError("there is no host")
        self.hosts.add((parts.hostname, parts.port or _DEFAULT_PORTS.get(parts.scheme, 80)))

    def covers(self, host: str, port: int, address: _IPAddress) -> bool:
        """Whether this address, reached by this name, was named."""
        return (host, port) in self.hosts or any(address in network for network in self.networks)


# One resolver serves the process, and the base_url of a spider is known only later: it is added here. `_refused` tells the
# middleware why a name came back without an address.
_named = Exempt()
_refused: set[tuple[str, int]] = set()


def is_named(host: str, port: int, address: _IPAddress) -> bool:
    """Whether the operator of this process has named this address, or the host by which it is reached."""
    return _named.covers(host, port, address)


class AddressGuard:
    """Downloader middleware before all others: lets only http and https to public or exempt addresses pass.

    Names are judged by `GuardedResolver`, on the address that is connected to. A spider may offer `origins`: addresses
    that its operator named.
    """

    def __init__(self, exempt: Exempt) -> None:
        self._exempt = exempt
        self._passed: set[tuple[str, str]] = set()

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        """NEWSCRAWL_ALLOW_HOSTS and the spider's `origins`."""
        exempt = Exempt.from_settings(crawler.settings)
        for origin in getattr(crawler.spider, "origins", ()):
            exempt.add(origin)
            _named.add(origin)
        _named.hosts |= exempt.hosts
        _named.networks += [network for network in exempt.networks if network not in _named.networks]
        return cls(exempt)

    def process_request(self, request: Request) -> None:
        """Refuse what may not be asked.

        Raises:
            ForbiddenAddress: the scheme is another, or the host spells an internal address.
        """
        parts = urlparse_cached(request)
        if (parts.scheme, parts.netloc) in self._passed:
            return
        host = parts.hostname or ""
        try:
            port = parts.port or _DEFAULT_PORTS[parts.scheme]
        except (KeyError, ValueError):
            raise ForbiddenAddress(f"{request.url}: only http and https are asked") from None
        address = literal_address(host)
        if not host or (address and is_internal(address) and not self._exempt.covers(host, port, address)):
            raise ForbiddenAddress(f"{request.url}: {address or 'no host'} is no public address")
        if len(self._passed) >= _REMEMBERED:
            self._passed.clear()
        self._passed.add((parts.scheme, parts.netloc))

    def process_exception(self, request: Request, exception: Exception) -> None:
        """Say of a name that led to internal addresses only what it was.

        Raises:
            ForbiddenAddress: in place of the failed look-up.
        """
        if isinstance(exception, CannotResolveHostError):
            parts = urlparse_cached(request)
            if (parts.hostname or "", parts.port or _DEFAULT_PORTS[parts.scheme]) in _refused:
                raise ForbiddenAddress(f"{request.url}: the name leads to no public address") from None


class GuardedResolver(CachingThreadedResolver):
    """Scrapy's resolver, whose answers are sieved each time a connection is made: what is connected to was judged.

    Literal addresses come through here too, so that nothing hangs on how a URL is spelled or rewritten on its way.
    """

    exempt = Exempt()

    @classmethod
    def from_crawler(cls, crawler: Crawler, reactor: ReactorBase) -> Self:
        """NEWSCRAWL_ALLOW_HOSTS beside Scrapy's settings."""
        resolver = super().from_crawler(crawler, reactor)
        resolver.exempt = Exempt.from_settings(crawler.settings)
        return resolver

    def install_on_reactor(self) -> None:
        """Install the look-up by threads, then the sieve around it."""
        super().install_on_reactor()
        self.reactor.installNameResolver(_SievedNames(self.reactor.nameResolver, self.exempt))  # type: ignore[arg-type]


@implementer(IHostnameResolver)
class _SievedNames:
    def __init__(self, resolver: Any, exempt: Exempt) -> None:
        self._resolver = resolver
        self._exempt = exempt

    def resolveHostName(
        self,
        resolutionReceiver: IResolutionReceiver,
        hostName: str,
        portNumber: int = 0,
        addressTypes: Sequence[type[IAddress]] | None = None,
        transportSemantics: str = "TCP",
    ) -> IHostResolution:
        sieve = _Sieve(resolutionReceiver, hostName, portNumber, self._exempt)
        resolution: IHostResolution = self._resolver.resolveHostName(
            sieve, hostName, portNumber, addressTypes, transportSemantics
        )
        return resolution


@implementer(IResolutionReceiver)
class _Sieve:
    def __init__(self, receiver: Any, host: str, port: int, exempt: Exempt) -> None:
        self._receiver = receiver
        self._host, self._port = host, port
        self._exempt = exempt
        _refused.discard((host, port))

    def resolutionBegan(self, resolutionInProgress: IHostResolution) -> None:
        self._receiver.resolutionBegan(resolutionInProgress)

    def addressResolved(self, address: Any) -> None:
        host, port, found = self._host, self._port, ip_address(address.host)
        if is_internal(found) and not (self._exempt.covers(host, port, found) or is_named(host, port, found)):
            if len(_refused) >= _REMEMBERED:
                _refused.clear()
            _refused.add((host, port))
        else:
            self._receiver.addressResolved(address)

    def resolutionComplete(self) -> None:
        self._receiver.resolutionComplete()


# Sizes


class BoundedHandler(HTTP11DownloadHandler):
    """Scrapy's handler of http and https, with an end to response heads; DOWNLOAD_TIMEOUT bounds the whole download."""

    def __init__(self, crawler: Crawler) -> None:
        super().__init__(crawler)
        self._pool._factory = _BoundedHeadFactory


class _BoundedHeadProtocol(_LenientHTTP11ClientProtocol):
    _head = 0

    def request(self, request: Any) -> Any:
        self._head = 0
        return super().request(request)

    def dataReceived(self, data: bytes) -> None:
        if self._parser is not None and self._parser.state != "BODY":
            self._head += len(data)
            # Counted by packets: a body may share the last one with its head.
            if self._head > _LONGEST_HEAD + _CHUNK and self.transport is not None:
                self.transport.abortConnection()
                return
        super().dataReceived(data)  # type: ignore[no-untyped-call]


class _BoundedHeadFactory(_LenientHTTP11ClientFactory):
    def buildProtocol(self, addr: IAddress | None) -> _BoundedHeadProtocol:
        return _BoundedHeadProtocol(self._quiescentCallback)  # type: ignore[no-untyped-call]


class BoundedDecoding:
    """Downloader middleware in place of HttpCompressionMiddleware: whole streams only, cut at DOWNLOAD_MAXSIZE."""

    def __init__(self, limit: int) -> None:
        self._limit = limit

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        """DOWNLOAD_MAXSIZE, in bytes."""
        return cls(crawler.settings.getint("DOWNLOAD_MAXSIZE"))

    def process_request(self, request: Request) -> None:
        """Offer what can be decoded."""
        request.headers.setdefault(b"Accept-Encoding", b"gzip, deflate, br, zstd")

    def process_response(self, request: Request, response: Response) -> Response:
        """The response with its body decoded.

        Raises:
            TooLarge: the decoded body is over the limit.
            BrokenBody: the stream is damaged or ends early.
            UnknownEncoding: the encoding is none of those offered.
        """
        if b"Content-Encoding" not in response.headers or request.method == "HEAD":
            return response
        encodings = b",".join(response.headers.getlist("Content-Encoding")).decode("latin-1")
        try:
            body = decoded(response.body, encodings.split(","), self._limit) if response.body else b""
        except (TooLarge, BrokenBody, UnknownEncoding) as error:
            # Twisted leaves a failure in a circle with its frames, and these hold what was decoded until the garbage
            # collector comes: 150 bombs took a gigabyte.
            response._set_body(b"")
            error.__context__ = None
            raise error.with_traceback(None) from None
        del response.headers["Content-Encoding"]
        kind = responsetypes.from_args(headers=response.headers, url=response.url, body=body)
        # The encoding of the text was guessed from compressed bytes: have it guessed again.
        options: dict[str, Any] = {"encoding": None} if issubclass(kind, TextResponse) else {}
        return response.replace(cls=kind, body=body, **options)

    def process_exception(self, request: Request, exception: Exception) -> None:
        """A download that the handler cut at the limit is final, not a failure to be tried again.

        Raises:
            TooLarge: in place of the handler's exception.
        """
        if isinstance(exception, DownloadCancelledError):
            raise TooLarge(f"{request.url}: larger than {self._limit} bytes") from None


def decoded(body: bytes, encodings: Iterable[str], limit: int) -> bytes:
    """A body without its Content-Encodings, given in the order in which they were applied.

    Raises:
        TooLarge, BrokenBody, UnknownEncoding: see there.

    >>> decoded(zlib.compress(b"text"), ["identity", "Deflate"], 100)
    b'text'
    """
    names = [name for encoding in encodings if (name := encoding.strip().lower()) not in {"", "identity", "none"}]
    if len(names) > _MOST_ENCODINGS or any(name not in _DECODERS for name in names):
        raise UnknownEncoding(f"cannot decode Content-Encoding {', '.join(names)[:100]!r}")
    for name in reversed(names):
        try:
            body = _DECODERS[name](body, limit)
        except (zlib.error, brotli.error, zstd.ZstdError, EOFError) as error:
            raise BrokenBody(f"{name}: {error}") from None
    return body


class _Output:
    """Decoded bytes up to a limit."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self.content = bytearray()

    def add(self, chunk: bytes) -> None:
        self.content += chunk
        if len(self.content) > self._limit:
            raise TooLarge(f"more than {self._limit} bytes decoded")


def _inflated(body: bytes, limit: int, wbits: int) -> bytes:
    """A zlib or raw stream, or every member of a gzip stream; what follows the last one is left alone."""
    output, view, start = _Output(limit), memoryview(body), 0
    while True:
        stream = zlib.decompressobj(wbits)
        while not stream.eof:
            part: bytes | memoryview = stream.unconsumed_tail
            if not part:
                part = view[start : start + _CHUNK]
                start += len(part)
            chunk = stream.decompress(part, _CHUNK)
            if not part and not chunk and not stream.eof:
                raise EOFError("the stream ends early")
            output.add(chunk)
        start -= len(stream.unused_data)
        if wbits != _GZIP or bytes(view[start : start + 2]) != b"\x1f\x8b":
            return bytes(output.content)


def _gunzipped(body: bytes, limit: int) -> bytes:
    return _inflated(body, limit, _GZIP)


def _deflated(body: bytes, limit: int) -> bytes:
    """RFC 9110 means a zlib stream; some servers send it without its head."""
    # The head: method 8 in the low bits, and a multiple of 31 as a check.
    has_head = len(body) >= 2 and body[0] & 15 == 8 and int.from_bytes(body[:2], "big") % 31 == 0
    return _inflated(body, limit, zlib.MAX_WBITS if has_head else -zlib.MAX_WBITS)


def _unbrotlied(body: bytes, limit: int) -> bytes:
    output, stream = _Output(limit), brotli.Decompressor()
    while not stream.is_finished():
        chunk = stream.process(body, output_buffer_limit=_CHUNK)
        if not chunk and stream.can_accept_more_data() and not body:
            raise EOFError("the stream ends early")
        body = b""
        output.add(chunk)
    return bytes(output.content)


def _unzstandard(body: bytes, limit: int) -> bytes:
    """Every frame of a zstd stream; what follows the last one is left alone."""
    output, view, start = _Output(limit), memoryview(body), 0
    while True:
        # RFC 9659: a window over 8 MiB is not for the web; it is the memory that decoding takes.
        stream = zstd.ZstdDecompressor(options={zstd.DecompressionParameter.window_log_max: 23})
        while not stream.eof:
            part = view[start : start + _CHUNK] if stream.needs_input else view[:0]
            start += len(part)
            if not part and stream.needs_input:
                raise EOFError("the stream ends early")
            output.add(stream.decompress(part, _CHUNK))
        start -= len(stream.unused_data)
        if bytes(view[start : start + 4]) != b"\x28\xb5\x2f\xfd":
            return bytes(output.content)


_DECODERS: Final[dict[str, Callable[[bytes, int], bytes]]] = {
    "gzip": _gunzipped,
    "x-gzip": _gunzipped,
    "deflate": _deflated,
    "br": _unbrotlied,
    "zstd": _unzstandard,
}


# Terminals and logs

# C0 and C1 controls, line separators, and the marks that turn the direction of what follows them on a line.
_UNSAFE: Final = re.compile("[\0-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u061c\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_UNSAFE_IN_TRACE: Final = re.compile(_UNSAFE.pattern.replace("\0-\x1f", "\0-\x08\x0b-\x1f"))


def printable(text: str, unsafe: re.Pattern[str] = _UNSAFE) -> str:
    r"""The text on one line, its control characters written as escapes.

    >>> printable("a\x1b[2Jb\nc\N{RIGHT-TO-LEFT OVERRIDE}")
    'a\\x1b[2Jb\\nc\\u202e'
    """
    if text.isascii() and text.isprintable():
        return text
    return unsafe.sub(lambda found: found[0].encode("unicode_escape").decode("ascii"), text)


class SafeRecord(logging.LogRecord):
    """A log record whose message is one line, whatever a page, header or address put into it."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.exc_info and self.exc_info[0] is not None:
            # A formatter prefers this text to its own.
            self.exc_text = printable(logging.Formatter().formatException(self.exc_info), _UNSAFE_IN_TRACE)

    def getMessage(self) -> str:
        """The message, escaped."""
        return printable(super().getMessage())
