"""All the wiring, of the API and of the worker, and which error becomes which status."""

import asyncio
import os
import random
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final
from uuid import UUID

from service_kit.bearer import Operator, UnauthenticatedError, challenge
from service_kit.database import Database
from service_kit.egress import EgressGuard
from service_kit.outgoing import Poster
from service_kit.problems import ErrorRule, FieldError, on, pointer
from service_kit.request_id import uuid7
from service_kit.worker import worker_name
from webhooks import errors
from webhooks.direct import DirectConnection
from webhooks.events import Events
from webhooks.forwarding import Forwarder
from webhooks.inbox import Inbox
from webhooks.leases import Leases
from webhooks.management import Management
from webhooks.quarantine import Quarantine
from webhooks.retries import RetryPolicy
from webhooks.settings import Settings, WebSettings, WorkerSettings
from webhooks.sources import NAME_CONSTRAINT, SourceFinder, Sources
from webhooks.worker import Worker

if TYPE_CHECKING:
    from fastapi import FastAPI
    from fastapi.telemetry import TelemetryConfig

TABLES: Final = (
    "sources",
    "secrets",
    "events",
    "attempts",
    "conflicts",
    "rejected",
    "minutes",
    "idempotency_keys",
)
# Source: RFC 6750, section 3.1.


def create_app(settings: WebSettings) -> "FastAPI":
    """Put the API together; nothing is connected to yet."""
    # Not at the top: a worker would load the web framework too, and start 0.2 s later.
    from fastapi import FastAPI  # noqa: PLC0415

    from service_kit.fastapi import install  # noqa: PLC0415
    from service_kit.fastapi_page import add_page  # noqa: PLC0415
    from webhooks.intake import Intake, intake  # noqa: PLC0415
    from webhooks.numbers import Numbers  # noqa: PLC0415
    from webhooks.receiving import Receiver  # noqa: PLC0415
    from webhooks.routes import api  # noqa: PLC0415

    database = make_database(settings)
    # A batch of deliveries is looked up while the one before is being kept.
    finding, keeping = (DirectConnection(str(settings.database_url)) for _ in range(2))
    sources, events, numbers = Sources(database), Events(database), Numbers()
    quarantine = Quarantine(database, sources, settings.quarantine_limit, new_id)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        refreshing = asyncio.create_task(numbers.refresh_for_ever(events))
        yield
        refreshing.cancel()
        finding.close()
        keeping.close()
        await database.close()

    # What is not used would look for its environment at each request.
    telemetry: TelemetryConfig = {"tracing": False, "metrics": False, "logs": False}
    app = FastAPI(
        title="Webhooks", version="1", lifespan=lifespan, redirect_slashes=False, telemetry=telemetry
    )
    guard = EgressGuard(allow_private=settings.allow_private_destinations)
    app.state.sources, app.state.events, app.state.quarantine = sources, events, quarantine
    app.state.operator = Operator(settings.operator_token.get_secret_value())
    app.state.management = Management(sources, guard, now, new_id)
    app.state.receiver = receiver = Receiver(
        SourceFinder(finding),
        Inbox(keeping),
        quarantine,
        numbers,
        settings.tolerance_seconds,
        now,
        new_id,
    )
    app.include_router(intake)
    app.include_router(api)
    add_page(app, "webhooks")
    rules = error_table()
    app.add_middleware(Intake, receiver=receiver, limit_bytes=settings.body_limit_bytes, errors=rules)
    install(
        app,
        settings,
        readiness={"postgresql": database.ping},
        errors=rules,
        service_metrics=numbers.metrics,
    )
    return app


@asynccontextmanager
async def create_worker(settings: WorkerSettings) -> AsyncIterator[Worker]:
    """Put a worker together, and close what it used when it is done."""
    database = make_database(settings, pool_size=4)
    policy = RetryPolicy(
        settings.max_attempts,
        settings.backoff_base_seconds,
        settings.backoff_cap_seconds,
        settings.retry_after_cap_seconds,
        random.uniform,
    )
    guard = EgressGuard(allow_private=settings.allow_private_destinations)
    yield Worker(
        Leases(database, worker_name(), settings.lease_seconds, settings.max_attempts),
        Events(database),
        Forwarder(Poster(guard, settings.forward_timeout_seconds)),
        policy,
        settings,
    )
    await database.close()


def make_database(settings: Settings, pool_size: int = 10) -> Database:
    return Database(
        str(settings.database_url),
        "webhooks",
        errors.StoreUnavailableError,
        pool_size=pool_size,
        # A claim goes by its index, however small or large the table is.
        session_settings={"plan_cache_mode": "force_custom_plan", "random_page_cost": "1.1"},
        tables=TABLES,
        constraints=(NAME_CONSTRAINT,),
    )


def now() -> datetime:
    return datetime.now(UTC)


def new_id() -> UUID:
    """Make an id that sorts by time: the primary key grows at its end, and a list has an order."""
    return UUID(uuid7(time.time_ns() // 1_000_000, os.urandom(10)))


def error_table() -> list[ErrorRule]:
    """Say which error becomes which problem."""
    return [
        on(errors.MalformedHeadersError, 400, "malformed_headers"),
        on(errors.BadSignatureError, 401, "bad_signature"),
        on(UnauthenticatedError, 401, "unauthenticated", headers=challenge("webhooks")),
        on(errors.SourceNotFoundError, 404, "source_not_found"),
        on(errors.SecretNotFoundError, 404, "secret_not_found"),
        on(errors.EventNotFoundError, 404, "event_not_found"),
        on(errors.SourceExistsError, 409, "source_exists"),
        on(errors.EventInProgressError, 409, "event_in_progress"),
        on(errors.PayloadGoneError, 409, "payload_gone"),
        on(errors.SourceRetiredError, 410, "source_retired"),
        on(errors.IdempotencyKeyReusedError, 422, "idempotency_key_reused"),
        on(
            errors.UnknownCursorError,
            422,
            "invalid_input",
            errors=lambda error: [FieldError("invalid_cursor", str(error), parameter="cursor")],
        ),
        on(
            errors.InvalidFieldError,
            422,
            "invalid_input",
            errors=lambda error: [FieldError(error.code, error.reason, pointer=pointer([error.field]))],
        ),
        on(
            errors.LimitedError,
            429,
            "limited",
            headers=lambda error: {"Retry-After": str(error.retry_after_seconds)},
        ),
        on(
            errors.StoreUnavailableError,
            503,
            "store_unavailable",
            detail=lambda _: "The store does not answer. Send it again, with the same id.",
            headers=lambda _: {"Retry-After": "1"},
        ),
    ]
