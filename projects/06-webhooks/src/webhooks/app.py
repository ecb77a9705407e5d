"""All the wiring, of the API and of the worker, and which error becomes which status."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from service_kit.database import Database
from service_kit.fastapi import install
from service_kit.problems import ErrorRule, FieldError, on
from webhooks import errors
from webhooks.repository import Counts
from webhooks.routes import api
from webhooks.service import CounterService
from webhooks.settings import Settings, WorkerSettings
from webhooks.worker import Worker


def create_app(settings: Settings) -> FastAPI:
    """Put the API together; nothing is connected to yet."""
    database = Database(str(settings.database_url), "webhooks", errors.StoreUnavailableError)
    counts = Counts(database)
    service = CounterService(counts, settings.increment)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        await database.close()

    app = FastAPI(title="Webhooks", version="1", lifespan=lifespan)
    app.state.service = service
    app.include_router(api)
    install(
        app,
        settings,
        readiness={
            "postgresql": database.ping,
        },
        errors=error_table(),
    )
    return app


@asynccontextmanager
async def create_worker(settings: WorkerSettings) -> AsyncIterator[Worker]:
    """Put a worker together, and close what it used when it is done."""
    database = Database(str(settings.database_url), "webhooks", errors.StoreUnavailableError, pool_size=1)
    yield Worker(Counts(database), settings.report_seconds)
    await database.close()


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
