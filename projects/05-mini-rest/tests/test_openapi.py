"""openapi.json is what the service says of itself. `python tests/test_openapi.py` writes it anew."""

from pathlib import Path

import orjson

from mini_rest.app import make_litestar
from mini_rest.settings import Settings
from service_kit.json_text import Json, as_mapping

COPY = Path(__file__).parents[1] / "openapi.json"


def document() -> dict[str, Json]:
    settings = Settings.model_validate(
        {
            "port": 8000,
            "database_url": "postgresql://localhost/mini_rest",
            "operator_token": "o" * 16,
            "cursor_secret": "c" * 16,
        }
    )
    document: dict[str, Json] = make_litestar(settings).state.document
    return document


def written() -> bytes:
    return orjson.dumps(document(), option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS) + b"\n"


def test_the_committed_document_is_the_one_that_is_served() -> None:
    assert COPY.read_bytes() == written()


def test_each_route_says_what_it_takes_and_that_errors_are_problems() -> None:
    paths = as_mapping(document()["paths"])
    task = as_mapping(paths["/api/v1/organisations/{organisation_id}/tasks/{task_id}"])
    patch = as_mapping(task["patch"])
    assert "application/merge-patch+json" in as_mapping(as_mapping(patch["requestBody"])["content"])
    tasks = as_mapping(as_mapping(paths["/api/v1/organisations/{organisation_id}/tasks"])["get"])
    parameters = tasks["parameters"]
    assert isinstance(parameters, list)
    names = {as_mapping(one)["name"] for one in parameters}
    assert {"status", "owner", "deleted", "sort", "limit", "cursor"} <= names
    for path, item in paths.items():
        for method, operation in as_mapping(item).items():
            assert "default" in as_mapping(as_mapping(operation)["responses"]), f"{method} {path}"


if __name__ == "__main__":
    COPY.write_bytes(written())
