"""What frameworks do by default and services must not: each row of the table holds in all three."""

import json
import re
import socket
import time
from collections.abc import Mapping

import httpx
import pytest

JSON = {"Content-Type": "application/json"}
NESTED = b'{"name":' + b"[" * 5000 + b"]" * 5000 + b"}"


@pytest.fixture
def url(sample_url: str) -> str:
    return sample_url


def ask(
    url: str, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
) -> httpx.Response:
    answer = httpx.request(method, url + path, content=body, headers=headers)
    if answer.status_code >= 400 and method != "HEAD":
        problem = answer.json()
        assert answer.headers["content-type"] == "application/problem+json"
        assert problem["status"] == answer.status_code
        assert problem["request_id"] == answer.headers["x-request-id"]
    return answer


def raw(url: str, request: bytes) -> bytes:
    """Send a request which clients would correct."""
    return exchange(url, request + b"Host: x\r\nConnection: close\r\n\r\n")


def exchange(url: str, request: bytes) -> bytes:
    """Send bytes as they are, and return what comes until the server closes."""
    with socket.create_connection(("127.0.0.1", httpx.URL(url).port or 0), timeout=20) as connection:
        connection.sendall(request)
        answer = b""
        while more := connection.recv(65536):
            answer += more
    return answer


def codes(answer: httpx.Response) -> list[tuple[str, str]]:
    return [
        (error["code"], error.get("parameter", error.get("pointer"))) for error in answer.json()["errors"]
    ]


@pytest.mark.parametrize(
    "path", ["/things", "/things?limit=2", "/things/1", "/health", "/openapi.json", "/docs"]
)
def test_where_there_is_get_there_is_head_without_a_body(url: str, path: str) -> None:
    got, head = ask(url, "GET", path), raw(url, f"HEAD {path} HTTP/1.1\r\n".encode())
    start, _, body = head.partition(b"\r\n\r\n")
    assert start.startswith(b"HTTP/1.1 200")
    assert body == b""
    assert f"content-length: {got.headers['content-length']}".encode() in start.lower()


@pytest.mark.parametrize(
    ("path", "allow"),
    [
        ("/things", "GET, HEAD, OPTIONS, POST"),
        ("/things/1", "GET, HEAD, OPTIONS"),
        ("/json", "OPTIONS, POST"),
        ("/health", "GET, HEAD, OPTIONS"),
    ],
)
def test_allow_is_complete_and_options_says_the_same(url: str, path: str, allow: str) -> None:
    refused, options = ask(url, "DELETE", path), ask(url, "OPTIONS", path)
    assert (refused.status_code, refused.headers["allow"]) == (405, allow)
    assert (options.status_code, options.headers["allow"], options.content) == (204, allow, b"")
    assert ask(url, "TRACE", path).status_code == 405


@pytest.mark.parametrize(
    "text",
    [
        b'{"name":"\xff"}',
        NESTED,
        b'{"name":"a","count":NaN}',
        b'{"name":"\\ud800"}',
        b'{"name":"a","name":"b"}',
        b'{"name":"a","more":{"x":1,"x":2}}',
        b'{"name":"a"',
        b'{"name":"a",}',
        b"'a'",
    ],
    ids=["no UTF-8", "nested", "NaN", "surrogate", "twice", "twice, inside", "cut off", "comma", "quotes"],
)
def test_what_is_no_json_or_reads_in_two_ways_is_a_400(url: str, text: bytes) -> None:
    answer = ask(url, "POST", "/things", text, JSON)
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_json")


@pytest.mark.parametrize(
    "headers",
    [{}, {"Content-Type": "text/plain"}, {"Content-Type": "application/msgpack"}, {"Content-Type": ";"}],
    ids=["none", "text", "msgpack", "nonsense"],
)
@pytest.mark.parametrize("body", [b'{"name":"a"}', b"\x81\xa4name\xa1a"], ids=["JSON", "msgpack"])
def test_a_body_of_another_type_is_a_415(url: str, headers: dict[str, str], body: bytes) -> None:
    answer = ask(url, "POST", "/things", body, headers)
    assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media_type")


