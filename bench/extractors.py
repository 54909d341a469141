"""One extractor at a time over saved pages, in an environment that has it: `python -m bench.extractors NAME PAGES [SECONDS]`.

The last line of output holds what was read from each page, or, with SECONDS, the pages per second of CPU. The settings
of each are those that its documentation advises for Arabic. Nothing is imported that another environment lacks.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from itertools import cycle
from pathlib import Path
from typing import Any, TypeAlias

Values: TypeAlias = dict[str, str | None]
"""Of title, date (YYYY-MM-DD), publisher, source and body those that the extractor offers."""
Extract: TypeAlias = Callable[[bytes, str, str, str], Values]
"""From the bytes of a page, its text, its address and its Content-Type."""


def newscrawl() -> Extract:
    from datetime import UTC, datetime

    from scrapy.http import HtmlResponse

    from newscrawl.loaders import load_article
    from newscrawl.pages import parse_article
    from newscrawl.sites import get_site

    site, now = get_site("demo"), datetime(2026, 2, 16, tzinfo=UTC)

    def extract(body: bytes, text: str, url: str, kind: str) -> Values:
        response = HtmlResponse(url, headers={"Content-Type": kind}, body=body)
        place = site.locate(url)
        assert place
        article = load_article(parse_article(response, site), site, place, now=now)
        return {
            "title": article.title,
            "date": article.published,
            "publisher": article.publisher,
            "source": article.source_url,
            "body": article.body,
        }

    return extract


def trafilatura(*, fast: bool = False) -> Extract:
    from trafilatura import bare_extraction

    def extract(body: bytes, text: str, url: str, kind: str) -> Values:
        found = bare_extraction(body, url=url, with_metadata=True, include_comments=False, fast=fast)
        names = {"title": "title", "date": "date", "publisher": "sitename", "body": "text"}
        return {name: getattr(found, theirs, None) for name, theirs in names.items()}

    return extract


def trafilatura_fast() -> Extract:
    return trafilatura(fast=True)


def newspaper4k() -> Extract:
    import newspaper

    def extract(body: bytes, text: str, url: str, kind: str) -> Values:
        article = newspaper.article(url, language="ar", input_html=text, fetch_images=False)
        date = article.publish_date and article.publish_date.date().isoformat()
        return {"title": article.title, "date": date, "body": article.text}

    return extract


def news_please() -> Extract:
    from newsplease import NewsPlease

    def extract(body: bytes, text: str, url: str, kind: str) -> Values:
        found = NewsPlease.from_html(text, url=url, fetch_images=False)
        date = found.date_publish and found.date_publish.date().isoformat()
        return {"title": found.title, "date": date, "body": found.maintext}

    return extract


def readability() -> Extract:
    from lxml import html
    from readability import Document

    def extract(body: bytes, text: str, url: str, kind: str) -> Values:
        document = Document(body, url=url)
        return {"title": document.short_title(), "body": html.fromstring(document.summary()).text_content()}

    return extract


def goose3() -> Extract:
    from goose3 import Goose
    from goose3.text import StopWordsArabic

    goose = Goose({"stopwords_class": StopWordsArabic, "enable_image_fetching": False})

    def extract(body: bytes, text: str, url: str, kind: str) -> Values:
        found = goose.extract(raw_html=text)
        return {"title": found.title, "date": (found.publish_date or "")[:10] or None, "body": found.cleaned_text}

    return extract


def resiliparse() -> Extract:
    from resiliparse.extract.html2text import extract_plain_text
    from resiliparse.parse.encoding import detect_encoding
    from resiliparse.parse.html import HTMLTree

    def extract(body: bytes, text: str, url: str, kind: str) -> Values:
        tree = HTMLTree.parse_from_bytes(body, detect_encoding(body, html5_compatible=True))
        return {"title": tree.title, "body": extract_plain_text(tree, main_content=True, alt_texts=False)}

    return extract


EXTRACTORS: dict[str, Callable[[], Extract]] = {
    "newscrawl": newscrawl,
    "trafilatura": trafilatura,
    "trafilatura, fast": trafilatura_fast,
    "newspaper4k": newspaper4k,
    "news-please": news_please,
    "readability-lxml": readability,
    "goose3": goose3,
    "resiliparse": resiliparse,
}


def values_of(extract: Extract, pages: list[list[Any]]) -> list[Values | None]:
    """What is read from each page; None where the extractor gives up.

    Raises:
        ValueError: it reads no text from any page; then its environment lacks something that it does not name.
    """
    found: list[Values | None] = []
    for body, text, url, kind in pages:
        try:
            found.append(extract(body, text, url, kind))
        except Exception as error:
            print(f"{url}: {error!r}", file=sys.stderr)
            found.append(None)
    if not any(values and values.get("body") for values in found):
        raise ValueError("it reads no text from any page")
    return found


def rate_of(extract: Extract, pages: list[list[Any]], seconds: float) -> float:
    """Pages per second of CPU, after ten pages that warm caches."""
    values_of(extract, pages[:10])
    begun = time.process_time()
    for done, (body, text, url, kind) in enumerate(cycle(pages), 1):
        extract(body, text, url, kind)
        if (spent := time.process_time() - begun) >= seconds:
            return done / spent
    raise ValueError("there are no pages")


def main() -> None:
    """Read the pages, which are lines of JSON, and print one more."""
    name, path, *seconds = sys.argv[1:]
    with Path(path).open(encoding="utf-8") as file:
        pages = [[body.encode("latin-1"), *others] for body, *others in map(json.loads, file)]
    extract = EXTRACTORS[name]()
    answer = rate_of(extract, pages, float(seconds[0])) if seconds else values_of(extract, pages)
    print("\n" + json.dumps(answer))


if __name__ == "__main__":
    main()
