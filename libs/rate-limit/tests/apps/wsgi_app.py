import os
from typing import TYPE_CHECKING

from flask import Flask, Response, request
from site_rules import partitioned, rules

from rate_limit import FailureMode, Limiter, RedisStorage, WSGIRateLimitMiddleware

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

REFUSED_URL = "redis://127.0.0.1:1"


def create() -> Flask:
    app = Flask("site")
    shared = RedisStorage(os.environ["REDIS_URL"], failure_mode=FailureMode.CLOSED, timeout_seconds=10)
    closed = RedisStorage(REFUSED_URL, failure_mode=FailureMode.CLOSED)

    @app.get("/free")
    def free() -> "ResponseReturnValue":
        return "free"

    @app.get("/limited")
    def limited() -> "ResponseReturnValue":
        left = request.environ["rate_limit.decision"].remaining
        return Response(f"limited, {left} left", headers={"x-of-the-app": "kept"})

    @app.get("/limited/raises")
    def raises() -> "ResponseReturnValue":
        raise ZeroDivisionError

    @app.route("/costly", methods=["GET", "POST"])
    @app.get("/limited/really/deep")
    @app.get("/limited/proxied")
    @app.get("/partitioned/x")
    def other() -> "ResponseReturnValue":
        return "other"

    inner = WSGIRateLimitMiddleware(
        app.wsgi_app, partitioned(lambda *policies: Limiter(shared, *policies)), partition_keys=True
    )
    own_rules = rules(
        lambda *policies: Limiter(shared, *policies), lambda *policies: Limiter(closed, *policies)
    )
    app.wsgi_app = WSGIRateLimitMiddleware(inner, *own_rules)  # type: ignore[method-assign]  # as Flask's docs
    return app


app = create()
