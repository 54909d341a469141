import json
from dataclasses import fields
from pathlib import Path

import jsonschema
import pytest

from newscrawl.items import Article, Image, SourceRecord, feed_line, feed_schema

SCHEMAS = Path(__file__).parent.parent / "newscrawl" / "schemas"


def article(**given):
    return Article(
        **{
            "id": "demo/ar/alkhabar/1",
            "url": "https://www.demoress.example/alkhabar/1",
            "site": "demo",
            "edition": "ar",
            "language": "ar",
            "title": "عنوان",
            "body": "فقرة أولى\nفقرة ثانية",
            "publisher": "الخبر",
            "publisher_id": "alkhabar",
        }
        | given
    )


@pytest.mark.parametrize(("item_class", "name"), [(Article, "article"), (SourceRecord, "source")])
def test_the_shipped_schema_is_the_one_of_the_dataclass(item_class, name, request):
    path = SCHEMAS / f"{name}.schema.json"
    text = json.dumps(feed_schema(item_class), ensure_ascii=False, indent=1) + "\n"
    if request.config.getoption("--update-expected"):
        path.write_text(text, "utf-8")
    assert path.read_text("utf-8") == text, "run: pytest tests/test_items.py --update-expected"


@pytest.mark.parametrize("item_class", [Article, SourceRecord])
def test_every_field_is_described(item_class):
    schema = feed_schema(item_class)
    assert list(schema["properties"]) == [field.name for field in fields(item_class)]
    for part in (schema, *schema["$defs"].values()):
        assert all(part["properties"][name]["description"] for name in part["properties"])


def test_a_line_is_valid_and_keeps_the_order_of_the_fields():
    line = json.loads(feed_line(article(images=[Image("https://images2.demoress.example/a/1", "صورة")])))
    jsonschema.validate(line, feed_schema(Article))
    assert list(line) == [field.name for field in fields(Article)]


def test_a_line_is_one_line_of_utf8_with_arabic_letters_as_letters():
    line = feed_line(article(source_url="http://a.example/\N{LINE SEPARATOR}\N{PARAGRAPH SEPARATOR}"))
    assert "عنوان".encode() in line
    assert len(line.decode().splitlines()) == 1
    assert json.loads(line)["source_url"] == "http://a.example/\N{LINE SEPARATOR}\N{PARAGRAPH SEPARATOR}"


def test_the_reference_names_every_field_with_its_meaning():
    reference = (Path(__file__).parent.parent / "docs" / "fields.md").read_text("utf-8")
    for schema in (feed_schema(Article), feed_schema(SourceRecord)):
        for part in (schema, *schema["$defs"].values()):
            for name, field in part["properties"].items():
                assert f"| `{name}` |" in reference
                assert " ".join(field["description"].split()) in reference
