"""Lesson 02's sessions on the library: register by mail, sign in and out, change the password, list and end.

Lockout, change of e-mail and administration are not here: they are the lesson's, not the library's. A real
service has layers, and an outbox for its mails.
"""
# ruff: noqa: INP001 - a folder with a Procfile, as a learner's

import asyncio
import os
import secrets
import smtplib
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from email.message import EmailMessage
from typing import Annotated, Final
from urllib.parse import urlsplit
from uuid import uuid4

from litestar import Litestar, Router, delete, get, post, put
from litestar.datastructures import State
from litestar.openapi import OpenAPIConfig
from litestar.params import FromPath, JSONBody
from pydantic import Field
from redis.asyncio import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry
from sqlalchemy import Column, MetaData, Table, Text, create_engine, select
from sqlalchemy.dialects.postgresql import insert

import auth
from auth.litestar import AuthPlugin, AuthRequest, signed_in, status_of
from service_kit.asgi import Plumbing
from service_kit.database import Database, driver_url
from service_kit.litestar import install
from service_kit.problems import ErrorRule, FieldError, on
from service_kit.schemas import Body
from service_kit.server import serve
from service_kit.settings import ServiceSettings, load
from service_kit.urls import PostgresUrl, RedisUrl

REALM: Final = "example"
TOKEN_SECONDS: Final = 3_600
metadata: Final = MetaData()
USERS: Final = Table(
    "users",
    metadata,
    Column("id", Text, primary_key=True),
    Column("email", Text, nullable=False, unique=True),
    Column("password_hash", Text, nullable=False),
)


class Settings(ServiceSettings):
    """What the lesson's contract sets, as far as it is used here."""

    database_url: PostgresUrl
    redis_url: RedisUrl
    smtp_url: str
    public_origin: str
    session_idle_seconds: float = 1_800
    session_absolute_seconds: float = 43_200
    session_touch_seconds: float = 60
    max_sessions: int = 10
    fresh_seconds: float = 300
    password_min: int = 15
    password_max: int = 256
    argon2_memory_kib: int = 19_456
    argon2_passes: int = 2
    hash_concurrency: int = 2
    hash_queue: int = 20


class Registration(Body):
    """An address that wants an account."""

    email: Annotated[str, Field(max_length=254, pattern=r"^[^@\s]+@[^@\s]+$")]


class NewAccount(Body):
    """The token of the mail, and a password."""

    token: str
    password: str


class Credentials(Body):
    """Who signs in."""

    email: str
    password: str


class PasswordChange(Body):
    """A new password, and the current one unless the login is fresh."""

    new_password: str
    current_password: str | None = None


class WrongCredentialsError(Exception):
    """No such account, or not its password."""


class UnknownTokenError(Exception):
    """No mail has this token."""


class NoSuchSessionError(Exception):
    """There is none, or it is somebody else's."""


