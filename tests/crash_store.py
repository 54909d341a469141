"""A synthetic crawl over store and feeds, to be killed: `python crash_store.py FOLDER ENDING PAGES [LINES_A_PART]`.

The pages are a tree: page i links to 2i+1 and 2i+2 and to a page that is known already. Every page has an item, each
fifth in the duplicates feed. Run again with the same arguments, it continues; when all is settled it exits with 0.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from newscrawl.feeds import Feeds, Rotation
from newscrawl.store import Kind, OutboxItem, Settlement, State, Url, open_store

if TYPE_CHECKING:
    from collections.abc import Callable

GROUP = 7
TEXT = "نص المقال الأول في هذا اليوم " * 8


def url(number: int) -> Url:
    """The page of this number."""
    return Url(f"https://news.example/a/{number}", "demo", "news.example", Kind.ARTICLE, -number)


def item(number: int) -> OutboxItem:
    """The item of a page."""
    line = json.dumps({"id": f"demo/ar/a/{number}", "body": TEXT + str(number)}, ensure_ascii=False).encode()
    return OutboxItem(f"demo/ar/a/{number}", "duplicates" if number % 5 == 0 else "articles", line)


def paths(folder: Path, ending: str) -> dict[str, Path]:
    """The feeds of the crawl."""
    return {name: folder / "feeds" / f"{name}{ending}" for name in ("articles", "duplicates")}


def crawl(folder: Path, ending: str, pages: int, lines: int | None = None, pause: float = 0.0) -> None:
    """Crawl until nothing is pending; `pause` seconds after each group."""
    store = open_store(folder / "state.sqlite")
    store.begin_run("tree")
    feeds = Feeds(store, paths(folder, ending), Rotation(lines=lines) if lines else None)
    feeds.open()
    store.add([url(0)])
    leased = [lease for host in store.hosts() for lease in store.lease(host.id, GROUP)]
    while leased:
        for lease in leased:
            number = int(lease.key.rpartition("/")[2])
            links = [url(link) for link in (2 * number + 1, 2 * number + 2, number // 2) if link < pages]
            store.settle(Settlement(lease.id, State.DONE, found=links, items=[item(number)]))
        feeds.drain()
        time.sleep(pause)
        leased = store.lease(store.hosts()[0].id, GROUP)
    feeds.close()
    store.end_run(finished=True, summary={"pages": pages})
    store.close()


def fork(work: Callable[[], None]) -> int:
    """Run `work` in a child that starts nothing new; its exit status, or minus the signal that ended it."""
    child = os.fork()
    if not child:
        try:
            work()
        except BaseException as error:
            os.write(2, f"{type(error).__name__}: {error}\n".encode())
            os._exit(1)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


if __name__ == "__main__":
    crawl(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4]) if len(sys.argv) > 4 else None, 0.002)
