import asyncio
import json
from collections.abc import AsyncIterator
from datetime import datetime
from uuid import UUID

import fastapi
import httpx
import pytest
from fastapi.responses import RedirectResponse, StreamingResponse
from pydantic import BaseModel, ConfigDict, Field, field_validator
from structlog.testing import capture_logs

from service_kit.fastapi import install, problem_response
from service_kit.metrics import Metrics
from service_kit.problems import Problem, ProblemError, on
from service_kit.settings import ServiceSettings


class TakenError(Exception):
    """A domain error."""


class ShortLivedError(TakenError):
    """A narrower one."""


class Reminder(BaseModel):
    model_config = ConfigDict(extra="forbid")

    message: str = Field(max_length=10)
    remind_at: datetime
    tags: list[int] = []

    @field_validator("message")
    @classmethod
    def refuse_noise(cls, message: str) -> str:
        if message.isupper():
            raise ValueError("no shouting")
        return message


router = fastapi.APIRouter(prefix="/api/v1")


@router.post("/reminders", status_code=201)
async def create(reminder: Reminder) -> Reminder:
    return reminder


@router.get("/reminders/{number}")
async def show(number: int, limit: int = 1) -> dict[str, int]:
    return {"number": number, "limit": limit}


@router.get("/files/{name:path}")
def file(name: str) -> dict[str, str]:
    return {"name": name}


@router.get("/raise/{name}")
async def raise_named(name: str) -> None:
    errors = {
        "taken": TakenError("ada is taken."),
        "gone": ShortLivedError("ada was here."),
        "problem": ProblemError(Problem(428, "precondition_required", "Precondition required")),
        "http": fastapi.HTTPException(401, headers={"WWW-Authenticate": "Bearer"}),
        "explained": fastapi.HTTPException(403, "Not yours."),
    }
    raise errors.get(name, RuntimeError("hunter2"))


@router.get("/return")
async def return_problem(request: fastapi.Request) -> fastapi.Response:
    return problem_response(request, Problem(429, "limited", "Limited", headers={"Retry-After": "3"}))


@router.get("/away")
async def away() -> RedirectResponse:
    return RedirectResponse("/elsewhere", headers={"Cache-Control": "max-age=60"})


@router.get("/broken")
async def broken() -> StreamingResponse:
    async def parts() -> AsyncIterator[bytes]:
        yield b"one"
        raise RuntimeError("hunter2")

    return StreamingResponse(parts())


@router.post("/ignore")
async def ignore() -> None:
    pass


async def is_redis_up() -> None:
    raise ConnectionError


class Client:
    """Asks an application of its own, without a server."""

    def __init__(self) -> None:
        app = fastapi.FastAPI(title="Sample", version="1")
        app.include_router(router)
        install(
            app,
            ServiceSettings(port=1, body_limit_bytes=200),
            errors=[
                on(TakenError, 409, "name_taken", headers=lambda _: {"X-Hint": "another"}),
                on(ShortLivedError, 410, "gone_again"),
            ],
            readiness={"redis": is_redis_up},
            service_metrics=Metrics(),
        )
        self._transport = httpx.ASGITransport(app)

    def ask(
        self, method: str, path: str, content: bytes | None = None, headers: dict[str, str] | None = None
    ) -> httpx.Response:
        async def send() -> httpx.Response:
            async with httpx.AsyncClient(transport=self._transport, base_url="http://test") as client:
                return await client.request(method, path, content=content, headers=headers)

        return asyncio.run(send())

    def get(self, path: str, headers: dict[str, str] | None = None) -> httpx.Response:
        return self.ask("GET", path, headers=headers)

    def post_json(self, path: str, document: object) -> httpx.Response:
        text = document if isinstance(document, bytes) else json.dumps(document).encode()
        return self.ask("POST", path, text, {"Content-Type": "application/json"})


@pytest.fixture
def client() -> Client:
    return Client()


@pytest.mark.parametrize(
    ("path", "status", "code", "detail"),
    [
        ("/api/v1/raise/taken", 409, "name_taken", "ada is taken."),
        ("/api/v1/raise/gone", 410, "gone_again", "ada was here."),
        ("/api/v1/raise/problem", 428, "precondition_required", None),
        ("/api/v1/raise/http", 401, "unauthorized", None),
        ("/api/v1/raise/explained", 403, "forbidden", "Not yours."),
        ("/api/v1/raise/other", 500, "internal_server_error", None),
        ("/api/v1/return", 429, "limited", None),
        ("/nowhere", 404, "not_found", None),
        ("/api/v1/ignore", 405, "method_not_allowed", None),
    ],
)
def test_every_error_is_a_problem(
    client: Client, path: str, status: int, code: str, detail: str | None
) -> None:
    answer = client.get(path)
    document = answer.json()
    assert answer.headers["content-type"] == "application/problem+json"
    assert (answer.status_code, document["status"], document["code"]) == (status, status, code)
    assert document.get("detail") == detail
    assert document["instance"] == path
    assert document["request_id"] == answer.headers["x-request-id"]


def test_the_headers_of_an_error_are_kept(client: Client) -> None:
    assert client.get("/api/v1/raise/taken").headers["x-hint"] == "another"
    assert client.get("/api/v1/raise/http").headers["www-authenticate"] == "Bearer"
    assert client.get("/api/v1/return").headers["retry-after"] == "3"
    assert client.get("/api/v1/ignore").headers["allow"] == "OPTIONS, POST"


def test_a_crash_is_logged_and_not_told(client: Client) -> None:
    with capture_logs() as logs:
        answer = client.get("/api/v1/raise/other")
    assert "hunter2" not in answer.text
    assert [(line["event"], line["log_level"]) for line in logs] == [("unhandled error", "error")]


