"""All the wiring, of the API and of the worker, and which error becomes which status."""

import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

from fastapi import FastAPI

from core_backend import errors
from core_backend.accounts import Accounts
from core_backend.cache import ResourceCache
from core_backend.jobs import Jobs
from core_backend.limits import AuthLimit
from core_backend.passwords import Passwords
from core_backend.repository import ONE_ADDRESS, Repository
from core_backend.routes import api, auth
from core_backend.service import Administration, Resources
from core_backend.settings import Settings, WorkerSettings
from core_backend.tokens import AccessTokens
from core_backend.worker import CALL_SECONDS, Welcome, Worker
from rate_limit import AsyncLimiter, AsyncRedisStorage, Policy
from service_kit.database import Database
from service_kit.fastapi import install
from service_kit.problems import ErrorRule, on
from service_kit.request_id import uuid7

TABLES: Final = ("users", "resources", "refresh_tokens", "jobs")
CHALLENGE: Final = {"WWW-Authenticate": "Bearer"}


def create_app(settings: Settings) -> FastAPI:
    """Put the API together; nothing is connected to yet."""
    database = make_database(str(settings.database_url), pool_size=5)
    redis_url = str(settings.redis_url)
    cache = ResourceCache(redis_url, settings.cache_seconds)
    storage = AsyncRedisStorage(redis_url)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await cache.look()
        yield
        await storage.aclose()
        await cache.close()
        await database.close()

    app = FastAPI(title="Core backend", version="1", lifespan=lifespan, redirect_slashes=False)
    repository = Repository(database)
    access_tokens = AccessTokens(settings.jwt_secret.get_secret_value(), settings.access_seconds)
    app.state.accounts = Accounts(
        repository, Passwords(), access_tokens, settings.refresh_seconds, new_id, now
    )
    app.state.resources = Resources(repository, cache, new_id, now)
    app.state.administration = Administration(repository)
    policy = Policy(settings.auth_limit, settings.auth_window_seconds, "auth")
    app.state.auth_limit = AuthLimit(AsyncLimiter(storage, policy))
    app.include_router(auth)
    app.include_router(api)
    # Redis is not asked: without it this process can do all that it promises.
    install(app, settings, readiness={"postgresql": database.ping}, errors=error_table())
    return app


@asynccontextmanager
async def create_worker(settings: WorkerSettings) -> AsyncIterator[Worker]:
    """Put a worker together, and close what it used when it is done."""
    database = make_database(str(settings.database_url), pool_size=1)
    url = None if settings.welcome_url is None else str(settings.welcome_url)
    welcome = Welcome(url, min(CALL_SECONDS, settings.lease_seconds / 2))
    yield Worker(
        Jobs(database, settings.max_attempts, settings.retry_seconds, settings.lease_seconds), welcome
    )
    await welcome.close()
    await database.close()


def make_database(url: str, pool_size: int) -> Database:
    return Database(
        url,
        "core-backend",
        errors.DatabaseUnavailableError,
        pool_size=pool_size,
        tables=TABLES,
        constraints=(ONE_ADDRESS,),
    )


def new_id() -> UUID:
    """Make an id that sorts by time: the primary key grows at its end, and a list has an order."""
    return UUID(uuid7(time.time_ns() // 1_000_000, os.urandom(10)))


def now() -> datetime:
    return datetime.now(UTC)


def error_table() -> list[ErrorRule]:
    """Say which error becomes which problem."""
    return [
        on(errors.UnauthenticatedError, 401, "unauthenticated", headers=lambda _: CHALLENGE),
        on(errors.WrongCredentialsError, 401, "wrong_credentials", headers=lambda _: CHALLENGE),
        on(errors.ForbiddenError, 403, "forbidden"),
        on(errors.NotFoundError, 404, "not_found"),
        on(errors.EmailTakenError, 409, "email_taken"),
        on(errors.JobNotDeadError, 409, "job_not_dead"),
        on(
            errors.TooManyRequestsError,
            429,
            "too_many_requests",
            headers=lambda error: {"Retry-After": str(error.retry_after_seconds)},
        ),
        on(
            errors.DatabaseUnavailableError,
            503,
            "database_unavailable",
            detail=lambda _: "The database does not answer. Send the request again.",
            headers=lambda _: {"Retry-After": "1"},
        ),
    ]
