"""All the wiring, and which error becomes which status."""

import os
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial
from types import MappingProxyType
from typing import Final
from uuid import UUID

from litestar import Litestar, Request, Response
from litestar.datastructures import State
from litestar.di import Provide
from litestar.types import ASGIApp

from mini_rest import documentation, errors, operations, routes
from mini_rest.account_repository import EMAIL_CONSTRAINT, MEMBERSHIP_CONSTRAINTS, AccountRepository
from mini_rest.accounts import AccountService
from mini_rest.cursors import Cursors
from mini_rest.guards import GUARDS
from mini_rest.json_bodies import StrictRequest
from mini_rest.middleware import LoggingMiddleware
from mini_rest.problems import (
    CONTENT_TYPE,
    ErrorTable,
    Problem,
    invalid_input,
    invalid_query,
    problem_of,
)
from mini_rest.repository import unit_of_work
from mini_rest.routing import Router
from mini_rest.service import TaskRules, TaskService
from mini_rest.settings import Settings
from service_kit import logs, request_id
from service_kit.database import Database
from service_kit.metrics import Metrics
from service_kit.openapi import completed

DOCUMENTATION: Final = {"Link": '</docs>; rel="describedby"'}
COME_AGAIN: Final = {"Retry-After": "1"}


def create_app(settings: Settings) -> ASGIApp:
    """Put the API together; nothing is connected to yet.

    From the outside in: the logging middleware, the router, Litestar with its guards, a controller.
    """
    app = make_litestar(settings)
    router = Router(app, settings.body_limit_bytes)
    return LoggingMiddleware(router, ERRORS, app.state.metrics, logs.access_filter(settings.log_level))


def make_litestar(settings: Settings) -> Litestar:
    """Make what is inside of the router."""
    database = Database(
        str(settings.database_url),
        "mini-rest",
        errors.DatabaseUnavailableError,
        tables=("users", "organisations", "memberships", "tasks", "idempotency_keys"),
        constraints=(EMAIL_CONSTRAINT, *MEMBERSHIP_CONSTRAINTS),
    )
    tasks = TaskService(
        partial(unit_of_work, database),
        partial(unit_of_work, database, autocommit=True),
        TaskRules(settings.title_limit, timedelta(seconds=settings.idempotency_ttl_seconds)),
        new_id,
    )
    accounts = AccountService(AccountRepository(database), settings.operator_token.get_secret_value(), new_id)
    cursors = Cursors(settings.cursor_secret.get_secret_value())

    @asynccontextmanager
    async def lifespan(_: Litestar) -> AsyncIterator[None]:
        yield
        await database.close()

    app = Litestar(
        [*operations.HANDLERS, *routes.HANDLERS],
        guards=GUARDS,
        dependencies={
            "tasks": Provide(lambda: tasks, sync_to_thread=False),
            "accounts": Provide(lambda: accounts, sync_to_thread=False),
            "cursors": Provide(lambda: cursors, sync_to_thread=False),
        },
        exception_handlers={Exception: answer},
        request_class=StrictRequest,
        request_max_body_size=settings.body_limit_bytes,
        lifespan=[lifespan],
        openapi_config=documentation.CONFIG,
        state=State(
            {
                "tasks": tasks,
                "accounts": accounts,
                "metrics": Metrics(),
                "readiness": {"postgresql": database.ping},
                "readiness_timeout_seconds": settings.readiness_timeout_seconds,
            }
        ),
    )
    app.state.document = completed(app.openapi_schema.to_schema())
    return app


def answer(request: Request[object, object, State], error: Exception) -> Response[bytes]:
    """Answer an error with the problem that it is."""
    problem = problem_of(error, ERRORS)
    body = problem.body(request.scope["path"], request_id.current())
    return Response(body, status_code=problem.status, media_type=CONTENT_TYPE, headers=dict(problem.headers))


def new_id() -> UUID:
    """Make an id that sorts by time: the primary key grows at its end."""
    return UUID(request_id.uuid7(time.time_ns() // 1_000_000, os.urandom(10)))


def unauthenticated(error: Exception) -> Problem:
    """Say which token is wanted. Source: RFC 6750, section 3.1: an error only where a token was sent."""
    was_sent = isinstance(error, errors.UnauthenticatedError) and error.was_sent
    challenge = 'Bearer realm="mini-rest"' + (', error="invalid_token"' if was_sent else "")
    return Problem(401, "unauthenticated", str(error), headers={"WWW-Authenticate": challenge})


def plain(
    status: int, code: str, headers: Mapping[str, str] = MappingProxyType({})
) -> Callable[[Exception], Problem]:
    """Make a row of the table for an error whose message is fit for a client."""
    return lambda error: Problem(status, code, str(error), headers=headers)


def flaws_of(error: Exception) -> Sequence[errors.InvalidFieldError]:
    return error.flaws if isinstance(error, errors.FlawedError) else ()


ERRORS: Final[ErrorTable] = {
    errors.InvalidQueryError: lambda error: invalid_query(flaws_of(error)),
    errors.InvalidKeyError: plain(400, "invalid_idempotency_key", DOCUMENTATION),
    errors.UnauthenticatedError: unauthenticated,
    errors.ForbiddenError: plain(403, "forbidden"),
    errors.NotFoundError: plain(404, "not_found"),
    errors.EmailTakenError: plain(409, "email_taken"),
    errors.NotDeletedError: plain(409, "not_deleted"),
    errors.KeyInUseError: plain(409, "idempotency_key_in_use", DOCUMENTATION | COME_AGAIN),
    errors.StaleVersionError: plain(412, "precondition_failed"),
    errors.InvalidInputError: lambda error: invalid_input(flaws_of(error)),
    errors.KeyReusedError: plain(422, "idempotency_key_reused", DOCUMENTATION),
    errors.PreconditionRequiredError: plain(428, "precondition_required"),
    errors.DatabaseUnavailableError: lambda _: Problem(
        503,
        "database_unavailable",
        "The database does not answer. Send the request again.",
        headers=COME_AGAIN,
    ),
}
"""Which error becomes which problem."""
