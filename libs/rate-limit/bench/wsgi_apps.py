"""The same Flask route three times: with nothing, with this library's middleware, with flask-limiter."""
# mypy: disable-error-code="import-not-found"
# Because the peers have an environment of their own.

import os

from flask import Flask

LIMIT = 1_000_000
WINDOW_SECONDS = 3_600


def bare() -> Flask:
    app = Flask("bare")

    @app.get("/ping")
    def ping() -> dict[str, str]:
        return {"message": "pong"}

    return app


def ours() -> Flask:
    from rate_limit import Limiter, Policy, RedisStorage, Rule, WSGIRateLimitMiddleware, by_address

    app = bare()
    limiter = Limiter(RedisStorage(os.environ["REDIS_URL"]), Policy(LIMIT, WINDOW_SECONDS))
    app.wsgi_app = WSGIRateLimitMiddleware(app.wsgi_app, Rule(limiter, by_address()))  # type: ignore[method-assign]
    return app


def flask_limiter() -> Flask:
    from flask_limiter import Limiter
    from flask_limiter.util import get_remote_address

    app = bare()
    Limiter(
        get_remote_address,
        app=app,
        default_limits=[f"{LIMIT} per {WINDOW_SECONDS} second"],
        storage_uri=os.environ["REDIS_URL"],
        headers_enabled=True,
    )
    return app
