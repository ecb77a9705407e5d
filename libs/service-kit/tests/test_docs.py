from html.parser import HTMLParser

from service_kit.docs import page
from service_kit.json_text import Json

DOCUMENT: dict[str, Json] = {
    "openapi": "3.1.0",
    "info": {"title": "Items <script>", "version": "1.2", "description": "All & everything"},
    "paths": {
        "/items/{number}": {
            "parameters": [{"name": "number", "in": "path", "required": True, "schema": {"type": "integer"}}],
            "get": {
                "summary": "Show one",
                "description": "With <b>markup</b>.",
                "parameters": [{"name": "full", "in": "query", "description": "All of it"}],
                "responses": {
                    "200": {
                        "description": "The item",
                        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Item"}}},
                    },
                    "404": {"description": "None such"},
                },
            },
            "put": {
                "requestBody": {"content": {"application/json": {"schema": {"maximum": 12345}}}},
                "responses": {},
            },
        }
    },
    "components": {"schemas": {"Item": {"type": "object", "title": "<Item>"}}},
}


class Elements(HTMLParser):
    """Notes what an HTML page consists of."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes.update(name for name, _ in attrs)

    def handle_data(self, data: str) -> None:
        self.text += data


def read(html: str) -> Elements:
    elements = Elements()
    elements.feed(html)
    return elements


def test_the_page_shows_every_operation() -> None:
    text = read(page(DOCUMENT)).text
    for words in (
        "Items <script> 1.2",
        "All & everything",
        "GET /items/{number}",
        "Show one",
        "number",
        "path, required",
        "query, optional",
        "All of it",
        "The item",
        "None such",
        "PUT /items/{number}",
        "12345",
        "<Item>",
    ):
        assert words in text


def test_what_the_document_says_is_never_markup_and_nothing_is_fetched() -> None:
    elements = read(page(DOCUMENT))
    assert not elements.tags & {"script", "b", "link", "img", "iframe"}
    assert not elements.attributes & {"src", "style", "onclick"}


def test_an_empty_document_makes_a_page_too() -> None:
    assert "API" in read(page({})).text
