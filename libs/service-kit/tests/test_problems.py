import pytest
from pydantic import BaseModel, ValidationError, field_validator

from service_kit.problems import (
    FieldError,
    Problem,
    body_error,
    invalid_input,
    of_status,
    on,
    pointer,
)


def test_the_document_has_the_members_of_the_rfc_and_ours() -> None:
    problem = Problem(409, "name_taken", "Name taken", "ada is taken.", "https://example.com/name-taken")
    assert problem.document("/users", "r-1") == {
        "type": "https://example.com/name-taken",
        "title": "Name taken",
        "status": 409,
        "detail": "ada is taken.",
        "instance": "/users",
        "code": "name_taken",
        "request_id": "r-1",
    }


def test_members_without_a_value_are_left_out() -> None:
    document = Problem(404, "not_found", "Not Found").document("/x", "r-1")
    assert document.keys() == {"type", "title", "status", "instance", "code", "request_id"}


def test_extensions_stand_beside_the_members_and_replace_none() -> None:
    problem = Problem(429, "limited", "Limited", extensions={"violated-policies": ["a"], "status": 200})
    document = problem.document("/", "r-1")
    assert document["violated-policies"] == ["a"]
    assert document["status"] == 429


def test_the_instance_is_a_uri_reference() -> None:
    document = Problem(404, "not_found", "Not Found").document('/a b/"<é', "r-1")
    assert document["instance"] == "/a%20b/%22%3C%C3%A9"


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (400, "bad_request"),
        (404, "not_found"),
        (405, "method_not_allowed"),
        (413, "content_too_large"),
        (415, "unsupported_media_type"),
        (500, "internal_server_error"),
        (599, "error"),
    ],
)
def test_the_code_of_a_plain_problem_is_the_name_of_its_status(status: int, code: str) -> None:
    assert of_status(status).code == code


class TakenError(Exception):
    def __init__(self, name: str) -> None:
        super().__init__(f"{name} is taken.")
        self.name = name


def test_a_row_of_the_table_turns_an_error_into_its_problem() -> None:
    rule = on(TakenError, 409, "name_taken")
    assert rule.problem_of(TakenError("ada")) == Problem(409, "name_taken", "Conflict", "ada is taken.")


def test_a_row_can_use_the_fields_of_the_error() -> None:
    rule = on(
        TakenError,
        409,
        "name_taken",
        title="Name taken",
        type="https://example.com/name-taken",
        detail=lambda error: f"Choose another than {error.name}.",
        errors=lambda error: [FieldError("taken", error.name, pointer="#/name")],
        headers=lambda error: {"X-Name": error.name},
        extensions=lambda error: {"name": error.name},
    )
    assert rule.problem_of(TakenError("ada")) == Problem(
        409,
        "name_taken",
        "Name taken",
        "Choose another than ada.",
        "https://example.com/name-taken",
        [FieldError("taken", "ada", pointer="#/name")],
        {"name": "ada"},
        {"X-Name": "ada"},
    )


def test_a_row_refuses_an_error_of_another_class() -> None:
    with pytest.raises(TypeError):
        on(TakenError, 409, "name_taken").problem_of(KeyError())


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ((), "#"),
        (("remind_at",), "#/remind_at"),
        (("items", 0, "price"), "#/items/0/price"),
        (("a/b", "c~d"), "#/a~1b/c~0d"),
        (("", "é x"), "#//%C3%A9%20x"),
    ],
)
def test_a_pointer_is_escaped(path: tuple[str | int, ...], expected: str) -> None:
    assert pointer(path) == expected


def test_invalid_input_lists_everything_wrong_and_no_value() -> None:
    class Body(BaseModel):
        name: str
        ages: list[int]

        @field_validator("name")
        @classmethod
        def refuse(cls, _name: str) -> str:
            raise ValueError("this name is reserved")

    with pytest.raises(ValidationError) as caught:
        Body.model_validate({"name": "hunter2", "ages": [1, "hunter2"]})
    problem = invalid_input(map(body_error, caught.value.errors()), 2)
    document = problem.document("/", "r-1")
    assert document["status"] == 422
    assert document["detail"] == "2 values are not acceptable."
    assert document["errors"] == [
        {"pointer": "#/name", "code": "value_error", "detail": "this name is reserved"},
        {
            "pointer": "#/ages/1",
            "code": "int_parsing",
            "detail": "Input should be a valid integer, unable to parse string as an integer",
        },
    ]


def test_one_wrong_value_is_counted_as_one() -> None:
    problem = invalid_input([FieldError("too_long", "Too long.", parameter="word")], 1)
    assert problem.detail == "1 value is not acceptable."
    assert problem.document("/", "r-1")["errors"] == [
        {"parameter": "word", "code": "too_long", "detail": "Too long."}
    ]
