"""The adapter for FastAPI: one call, `install`, gives an application all that every service has."""

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from functools import cache, lru_cache
from http import HTTPStatus
from typing import TYPE_CHECKING

import fastapi
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from service_kit import docs, json_text, logs, metrics, problems, request_id
from service_kit.asgi import Plumbing
from service_kit.health import AsyncCheck, report_async
from service_kit.json_text import Json, as_mapping
from service_kit.metrics import Metrics
from service_kit.problems import ErrorRule, FieldError, Problem, ProblemError
from service_kit.settings import ServiceSettings

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails
    from starlette.types import Scope

    type Endpoint = Callable[[], Awaitable[Response] | Response]
    type Handler = Callable[[Request, Exception], Awaitable[Response]]


def install(
    app: fastapi.FastAPI,
    settings: ServiceSettings,
    *,
    readiness: Mapping[str, AsyncCheck] | None = None,
    errors: Sequence[ErrorRule] = (),
    service_metrics: Metrics | None = None,
) -> None:
    """Add ids, logs, problem details, limits, headers, the operational routes and /docs.

    To be called once, last: middleware added later would be outside all this.
    """
    numbers = service_metrics or Metrics()
    _handle_errors(app, errors)
    _add_operations(app, readiness or {}, settings.readiness_timeout_seconds, numbers)
    _replace_documents(app)
    app.add_middleware(
        Plumbing,
        route_of=route_of,
        http_metrics=numbers,
        body_limit_bytes=settings.body_limit_bytes,
        is_logged=logs.access_filter(settings.log_level),
        refusal=RefusedBodyError,
    )


def problem_response(request: Request, problem: Problem) -> Response:
    """Answer with a problem from inside a route."""
    body = json_text.render(problem.document(request.scope["path"], request_id.current()))
    return Response(body, problem.status, dict(problem.headers), problems.CONTENT_TYPE)


def route_of(scope: "Scope") -> str:
    """Return the template of the matched route, which the router leaves in the scope."""
    return template(getattr(scope.get("route"), "path", metrics.UNMATCHED))


@lru_cache
def template(path: str) -> str:
    """Write a route as OpenAPI does: `/files/{name}` for `/files/{name:path}`."""
    return re.sub(r"{(\w+):\w+}", r"{\1}", path)


class RefusedBodyError(HTTPException):
    """A problem with the body, as the one kind of error that FastAPI lets pass while it reads one."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.status)
        self.problem = problem


def _handle_errors(app: fastapi.FastAPI, errors: Sequence[ErrorRule]) -> None:
    for rule in errors:
        app.add_exception_handler(rule.error, _answer_with(rule.problem_of))
    app.add_exception_handler(ProblemError, _answer_with(_carried))
    app.add_exception_handler(RefusedBodyError, _answer_with(_carried))
    app.add_exception_handler(RequestValidationError, _answer_invalid)
    app.add_exception_handler(HTTPException, _answer_http)


def _answer_with(problem_of: "Callable[[Exception], Problem]") -> "Handler":
    async def answer(request: Request, error: Exception) -> Response:
        return problem_response(request, problem_of(error))

    return answer


def _carried(error: Exception) -> Problem:
    if not isinstance(error, ProblemError | RefusedBodyError):
        raise TypeError(f"{error!r} carries no problem")
    return error.problem


async def _answer_http(request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise TypeError(f"HTTPException expected, got {error!r}")
    if error.status_code < HTTPStatus.BAD_REQUEST:
        return Response(status_code=error.status_code, headers=error.headers)
    plain = problems.of_status(error.status_code, headers=error.headers or {})
    # Without a detail of its own, Starlette repeats the name of the status.
    own = error.detail if error.detail != HTTPException(error.status_code).detail else None
    return problem_response(request, replace(plain, detail=own))


async def _answer_invalid(request: Request, error: Exception) -> Response:
    if not isinstance(error, RequestValidationError):
        raise TypeError(f"RequestValidationError expected, got {error!r}")
    if isinstance(error.body, bytes) and not request.headers.get("content-type", "").endswith("json"):
        # FastAPI hands a body of another type to the model as it is, and then finds it no object.
        return problem_response(request, problems.of_status(415, "The body must be application/json."))
    details: Sequence[ErrorDetails] = error.errors()
    return problem_response(request, problems.invalid_input([field_error(detail) for detail in details]))


def field_error(detail: "ErrorDetails") -> FieldError:
    """Translate what FastAPI found: its places begin with where the value was."""
    part, *path = detail["loc"]
    if part == "body":
        return problems.body_error({**detail, "loc": tuple(path)})
    return FieldError(detail["type"], problems.message(detail), parameter=".".join(map(str, path)))


def _add_operations(
    app: fastapi.FastAPI, checks: Mapping[str, AsyncCheck], timeout_seconds: float, numbers: Metrics
) -> None:
    async def health() -> Response:
        return _json({"status": "ok"})

    async def ready() -> Response:
        status, document = await report_async(checks, timeout_seconds)
        return _json(document, status)

    def exposition() -> Response:
        return Response(numbers.exposition(), headers={"content-type": metrics.CONTENT_TYPE})

    _get(app, "/health", health)
    _get(app, "/ready", ready)
    _get(app, "/metrics", exposition)


def _get(app: fastapi.FastAPI, path: str, endpoint: "Endpoint") -> None:
    app.add_api_route(path, endpoint, methods=["GET", "HEAD"], include_in_schema=False, response_model=None)


def _replace_documents(app: fastapi.FastAPI) -> None:
    """Take out FastAPI's pages, which load scripts from elsewhere, and its document, with its own errors."""
    own = {app.openapi_url, app.docs_url, app.redoc_url, app.swagger_ui_oauth2_redirect_url}
    app.router.routes[:] = [route for route in app.router.routes if getattr(route, "path", None) not in own]

    @cache
    def document() -> Mapping[str, Json]:
        return with_problems(app.openapi())

    @cache
    def rendered() -> str:
        return docs.page(document())

    async def openapi() -> Response:
        return _json(document())

    async def page() -> Response:
        return Response(
            rendered(), 200, {"content-security-policy": docs.CONTENT_SECURITY_POLICY}, "text/html"
        )

    _get(app, "/openapi.json", openapi)
    _get(app, "/docs", page)


def with_problems(document: Mapping[str, Json]) -> Mapping[str, Json]:
    """Return the OpenAPI document with problem details where FastAPI announces its own kind of errors."""
    problem: Json = {
        "description": "Problem details",
        "content": {problems.CONTENT_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
    paths = {
        path: {method: _with_default(operation, problem) for method, operation in as_mapping(item).items()}
        for path, item in as_mapping(document.get("paths")).items()
    }
    components = as_mapping(document.get("components"))
    schemas = {
        name: schema
        for name, schema in as_mapping(components.get("schemas")).items()
        if name not in {"HTTPValidationError", "ValidationError"}
    }
    return {
        **document,
        "paths": paths,
        "components": {**components, "schemas": {**schemas, "Problem": problems.SCHEMA}},
    }


def _with_default(operation: Json, problem: Json) -> Json:
    if not isinstance(operation, Mapping):
        return operation  # parameters shared by a path's operations
    responses = {
        status: answer for status, answer in as_mapping(operation.get("responses")).items() if status != "422"
    }
    return {**operation, "responses": {**responses, "default": problem}}


def _json(document: object, status: int = 200) -> Response:
    return Response(json_text.render(document), status, media_type="application/json")
