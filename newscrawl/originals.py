"""The page of a publisher: what an original says. Pure functions, no network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import urljoin

from lxml import etree

from newscrawl.pages import metas_of, says_missing, tree_of

if TYPE_CHECKING:
    from collections.abc import Iterable

_CANONICAL: Final = etree.XPath(
    "//link[translate(@rel, 'CANOIL', 'canoil') = 'canonical']/@href | //meta[@property = 'og:url']/@content",
    smart_strings=False,
)
_TITLES: Final = etree.XPath("//title | //h1")
_LONGEST_URL: Final = 2000


@dataclass(frozen=True, slots=True)
class Head:
    """What a page says of itself."""

    canonical_url: str | None
    """rel=canonical or else og:url, absolute"""
    missing: bool
    """whether it says that there is no such page"""
    metas: dict[str, str]
    """content of its named meta elements, by lower-cased name"""


def read_head(body: bytes, url: str, content_type: str = "") -> Head:
    """What a page says of itself, without reading its text.

    Args:
        body: the page, decoded from its Content-Encoding.
        url: its address.
        content_type: the header of that name.

    Raises:
        Rejected: it cannot be read as a page.
    """
    return head_of(tree_of(body, content_type), url)


def head_of(root: etree._Element, url: str) -> Head:
    """As `read_head`, from the page's tree."""
    titles = (" ".join("".join(title.itertext("*")).split()) for title in _TITLES(root)[:5])
    return Head(_first_address(_CANONICAL(root), url), any(map(says_missing, titles)), metas_of(root))


def _first_address(hrefs: Iterable[str], base: str) -> str | None:
    """The first of these that is the address of a web page."""
    for href in hrefs:
        try:
            url = urljoin(base, href.strip())
        except ValueError:
            continue
        if url.startswith(("http://", "https://")) and len(url) <= _LONGEST_URL:
            return url
    return None
