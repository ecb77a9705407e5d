"""The adapter for Flask: one call, `install`, gives an application all that every service has."""

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Never, override

import flask
import orjson
import structlog
from flask.json.provider import JSONProvider
from werkzeug.exceptions import HTTPException

from service_kit import docs, json_text, logs, metrics, problems, request_id
from service_kit.health import Check, Readiness
from service_kit.json_text import Json
from service_kit.metrics import Metrics
from service_kit.problems import ErrorRule, Problem, ProblemError
from service_kit.settings import ServiceSettings
from service_kit.wsgi import Plumbing

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

log = structlog.get_logger()


def install(
    app: flask.Flask,
    settings: ServiceSettings,
    *,
    readiness: Mapping[str, Check] | None = None,
    errors: Sequence[ErrorRule] = (),
    openapi: Mapping[str, Json] | None = None,
    service_metrics: Metrics | None = None,
) -> None:
    """Add ids, logs, problem details, limits, headers, the operational routes, and given a document /docs.

    To be called once, last: middleware put around `app.wsgi_app` later would be outside all this.
    """
    numbers = service_metrics or Metrics()
    app.json = StrictJson(app)
    app.request_class = StrictRequest
    # Flask asks it about every hook and view in every request, and `inspect` takes 5 us of 60 to tell.
    app.ensure_sync = lru_cache(app.ensure_sync)  # type: ignore[method-assign]  # made to be replaced
    _handle_errors(app, errors)
    _add_operations(app, Readiness(readiness or {}, settings.readiness_timeout_seconds), numbers)
    if openapi is not None:
        _add_documents(app, openapi)
    app.wsgi_app = Plumbing(  # type: ignore[method-assign]  # Flask's documented way to add middleware
        app.wsgi_app, route_of, numbers, settings.body_limit_bytes, logs.access_filter(settings.log_level)
    )


def problem_response(problem: Problem) -> flask.Response:
    """Answer with a problem from inside a view."""
    body = json_text.render(problem.document(flask.request.path, request_id.current()))
    response = flask.Response(body, problem.status, content_type=problems.CONTENT_TYPE)
    response.headers.update(problem.headers)
    return response


def route_of(environ: "WSGIEnvironment") -> str:
    """Return the template of the matched route. Werkzeug leaves the request in the environment."""
    request = environ.get("werkzeug.request")
    rule = request.url_rule if isinstance(request, flask.Request) else None
    return template(rule.rule) if rule is not None else metrics.UNMATCHED


@lru_cache
def template(rule: str) -> str:
    """Write a rule as OpenAPI does: `/items/{number}` for `/items/<int:number>`."""
    return re.sub(r"<(?:[^<>]*:)?(\w+)>", r"{\1}", rule)


class StrictRequest(flask.Request):
    """A request whose JSON is refused with a reason."""

    @override
    def on_json_loading_failed(self, e: ValueError | None) -> Never:
        if e is None:
            raise ProblemError(problems.of_status(415, "The body must be application/json."))
        raise ProblemError(problems.invalid_json(e)) from e


class StrictJson(JSONProvider):
    """Reads and writes JSON with orjson: dates are RFC 3339 (Flask's own: HTTP dates), NaN is refused."""

    @override
    def loads(self, s: str | bytes, **_options: object) -> Json:
        return json_text.parse(s.encode(errors="surrogatepass") if isinstance(s, str) else s)

    @override
    def dumps(self, obj: object, **_options: object) -> str:
        return json_text.render(obj).decode()

    @override
    def response(self, *args: object, **kwargs: object) -> flask.Response:
        return _json(self._prepare_response_obj(args, kwargs))


def _handle_errors(app: flask.Flask, errors: Sequence[ErrorRule]) -> None:
    def answer_rule(rule: ErrorRule) -> None:
        app.register_error_handler(rule.error, lambda error: problem_response(rule.problem_of(error)))

    for rule in errors:
        answer_rule(rule)
    app.register_error_handler(ProblemError, lambda error: problem_response(error.problem))
    app.register_error_handler(HTTPException, _answer_http)
    app.register_error_handler(Exception, _answer_unhandled)


def _answer_http(error: HTTPException) -> flask.Response | HTTPException:
    if error.response is not None:
        return error  # it was given a complete answer
    # Werkzeug's own texts speak of browsers and spelling; only one that the service wrote is passed on.
    detail = vars(error).get("description")
    own = {name: value for name, value in error.get_headers() if name.lower() != "content-type"}
    return problem_response(problems.of_status(error.code or 500, detail, own))


def _answer_unhandled(error: Exception) -> flask.Response:
    log.error("unhandled error", exc_info=error)
    return problem_response(problems.of_status(500))


def _add_operations(app: flask.Flask, readiness: Readiness, numbers: Metrics) -> None:
    def health() -> flask.Response:
        return _json({"status": "ok"})

    def ready() -> flask.Response:
        status, document = readiness.report()
        return _json(document, status)

    def exposition() -> flask.Response:
        return flask.Response(numbers.exposition(), content_type=metrics.CONTENT_TYPE)

    app.add_url_rule("/health", "kit_health", health)
    app.add_url_rule("/ready", "kit_ready", ready)
    app.add_url_rule("/metrics", "kit_metrics", exposition)


def _add_documents(app: flask.Flask, openapi: Mapping[str, Json]) -> None:
    document, page = orjson.dumps(openapi), docs.page(openapi)

    def document_view() -> flask.Response:
        return flask.Response(document, mimetype="application/json")

    def page_view() -> flask.Response:
        headers = {"Content-Security-Policy": docs.CONTENT_SECURITY_POLICY}
        return flask.Response(page, headers=headers, mimetype="text/html")

    app.add_url_rule("/openapi.json", "kit_openapi", document_view)
    app.add_url_rule("/docs", "kit_docs", page_view)


def _json(document: object, status: int = 200) -> flask.Response:
    return flask.Response(json_text.render(document), status, content_type="application/json")
