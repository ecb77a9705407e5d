"""What the service is compared with over HTTP: Flask with flask-limiter, and Flask with nothing."""
# mypy: disable-error-code="import-not-found"

import os

from flask import Flask
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address


def bare() -> Flask:
    app = Flask("bare")

    @app.get("/api/v1/ping")
    def ping() -> dict[str, str]:
        return {"message": "pong"}

    return app


def limited() -> Flask:
    app = bare()
    Limiter(
        get_remote_address,
        app=app,
        default_limits=[f"{os.environ['LIMIT']} per {os.environ['WINDOW_SECONDS']} second"],
        storage_uri=os.environ["REDIS_URL"],
        strategy="fixed-window",
        headers_enabled=True,
    )
    return app
