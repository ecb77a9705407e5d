"""All the wiring, and which error becomes which status."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from litestar import Litestar
from litestar.di import Provide
from litestar.openapi import OpenAPIConfig

from service_kit.asgi import Plumbing
from service_kit.database import Database
from service_kit.litestar import install
from service_kit.problems import ErrorRule, FieldError, on
from sessions import errors
from sessions.latest import Latest
from sessions.repository import Counts
from sessions.routes import ROUTES
from sessions.service import CounterService
from sessions.settings import Settings


def create_app(settings: Settings) -> Plumbing:
    """Put the API together; nothing is connected to yet."""
    database = Database(str(settings.database_url), "sessions", errors.StoreUnavailableError)
    counts = Counts(database)
    latest = Latest(str(settings.redis_url))
    service = CounterService(counts, latest, settings.increment)

    @asynccontextmanager
    async def lifespan(_: Litestar) -> AsyncIterator[None]:
        yield
        await latest.close()
        await database.close()

    app = Litestar(
        ROUTES,
        dependencies={"service": Provide(lambda: service, sync_to_thread=False)},
        lifespan=[lifespan],
        openapi_config=OpenAPIConfig(title="Sessions", version="1"),
    )
    return install(
        app,
        settings,
        readiness={
            "postgresql": database.ping,
            "redis": latest.ping,
        },
        errors=error_table(),
    )


def error_table() -> list[ErrorRule]:
    """Say which error becomes which problem."""
    return [
        on(errors.NotCountedError, 404, "not_counted"),
        on(
            errors.InvalidNameError,
            422,
            "invalid_input",
            errors=lambda error: [FieldError("invalid_name", str(error), parameter="name")],
        ),
        on(
            errors.StoreUnavailableError,
            503,
            "store_unavailable",
            detail=lambda _: "The store does not answer. Send the request again.",
            headers=lambda _: {"Retry-After": "1"},
        ),
    ]
