"""The service that test_server starts; sample_flask is its twin."""

import asyncio
import contextlib
import os
import time
from collections.abc import AsyncIterator
from pathlib import Path

import fastapi
from fastapi.responses import StreamingResponse
from pydantic import JsonValue

from service_kit.fastapi import install
from service_kit.server import serve
from service_kit.settings import ServiceSettings, load


class Settings(ServiceSettings):
    gate: Path = Path("/nowhere")
    start: str = "well"


def create_app(settings: Settings) -> fastapi.FastAPI:  # noqa: C901 - many small routes
    if settings.start == "badly":
        raise RuntimeError("no such script: limit.lua")
    if settings.start == "slowly":
        settings.gate.with_suffix(".loading").touch()
        while True:
            time.sleep(0.01)

    @contextlib.asynccontextmanager
    async def lifespan(_: fastapi.FastAPI) -> AsyncIterator[None]:
        if settings.start == "late and badly":
            raise RuntimeError("no such queue: reminders")
        yield

    app = fastapi.FastAPI(title="Sample", version="1", lifespan=lifespan)

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

    install(app, settings)
    return app


if __name__ == "__main__":
    serve("sample_fastapi:create_app", load(Settings), "asgi")