@pytest.mark.parametrize(
    "kind", ["application/json; charset=utf-8", "Application/JSON", "application/x+json"]
)
def test_json_by_any_of_its_names_is_read(url: str, kind: str) -> None:
    answer = ask(url, "POST", "/things", b'{"name":"a","count":2}', {"Content-Type": kind})
    assert (answer.status_code, answer.json()["count"]) == (201, 2)


@pytest.mark.parametrize(
    ("member", "value", "code"),
    [
        ("count", '"1"', "int_type"),
        ("count", "true", "int_type"),
        ("count", "1.5", "int_from_float"),
        ("is_new", "1", "bool_type"),
        ("is_new", '"yes"', "bool_type"),
        ("name", "1", "string_type"),
        ("naem", '"a"', "extra_forbidden"),
    ],
)
def test_nothing_is_converted_and_nothing_unknown_is_let_pass(
    url: str, member: str, value: str, code: str
) -> None:
    members = {"name": '"a"', member: value}
    text = "{" + ",".join(f'"{name}":{written}' for name, written in members.items()) + "}"
    answer = ask(url, "POST", "/things", text.encode(), JSON)
    assert (answer.status_code, codes(answer)) == (422, [(code, f"#/{member}")])


def test_all_that_is_wrong_with_a_body_is_told_at_once(url: str) -> None:
    answer = ask(url, "POST", "/things", b'{"count":-1,"x":0}', JSON)
    errors = {("missing", "#/name"), ("greater_than_equal", "#/count"), ("extra_forbidden", "#/x")}
    assert (answer.status_code, set(codes(answer))) == (422, errors)


@pytest.mark.parametrize("headers", [JSON, {}], ids=["JSON", "no type"])
def test_an_empty_body_is_no_json(url: str, headers: dict[str, str]) -> None:
    answer = ask(url, "POST", "/things", b"", headers)
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_json")


@pytest.mark.parametrize(
    ("coding", "status"), [("gzip", 415), ("br, gzip", 415), ("identity", 201), ("Identity", 201), ("", 201)]
)
def test_a_body_in_a_coding_is_not_read_as_if_it_had_none(url: str, coding: str, status: int) -> None:
    answer = ask(url, "POST", "/things", b'{"name":"a"}', {**JSON, "Content-Encoding": coding})
    assert answer.status_code == status
    assert ("accept-encoding" in answer.headers) is (status == 415)


@pytest.mark.parametrize(
    "path",
    [
        *(f"/things/{number}" for number in ("abc", "1.0", "+1", "01", "1_0", "-1", "9" * 30)),
        *(f"/marks/{mark}" for mark in ("abc", "1", "01a1f897-8389-7e56-bb05-4d72fbe2644g")),
    ],
)
def test_what_cannot_be_an_id_is_an_id_that_nothing_has(url: str, path: str) -> None:
    answer = ask(url, "GET", path)
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


@pytest.mark.parametrize(
    ("start", "status"),
    [
        (b"GET /health HTTP/1.1\r\n", 400),
        (b"GET /health HTTP/1.1\r\nHost: a\r\nHost: b\r\n", 400),
        (b"GET /nowhere HTTP/1.1\r\nHost: a\r\nHost: a\r\n", 400),
        (b"GET /health HTTP/1.1\r\nHost: a b\r\n", 400),
        (b"GET /health HTTP/1.1\r\nHost: a/b\r\n", 400),
        (b"GET /health HTTP/1.1\r\nHost: user@a\r\n", 400),
        (b"GET /health HTTP/1.1\r\nHost: a:b\r\n", 400),
        (b"GET /health HTTP/1.1\r\nHost: a:80\r\n", 200),
        (b"GET /health HTTP/1.1\r\nHost: [::1]:80\r\n", 200),
        (b"GET /health HTTP/1.1\r\nHost:\r\n", 400),
        (b"GET /health HTTP/1.0\r\n", 200),
    ],
)
def test_a_request_says_once_which_host_it_means(url: str, start: bytes, status: int) -> None:
    """Source: RFC 9112, section 3.2."""
    answer = exchange(url, start + b"Connection: close\r\n\r\n")
    assert answer.split(b" ", 2)[1] == b"%d" % status
    assert (b"application/problem+json" in answer) is (status == 400)


