from dataclasses import dataclass

import pytest
from litestar import Litestar, get
from litestar.openapi import OpenAPIConfig

from service_kit.json_text import Json, as_mapping
from service_kit.litestar_openapi import document
from service_kit.openapi import completed


@pytest.mark.parametrize(
    ("told", "completed_to"),
    [
        (
            {"anyOf": [{"pattern": "x"}, {"type": "null"}]},
            {"pattern": "x"},
        ),
        (
            {"anyOf": [{"type": "string"}, {"type": "integer"}, {"type": "null"}], "title": "T"},
            {"anyOf": [{"type": "string"}, {"type": "integer"}], "title": "T"},
        ),
        ({"type": "integer"}, {"type": "integer"}),
    ],
)
def test_a_parameter_that_may_be_missing_may_not_be_null(told: Json, completed_to: Json) -> None:
    operation: Json = {"parameters": [{"name": "if-match", "in": "header", "schema": told}]}
    whole = completed({"paths": {"/things": {"get": operation}}})
    described = as_mapping(as_mapping(as_mapping(whole["paths"])["/things"])["get"])
    assert described["parameters"] == [{"name": "if-match", "in": "header", "schema": completed_to}]


def answer(schema: Json) -> Json:
    return {"description": "refused", "content": {"application/json": {"schema": schema}}}


@pytest.mark.parametrize(
    ("schema", "is_kept"),
    [
        ({"$ref": "#/components/schemas/OwnError"}, True),
        ({"$ref": "#/components/schemas/HTTPValidationError"}, False),
        ({"type": "object", "properties": {"status_code": {"type": "integer"}}}, False),
    ],
)
def test_a_refusal_stays_where_the_service_itself_has_a_model_for_it(schema: Json, is_kept: bool) -> None:
    operation: Json = {"responses": {"400": answer(schema), "422": answer(schema)}}
    whole = completed({"paths": {"/things": {"post": operation}}})
    described = as_mapping(as_mapping(as_mapping(whole["paths"])["/things"])["post"])
    kept = as_mapping(described["responses"]).keys() & {"400", "422"}
    assert kept == ({"400", "422"} if is_kept else set())


def test_a_union_of_litestars_holds_for_what_is_of_two_of_its_types() -> None:
    @dataclass
    class Answer:
        count: int | float

    @get("/things", sync_to_thread=False)
    def things() -> Answer:
        return Answer(1)

    generated = document(Litestar([things], openapi_config=OpenAPIConfig(title="Things", version="1")))
    schemas = as_mapping(as_mapping(generated["components"])["schemas"])
    properties = as_mapping(as_mapping(next(iter(schemas.values())))["properties"])
    assert properties["count"] == {"anyOf": [{"type": "integer"}, {"type": "number"}]}
