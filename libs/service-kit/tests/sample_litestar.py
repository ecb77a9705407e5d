"""The sample service in Litestar; sample_flask and sample_fastapi are its twins."""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator
from typing import Annotated
from uuid import UUID

from litestar import Litestar, Request, get, post
from litestar.datastructures import State
from litestar.openapi import OpenAPIConfig
from litestar.params import Parameter
from litestar.response import Stream
from sample_models import NewThing, Settings, Thing, Things, client_of, start, things

from service_kit.asgi import Plumbing
from service_kit.litestar import install
from service_kit.server import serve
from service_kit.settings import load

type Json = dict[str, object]


@get("/things")
async def list_things(limit: Annotated[int, Parameter(ge=1, le=100)] = 20) -> Things:
    """List things."""
    return things(limit)


@post("/things")
async def make(data: NewThing) -> Thing:
    """Make a thing."""
    return Thing(**data.model_dump(), number=1)


@get("/things/{number:int}")
async def show(number: Annotated[int, Parameter(ge=0)]) -> Thing:
    """Show a thing."""
    return Thing(name="a", number=number)


@get("/marks/{mark:uuid}")
async def show_mark(mark: UUID) -> Things:
    """Show what has a mark."""
    _ = mark
    return things(1)


@get("/items/{number:int}")
async def item(number: int) -> dict[str, int]:
    return {"number": number}


@get("/pid")
async def pid() -> dict[str, int]:
    return {"pid": os.getpid()}


@post("/size", status_code=200)
async def size(request: Request[object, object, State]) -> dict[str, int]:
    return {"bytes": len(await request.body())}


@post("/json", status_code=200)
async def json(data: Json) -> Json:
    return {"got": data}


@get("/boom")
async def boom() -> dict[str, str]:
    raise RuntimeError("hunter2")


@get("/stream")
async def stream() -> Stream:
    async def parts() -> AsyncIterator[bytes]:
        yield b"one,"
        yield b"two"

    return Stream(parts(), media_type="text/plain")


@get("/broken")
async def broken() -> Stream:
    async def parts() -> AsyncIterator[bytes]:
        yield b"one"
        raise RuntimeError("hunter2")

    return Stream(parts())


def create_app(settings: Settings) -> Plumbing:
    start(settings)

    @contextlib.asynccontextmanager
    async def lifespan(_: Litestar) -> AsyncIterator[None]:
        if settings.start == "late and badly":
            raise RuntimeError("no such queue: reminders")
        yield

    @get("/gated")
    async def gated() -> dict[str, bool]:
        settings.gate.with_suffix(".waiting").touch()
        while not settings.gate.exists():  # noqa: ASYNC110 - the other process can only make a file
            await asyncio.sleep(0.01)
        return {"done": True}

    routes = [list_things, make, show, show_mark, item, pid, gated, size, json, boom, stream, broken]
    app = Litestar(routes, lifespan=[lifespan], openapi_config=OpenAPIConfig(title="Sample", version="1"))
    return install(app, settings, client_of=client_of)


if __name__ == "__main__":
    drain_seconds = float(os.environ.get("DRAIN_SECONDS", "0"))
    serve("sample_litestar:create_app", load(Settings), "asgi", drain_seconds=drain_seconds)
