"""The pages that extraction is measured on: the bundled aggregator's articles, and the recorded ones of the tests."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from html import unescape
from statistics import mean
from typing import Any

from bench.figures import ROOT
from newscrawl.demo import DemoServer

_TICKER = re.compile(r'<a href="[^"]*">([^<]*)</a>(?=&nbsp;&nbsp;)', re.IGNORECASE)


@dataclass
class Page:
    """The bytes of an article as a server sends them, and what must be read from them."""

    url: str
    kind: str
    body: bytes
    truth: dict[str, Any]

    @property
    def text(self) -> str:
        """The page rightly decoded, for libraries that take no bytes."""
        cp1256 = "charset=windows-1256" in self.kind or b"charset=windows-1256" in self.body[:2000]
        return self.body.decode("cp1256" if cp1256 else "utf-8")

    @property
    def headlines(self) -> list[str]:
        """Headlines of the ticker that are not in the article itself."""
        found = {" ".join(unescape(title).split()) for title in _TICKER.findall(self.text)}
        own = " ".join(f"{self.truth['title']} {self.truth['body']}".split())
        return sorted(title for title in found if title not in own)


def demo_pages(articles: int = 260) -> list[Page]:
    """Every article page of a bundled aggregator of this size."""
    server = DemoServer(articles)
    return [_asked(server, article.path, article.truth(in_feed=False)) for article in server.corpus.articles]


def shortest(pages: list[Page], kb: float) -> list[Page]:
    """As many of the shortest as have this size on average."""
    sizes = sorted(len(page.body) for page in pages)
    longest = max(size for n, size in enumerate(sizes, 1) if mean(sizes[:n]) <= kb * 1000)
    return [page for page in pages if len(page.body) <= longest]


def _asked(server: DemoServer, target: str, truth: dict[str, Any]) -> Page:
    """Once more where it failed, and at its other spelling where it moved."""
    while True:
        head, _, body = server.answer("GET", target).partition(b"\r\n\r\n")
        if b" 200 " in head.split(b"\r\n")[0]:
            kind = re.search(rb"Content-Type: (.*)", head)
            return Page(truth["url"], kind[1].decode() if kind else "", body, truth)
        if moved := re.search(rb"Location: (\S+)", head):
            target = moved[1].decode()


def fixture_pages() -> list[Page]:
    """The recorded pages that are articles."""
    pages = []
    for case in sorted((ROOT / "tests" / "fixtures").glob("*/*")):
        truth = json.loads((case / "expected.json").read_text("utf-8"))
        if "body" in truth:
            meta = json.loads((case / "meta.json").read_text("utf-8"))
            kind = meta["headers"]["Content-Type"][0]
            pages.append(Page(meta["url"], kind, (case / "body.html").read_bytes(), truth))
    return pages
