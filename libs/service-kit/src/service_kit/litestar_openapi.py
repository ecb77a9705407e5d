"""OpenAPI for Litestar: what it generates, and what it leaves out."""

from collections.abc import Iterator, Mapping

from litestar import Litestar

from service_kit.json_text import Json, as_mapping
from service_kit.schemas import Body


def document(app: Litestar) -> dict[str, Json]:
    """Return Litestar's document, in which models that refuse unknown members say so."""
    generated = as_mapping(_with_unions(app.openapi_schema.to_schema()))
    components = as_mapping(generated.get("components"))
    closed = {model.__name__ for model in _descendants(Body)}
    schemas: dict[str, Json] = {
        name: {**as_mapping(schema), "additionalProperties": False}
        if as_mapping(schema).get("title") in closed
        else schema
        for name, schema in as_mapping(components.get("schemas")).items()
    }
    return {**generated, "components": {**components, "schemas": schemas}}


def _with_unions(node: Json) -> Json:
    """Say of a union that any of its types will do: 1 is an integer and a number, and so not of one alone."""
    if isinstance(node, Mapping):
        any_of = "oneOf" in node and "discriminator" not in node
        return {
            "anyOf" if any_of and name == "oneOf" else name: _with_unions(value)
            for name, value in node.items()
        }
    return [_with_unions(item) for item in node] if isinstance(node, list) else node


def _descendants(model: type[Body]) -> Iterator[type[Body]]:
    for child in model.__subclasses__():
        yield child
        yield from _descendants(child)