@pytest.mark.parametrize("text", [b"[]", b"null", b"1"])
def test_json_that_is_no_object_is_a_422_for_the_whole_body(url: str, text: bytes) -> None:
    answer = ask(url, "POST", "/things", text, JSON)
    assert (answer.status_code, [pointer for _, pointer in codes(answer)]) == (422, ["#"])


@pytest.mark.parametrize(
    ("accept", "status"),
    [
        ("application/json", 200),
        ("*/*", 200),
        ("application/*;q=0.5, text/html", 200),
        ("text/html;q=1, */*;q=0.1", 200),
        ("application/json;q=0", 406),
        ("application/json;q=0, */*", 406),
        ("application/json;q=0.000", 406),
        ("*/*;q=0", 406),
        ("text/html", 406),
        ("nonsense", 200),
        ("", 200),
    ],
)
def test_accept_is_obeyed(url: str, accept: str, status: int) -> None:
    assert ask(url, "GET", "/things", headers={"Accept": accept}).status_code == status
    assert ask(url, "GET", "/health", headers={"Accept": accept}).status_code == 200


@pytest.mark.parametrize(
    ("query", "errors"),
    [
        ("limt=1", [("unknown", "limt")]),
        ("limit=1&limit=2", [("repeated", "limit")]),
        ("limit=1&LIMIT=2&x", [("unknown", "LIMIT"), ("unknown", "x")]),
        ("limit=1e2", [("misspelt", "limit")]),
        ("limit=1_000", [("misspelt", "limit")]),
        ("limit=%203", [("misspelt", "limit")]),
        ("limit=+3", [("misspelt", "limit")]),
        ("limit=03", [("misspelt", "limit")]),
        ("limit=%D9%A3", [("misspelt", "limit")]),
        ("limit=three", [("misspelt", "limit")]),
        ("limit=", [("misspelt", "limit")]),
        (f"limit={'9' * 5000}", [("misspelt", "limit")]),
    ],
)
def test_a_query_has_one_spelling_and_no_strangers(
    url: str, query: str, errors: list[tuple[str, str]]
) -> None:
    answer = ask(url, "GET", f"/things?{query}")
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_query")
    assert codes(answer) == errors


@pytest.mark.parametrize("query", ["limit=%ff", "&".join(["limit=1"] * 200)], ids=["no UTF-8", "too many"])
def test_a_query_that_cannot_be_read_is_a_400(url: str, query: str) -> None:
    assert ask(url, "GET", f"/things?{query}").status_code == 400


@pytest.mark.parametrize("limit", ["0", "101", "-1", "9999999999999999999"])
def test_a_parameter_out_of_bounds_is_a_422(url: str, limit: str) -> None:
    answer = ask(url, "GET", f"/things?limit={limit}")
    assert answer.status_code == 422
    assert [error["parameter"] for error in answer.json()["errors"]] == ["limit"]


@pytest.mark.parametrize(
    "path",
    [
        *("/things/", "//things", "/things//1", "/things/1/", "/health/", "//health", "/docs/", "/nothing/"),
        *("/things%0A", "/things%0D", "/things%00", "/things%20", "/things;v=1", "/./things", "/Things"),
        *("/things%2F", "/health%0A", "/x/../things", "/things/1%0A"),
    ],
)
def test_a_path_has_one_spelling(url: str, path: str) -> None:
    assert raw(url, f"GET {path} HTTP/1.1\r\n".encode()).startswith(b"HTTP/1.1 404")


@pytest.mark.parametrize("number", ["x", "1_0", "%201", "1e2", "+1", "-1", "9" * 5000])
def test_a_number_in_a_path_has_one_spelling(url: str, number: str) -> None:
    """404 where the framework's own converter sees no number, which is as good: there is no such thing."""
    assert ask(url, "GET", f"/things/{number}").status_code in {404, 422}


