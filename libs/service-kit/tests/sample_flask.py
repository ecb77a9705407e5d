"""The sample service in Flask; sample_fastapi and sample_litestar are its twins."""

import os
import time
from collections.abc import Iterator
from typing import Annotated
from uuid import UUID

import flask
from pydantic import BaseModel, Field
from sample_models import NewThing, Settings, Thing, Things, client_of, start, things

from service_kit.flask import install
from service_kit.flask_openapi import Info, described
from service_kit.server import serve
from service_kit.settings import load
from service_kit.stop import stopping


class Page(BaseModel):
    limit: Annotated[int, Field(ge=1, le=100)] = 20


def create_app(settings: Settings) -> flask.Flask:  # noqa: C901 - many small routes
    start(settings)
    app = flask.Flask(__name__, static_folder=None)

    @app.get("/things")
    @described()
    def list_things(query: Page) -> Things:
        """List things."""
        return things(query.limit)

    @app.post("/things")
    @described(status=201)
    def make(body: NewThing) -> Thing:
        """Make a thing."""
        return Thing(**body.model_dump(), number=1)

    @app.get("/things/<int:number>")
    @described()
    def show(number: int) -> Thing:
        """Show a thing."""
        return Thing(name="a", number=number)

    @app.get("/marks/<uuid:mark>")
    @described()
    def show_mark(mark: UUID) -> Things:
        """Show what has a mark."""
        _ = mark
        return things(1)

    @app.route("/search", methods=["QUERY"])
    @described()
    def search(body: NewThing) -> Things:
        """Find things like this one."""
        return Things(items=[Thing(**body.model_dump(), number=1)])

    @app.get("/items/<int:number>")
    def item(number: int) -> dict[str, int]:
        return {"number": number}

    @app.get("/pid")
    def pid() -> dict[str, int]:
        return {"pid": os.getpid()}

    @app.get("/gated")
    def gated() -> dict[str, bool]:
        settings.gate.with_suffix(".waiting").touch()
        while not settings.gate.exists():
            time.sleep(0.01)
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

    @app.get("/endless")
    def endless() -> flask.Response:
        def parts() -> Iterator[bytes]:
            while not stopping.wait(0.01):
                yield b"more\n"

        return flask.Response(parts(), mimetype="text/plain")

    install(app, settings, info=Info("Sample"), client_of=client_of)
    return app


if __name__ == "__main__":
    serve("sample_flask:create_app", load(Settings), "wsgi")
