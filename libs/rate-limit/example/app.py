"""Lesson 01's service with the library in place of its own limiter.

Only what the lesson says of limits is here, and of the answers that have one. What it says of every service
(documents, settings, sizes) is not: the lesson's step 1.
"""
# ruff: noqa: INP001 - a folder with a Procfile, as a learner's

import json
import os
import re
import sys
import threading
import uuid
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from flask import Flask, Response, abort, g, request
from werkzeug.exceptions import HTTPException

import rate_limit as rl
from service_kit.server import serve
from service_kit.settings import ServiceSettings, load

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from wsgiref.types import StartResponse, WSGIEnvironment

    from _typeshed import OptExcInfo
    from flask.typing import ResponseReturnValue

LONGEST_WORD = 64
LARGEST_BODY_BYTES = 1024 * 1024
SECURE = {"X-Content-Type-Options": "nosniff", "Content-Security-Policy": "default-src 'none'"}
ECHO = "/api/v1/echo/"
LIMITED = ("GET", "HEAD")
PROBLEM = "application/problem+json"
WELL_FORMED_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")

answered: dict[str, int] = {}
counting = threading.Lock()
whose = threading.local()  # each thread answers one request at a time


def create_app(_: ServiceSettings) -> Flask:
    app = Flask("example")
    app.url_map.merge_slashes = False
    frame(app)
    storage = rl.RedisStorage(
        os.environ["REDIS_URL"],
        failure_mode=rl.FailureMode(os.environ.get("FAILURE_MODE") or "local"),
        key_template="rate:{key}",  # as the lesson has it
    )

    @app.get("/api/v1/ping")
    def ping() -> "ResponseReturnValue":
        return {"message": "pong"}

    @app.get("/api/v1/echo/<word>")
    def echo(word: str) -> "ResponseReturnValue":
        if len(word) > LONGEST_WORD:
            abort(422)
        return {"word": word}

    @app.get("/metrics")
    def metrics() -> "ResponseReturnValue":
        lines = [f'http_requests_total{{route="{route}"}} {count}\n' for route, count in answered.items()]
        return Response("".join(lines), mimetype="text/plain")

    @app.get("/health")
    @app.get("/openapi.json")
    @app.get("/docs")
    def health() -> "ResponseReturnValue":
        return {"status": "ok"}

    @app.get("/ready")
    def ready() -> "ResponseReturnValue":
        try:
            storage.ping()
        except rl.StorageUnavailableError:
            return {"status": "unavailable"}, 503
        return {"status": "ok"}

    limit(app, storage)
    watch(app)
    return app


def frame(app: Flask) -> None:
    """Add what every answer has, and what is refused whatever the budget."""

    @app.before_request
    def begin() -> None:
        g.id = request_id(request.headers.get("X-Request-ID"))
        if too_large(request.environ):
            abort(413)
        if has_no_host(request.environ):
            abort(400)
        if request.query_string and request.endpoint in {"ping", "echo"}:
            abort(400)

    @app.after_request
    def end(response: Response) -> Response:
        response.headers.update({"X-Request-ID": g.id, **SECURE})
        return response

    @app.errorhandler(HTTPException)
    def explain(error: HTTPException) -> Response:
        status = error.code or 500
        answer = Response(json.dumps(members(status, f"http_{status}", g.id)), status, mimetype=PROBLEM)
        if status == 405:  # noqa: PLR2004
            answer.headers["Allow"] = "GET, HEAD, OPTIONS"
        return answer


