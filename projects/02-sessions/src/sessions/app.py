"""All the wiring, and which error becomes which status."""

import asyncio
import math
import os
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Final
from uuid import UUID

from litestar import Litestar
from litestar.datastructures import State
from litestar.di import Provide
from litestar.openapi import OpenAPIConfig

from service_kit.asgi import Plumbing
from service_kit.database import Database
from service_kit.litestar import install
from service_kit.litestar_page import page_of
from service_kit.problems import ErrorRule, FieldError, on
from service_kit.request_id import uuid7
from service_kit.smtp import SmtpServer
from sessions import cookies, errors
from sessions.client_address import client_address
from sessions.guards import Gate
from sessions.hashing_pool import HashingPool
from sessions.lockout import Lockout, LockoutRules
from sessions.outbox import Outbox
from sessions.passwords import PasswordHasher, PasswordPolicy, common_passwords
from sessions.redis_scripts import RedisScripts
from sessions.repository import EMAIL_CONSTRAINT, unit_of_work
from sessions.routes import API, PREFIX
from sessions.service import AccountService, Tools
from sessions.sessions import SessionStore, SessionTimes
from sessions.settings import Settings

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

AUTHENTICATE: Final = 'Session realm="sessions"'
DEPENDS_ON_SESSION: Final = (b"vary", b"Cookie")


def create_app(settings: Settings) -> "ASGIApp":
    """Put the service together; nothing is connected to yet."""
    database = Database(
        str(settings.database_url),
        "sessions",
        errors.StoreUnavailableError,
        tables=("users", "tokens", "mails"),
        constraints=(EMAIL_CONSTRAINT,),
    )
    scripts = RedisScripts(str(settings.redis_url))
    times = SessionTimes(
        settings.session_idle_seconds, settings.session_absolute_seconds, settings.session_touch_seconds
    )
    sessions = SessionStore(scripts, times, settings.max_sessions)
    begin = partial(unit_of_work, database)
    mail_server = SmtpServer(settings.smtp_url, settings.mail_from)
    outbox = Outbox(begin, mail_server, settings.public_origin, settings.token_seconds)
    pool = HashingPool(settings.hash_concurrency, settings.hash_queue)
    rules = LockoutRules(
        settings.login_failures,
        settings.lock_seconds,
        settings.longest_lock_seconds,
        settings.address_failures,
        settings.address_seconds,
    )
    service = AccountService(
        Tools(
            begin=begin,
            sessions=sessions,
            lockout=Lockout(scripts, rules),
            policy=PasswordPolicy(settings.password_min, settings.password_max, common_passwords()),
            hasher=PasswordHasher(settings.argon2_memory_kib, settings.argon2_passes),
            pool=pool,
            outbox=outbox,
            new_id=new_id,
            fresh=timedelta(seconds=settings.fresh_seconds),
        )
    )

    @asynccontextmanager
    async def lifespan(_: Litestar) -> AsyncIterator[None]:
        sender = asyncio.create_task(outbox.run())
        yield
        sender.cancel()
        with suppress(asyncio.CancelledError):
            await sender
        pool.close()
        await scripts.close()
        await database.close()

    gate = Gate(sessions, settings.public_origin, settings.trusted_hops, settings.administrators)
    app = Litestar(
        [API, *page_of("sessions")],
        dependencies={"service": Provide(lambda: service, sync_to_thread=False)},
        lifespan=[lifespan],
        state=State({"gate": gate}),
        openapi_config=OpenAPIConfig(title="Sessions", version="1"),
    )
    installed = install(
        app,
        settings,
        readiness={"postgresql": database.ping, "redis": scripts.ping},
        errors=error_table(),
        client_of=lambda peer, forwarded_for: client_address(
            peer, [forwarded_for or ""], settings.trusted_hops
        ),
    )
    return vary_by_cookie(installed)


def vary_by_cookie(app: Plumbing) -> "ASGIApp":
    """Tell caches that an answer of the API is for this cookie alone, whatever its status.

    Around the plumbing, which refuses a body before Litestar makes an answer of it.
    """

    async def varied(scope: "Scope", receive: "Receive", send: "Send") -> None:
        async def send_varied(message: "Message") -> None:
            if message["type"] == "http.response.start" and scope["path"].startswith(f"{PREFIX}/"):
                message["headers"] = [*message["headers"], DEPENDS_ON_SESSION]
            await send(message)

        await app(scope, receive, send_varied)

    return varied


def new_id() -> UUID:
    """Make an id that sorts by time."""
    return UUID(uuid7(time.time_ns() // 1_000_000, os.urandom(10)))


def not_signed_in(error: errors.NotSignedInError) -> Mapping[str, str]:
    """Have the browser forget a cookie that opens nothing any more."""
    clear = {"Set-Cookie": cookies.CLEARED} if error.had_cookie else {}
    return {"WWW-Authenticate": AUTHENTICATE, **clear}


def locked(error: errors.LockedError) -> Mapping[str, str]:
    return {"Retry-After": str(max(1, math.ceil(error.wait_seconds)))}


def error_table() -> list[ErrorRule]:
    """Say which error becomes which problem."""
    invalid_token, invalid_email = "#/token", "#/email"
    return [
        on(errors.NotSignedInError, 401, "not_signed_in", headers=not_signed_in),
        on(
            errors.WrongCredentialsError,
            401,
            "wrong_credentials",
            headers=lambda _: {"WWW-Authenticate": AUTHENTICATE},
        ),
        on(errors.WrongPasswordError, 403, "wrong_password"),
        on(errors.ReauthenticationRequiredError, 403, "reauthentication_required"),
        on(errors.ForeignRequestError, 403, "foreign_request"),
        on(errors.ForbiddenError, 403, "forbidden"),
        on(errors.NotFoundError, 404, "not_found", detail=lambda _: "There is no such thing."),
        on(
            errors.InvalidEmailError,
            422,
            "invalid_input",
            errors=lambda error: [FieldError("invalid_email", str(error), pointer=invalid_email)],
        ),
        on(
            errors.InvalidTokenError,
            422,
            "invalid_token",
            errors=lambda error: [FieldError("invalid_token", str(error), pointer=invalid_token)],
        ),
        on(
            errors.UnacceptablePasswordError,
            422,
            "unacceptable_password",
            errors=lambda error: [FieldError(error.code, str(error), pointer=f"#/{error.field}")],
        ),
        on(errors.LockedError, 429, "too_many_attempts", headers=locked),
        on(
            errors.TooManyLoginsError,
            503,
            "too_many_logins",
            detail=lambda _: "Too many are signing in. Send the request again.",
            headers=lambda _: {"Retry-After": "1"},
        ),
        on(
            errors.StoreUnavailableError,
            503,
            "store_unavailable",
            detail=lambda _: "A store does not answer. Send the request again.",
            headers=lambda _: {"Retry-After": "1"},
        ),
    ]
