import pytest

from service_kit.json_text import Json, as_mapping
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
    document = completed({"paths": {"/things": {"get": operation}}})
    described = as_mapping(as_mapping(as_mapping(document["paths"])["/things"])["get"])
    assert described["parameters"] == [{"name": "if-match", "in": "header", "schema": completed_to}]
