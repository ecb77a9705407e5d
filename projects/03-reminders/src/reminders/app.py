"""All the wiring, of the API and of the worker, and which error becomes which status."""

import os
import random
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Final
from uuid import UUID

from reminders import errors
from reminders.admission import Admission
from reminders.delivery import LogChannel, WebhookChannel
from reminders.domain import Channel
from reminders.due_index import DueIndex
from reminders.leases import Leases
from reminders.lifecycle import RetryPolicy
from reminders.repository import unit_of_work
from reminders.service import ReminderService
from reminders.settings import Settings, WebSettings, WorkerSettings
from reminders.worker import Worker
from service_kit.database import Database
from service_kit.egress import EgressGuard
from service_kit.outgoing import Poster
from service_kit.problems import ErrorRule, FieldError, on, pointer
from service_kit.request_id import uuid7
from service_kit.worker import worker_name

if TYPE_CHECKING:
    from fastapi import FastAPI

SESSION_SETTINGS: Final[Mapping[str, str]] = MappingProxyType(
    {
        # Both make a claim go by its index, however small or large the table is. Plan anew for the LIMIT of
        # each claim: a plan for any LIMIT expects a tenth of the table, and reads all of it.
        "plan_cache_mode": "force_custom_plan",
        # The pages are in memory, where one that is read at random costs about as much as the next in order.
        "random_page_cost": "1.1",
    }
)


def create_app(settings: WebSettings) -> "FastAPI":
    """Put the API together; nothing is connected to yet."""
    # Not at the top: a worker would load the web framework too, and start 0.2 s later.
    from fastapi import FastAPI  # noqa: PLC0415

    from reminders.page import add_page  # noqa: PLC0415
    from reminders.routes import api  # noqa: PLC0415
    from service_kit.fastapi import install  # noqa: PLC0415

    database = make_database(settings)
    index = DueIndex(str(settings.redis_url))

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        await index.close()
        await database.close()

    app = FastAPI(title="Reminders", version="1", lifespan=lifespan, redirect_slashes=False)
    guard = EgressGuard(allow_private=settings.allow_private_callbacks)
    begin = partial(unit_of_work, database)
    app.state.service = ReminderService(begin, index, Admission(guard, settings.message_limit), new_id)
    app.include_router(api)
    add_page(app, settings, begin)
    # Redis is not asked: without it this process can do all that it promises.
    install(app, settings, readiness={"postgresql": database.ping}, errors=error_table())
    return app


@asynccontextmanager
async def create_worker(settings: WorkerSettings) -> AsyncIterator[Worker]:
    """Put a worker together, and close what it used when it is done."""
    database = make_database(settings, pool_size=4)
    index = DueIndex(str(settings.redis_url))
    guard = EgressGuard(allow_private=settings.allow_private_callbacks)
    webhook = WebhookChannel(Poster(guard, settings.delivery_timeout_seconds), settings.signing_key)
    retry_policy = RetryPolicy(
        settings.max_attempts,
        settings.backoff_base_seconds,
        settings.backoff_cap_seconds,
        settings.retry_after_cap_seconds,
        random.uniform,
    )
    yield Worker(
        Leases(database, worker_name(), settings.lease_seconds, settings.max_attempts),
        index,
        {Channel.WEBHOOK: webhook, Channel.LOG: LogChannel()},
        retry_policy,
        settings,
    )
    await index.close()
    await database.close()


def make_database(settings: Settings, pool_size: int = 10) -> Database:
    return Database(
        str(settings.database_url),
        "reminders",
        errors.DatabaseUnavailableError,
        pool_size=pool_size,
        session_settings=SESSION_SETTINGS,
        tables=("reminders", "attempts", "idempotency_keys"),
        constraints=(),
    )


def new_id() -> UUID:
    """Make an id that sorts by time: the primary key grows at its end, and a list has an order."""
    return UUID(uuid7(time.time_ns() // 1_000_000, os.urandom(10)))


def error_table() -> list[ErrorRule]:
    """Say which error becomes which problem."""
    return [
        on(errors.ReminderNotFoundError, 404, "not_found"),
        on(errors.DeliveryInProgressError, 409, "delivery_in_progress"),
        on(errors.ReminderFinishedError, 409, "reminder_finished"),
        on(errors.ReminderNotDeadError, 409, "reminder_not_dead"),
        on(errors.StaleVersionError, 412, "precondition_failed"),
        on(errors.IdempotencyKeyReusedError, 422, "idempotency_key_reused"),
        on(
            errors.UnknownCursorError,
            422,
            "invalid_input",
            errors=lambda _: [FieldError("invalid_cursor", "is not one of this list", parameter="cursor")],
            detail=lambda _: "The cursor is not one that this list gave out.",
        ),
        on(
            errors.InvalidReminderError,
            422,
            "invalid_input",
            errors=lambda error: [
                FieldError(flaw.code, flaw.reason, pointer=pointer(flaw.path)) for flaw in error.flaws
            ],
        ),
        on(
            errors.DatabaseUnavailableError,
            503,
            "database_unavailable",
            detail=lambda _: (
                "The database does not answer. Send the request again, with its Idempotency-Key."
            ),
            headers=lambda _: {"Retry-After": "1"},
        ),
    ]
