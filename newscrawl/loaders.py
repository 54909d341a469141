"""Item loader: cleans the values of a page (`newscrawl.arabic`, layer A) and types them into an `Article`."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from itemloaders.processors import Identity, TakeFirst
from scrapy.loader import ItemLoader

from newscrawl import arabic, dates, language
from newscrawl.items import Article, Image

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from newscrawl.pages import ArticleValues
    from newscrawl.sites import Place, Site


class Each:
    """Input processor: a function of each value and the loader's context; None is left out.

    MapCompose does more, and looks for that at the signature of its function at each value.
    """

    def __init__(self, function: Callable[[Any, dict[str, Any]], Any]) -> None:
        self._function = function

    def __call__(self, values: Iterable[Any], loader_context: dict[str, Any]) -> list[Any]:
        """The values of the field."""
        found = (self._function(value, loader_context) for value in values)
        return [value for value in found if value is not None]


def _clean_title(text: str, context: dict[str, Any]) -> str:
    return _repaired(text, "title", context)


def _clean_body(paragraphs: list[str], loader_context: dict[str, Any]) -> str:
    return _repaired("\n".join(paragraphs), "body", loader_context)


def _repaired(text: str, kind: arabic.Kind, context: dict[str, Any]) -> str:
    repaired = arabic.repair(text, kind)
    context["repairs"].update(repaired.repairs)
    return repaired.text


def _clean_name(text: str, _: dict[str, Any] | None = None) -> str:
    """Names, captions and lines: one line of clean text, whose repairs are not those of the article."""
    return arabic.clean(text, "title")


def _image(image: tuple[str, str | None], _: dict[str, Any]) -> Image:
    url, caption = image
    return Image(url, _clean_name(caption) or None if caption else None)


def _published(line: str, context: dict[str, Any]) -> str | None:
    return dates.parse_published(line, country=context["site"].country, now=context["now"])


class ArticleLoader(ItemLoader):
    """Field -> processors; the context carries `site`, `now` and the set `repairs`."""

    default_item_class = dict

    title_in = Each(_clean_title)
    body_in = staticmethod(_clean_body)
    publisher_in = Each(_clean_name)
    authors_in = Each(_clean_name)
    published_in = Each(_published)
    published_raw_in = Each(_clean_name)
    source_url_in = Identity()
    images_in = Each(_image)
    # Each field by name: a default is asked of the item's class first, at every value.
    title_out = body_out = publisher_out = published_out = published_raw_out = source_url_out = TakeFirst()
    authors_out = images_out = Identity()


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
        language=language.code_of(f"{loaded.get('title')}\n{loaded.get('body')}"),
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
