"""Item loader: cleans the values of a page (`newscrawl.arabic`, layer A) and types them into an `Article`."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from itemloaders.processors import Compose, Identity, MapCompose, TakeFirst
from scrapy.loader import ItemLoader

from newscrawl import arabic, dates, language
from newscrawl.items import Article, Image

if TYPE_CHECKING:
    from newscrawl.pages import ArticleValues
    from newscrawl.sites import Place, Site


def _clean_title(text: str, loader_context: dict[str, Any]) -> str:
    return _repaired(text, "title", loader_context)


def _clean_body(paragraphs: list[str], loader_context: dict[str, Any]) -> str:
    return _repaired("\n".join(paragraphs), "body", loader_context)


def _repaired(text: str, kind: arabic.Kind, loader_context: dict[str, Any]) -> str:
    repaired = arabic.repair(text, kind)
    loader_context["repairs"].update(repaired.repairs)
    return repaired.text


def _clean_name(text: str) -> str:
    """Names, captions and lines: one line of clean text, whose repairs are not those of the article."""
    return arabic.clean(text, "title")


def _image(image: tuple[str, str | None]) -> Image:
    url, caption = image
    return Image(url, _clean_name(caption) or None if caption else None)


def _published(line: str, loader_context: dict[str, Any]) -> str | None:
    return dates.parse_published(line, country=loader_context["site"].country, now=loader_context["now"])


class ArticleLoader(ItemLoader):
    """Field -> processors; the context carries `site`, `now` and the set `repairs`."""

    default_item_class = dict
    default_output_processor = TakeFirst()

    title_in = MapCompose(_clean_title)
    body_in = Compose(_clean_body)
    publisher_in = MapCompose(_clean_name)
    authors_in = MapCompose(_clean_name)
    authors_out = Identity()
    published_in = MapCompose(_published)
    published_raw_in = MapCompose(_clean_name)
    images_in = MapCompose(_image)
    images_out = Identity()


def load_article(values: ArticleValues, site: Site, place: Place, *, now: datetime) -> Article:
    """The article of a page.

    Args:
        values: what the page says.
        site: the aggregator.
        place: where the page stands on it; an article's place.
        now: when the page was fetched, with zone.
    """
    loader = ArticleLoader(site=site, now=now, repairs=set())
    loader.add_value("title", values.title)
    loader.add_value("body", values.paragraphs)
    loader.add_value("publisher", values.publisher)
    loader.add_value("authors", values.authors)
    loader.add_value("published", values.published_raw)
    loader.add_value("published_raw", values.published_raw)
    loader.add_value("source_url", values.source_url)
    loader.add_value("images", values.images)
    loaded = loader.load_item()
    return Article(
        id=f"{site.id}/{place.edition}/{place.paper}/{place.number}",
        url=place.url,
        site=site.id,
        edition=place.edition,
        language=language.detect(f"{loaded.get('title')}\n{loaded.get('body')}").code,
        title=loaded.get("title", ""),
        body=loaded.get("body", ""),
        publisher=loaded.get("publisher"),
        publisher_id=place.paper or "",
        authors=loaded.get("authors", []),
        published=loaded.get("published"),
        published_raw=loaded.get("published_raw"),
        source_url=loaded.get("source_url"),
        images=loaded.get("images", []),
        repairs=[name for name in arabic.REPAIRS if name in loader.context["repairs"]],
        fetched_at=now.astimezone(UTC).isoformat(timespec="seconds"),
    )
