import pytest

from service_kit.json_text import Json
from service_kit.problems import ProblemError
from service_kit.routing import Route, RouteTable, template

DOCUMENT: dict[str, Json] = {
    "paths": {"/items/{number}": {"get": {"parameters": [], "responses": {}}, "delete": {"responses": {}}}}
}
TABLE = RouteTable(
    [
        Route("/items/new", frozenset({"GET"})),
        Route("/things", frozenset({"GET", "POST"})),
        Route("/items/{number}", frozenset({"GET"})),
        Route("/items/{number}", frozenset({"DELETE"})),
        Route("/files/{name:path}", frozenset({"PUT"})),
        Route("/static/{path:path}", None),
        Route("/redoc", frozenset()),
    ],
    DOCUMENT,
)


@pytest.mark.parametrize(
    ("method", "path", "found", "values"),
    [
        ("GET", "/items/new", "/items/new", {}),
        ("DELETE", "/items/new", "/items/{number}", {"number": "new"}),
        ("HEAD", "/items/7", "/items/{number}", {"number": "7"}),
        ("PUT", "/files/a/b", "/files/{name}", {"name": "a/b"}),
        ("PUT", "/files/a\nb", "/files/{name}", {"name": "a\nb"}),
        ("POST", "/static/page.js", "/static/{path}", {"path": "page.js"}),
    ],
)
def test_a_request_finds_its_template(method: str, path: str, found: str, values: dict[str, str]) -> None:
    for _ in range(2):  # the second time from memory
        match = TABLE.match(method, path)
        assert (match.template, match.values) == (found, values)


@pytest.mark.parametrize(
    ("path", "allow"),
    [
        ("/items/new", "DELETE, GET, HEAD, OPTIONS"),
        ("/items/7", "DELETE, GET, HEAD, OPTIONS"),
        ("/files/a", "OPTIONS, PUT"),
    ],
)
def test_allow_lists_the_methods_of_all_templates_that_fit(path: str, allow: str) -> None:
    with pytest.raises(ProblemError) as refused:
        TABLE.match("PATCH", path)
    assert (refused.value.problem.status, refused.value.problem.headers) == (405, {"Allow": allow})
    options = TABLE.match("OPTIONS", path)
    assert (options.allow, options.operation) == (allow, None)


@pytest.mark.parametrize(
    "path",
    [
        *("/redoc", "/items/new/", "//items/7", "/items//7", "/redoc/", "/nothing", "/items/7/8", ""),
        *("/things\n", "\n/things", "/things\0", "/things ", "/./things", "/things;v=1", "/THINGS"),
    ],
)
def test_a_page_that_is_taken_out_and_another_spelling_are_not_found(path: str) -> None:
    with pytest.raises(ProblemError) as refused:
        TABLE.match("POST", path)
    assert refused.value.problem.status == 404


def test_what_is_mounted_decides_for_itself() -> None:
    assert TABLE.match("OPTIONS", "/static/x").allow == ""


def test_only_what_is_described_is_checked() -> None:
    described, bare = TABLE.match("GET", "/items/7").operation, TABLE.match("GET", "/items/new").operation
    assert described is not None
    assert bare is not None
    bare.check({}, "any=thing", "text/html;q=0", "text/plain")
    with pytest.raises(ProblemError):
        described.check({}, "any=thing", None, None)


def test_paths_are_written_as_openapi_does() -> None:
    assert template("/files/{name:path}/{number:int}") == "/files/{name}/{number}"
