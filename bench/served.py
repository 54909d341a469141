"""The bundled aggregator with pages as large as wanted: `python -m bench.served ARTICLES [KB [UNDECLARED [LATENCY]]]` serves until SIGTERM."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from html import escape
from statistics import mean
from typing import TYPE_CHECKING, Any

from bench.figures import ROOT
from newscrawl.demo import DemoServer

if TYPE_CHECKING:
    from collections.abc import Iterator


class LargeServer(DemoServer):
    """Pages are filled up with teasers of articles, as a home page is; `/sitemap.xml` names every article.

    `undeclared` pages have no XML declaration, with which Fundus cannot read them.
    """

    def __init__(self, articles: int, kb: float = 0, undeclared: float = 0, latency: float = 0) -> None:
        super().__init__(articles)
        self.later = latency
        self.undeclared = undeclared
        self.size = int(kb * 1000)
        self.large: dict[bytes, bytes] = {}
        self.teasers = "".join(
            f'<div class="teaser"><a class="teasertitle" href="{item.path}">{escape(item.raw_title)}</a>'
            f"<p>{escape(item.raw_teaser)}</p></div>\n"
            for item in self.corpus.articles
            if item.via == "listing"
        )

    def answer(self, method: str, target: str) -> bytes:
        """The page, filled up before its end."""
        if target == "/sitemap.xml":
            return self._sitemap()
        if target == "/__ready":
            self.latency = self.later
        page = super().answer(method, target)
        return page if target.startswith("/__") else self._filled(page)

    def _filled(self, page: bytes) -> bytes:
        head, _, body = page.partition(b"\r\n\r\n")
        if b"</body>" not in body:
            return page
        if page not in self.large:
            if self.undeclared:
                body = re.sub(rb"^<\?xml.*?\?>\s*", b"", body)
            encoding = "cp1256" if b"charset=windows-1256" in page[:2000] else "utf-8"
            cut = self.teasers.encode(encoding, "xmlcharrefreplace")[: max(self.size - len(body), 0)]
            body = body.replace(b"</body>", cut[: cut.rfind(b"\n") + 1] + b"</body>", 1)
            head = re.sub(rb"Content-Length: \d+", b"Content-Length: %d" % len(body), head)
            self.large[page] = head + b"\r\n\r\n" + body
        return self.large[page]

    def _sitemap(self) -> bytes:
        places = "".join(f"<url><loc>{self.base_url}{article.path}</loc></url>" for article in self.corpus.articles)
        body = f'<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">{places}</urlset>'.encode()
        head = f"HTTP/1.1 200 OK\r\nContent-Type: application/xml\r\nContent-Length: {len(body)}\r\n\r\n"
        return head.encode() + body


@dataclass
class Served:
    """A server in a process of its own: where it is, and what it has."""

    base_url: str
    truth: dict[str, Any]
    page_kb: float = 0

    @property
    def urls(self) -> list[str]:
        """Addresses of the articles, as the server answers them."""
        return [re.sub(r"https://[^/]+", self.base_url, url) for url in self.public]

    @property
    def public(self) -> list[str]:
        """The same as the aggregator calls them."""
        return [article["url"] for article in self.truth["articles"].values()]


@contextmanager
def served(articles: int, kb: int = 0, *, undeclared: bool = False, latency: float = 0) -> Iterator[Served]:
    """Serve, with every page asked for once: it is rendered then, and those that fail at first do so then."""
    command = [sys.executable, "-m", "bench.served", str(articles), str(kb), str(int(undeclared)), str(latency)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout
            base_url = server.stdout.readline().strip()
            with urllib.request.urlopen(f"{base_url}/__truth") as answer:
                found = Served(base_url, json.load(answer))
            sizes = []
            for url in found.urls:
                with suppress(urllib.error.HTTPError), urllib.request.urlopen(url) as answer:
                    sizes.append(len(answer.read()))
            found.page_kb = mean(sizes) / 1000
            with suppress(urllib.error.HTTPError):
                urllib.request.urlopen(f"{base_url}/__ready").close()
            yield found
        finally:
            server.terminate()


if __name__ == "__main__":
    with LargeServer(int(sys.argv[1]), *map(float, sys.argv[2:])) as large:
        print(large.base_url, flush=True)
        threading.Event().wait()
