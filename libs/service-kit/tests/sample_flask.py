"""The service that test_server starts; sample_fastapi is its twin."""

import os
import time
from collections.abc import Iterator
from pathlib import Path

import flask

from service_kit.flask import install
from service_kit.server import serve
from service_kit.settings import ServiceSettings, load


class Settings(ServiceSettings):
    gate: Path = Path("/nowhere")
    start: str = "well"


def wait_for(gate: Path) -> None:
    while not gate.exists():
        time.sleep(0.01)


def create_app(settings: Settings) -> flask.Flask:  # noqa: C901 - many small routes
    if settings.start == "badly":
        raise RuntimeError("no such script: limit.lua")
    if settings.start == "slowly":
        settings.gate.with_suffix(".loading").touch()
        wait_for(Path("/never"))

    app = flask.Flask(__name__, static_folder=None)

    @app.get("/items/<int:number>")
    def item(number: int) -> dict[str, int]:
        return {"number": number}

    @app.get("/pid")
    def pid() -> dict[str, int]:
        return {"pid": os.getpid()}

    @app.get("/gated")
    def gated() -> dict[str, bool]:
        settings.gate.with_suffix(".waiting").touch()
        wait_for(settings.gate)
        return {"done": True}

    @app.post("/size")
    def size() -> dict[str, int]:
        return {"bytes": len(flask.request.get_data())}

    @app.post("/json")
    def json() -> dict[str, object]:
        return {"got": flask.request.get_json()}

    @app.get("/boom")
    def boom() -> dict[str, str]:
        raise RuntimeError("hunter2")

    @app.get("/stream")
    def stream() -> flask.Response:
        def parts() -> Iterator[bytes]:
            yield b"one,"
            yield b"two"

        return flask.Response(parts(), mimetype="text/plain")

    install(app, settings, openapi={"info": {"title": "Sample", "version": "1"}, "paths": {}})
    return app


if __name__ == "__main__":
    serve("sample_flask:create_app", load(Settings), "wsgi")
