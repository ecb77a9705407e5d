"""The sample service in FastAPI; sample_flask and sample_litestar are its twins."""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator
from typing import Annotated
from uuid import UUID

import fastapi
from fastapi.responses import StreamingResponse
from pydantic import JsonValue
from sample_models import NewThing, Settings, Thing, Things, client_of, start, things

from service_kit.fastapi import install
from service_kit.server import serve
from service_kit.settings import load


def create_app(settings: Settings) -> fastapi.FastAPI:  # noqa: C901 - many small routes
    start(settings)

    @contextlib.asynccontextmanager
    async def lifespan(_: fastapi.FastAPI) -> AsyncIterator[None]:
        if settings.start == "late and badly":
            raise RuntimeError("no such queue: reminders")
        yield

    app = fastapi.FastAPI(title="Sample", version="1", lifespan=lifespan)

    @app.get("/things")
    async def list_things(limit: Annotated[int, fastapi.Query(ge=1, le=100)] = 20) -> Things:
        """List things."""
        return things(limit)

    @app.post("/things", status_code=201)
    async def make(body: NewThing) -> Thing:
        """Make a thing."""
        return Thing(**body.model_dump(), number=1)

    @app.get("/things/{number}")
    async def show(number: Annotated[int, fastapi.Path(ge=0)]) -> Thing:
        """Show a thing."""
        return Thing(name="a", number=number)

    @app.get("/marks/{mark}")
    async def show_mark(mark: UUID) -> Things:
        """Show what has a mark."""
        _ = mark
        return things(1)

    @app.api_route("/search", methods=["QUERY"])
    async def search(body: NewThing) -> Things:
        """Find things like this one."""
        return Things(items=[Thing(**body.model_dump(), number=1)])

    @app.get("/items/{number}")
    async def item(number: int) -> dict[str, int]:
        return {"number": number}

    @app.get("/pid")
    async def pid() -> dict[str, int]:
        return {"pid": os.getpid()}

    @app.get("/gated")
    async def gated() -> dict[str, bool]:
        settings.gate.with_suffix(".waiting").touch()
        while not settings.gate.exists():  # noqa: ASYNC110 - the other process can only make a file
            await asyncio.sleep(0.01)
        return {"done": True}

    @app.post("/size")
    async def size(request: fastapi.Request) -> dict[str, int]:
        return {"bytes": len(await request.body())}

    @app.post("/json")
    async def json(body: dict[str, JsonValue]) -> dict[str, JsonValue]:
        return {"got": body}

    @app.get("/boom")
    async def boom() -> dict[str, str]:
        raise RuntimeError("hunter2")

    @app.get("/stream")
    async def stream() -> StreamingResponse:
        async def parts() -> AsyncIterator[bytes]:
            yield b"one,"
            yield b"two"

        return StreamingResponse(parts(), media_type="text/plain")

    @app.get("/broken")
    async def broken() -> StreamingResponse:
        async def parts() -> AsyncIterator[bytes]:
            yield b"one"
            raise RuntimeError("hunter2")

        return StreamingResponse(parts())

    install(app, settings, client_of=client_of)
    return app


if __name__ == "__main__":
    serve("sample_fastapi:create_app", load(Settings), "asgi")
