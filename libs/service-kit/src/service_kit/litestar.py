"""The adapter for Litestar: `install` wraps an application in all that every service has."""

from collections.abc import Iterator, Mapping, Sequence
from http import HTTPStatus
from typing import TYPE_CHECKING

from litestar import Litestar, Request, Response
from litestar.exceptions import HTTPException, ValidationException
from litestar.routes import HTTPRoute
from pydantic_core import ValidationError

from service_kit import problems, request_id
from service_kit.asgi import Plumbing
from service_kit.health import AsyncCheck
from service_kit.litestar_openapi import document
from service_kit.metrics import Metrics
from service_kit.operations import problem_answer
from service_kit.problems import ErrorRule, FieldError, Problem
from service_kit.routing import Route
from service_kit.service import ClientOf, Service, peer_of
from service_kit.settings import ServiceSettings

if TYPE_CHECKING:
    from litestar.datastructures import State

    type AnyRequest = Request[object, object, State]


def install(
    app: Litestar,
    settings: ServiceSettings,
    *,
    readiness: Mapping[str, AsyncCheck] | None = None,
    errors: Sequence[ErrorRule] = (),
    service_metrics: Metrics | None = None,
    client_of: ClientOf = peer_of,
    own_bodies: Sequence[str] = (),
) -> Plumbing:
    """Return the application with ids, logs, problem details, limits, headers, operational routes and /docs.

    What is returned is to be served: Litestar's own middleware runs after its routing, and so misses a 404.
    `own_bodies` are templates, such as `/files/{name}`, whose handlers read `scope[RECEIVE]`, which is as
    the server has it, and bound what they read themselves.
    """

    def answer(request: "AnyRequest", error: Exception) -> Response[bytes]:
        answer = problem_answer(_problem_of(error, errors), request.scope["path"], request_id.current())
        return Response(answer.body, status_code=answer.status, headers=dict(answer.headers))

    for kind in (*(rule.error for rule in errors), HTTPException, Exception):
        app.exception_handlers[kind] = answer
    service = Service(settings, _routes(app), document(app), service_metrics, client_of, own_bodies)
    return Plumbing(
        app,  # type: ignore[arg-type]  # ASGI too, in Litestar's own words
        service,
        readiness or {},
    )


def _routes(app: Litestar) -> Iterator[Route]:
    # Litestar's own pages load scripts from elsewhere, and its document announces its own kind of errors.
    own = (app.openapi_config and app.openapi_config.path) or "/schema"
    for route in app.routes:
        methods = frozenset(map(str, route.methods)) - {"OPTIONS"} if isinstance(route, HTTPRoute) else None
        is_own = route.path == own or route.path.startswith(f"{own}/")
        yield Route(route.path, frozenset() if is_own else methods)


def _problem_of(error: Exception, errors: Sequence[ErrorRule]) -> Problem:
    if isinstance(error, ValidationException):
        cause = error.__cause__.__cause__ if error.__cause__ else None
        if isinstance(cause, ValidationError):
            return problems.invalid_body(cause)
        found = error.extra if isinstance(error.extra, list) else []
        if any(one.get("source") == "path" for one in found):
            return problems.of_status(404)
        return problems.invalid_input(map(_field_error, found), len(found))
    if isinstance(error, HTTPException):
        own = error.detail if error.detail != HTTPStatus(error.status_code).phrase else None
        return problems.of_status(error.status_code, own, error.headers or {})
    return problems.problem_of(error, errors)


def _field_error(found: Mapping[str, object]) -> FieldError:
    key, message = str(found.get("key", "")), str(found["message"])
    if found.get("source") != "body":
        return FieldError("invalid", message, parameter=key)
    path = key.split(".") if key != "data" else []
    return FieldError("invalid", message, pointer=problems.pointer(path))
