import pytest

from validation.admission import misspellings, mistakes
from validation.entries import pointer
from validation.registry import Schema, Version


def told(schema: Schema) -> list[tuple[str, str]]:
    return [(pointer(entry.path), entry.code) for entry in mistakes(Version(schema, {}, assert_format=False))]


@pytest.mark.parametrize(
    ("schema", "wanted"),
    [
        ({"$id": "http://[bad"}, [("#/schema/$id", "bad_format")]),
        ({"$ref": "%zz"}, [("#/schema/$ref", "bad_format")]),
        ({"$schema": "::"}, [("#/schema/$schema", "bad_format")]),
        ({"$id": "urn:", "$defs": {"a": {"$id": "bar"}}}, [("#/schema", "reference_to_nothing")]),
        ({"pattern": "["}, [("#/schema/pattern", "bad_pattern")]),
        ({"allOf": [{"$ref": "http://127.0.0.1:9/"}]}, [("#/schema/allOf/0/$ref", "reference_outside")]),
    ],
)
def test_what_cannot_be_followed_is_refused_at_its_place(
    schema: Schema, wanted: list[tuple[str, str]]
) -> None:
    assert told(schema) == wanted


@pytest.mark.parametrize(
    "schema",
    [
        {"const": {"$ref": "http://127.0.0.1:9/"}},
        {"x-own": {"$ref": "file:///etc/passwd"}},
        {"enum": [{"$id": "http://[bad"}], "default": {"pattern": "("}},
    ],
)
def test_what_stands_where_no_schema_stands_is_data(schema: Schema) -> None:
    assert told(schema) == []


def test_a_keyword_that_nobody_can_have_meant_is_left_alone() -> None:
    found = misspellings(Version({"x-requird": 1, "discriminator": 2, "requird": 3}, {}, assert_format=False))
    assert [pointer(entry.path) for entry in found] == ["#/schema/requird"]
