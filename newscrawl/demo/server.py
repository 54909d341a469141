"""The bundled aggregator as an HTTP server on loopback: it counts what was asked and tells the truth of its pages."""

import contextlib
import json
import socket
import threading
import time
from collections import Counter
from socketserver import StreamRequestHandler, ThreadingTCPServer
from typing import Self
from urllib.parse import parse_qs, urlsplit

from newscrawl.demo.corpus import Corpus
from newscrawl.demo.routes import Routes, response


class DemoServer:
    """Serves a corpus of this many articles on 127.0.0.1; a context manager, or ``start`` and ``stop``.

    ``latency`` is a delay in seconds before each answer. ``requests`` counts every target asked for, as it was spelled,
    the special endpoints (``/__truth``, ``/__count``, ``/__grow?n=5``) excepted.
    """

    def __init__(self, articles: int = 260, seed: int = 1, *, port: int = 0, latency: float = 0.0) -> None:
        self.corpus = Corpus(articles, seed)
        self.routes = Routes(self.corpus)
        self.latency = latency
        self.requests: Counter[str] = Counter()
        self._port = port
        self._lock = threading.Lock()
        self._listener: _Listener | None = None
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Binds the port and serves from a thread of its own."""
        self._listener = _Listener(self, self._port)
        self._thread = threading.Thread(target=self._listener.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Closes the port and every connection, and waits for their threads."""
        if self._listener and self._thread:
            self._listener.shutdown()
            self._listener.server_close()
            self._thread.join()
            self._listener.hang_up()
            self._listener = None

    @property
    def base_url(self) -> str:
        """Where it serves, without a trailing slash."""
        if self._listener is None:
            raise RuntimeError("the demo aggregator is not started")
        return f"http://127.0.0.1:{self._listener.server_address[1]}"

    def truth(self) -> dict[str, object]:
        """What a full crawl must export, and what must fail and why: see ``Corpus.truth``."""
        with self._lock:
            return self.corpus.truth()

    def grow(self, count: int) -> list[str]:
        """Publishes new articles at the top of the listings; returns their ids."""
        with self._lock:
            added = self.corpus.grow(count)
            self.routes.refresh()
            return [article.id for article in added]

    def count(self) -> dict[str, object]:
        """How many requests there were, and of which targets."""
        with self._lock:
            return {"requests": self.requests.total(), "paths": dict(self.requests)}

    def answer(self, method: str, target: str) -> bytes:
        """The response to a request, as it goes over the wire."""
        if target.startswith("/__"):
            return self._special(method, target)
        with self._lock:
            self.requests[target] += 1
            page = self.routes.answer(target)
        if self.latency:
            time.sleep(self.latency)
        return page if method != "HEAD" else page[: page.index(b"\r\n\r\n") + 4]

    def _special(self, method: str, target: str) -> bytes:
        parts = urlsplit(target)
        match method, parts.path:
            case "GET", "/__truth":
                found: object = self.truth()
            case "GET", "/__count":
                found = self.count()
            case "POST", "/__grow":
                found = self.grow(int(parse_qs(parts.query).get("n", ["1"])[0]))
            case _:
                return response(404)
        return response(200, json.dumps(found, ensure_ascii=False).encode(), "application/json")


class _Listener(ThreadingTCPServer):
    """Knows its open connections, so that it can end them; no HTTPServer, which asks the resolver for its own name."""

    allow_reuse_address = True
    request_queue_size = 128

    def __init__(self, demo: DemoServer, port: int) -> None:
        self.demo = demo
        self.open: dict[socket.socket, threading.Thread] = {}
        super().__init__(("127.0.0.1", port), _Connection)

    def process_request(self, request: socket.socket, client_address: tuple[str, int]) -> None:  # type: ignore[override]
        thread = threading.Thread(target=self.process_request_thread, args=(request, client_address), daemon=True)
        self.open[request] = thread
        thread.start()

    def hang_up(self) -> None:
        """Ends all connections; a client that is being answered loses the rest of the answer."""
        for connection, thread in list(self.open.items()):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            thread.join()


class _Connection(StreamRequestHandler):
    """Reads the requests of one keep-alive connection; BaseHTTPRequestHandler would halve the speed."""

    disable_nagle_algorithm = True
    server: _Listener

    def finish(self) -> None:
        self.server.open.pop(self.request, None)
        with contextlib.suppress(OSError):
            super().finish()

    def handle(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            while self._answer_one():
                pass

    def _answer_one(self) -> bool:
        words = self.rfile.readline(65536).decode("latin-1").split()
        if len(words) != 3:
            return False
        keep = words[2] == "HTTP/1.1"
        length = 0
        while (line := self.rfile.readline(65536)) not in {b"\r\n", b"\n", b""}:
            name, _, value = line.decode("latin-1").partition(":")
            match name.lower(), value.strip().lower():
                case "connection", choice:
                    keep = choice == "keep-alive" if words[2] != "HTTP/1.1" else choice != "close"
                case "content-length", digits:
                    length = int(digits)
        self.rfile.read(length)
        self.wfile.write(self.server.demo.answer(words[0], words[1]))
        return keep