class Accounts:
    """Users in PostgreSQL, and what of the library they need."""

    def __init__(self, settings: Settings, database: Database, redis: Redis, sessions: auth.Sessions) -> None:
        self._settings, self._database, self._redis, self.sessions = settings, database, redis, sessions
        self._policy = auth.PasswordPolicy(settings.password_min, settings.password_max)
        self._hasher = auth.PasswordHasher(
            auth.Parameters(settings.argon2_memory_kib, settings.argon2_passes),
            concurrency=settings.hash_concurrency,
            queue=settings.hash_queue,
        )
        self._mails: set[asyncio.Task[None]] = set()

    async def find(self, **columns: str) -> Mapping[str, str] | None:
        statement = select(USERS).where(*(USERS.c[name] == value for name, value in columns.items()))
        async with self._database.autocommit() as connection:
            row = (await connection.execute(statement)).mappings().one_or_none()
        return None if row is None else {str(name): str(value) for name, value in row.items()}

    def invite(self, email: str) -> None:
        """Send a token to an address; the answer does not wait for it, and is the same for every address."""
        mail = asyncio.create_task(self._mail(email))
        self._mails.add(mail)
        mail.add_done_callback(self._mails.discard)

    async def create(self, token: str, password: str) -> Mapping[str, str]:
        address = await self._redis.get(f"invitation:{token}")
        if not isinstance(address, str):
            raise UnknownTokenError("The token is not valid, or not any more.")
        self._policy.check(password, [address.partition("@")[0]])
        user = {"id": str(uuid4()), "email": address, "password_hash": await self._hasher.hash(password)}
        async with self._database.transaction() as connection:
            added = await connection.execute(insert(USERS).values(user).on_conflict_do_nothing())
            await connection.commit()
        await self._redis.delete(f"invitation:{token}")
        if not added.rowcount:
            raise UnknownTokenError("The token is not valid, or not any more.")
        return user

    async def verify(self, user: Mapping[str, str] | None, password: str) -> None:
        """Raises: WrongCredentialsError, for an unknown account as for a wrong password."""
        self._policy.check_length(password)
        verification = await self._hasher.verify(user["password_hash"] if user else None, password)
        if user is None or not verification.ok:
            raise WrongCredentialsError("The e-mail or the password is wrong.")
        if verification.needs_rehash:
            await self.set_password(user, password)

    async def change_password(self, user: Mapping[str, str], new: str) -> None:
        self._policy.check(new, [user["email"].partition("@")[0]])
        await self.set_password(user, new)

    async def set_password(self, user: Mapping[str, str], password: str) -> None:
        hashed = await self._hasher.hash(password)
        async with self._database.transaction() as connection:
            await connection.execute(
                USERS.update().where(USERS.c.id == user["id"]).values(password_hash=hashed)
            )
            await connection.commit()

    async def _mail(self, email: str) -> None:
        text = "This address has an account already."
        if await self.find(email=email) is None:
            token = secrets.token_urlsafe(32)
            await self._redis.set(f"invitation:{token}", email, ex=TOKEN_SECONDS)
            text = f"Choose a password: {self._settings.public_origin}/#token={token}"
        await asyncio.to_thread(self._send, email, text)

    def _send(self, email: str, text: str) -> None:
        message = EmailMessage()
        message["From"], message["To"], message["Subject"] = "accounts@localhost", email, "Your account"
        message.set_content(text)
        server = urlsplit(self._settings.smtp_url)
        with smtplib.SMTP(server.hostname or "", server.port or 25, timeout=3) as connection:
            connection.send_message(message)


def accounts_of(request: AuthRequest) -> Accounts:
    accounts = request.app.state["accounts"]
    assert isinstance(accounts, Accounts)
    return accounts


@post("/registrations", status_code=202)
async def register(request: AuthRequest, data: JSONBody[Registration]) -> dict[str, str]:
    accounts_of(request).invite(data.email.lower())
    return {"status": "accepted"}


@post("/accounts")
async def create_account(request: AuthRequest, data: JSONBody[NewAccount]) -> dict[str, str]:
    user = await accounts_of(request).create(data.token, data.password)
    return {"id": user["id"], "email": user["email"]}


@post("/session", status_code=200)
async def sign_in(request: AuthRequest, data: JSONBody[Credentials]) -> dict[str, str | bool]:
    accounts = accounts_of(request)
    begun_at = await accounts.sessions.moment()
    user = await accounts.find(email=data.email.lower())
    await accounts.verify(user, data.password)
    assert user is not None
    await request.auth.sign_in(user["id"], data=client_of(request), begun_at=begun_at)
    return await who(request)


@delete("/session", guards=[signed_in])
async def sign_out(request: AuthRequest) -> None:
    await request.auth.sign_out()


@get("/me", guards=[signed_in])
async def me(request: AuthRequest) -> dict[str, str | bool]:
    return await who(request)


@put("/me/password", guards=[signed_in], status_code=204)
async def change_password(request: AuthRequest, data: JSONBody[PasswordChange]) -> None:
    accounts = accounts_of(request)
    user = await accounts.find(id=request.user.subject)
    if data.current_password is not None:
        await accounts.verify(user, data.current_password)
    else:
        await request.auth.fresh(request.app.state["fresh_seconds"])
    assert user is not None
    await accounts.change_password(user, data.new_password)
    await request.auth.rotate(authenticated=data.current_password is not None)
    identity = await request.auth.signed_in()
    await accounts.sessions.end_all(identity.subject, but=identity.session)


@get("/sessions", guards=[signed_in])
async def list_sessions(request: AuthRequest) -> dict[str, list[dict[str, str | bool]]]:
    listed = await accounts_of(request).sessions.list(request.user.subject)
    return {
        "items": [
            {
                "id": one.id,
                "created_at": one.created_at.isoformat(),
                "last_seen_at": one.last_seen_at.isoformat(),
                "current": one.id == request.user.credential,
                **one.data,
            }
            for one in listed
        ]
    }


