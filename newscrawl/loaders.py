"""Item loader: cleans the values of a page (`newscrawl.arabic`, layer A) and types them into an `Article`."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from scrapy.loader import ItemLoader

from newscrawl import arabic, dates, language
from newscrawl.items import Article, Image

if TYPE_CHECKING:
    from newscrawl.pages import ArticleValues
    from newscrawl.sites import Place, Site


class ArticleLoader(ItemLoader):
    """The context carries `site`, `now` and the set `repairs`, of title and body."""

    # Static methods, and each field by name: of other processors the loader asks at every value whether they are methods,
    # and for a field without one what its item's class says.
    default_item_class = dict

    @staticmethod
    def title_in(titles: list[str], loader_context: dict[str, Any]) -> list[str]:
        """Clean lines."""
        return [_repaired(title, "title", loader_context) for title in titles]

    @staticmethod
    def body_in(paragraphs: list[str], loader_context: dict[str, Any]) -> str:
        """One clean text."""
        return _repaired("\n".join(paragraphs), "body", loader_context)

    @staticmethod
    def names_in(names: list[str]) -> list[str]:
        """Clean lines, whose repairs are not those of the article."""
        return [arabic.clean(name, "title") for name in names]

    @staticmethod
    def published_in(lines: list[str], loader_context: dict[str, Any]) -> list[str]:
        """Dates of publication lines."""
        country, now = loader_context["site"].country, loader_context["now"]
        return [date for line in lines if (date := dates.parse_published(line, country=country, now=now))]

    @staticmethod
    def images_in(images: list[tuple[str, str | None]]) -> list[Image]:
        """Pictures with clean captions."""
        return [Image(url, (arabic.clean(caption, "title") or None) if caption else None) for url, caption in images]

    @staticmethod
    def all_of(values: list[Any]) -> list[Any]:
        """As they are."""
        return values

    @staticmethod
    def first_of(values: list[str]) -> str | None:
        """The first that is not empty."""
        return next(filter(None, values), None)

    publisher_in = authors_in = published_raw_in = names_in
    source_url_in = authors_out = images_out = all_of
    title_out = body_out = publisher_out = published_out = published_raw_out = source_url_out = first_of


def _repaired(text: str, kind: arabic.Kind, context: dict[str, Any]) -> str:
    repaired = arabic.repair(text, kind)
    context["repairs"].update(repaired.repairs)
    return repaired.text


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