def test_query_is_a_method_where_it_can_be_registered(url: str, request: pytest.FixtureRequest) -> None:
    """Litestar refuses to register it ("Invalid HTTP method"): there is no such route there, so 404."""
    can = "litestar" not in request.node.name
    answer = ask(url, "QUERY", "/search", b'{"name":"a","count":3}', JSON)
    assert answer.status_code == (200 if can else 404)
    if can:
        assert answer.json()["items"][0]["count"] == 3
        assert ask(url, "GET", "/search").headers["allow"] == "OPTIONS, QUERY"
    assert ask(url, "QUERY", "/things").status_code == 405


@pytest.mark.parametrize("path", ["/redoc", "/schema", "/schema/openapi.json", "/docs/oauth2-redirect"])
def test_the_frameworks_own_pages_are_gone(url: str, path: str) -> None:
    assert ask(url, "GET", path).status_code == 404


def test_the_document_lists_the_operational_routes_and_problems(url: str) -> None:
    document = json.loads(ask(url, "GET", "/openapi.json").content)
    assert {"/things", "/things/{number}", "/health", "/ready", "/metrics"} <= document["paths"].keys()
    problem = {"schema": {"$ref": "#/components/schemas/Problem"}}
    for item in document["paths"].values():
        for operation in item.values():
            assert operation["responses"]["default"]["content"] == {"application/problem+json": problem}
            assert not operation["responses"].keys() & {"400", "422"}


@pytest.mark.parametrize(
    "upgrade",
    [
        b"Upgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n",
        b"Upgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n",
        b"Upgrade: TLS/1.0\r\n",
        b"",
    ],
    ids=["WebSocket", "h2c", "TLS", "nothing"],
)
def test_a_request_for_another_protocol_is_answered_in_this_one(url: str, upgrade: bytes) -> None:
    with socket.create_connection(("127.0.0.1", httpx.URL(url).port or 0), timeout=20) as connection:
        connection.sendall(b"GET /things HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\n" + upgrade + b"\r\n")
        assert connection.recv(65536).startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize(
    "coding", ["gzip, chunked", "chunked, chunked", "gzip\r\nTransfer-Encoding: chunked"]
)
def test_what_was_coded_on_its_way_is_not_taken_for_plain(url: str, coding: str) -> None:
    head = f"POST /things HTTP/1.1\r\nContent-Type: application/json\r\nTransfer-Encoding: {coding}\r\n"
    answer = exchange(url, f"{head}Host: x\r\nConnection: close\r\n\r\n2\r\n{{}}\r\n0\r\n\r\n".encode())
    assert answer.startswith(b"HTTP/1.1 400")
    assert b"x-request-id" in answer.lower()


def test_of_many_mistakes_the_first_hundred_are_listed(url: str) -> None:
    text = json.dumps({"name": "a", "count": 3, **{f"m{number}": 1 for number in range(30_000)}})
    answer = ask(url, "POST", "/things", text.encode(), JSON)
    assert (answer.status_code, len(answer.json()["errors"])) == (422, 100)
    assert answer.json()["detail"].startswith("30000 values are")


@pytest.mark.parametrize("sample_url", ["sample_fastapi", "sample_litestar"], indirect=True)
def test_what_is_refused_by_its_head_leaves_the_connection_usable(sample_url: str) -> None:
    """A connection that is closed with a body on its way loses its answer, where a proxy stands between.

    Not under Flask: to wait for a body would take one of a few threads, for as long as a client likes.
    """
    body = b"x" * 500_000
    head = b"POST /things HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\nContent-Length: 500000\r\n\r\n"
    answers = b""
    with socket.create_connection(("127.0.0.1", httpx.URL(sample_url).port or 0), timeout=20) as connection:
        connection.sendall(head)
        time.sleep(0.05)  # the head has been judged
        connection.sendall(body)
        connection.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        while more := connection.recv(65536):
            answers += more
    assert re.findall(rb"HTTP/1\.1 (\d{3})", answers) == [b"415", b"200"]


@pytest.mark.parametrize("sample_url", ["sample_fastapi", "sample_litestar"], indirect=True)
@pytest.mark.parametrize(("length", "status"), [(100, 404), (2_000_000, 413)])
def test_a_refusal_waits_for_no_body_that_does_not_come(sample_url: str, length: int, status: int) -> None:
    head = f"POST /nothing HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
    assert exchange(sample_url, head.encode()).startswith(f"HTTP/1.1 {status}".encode())
