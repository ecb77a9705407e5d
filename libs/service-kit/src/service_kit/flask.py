"""The adapter for Flask: one call, `install`, gives an application all that every service has."""

from collections.abc import Mapping, Sequence
from functools import lru_cache

import flask
from werkzeug.exceptions import HTTPException

from service_kit import problems, request_id, wsgi
from service_kit.flask_json import StrictJson, StrictRequest
from service_kit.flask_openapi import Info, document, routes
from service_kit.health import Check
from service_kit.metrics import Metrics
from service_kit.operations import problem_answer
from service_kit.problems import ErrorRule, Problem
from service_kit.service import ClientOf, Service, peer_of
from service_kit.settings import ServiceSettings


def install(
    app: flask.Flask,
    settings: ServiceSettings,
    *,
    readiness: Mapping[str, Check] | None = None,
    errors: Sequence[ErrorRule] = (),
    info: Info | None = None,
    service_metrics: Metrics | None = None,
    client_of: ClientOf = peer_of,
    own_bodies: Sequence[str] = (),
) -> None:
    """Add ids, logs, problem details, limits, headers, the operational routes and /docs.

    To be called once, last: middleware put around `app.wsgi_app` later would be outside all this.
    `own_bodies` are templates, such as `/files/{name}`, whose views read `wsgi.input` as the server has it,
    and bound it: `service_kit.limits.LimitedBody`.
    """

    def answer(error: Exception) -> flask.Response | HTTPException:
        if isinstance(error, HTTPException) and error.response is not None:
            return error  # it was given a complete answer
        return problem_response(_problem_of(error, errors))

    app.json = StrictJson(app)
    app.request_class = StrictRequest
    # In each request Flask finds out anew whether each hook and view is a coroutine: 5 us of 60.
    app.ensure_sync = lru_cache(app.ensure_sync)  # type: ignore[method-assign]  # made to be replaced
    app.register_error_handler(Exception, answer)
    app.register_error_handler(HTTPException, answer)
    app.before_request(_check)
    described = document(app, info or Info(app.name))
    service = Service(settings, routes(app), described, service_metrics, client_of, own_bodies)
    app.wsgi_app = wsgi.Plumbing(  # type: ignore[method-assign]  # Flask's documented way to add middleware
        app.wsgi_app, service, readiness or {}
    )


def problem_response(problem: Problem) -> flask.Response:
    """Answer with a problem from inside a view."""
    answer = problem_answer(problem, flask.request.path, request_id.current())
    return flask.Response(answer.body, answer.status, dict(answer.headers))


def _check() -> None:
    wsgi.check(flask.request.environ)


def _problem_of(error: Exception, errors: Sequence[ErrorRule]) -> Problem:
    if isinstance(error, HTTPException):
        # Werkzeug's own texts speak of browsers and spelling; only one that the service wrote is passed on.
        detail = vars(error).get("description")
        own = {name: value for name, value in error.get_headers() if name.lower() != "content-type"}
        return problems.of_status(error.code or 500, detail, own)
    return problems.problem_of(error, errors)