def limit(app: Flask, storage: rl.RedisStorage) -> None:
    """Put the library before the routes."""
    policy = rl.Policy(int(os.environ["LIMIT"]), int(os.environ["WINDOW_SECONDS"]), "default")
    limiter = rl.Limiter(storage, policy)
    address = rl.by_address(int(os.environ.get("TRUSTED_HOPS") or 0))
    rules = [
        rl.Rule(limiter, on_route(address, "/api/v1/ping"), ["/api/v1/ping"], LIMITED),
        rl.Rule(limiter, on_route(address, f"{ECHO}{{word}}"), [f"{ECHO}*"], LIMITED),
    ]
    routes = app.wsgi_app
    limited = rl.WSGIRateLimitMiddleware(routes, *rules, refuse=refuse)

    def asked(environ: "WSGIEnvironment", start_response: "StartResponse") -> "Iterable[bytes]":
        # What is too large to be read, or for no host, costs nothing.
        is_free = too_large(environ) or has_no_host(environ)
        return (routes if is_free else limited)(environ, start_response)

    app.wsgi_app = asked  # type: ignore[method-assign]


def watch(app: Flask) -> None:
    """Count each answer, and leave a line of it."""
    inner = app.wsgi_app
    routes = ("/api/v1/ping", f"{ECHO}{{word}}", *(rule.rule for rule in app.url_map.iter_rules()))
    answered.update(dict.fromkeys([*(route for route in routes if "<" not in route), "other"], 0))

    def watched(environ: "WSGIEnvironment", start_response: "StartResponse") -> "Iterable[bytes]":
        whose.client = ""  # until a limit asks
        path = environ["PATH_INFO"]
        known = f"{ECHO}{{word}}" if path.startswith(ECHO) and "/" not in path[len(ECHO) :] else path

        def answer(
            status: str, headers: list[tuple[str, str]], exc_info: "OptExcInfo | None" = None
        ) -> "Callable[[bytes], object]":
            with counting:
                answered[known if known in answered else "other"] += 1
            own_id = next(value for name, value in headers if name.lower() == "x-request-id")
            line = {"timestamp": datetime.now(UTC).isoformat(), "request_id": own_id, "status": status[:3]}
            line["client"] = whose.client
            sys.stdout.write(json.dumps(line) + "\n")
            sys.stdout.flush()
            return start_response(status, headers, exc_info)

        return inner(environ, answer)

    app.wsgi_app = watched  # type: ignore[method-assign]


def on_route(address: rl.KeyOf, route: str) -> rl.KeyOf:
    """Give each route a budget of its own, and what is on none of them none."""

    def key(request: rl.RequestView) -> str | None:
        word = request.path.removeprefix(ECHO)
        is_no_word = request.path.startswith(ECHO) and (not word or "/" in word)
        if is_no_word:
            return None
        client = address(request)
        whose.client = client
        return f"{client}:{route}"

    return key


def too_large(environ: "WSGIEnvironment") -> bool:
    return int(environ.get("CONTENT_LENGTH") or 0) > LARGEST_BODY_BYTES


def has_no_host(environ: "WSGIEnvironment") -> bool:
    return environ["SERVER_PROTOCOL"] == "HTTP/1.1" and not environ.get("HTTP_HOST")


def refuse(refusal: rl.Refusal) -> rl.Response:
    """Answer as the library does, with the members and the header that the lesson adds."""
    status, headers, _ = rl.problem(refusal)
    own_id = request_id(refusal.request.header("x-request-id"))
    code = "limiter_unavailable" if refusal.decision is None else "rate_limited"
    body = json.dumps(members(status, code, own_id)).encode()
    kept = [(name, value) for name, value in headers if name != "content-length"]
    own = [("content-length", str(len(body))), ("x-request-id", own_id), *SECURE.items()]
    return rl.Response(status, [*kept, *own], body)


def request_id(sent: str | None) -> str:
    return sent if sent and WELL_FORMED_ID.fullmatch(sent) else str(uuid.uuid4())


def members(status: int, code: str, own_id: str) -> dict[str, str | int]:
    return {"type": "about:blank", "title": code, "status": status, "code": code, "request_id": own_id}


if __name__ == "__main__":
    # Of service-kit's server, because granian's own hangs when SIGTERM comes twice.
    serve("app:create_app", load(ServiceSettings))