@delete("/sessions/{session_id:str}", guards=[signed_in])
async def revoke(request: AuthRequest, session_id: FromPath[str]) -> None:
    if session_id == request.user.credential:
        await request.auth.sign_out()
    elif await accounts_of(request).sessions.end_by_id(request.user.subject, session_id) is None:
        raise NoSuchSessionError("There is no such session.")


@post("/sessions/revoke-others", guards=[signed_in], status_code=204)
async def revoke_others(request: AuthRequest) -> None:
    await request.auth.fresh(request.app.state["fresh_seconds"])
    await request.auth.rotate()
    identity = await request.auth.signed_in()
    await accounts_of(request).sessions.end_all(identity.subject, but=identity.session)


async def who(request: AuthRequest) -> dict[str, str | bool]:
    identity = await request.auth.signed_in()
    user = await accounts_of(request).find(id=identity.subject) or {}
    token = await request.auth.csrf_token()
    return {"id": identity.subject, "email": user["email"], "is_admin": False, "csrf_token": token}


def client_of(request: AuthRequest) -> dict[str, str]:
    agent = request.headers.get("user-agent", "")[:256]
    return {"user_agent": agent, "address": request.client.host if request.client else ""}


def create_app(settings: Settings) -> Plumbing:
    database = Database(str(settings.database_url), "example", auth.StoreUnavailableError, tables=("users",))
    redis = Redis.from_url(str(settings.redis_url), retry=Retry(NoBackoff(), 0), decode_responses=True)
    policy = auth.SessionPolicy(
        settings.session_idle_seconds,
        settings.session_absolute_seconds,
        settings.session_touch_seconds,
        settings.max_sessions,
    )
    sessions = auth.Sessions(auth.RedisSessionStore(redis), policy)
    accounts = Accounts(settings, database, redis, sessions)

    async def roles_of(subject: str) -> list[str] | None:
        return None if await accounts.find(id=subject) is None else []

    async def ping_redis() -> None:
        await sessions.moment()

    @asynccontextmanager
    async def lifespan(_: Litestar) -> AsyncIterator[None]:
        yield
        await redis.aclose()
        await database.close()

    csrf = auth.CsrfGuard(settings.public_origin)
    config = auth.AuthConfig(auth.Roles([]), roles_of, sessions, csrf, realm=REALM)
    routes = [register, create_account, sign_in, sign_out, me, change_password, list_sessions, revoke]
    app = Litestar(
        [Router("/api/v1", route_handlers=[*routes, revoke_others])],
        plugins=[AuthPlugin(config)],
        lifespan=[lifespan],
        state=State({"accounts": accounts, "fresh_seconds": settings.fresh_seconds}),
        openapi_config=OpenAPIConfig(title="Example", version="1"),
    )
    readiness = {"postgresql": database.ping, "redis": ping_redis}
    return install(app, settings, readiness=readiness, errors=error_table())


def error_table() -> list[ErrorRule]:
    own = [
        on(WrongCredentialsError, 401, "wrong_credentials"),
        on(NoSuchSessionError, 404, "not_found"),
        on(UnknownTokenError, 422, "invalid_token", errors=lambda error: pointing("/token", error)),
        on(
            auth.PasswordRefusedError,
            422,
            "unacceptable_password",
            errors=lambda error: pointing("/password", error),
        ),
    ]
    kinds = [auth.NotSignedInError, auth.LoginVoidedError, auth.ReauthenticationRequiredError]
    kinds += [auth.CrossSiteError, auth.HasherBusyError, auth.StoreUnavailableError]
    return own + [library_rule(kind) for kind in kinds]


def library_rule(kind: type[auth.AuthError]) -> ErrorRule:
    """Give an error of the library its status, and a 503 the hint to come again."""
    status = status_of(kind)
    return on(kind, status, kind.code, headers=lambda _: {"Retry-After": "1"} if status == 503 else {})  # noqa: PLR2004


def pointing(pointer: str, error: Exception) -> list[FieldError]:
    return [FieldError("invalid", str(error), pointer=f"#{pointer}")]


if __name__ == "__main__":
    if sys.argv[1:] == ["release"]:
        metadata.create_all(create_engine(driver_url(os.environ["DATABASE_URL"])))
    else:
        serve("app:create_app", load(Settings), "asgi")
