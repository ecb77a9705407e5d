"""All the wiring, of the API and of the worker, and which error becomes which status."""

import os
import time
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final
from uuid import UUID

from levels import errors
from levels.access import Access
from levels.archive import Archive
from levels.catalogue import CatalogueSource
from levels.elsewhere import Elsewhere
from levels.endings import Endings
from levels.feed import Feed
from levels.leases import Leases
from levels.repository import Repository
from levels.service import LevelsService
from levels.settings import Settings, WebSettings, WorkerSettings
from levels.speed_runs import SpeedRuns
from levels.targets import Targets
from levels.transfer import Transfer
from levels.verifier import Verifier
from levels.worker import Worker
from service_kit.database import Database
from service_kit.egress import EgressGuard
from service_kit.problems import ErrorRule, FieldError, on, pointer
from service_kit.request_id import uuid7
from service_kit.worker import worker_name

if TYPE_CHECKING:
    from fastapi import FastAPI

TABLES: Final = ("learners", "progress", "runs", "run_events", "receipts")
SOON: Final = {"Retry-After": "1"}


def create_app(settings: WebSettings) -> "FastAPI":
    """Put the API together; nothing is connected to yet."""
    # Not at the top: a worker would load the web framework too, and start later.
    from fastapi import FastAPI  # noqa: PLC0415

    from levels.receipt_routes import receipt_api, transfer_api  # noqa: PLC0415
    from levels.routes import api  # noqa: PLC0415
    from levels.speed_routes import speed_api  # noqa: PLC0415
    from service_kit.fastapi import install  # noqa: PLC0415
    from service_kit.fastapi_page import add_page  # noqa: PLC0415
    from service_kit.stop import is_stopping  # noqa: PLC0415

    database = make_database(settings)
    catalogue = CatalogueSource(make_verifier(settings))

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        catalogue.ask()
        yield
        await catalogue.close()
        await database.close()

    app = FastAPI(title="Levels", version="1", lifespan=lifespan, redirect_slashes=False)
    repository = Repository(database, settings.stale_after_days)
    token = settings.operator_token
    access = Access(repository, token.get_secret_value() if token is not None else None)
    app.state.access = access
    app.state.heartbeat_seconds = settings.heartbeat_seconds
    targets = Targets(settings.solutions_dir, is_class=access.is_class)
    feed = Feed(repository, is_stopping)
    elsewhere = Elsewhere(EgressGuard(allow_private=settings.allow_private_targets))
    app.state.service = LevelsService(repository, catalogue, targets, elsewhere, feed, new_id)
    app.state.speed_runs = SpeedRuns(repository, catalogue, targets, new_id)
    app.include_router(api)
    app.state.archive = Archive(repository, settings.keys)
    app.state.transfer = Transfer(repository, catalogue, settings.keys)
    app.include_router(speed_api)
    app.include_router(receipt_api)
    app.include_router(transfer_api)
    add_page(app, "levels")
    # The verifier is not asked: without it, all that is known can still be looked at.
    install(app, settings, readiness={"postgresql": database.ping}, errors=error_table())
    return app


@asynccontextmanager
async def create_worker(settings: WorkerSettings) -> AsyncIterator[Worker]:
    """Put a worker together, and close what it used when it is done."""
    database = make_database(settings, pool_size=4)
    leases = Leases(database, worker_name(), settings.lease_seconds)
    yield Worker(
        leases,
        Endings(leases, Repository(database, settings.stale_after_days), settings.issuer),
        make_verifier(settings),
        settings.run_timeout_seconds,
        settings.output_limit_bytes,
    )
    await database.close()


def make_database(settings: Settings, pool_size: int = 10) -> Database:
    return Database(
        str(settings.database_url),
        "levels",
        errors.DatabaseUnavailableError,
        pool_size=pool_size,
        tables=TABLES,
        constraints=(),
    )


def make_verifier(settings: Settings) -> Verifier:
    return Verifier(settings.command, private_variables())


def private_variables() -> Collection[str]:
    """Name what a solution must not read: it runs with the environment of the verifier."""
    return {name.upper() for kind in (WebSettings, WorkerSettings) for name in kind.model_fields}


def new_id() -> UUID:
    """Make an id that sorts by time: the primary key grows at its end, and a list has an order."""
    return UUID(uuid7(time.time_ns() // 1_000_000, os.urandom(10)))


def error_table() -> list[ErrorRule]:
    """Say which error becomes which problem."""
    return [
        on(
            errors.UnauthenticatedError,
            401,
            "unauthenticated",
            headers=lambda error: {
                "WWW-Authenticate": 'Bearer error="invalid_token"' if error.was_sent else "Bearer"
            },
        ),
        on(errors.ForbiddenError, 403, "forbidden"),
        on(errors.LevelNotFoundError, 404, "level_not_found"),
        on(errors.RunNotFoundError, 404, "run_not_found"),
        on(errors.ReceiptNotFoundError, 404, "receipt_not_found"),
        on(errors.LearnerNotFoundError, 404, "learner_not_found"),
        on(errors.LevelLockedError, 409, "level_locked"),
        on(
            errors.RunActiveError,
            409,
            "run_active",
            headers=lambda error: {"Location": f"/api/v1/{error.path}"},
        ),
        on(errors.RunFinishedError, 409, "run_finished"),
        on(errors.NameTakenError, 409, "name_taken"),
        on(
            errors.UnknownCursorError,
            422,
            "invalid_input",
            errors=lambda _: [FieldError("invalid_cursor", "is not one of this list", parameter="cursor")],
            detail=lambda _: "The cursor is not one that this list gave out.",
        ),
        on(
            errors.InvalidReceiptError,
            422,
            "invalid_input",
            errors=lambda error: [
                FieldError(error.code, str(error), pointer=pointer(("receipts", error.index)))
            ],
        ),
        on(
            errors.InvalidRunError,
            422,
            "invalid_input",
            errors=lambda error: [FieldError(error.code, str(error), pointer=pointer((error.field,)))],
        ),
        on(
            errors.VerifierUnavailableError,
            503,
            "verifier_unavailable",
            detail=lambda _: "The verifier does not say what it can judge. VERIFIER names it.",
            headers=lambda _: SOON,
        ),
        on(
            errors.DatabaseUnavailableError,
            503,
            "database_unavailable",
            detail=lambda _: "The database does not answer. Send the request again.",
            headers=lambda _: SOON,
        ),
    ]
