"""A data folder as a crawl leaves it, without the crawl: `python -m bench.known FOLDER COUNT [--short]`.

State, feeds and index of duplicates hold COUNT articles of the bundled aggregators. With --short their texts are 160
words drawn from those of such articles, and the lines of the feeds have no body: a million is made in minutes then.
"""

from __future__ import annotations

import random
import sys
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.stories import stories
from newscrawl.dedup import DuplicateIndex
from newscrawl.feeds import Feeds
from newscrawl.items import Article, Image, feed_line
from newscrawl.store import Kind, OutboxItem, Settlement, State, Url, open_store

if TYPE_CHECKING:
    from collections.abc import Iterator

HOST = "www.demoress.example"
GROUP = 1000


def make(folder: Path, articles: Iterator[tuple[Article, str]]) -> None:
    """Settle articles, each with the text that copies of it are found by."""
    folder.mkdir(parents=True, exist_ok=True)
    store = open_store(folder / "state.sqlite")
    store.begin_run("bench")
    index = DuplicateIndex(store.duplicates)
    feeds = Feeds(store, {name: folder / "feeds" / f"{name}.jsonl" for name in ("articles", "duplicates", "sources")})
    feeds.open()
    host = None
    while group := list(islice(articles, GROUP)):
        by_url = {article.url: (article, text) for article, text in group}
        store.add([Url(url, "demo", HOST, Kind.ARTICLE) for url in by_url])
        host = host or store.host_ids(HOST)[0]
        for lease in store.lease(host, GROUP):
            article, text = by_url[lease.key]
            if copy := index.copy_of(article.id, text, paper=article.publisher_id):
                article.duplicate_of, article.similarity = copy.first, copy.similarity
            item = OutboxItem(article.id, "duplicates" if copy else "articles", feed_line(article))
            store.settle(Settlement(lease.id, State.DONE, items=[item]))
        index.save()
        feeds.drain()
    store.end_run(finished=True, summary={})
    feeds.close()
    store.close()


def whole(count: int) -> Iterator[tuple[Article, str]]:
    """Articles of the bundled aggregators."""
    for truth in stories(count):
        fields: dict[str, Any] = {name: truth[name] for name in Article.__dataclass_fields__ if name in truth}
        fields["images"] = [Image(**image) for image in fields["images"]]
        fields["url"] = f"https://{HOST}/{fields['id'].removeprefix('demo/').removeprefix('ar/')}"
        yield Article(**fields, fetched_at="2026-02-16T12:00:00+00:00"), fields["body"]


def short(count: int) -> Iterator[tuple[Article, str]]:
    """Numbered articles of 300 papers, whose texts are random words."""
    words = " ".join(str(story["body"]) for story in stories(500)).split()
    draw = random.Random(1)
    for number in range(count):
        paper, name = f"paper{number // 10 % 300:03d}", 50_000_000 + number
        text = "\n".join(" ".join(draw.choices(words, k=32)) for _ in range(5))
        url = f"https://{HOST}/{paper}/{name}"
        yield Article(f"demo/ar/{paper}/{name}", url, "demo", "ar", "ar", "", "", paper, paper), text


if __name__ == "__main__":
    count = int(sys.argv[2])
    make(Path(sys.argv[1]), short(count) if "--short" in sys.argv else whole(count))
    print("null")
