"""A server that answers as no server should, on loopback; it records when it was asked for what."""

from __future__ import annotations

import contextlib
import gzip
import multiprocessing
import os
import socket
import sys
import threading
import time
import zlib
from collections import Counter
from contextlib import suppress
from socketserver import StreamRequestHandler, ThreadingTCPServer
from types import SimpleNamespace
from typing import NamedTuple

import brotli
import zstandard

from tests.conftest import ROOT, read_feed

MIB = 1 << 20
TEXT = "قال الوزير في تصريح للصحافة إن هذا الأمر مهم جدا للبلاد كلها."


class Asked(NamedTuple):
    at: float
    path: str
    headers: dict[str, str]


def article(title="عنوان الخبر", body=TEXT, head="", tail=""):
    """An article page of the family."""
    return (
        f"<html><head><title>ديمورس : {title}</title>{head}</head><body>"
        f'<h1 class="articletitle">{title}</h1><span class="articlenewspaper"><a href="/press">الصحيفة</a>'
        f' نشر في <a href="/press">الصحيفة</a> يوم 12 - 11 - 2015</span><div class="articlecontent"><p>{body}</p>'
        f'<p>انقر <a href="http://source.example/1"><b>هنا</b></a> لقراءة الخبر من مصدره.</p></div>{tail}</body></html>'
    )


def listing(*paths, tail=""):
    """A listing page of the family that leads to these paths."""
    teasers = "".join(f'<div><a class="teasertitle" href="{path}">عنوان</a></div>' for path in paths)
    return f"<html><head><title>ديمورس : قائمة</title></head><body>{teasers}{tail}</body></html>"


def answer(body=b"", status="200 OK", kind="text/html; charset=utf-8", length=None, **headers):
    """A whole response; a header `x_y` is written `X-Y`."""
    if isinstance(body, str):
        body = body.encode()
    lines = [
        f"HTTP/1.1 {status}",
        f"Content-Type: {kind}",
        f"Content-Length: {len(body) if length is None else length}",
    ]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


def encoded(body, encoding, **options):
    """A response in a Content-Encoding."""
    pack = {
        "gzip": gzip.compress,
        "deflate": zlib.compress,
        "br": lambda data: brotli.compress(data, quality=3),
        "zstd": zstandard.compress,
    }[encoding]
    return answer(pack(body), Content_Encoding=encoding, **options)


def bomb(encoding):
    """Some 300 MiB of nothing in a few kilobytes."""
    if encoding == "deflate":
        stream = zlib.compressobj(9)
        packed = b"".join(stream.compress(bytes(MIB)) for _ in range(300)) + stream.flush()
    elif encoding == "gzip":
        packed = gzip.compress(bytes(MIB), 1) * 300
    elif encoding == "zstd":
        stream = zstandard.ZstdCompressor().compressobj()
        packed = b"".join(stream.compress(bytes(MIB)) for _ in range(300)) + stream.flush()
    else:
        stream = brotli.Compressor(quality=3)
        packed = b"".join(stream.process(bytes(MIB)) for _ in range(300)) + stream.finish()
    return answer(packed, Content_Encoding=encoding)


def drip(head, piece, pause=0.1, size=1 << 30):
    """A response that never ends: `piece` again and again."""

    def write(send):
        send(head)
        for _ in range(size // len(piece)):
            send(piece)
            time.sleep(pause)

    return write


class HostileServer:
    """Answers paths from `routes`: bytes, a text (an article page), or a function of (path) or of the connection.

    A context manager; `asked` holds what was asked in its order. `fallback(path)` answers paths without a route.
    """

    def __init__(self, routes=None, fallback=None, host="127.0.0.1"):
        self.routes = {"/robots.txt": answer(status="404 Not Found"), **(routes or {})}
        self.fallback = fallback
        self.asked: list[Asked] = []
        self._host = host

    def __enter__(self):
        self._listener = _Listener((self._host, 0), _Connection)
        self._listener.hostile = self
        self._thread = threading.Thread(target=self._listener.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._listener.shutdown()
        self._listener.server_close()
        for connection in list(self._listener.open):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    @property
    def port(self):
        return self._listener.server_address[1]

    @property
    def base_url(self):
        return f"http://{self._host}:{self.port}"

    def paths(self):
        """How often each path was asked for."""
        return Counter(asked.path for asked in self.asked)

    def times(self, *, robots=False):
        """When pages were asked for, in seconds."""
        return [asked.at for asked in self.asked if robots or asked.path != "/robots.txt"]


class _Listener(ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, *args):
        self.open = set()
        super().__init__(*args)

    def handle_error(self, request, client_address):
        pass  # a client that hangs up is what is wanted


class _Connection(StreamRequestHandler):
    def setup(self):
        super().setup()
        self.server.open.add(self.request)

    def finish(self):
        self.server.open.discard(self.request)
        with suppress(OSError):
            super().finish()

    def handle(self):
        while line := self.rfile.readline(65536):
            path = line.decode("latin-1").split()[1]
            headers = {}
            while (line := self.rfile.readline(65536).strip()) != b"":
                name, _, value = line.decode("latin-1").partition(":")
                headers[name.lower()] = value.strip()
            hostile = self.server.hostile
            hostile.asked.append(Asked(time.monotonic(), path, headers))
            found = hostile.routes.get(path)
            if found is None:
                found = hostile.fallback(path) if hostile.fallback else answer("<h1>404</h1>", "404 Not Found")
            if callable(found):
                if found(self.wfile.write) is not True:
                    return
            else:
                self.wfile.write(found if isinstance(found, bytes) else answer(found))
                head, _, body = (found if isinstance(found, bytes) else b"").partition(b"\r\n\r\n")
                if b"Content-Length: %d\r\n" % len(body) not in head + b"\r\n" and isinstance(found, bytes):
                    return  # a length that lies: close


_fresh = multiprocessing.get_context("forkserver")
_fresh.set_forkserver_preload(
    [
        "scrapy.cmdline",
        "scrapy.commands.crawl",
        "newscrawl.settings",
        "newscrawl.spiders.aggregator",
        "newscrawl.commands.crawl",
        "newscrawl.verdict",
        "newscrawl.extensions",
        "newscrawl.store.sqlite",
        "newscrawl.pipelines",
        "newscrawl.settlement",
    ]
)


def quick_crawl(data, *settings, **given):
    """`tests.conftest.crawl` in a process forked from one that has imported everything: a tenth of its start.

    Answers peak memory in MB beside status, log and articles.
    """
    data.mkdir(parents=True, exist_ok=True)
    arguments = ["scrapy", "crawl", "aggregator", "-s", f"NEWSCRAWL_DATA={data}"]
    arguments += [part for name, value in given.items() for part in ("-a", f"{name}={value}")]
    arguments += [part for setting in settings for part in ("-s", setting)]
    log = data / "log.txt"
    child = _fresh.Process(target=_run, args=(arguments, str(log)))
    child.start()
    child.join(120)
    if child.is_alive():
        child.kill()
        child.join()
    text = log.read_text("utf-8")
    *lines, last = text.splitlines()
    return SimpleNamespace(
        status=child.exitcode, log="\n".join(lines), peak_mb=float(last.removeprefix("PEAK ")),
        articles=read_feed(data / "feeds" / "articles.jsonl"),
    )  # fmt: skip


def _run(arguments, log):
    import resource

    from scrapy.cmdline import execute

    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    os.chdir(ROOT)
    sys.argv = arguments
    try:
        with contextlib.suppress(KeyError):
            execute(arguments)
    finally:
        sys.stdout.flush()
        os.write(2, f"\nPEAK {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f}".encode())
