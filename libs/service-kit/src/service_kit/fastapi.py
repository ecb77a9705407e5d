"""The adapter for FastAPI: one call, `install`, gives an application all that every service has."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from http import HTTPStatus
from typing import TYPE_CHECKING

import fastapi
from fastapi.exceptions import RequestValidationError
from fastapi.routing import iter_route_contexts
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount

from service_kit import problems, request_id
from service_kit.asgi import Plumbing
from service_kit.health import AsyncCheck
from service_kit.metrics import Metrics
from service_kit.operations import problem_answer
from service_kit.problems import ErrorRule, FieldError, Problem, ProblemError
from service_kit.routing import Route
from service_kit.service import ClientOf, Service, peer_of
from service_kit.settings import ServiceSettings

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails


def install(
    app: fastapi.FastAPI,
    settings: ServiceSettings,
    *,
    readiness: Mapping[str, AsyncCheck] | None = None,
    errors: Sequence[ErrorRule] = (),
    service_metrics: Metrics | None = None,
    client_of: ClientOf = peer_of,
) -> None:
    """Add ids, logs, problem details, limits, headers, the operational routes and /docs.

    To be called once, last: middleware added later would be outside all this.
    """

    async def answer(request: Request, error: Exception) -> Response:
        return problem_response(request, _problem_of(error, errors))

    for kind in (*(rule.error for rule in errors), ProblemError, RequestValidationError, HTTPException):
        app.add_exception_handler(kind, answer)
    service = Service(settings, _routes(app), app.openapi(), service_metrics, client_of)
    app.add_middleware(Plumbing, service=service, readiness=readiness or {})


def problem_response(request: Request, problem: Problem) -> Response:
    """Answer with a problem from inside a route."""
    answer = problem_answer(problem, request.scope["path"], request_id.current())
    return Response(answer.body, answer.status, dict(answer.headers))


def _routes(app: fastapi.FastAPI) -> Iterator[Route]:
    # FastAPI's own pages load scripts from elsewhere, and its document announces its own kind of errors.
    replaced = {app.openapi_url, app.docs_url, app.redoc_url, app.swagger_ui_oauth2_redirect_url}
    for route in iter_route_contexts(app.routes):
        path = route.path
        if path is None:
            continue
        if isinstance(route.original_route, Mount):
            yield Route(f"{path}/{{path:path}}", None)
        else:
            yield Route(path, frozenset() if path in replaced else frozenset(route.methods or ()))


def _problem_of(error: Exception, errors: Sequence[ErrorRule]) -> Problem:
    if isinstance(error, RequestValidationError):
        details: Sequence[ErrorDetails] = error.errors()
        if any(detail["loc"][0] == "path" for detail in details):
            return problems.of_status(404)
        return problems.invalid_input(map(_field_error, details), len(details))
    if isinstance(error, HTTPException):
        plain = problems.of_status(error.status_code, headers=error.headers or {})
        # Without a detail of its own, Starlette repeats the name of the status.
        own = error.detail if error.detail != HTTPStatus(error.status_code).phrase else None
        return replace(plain, detail=own)
    return problems.problem_of(error, errors)


def _field_error(detail: "ErrorDetails") -> FieldError:
    """Translate what FastAPI found: its places begin with where the value was."""
    part, *path = detail["loc"]
    if part == "body":
        return problems.body_error({**detail, "loc": tuple(path)})
    return FieldError(detail["type"], problems.message(detail), parameter=".".join(map(str, path)))
