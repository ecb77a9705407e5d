"""Lesson 01's service with the library in place of its own limiter.

Only what the lesson says of limits is here. What it says of every service (metrics, documents, logs, bounds
for bodies) is not: the lesson's step 1.
"""
# ruff: noqa: INP001 - a folder with a Procfile, as a learner's

import json
import os
import re
import uuid
from typing import TYPE_CHECKING

from flask import Flask, Response, g, request
from granian.constants import Interfaces
from granian.server import Server

import rate_limit as rl

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

LONGEST_WORD = 64
PROBLEM = "application/problem+json"
WELL_FORMED_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")


def create_app() -> Flask:
    app = Flask("example")

    @app.before_request
    def choose_id() -> None:
        g.id = request_id(request.headers.get("X-Request-ID"))

    @app.after_request
    def tell_id(response: Response) -> Response:
        response.headers["X-Request-ID"] = g.id
        return response

    @app.get("/api/v1/ping")
    def ping() -> "ResponseReturnValue":
        return {"message": "pong"}

    @app.get("/api/v1/echo/<word>")
    def echo(word: str) -> "ResponseReturnValue":
        if len(word) > LONGEST_WORD:
            return Response(json.dumps(members(422, "invalid_input", g.id)), 422, mimetype=PROBLEM)
        return {"word": word}

    @app.get("/health")
    @app.get("/metrics")
    def health() -> "ResponseReturnValue":
        return {"status": "ok"}

    storage = rl.RedisStorage(
        os.environ["REDIS_URL"],
        failure_mode=rl.FailureMode(os.environ.get("FAILURE_MODE", "local")),
        key_template="rate:{key}",  # as the lesson has it
    )

    @app.get("/ready")
    def ready() -> "ResponseReturnValue":
        try:
            storage.ping()
        except rl.StorageUnavailableError:
            return {"status": "unavailable"}, 503
        return {"status": "ok"}

    policy = rl.Policy(int(os.environ["LIMIT"]), int(os.environ["WINDOW_SECONDS"]), "default")
    limiter = rl.Limiter(storage, policy)
    address = rl.by_address(int(os.environ.get("TRUSTED_HOPS", "0")))
    rules = [
        rl.Rule(limiter, on_route(address, "/api/v1/ping"), paths=["/api/v1/ping"]),
        rl.Rule(limiter, on_route(address, "/api/v1/echo/{word}"), paths=["/api/v1/echo/*"]),
    ]
    app.wsgi_app = rl.WSGIRateLimitMiddleware(app.wsgi_app, *rules, refuse=refuse)  # type: ignore[method-assign]
    return app


def on_route(address: rl.KeyOf, route: str) -> rl.KeyOf:
    """Give each route a budget of its own."""
    return lambda request: f"{address(request)}:{route}"


def refuse(refusal: rl.Refusal) -> rl.Response:
    """Answer as the library does, with the members and the header that the lesson adds."""
    status, headers, _ = rl.problem(refusal)
    own_id = request_id(refusal.request.header("x-request-id"))
    code = "limiter_unavailable" if refusal.decision is None else "rate_limited"
    body = json.dumps(members(status, code, own_id)).encode()
    kept = [(name, value) for name, value in headers if name != "content-length"]
    return rl.Response(status, [*kept, ("content-length", str(len(body))), ("x-request-id", own_id)], body)


def request_id(sent: str | None) -> str:
    return sent if sent and WELL_FORMED_ID.fullmatch(sent) else str(uuid.uuid4())


def members(status: int, code: str, own_id: str) -> dict[str, str | int]:
    return {"type": "about:blank", "title": code, "status": status, "code": code, "request_id": own_id}


if __name__ == "__main__":
    Server(
        "app:create_app",
        factory=True,
        address="127.0.0.1",
        port=int(os.environ["PORT"]),
        interface=Interfaces.WSGI,
        blocking_threads=4,
        websockets=False,
    ).serve()
