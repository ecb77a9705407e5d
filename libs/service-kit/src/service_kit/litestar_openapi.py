"""OpenAPI for Litestar: what it generates, and what it leaves out."""

from collections.abc import Iterator

from litestar import Litestar

from service_kit.json_text import Json, as_mapping
from service_kit.schemas import Body


def document(app: Litestar) -> dict[str, Json]:
    """Return Litestar's document, in which models that refuse unknown members say so."""
    generated: dict[str, Json] = app.openapi_schema.to_schema()
    components = as_mapping(generated.get("components"))
    closed = {model.__name__ for model in _descendants(Body)}
    schemas: dict[str, Json] = {
        name: {**as_mapping(schema), "additionalProperties": False}
        if as_mapping(schema).get("title") in closed
        else schema
        for name, schema in as_mapping(components.get("schemas")).items()
    }
    return {**generated, "components": {**components, "schemas": schemas}}


def _descendants(model: type[Body]) -> Iterator[type[Body]]:
    for child in model.__subclasses__():
        yield child
        yield from _descendants(child)