def test_a_crash_in_the_middle_of_an_answer_breaks_it_off(client: Client) -> None:
    with capture_logs() as logs, pytest.raises(RuntimeError, match="hunter2"):
        client.get("/api/v1/broken")
    assert [line["event"] for line in logs] == ["unhandled error"]


@pytest.mark.parametrize(
    ("body", "errors"),
    [
        ({"message": "hi"}, [("#/remind_at", "missing")]),
        ({"message": "hi", "remind_at": "soon"}, [("#/remind_at", "datetime_from_date_parsing")]),
        (
            {"message": "hi", "remind_at": "2026-11-20T00:00:00Z", "tags": [1, "x"], "a/b": 1},
            [("#/tags/1", "int_parsing"), ("#/a~1b", "extra_forbidden")],
        ),
        ({"message": "hunter2hunter2", "remind_at": 0}, [("#/message", "string_too_long")]),
        ([], [("#", "model_attributes_type")]),
    ],
)
def test_invalid_input_is_pointed_at_and_not_repeated(
    client: Client, body: object, errors: list[tuple[str, str]]
) -> None:
    answer = client.post_json("/api/v1/reminders", body)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_input")
    assert [(error["pointer"], error["code"]) for error in answer.json()["errors"]] == errors
    assert "hunter2" not in answer.text


def test_the_words_of_a_validator_are_passed_on(client: Client) -> None:
    answer = client.post_json("/api/v1/reminders", {"message": "HI", "remind_at": "2026-11-20T00:00:00Z"})
    assert answer.json()["errors"][0]["detail"] == "no shouting"


def test_invalid_parameters_are_named(client: Client) -> None:
    answer = client.get("/api/v1/reminders/1?limit=y&x=1")
    assert answer.status_code == 400
    errors = [(error["parameter"], error["code"]) for error in answer.json()["errors"]]
    assert errors == [("limit", "misspelt"), ("x", "unknown")]


@pytest.mark.parametrize("text", [b"{", b"NaN", b"[1e999]"])
def test_what_is_no_json_is_a_400(client: Client, text: bytes) -> None:
    answer = client.post_json("/api/v1/reminders", text)
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_json")


@pytest.mark.parametrize("headers", [{}, {"Content-Type": "text/plain"}])
def test_a_body_of_another_type_is_a_415(client: Client, headers: dict[str, str]) -> None:
    answer = client.ask("POST", "/api/v1/reminders", b"{}", headers)
    assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media_type")


def test_a_type_with_parameters_or_a_suffix_is_json_too(client: Client) -> None:
    for media_type in ("application/json; charset=utf-8", "application/merge-patch+json"):
        answer = client.ask("POST", "/api/v1/reminders", b"[NaN]", {"Content-Type": media_type})
        assert answer.json()["code"] == "invalid_json"
        answer = client.ask("POST", "/api/v1/reminders", b"[]", {"Content-Type": media_type})
        assert answer.json()["code"] == "invalid_input"


def test_a_body_that_is_not_read_is_limited_too(client: Client) -> None:
    assert client.ask("POST", "/api/v1/ignore", b"x" * 200).status_code == 200
    assert client.ask("POST", "/api/v1/ignore", b"x" * 201).status_code == 413


def test_an_answers_own_headers_win(client: Client) -> None:
    headers = client.get("/api/v1/away").headers
    assert headers.get_list("cache-control") == ["max-age=60"]
    assert headers["x-content-type-options"] == "nosniff"


def test_the_callers_request_id_comes_back(client: Client) -> None:
    assert client.get("/health", {"X-Request-ID": "r-1"}).headers["x-request-id"] == "r-1"
    made = client.get("/health", {"X-Request-ID": "no good"}).headers["x-request-id"]
    assert UUID(made).version == 7


def test_requests_are_counted_by_template(client: Client) -> None:
    for path in ("/api/v1/files/a/b", "/api/v1/files/c", "/api/v1/reminders/x", "/no/such/path"):
        client.get(path)
    client.ask("DELETE", "/api/v1/reminders/1")
    text = client.get("/metrics").text
    for labels in (
        'method="GET",route="/api/v1/files/{name}",status="200"} 2.0',
        'method="GET",route="/api/v1/reminders/{number}",status="404"} 1.0',
        'method="DELETE",route="/api/v1/reminders/{number}",status="405"} 1.0',
        'method="GET",route="unmatched",status="404"} 1.0',
    ):
        assert f"http_requests_total{{{labels}" in text


def test_probes(client: Client) -> None:
    assert client.get("/health").json() == {"status": "ok"}
    assert client.ask("HEAD", "/health").status_code == 200
    ready = client.get("/ready")
    assert (ready.status_code, ready.json()["checks"]) == (503, {"redis": "unavailable"})


def test_the_document_announces_problems_and_not_fastapis_errors(client: Client) -> None:
    document = client.get("/openapi.json").json()
    responses = document["paths"]["/api/v1/reminders"]["post"]["responses"]
    assert responses.keys() == {"201", "default"}
    schema = responses["default"]["content"]["application/problem+json"]["schema"]
    assert schema == {"$ref": "#/components/schemas/Problem"}
    assert document["components"]["schemas"].keys() == {"Problem", "Readiness", "Reminder"}
    assert "/health" in document["paths"]


def test_the_page_is_ours_and_fastapis_are_gone(client: Client) -> None:
    answer = client.get("/docs")
    assert "POST /api/v1/reminders" in answer.text
    assert "<script" not in answer.text
    assert client.get("/redoc").status_code == 404
    assert client.get("/docs/oauth2-redirect").status_code == 404
