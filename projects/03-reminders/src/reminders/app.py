"""All the wiring: which part gets which, which error becomes which status."""

import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

from fastapi import FastAPI

from reminders.admission import Admission
from reminders.callbacks import CallbackGuard
from reminders.errors import (
    DatabaseUnavailableError,
    DeliveryInProgressError,
    IdempotencyKeyReusedError,
    InvalidCursorError,
    InvalidReminderError,
    ReminderFinishedError,
    ReminderNotDeadError,
    ReminderNotFoundError,
    StaleVersionError,
)
from reminders.page import add_page
from reminders.routes import api
from reminders.scheduler import DueIndex
from reminders.service import ReminderService
from reminders.settings import WebSettings
from reminders.unit_of_work import Database, make_engine
from service_kit import fastapi as kit
from service_kit.problems import ErrorRule, FieldError, on, pointer
from service_kit.request_id import uuid7


def create_app(settings: WebSettings) -> FastAPI:
    """Put the service together; nothing is connected to yet."""
    database = Database(make_engine(str(settings.database_url)))
    index = DueIndex(str(settings.redis_url))

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        await index.close()
        await database.close()

    app = FastAPI(title="Reminders", version="1", lifespan=lifespan)
    app.state.service = ReminderService(
        database,
        index,
        Admission(
            CallbackGuard(allow_private=settings.allow_private_callbacks),
            message_limit=settings.message_limit,
            mail_enabled=settings.smtp_url is not None,
        ),
        new_id,
    )
    app.include_router(api)
    add_page(app, settings)
    # Redis is not asked: without it this process can do all that it promises.
    kit.install(app, settings, readiness={"postgresql": database.ping}, errors=error_table())
    return app


def new_id() -> UUID:
    """Make an id that sorts by time: the primary key grows at its end, and a list has an order."""
    return UUID(uuid7(time.time_ns() // 1_000_000, os.urandom(10)))


def error_table() -> list[ErrorRule]:
    """Say which error becomes which problem."""
    return [
        on(ReminderNotFoundError, 404, "not_found"),
        on(DeliveryInProgressError, 409, "delivery_in_progress"),
        on(ReminderFinishedError, 409, "reminder_finished"),
        on(ReminderNotDeadError, 409, "reminder_not_dead"),
        on(StaleVersionError, 412, "precondition_failed"),
        on(IdempotencyKeyReusedError, 422, "idempotency_key_reused"),
        on(
            InvalidCursorError,
            422,
            "invalid_input",
            errors=lambda error: [FieldError("invalid_cursor", str(error), parameter="cursor")],
        ),
        on(
            InvalidReminderError,
            422,
            "invalid_input",
            errors=lambda error: [
                FieldError(flaw.code, flaw.reason, pointer=pointer(flaw.field)) for flaw in error.flaws
            ],
        ),
        on(
            DatabaseUnavailableError,
            503,
            "database_unavailable",
            detail=lambda _: (
                "The database does not answer. Send the request again, with its Idempotency-Key."
            ),
            headers=lambda _: {"Retry-After": "1"},
        ),
    ]
