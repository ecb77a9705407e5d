"""Lesson 02's service on the library: registration by mail, sessions, guards, administrators.

Its lockout is the lesson's own. A real service has layers, and an outbox for its mails.
"""
# ruff: noqa: INP001 - a folder with a Procfile, as a learner's

import asyncio
import json
import os
import secrets
import sys
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Final
from uuid import uuid4

import structlog
from litestar import Litestar, Router, delete, get, patch, post, put
from litestar.datastructures import State
from litestar.openapi import OpenAPIConfig
from litestar.params import FromPath, FromQuery, JSONBody
from pydantic import Field, StrictBool
from redis.asyncio import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry
from sqlalchemy import Boolean, Column, MetaData, Table, Text, create_engine, select
from sqlalchemy.dialects.postgresql import insert

import auth
from auth.litestar import AuthPlugin, AuthRequest, requires, signed_in, status_of
from service_kit.asgi import Plumbing
from service_kit.database import Database, driver_url
from service_kit.litestar import install
from service_kit.problems import ErrorRule, FieldError, on
from service_kit.schemas import Body
from service_kit.server import serve
from service_kit.settings import ServiceSettings, load
from service_kit.smtp import SmtpServer
from service_kit.urls import PostgresUrl, RedisUrl

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

ROLES: Final = auth.Roles([auth.Role("administrator", 1, frozenset({"users:read", "users:write"}))])
LOGGED_DIGITS: Final = 12
UNAVAILABLE: Final = 503
TOKEN_SECONDS: Final = 3_600
metadata: Final = MetaData()
USERS: Final = Table(
    "users",
    metadata,
    Column("id", Text, primary_key=True),
    Column("email", Text, nullable=False, unique=True),
    Column("password_hash", Text, nullable=False),
    Column("disabled", Boolean, nullable=False, default=False),
)
log = structlog.get_logger()

type Answer = dict[str, str | bool]


@dataclass(frozen=True, slots=True)
class User:
    """An account."""

    id: str
    email: str
    password_hash: str
    disabled: bool


class WrongCredentialsError(Exception):
    """No such account, a disabled one, or not its password."""


class UnknownTokenError(Exception):
    """No mail has this token."""


class Mailer:
    """Sends tokens to addresses. No answer waits for it: it is the same for every address."""

    def __init__(self, smtp_url: str, origin: str, redis: Redis) -> None:
        self._server, self._origin, self._redis = SmtpServer(smtp_url, "accounts@localhost"), origin, redis
        self._tasks: set[asyncio.Task[None]] = set()

    def send(self, accounts: "Accounts", email: str, user_id: str | None = None) -> None:
        task = asyncio.create_task(self._send(accounts, email, user_id))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def redeem(self, token: str, user_id: str | None = None) -> str:
        """Return the address that the token was sent to. Raises: UnknownTokenError."""
        promised = await self._redis.get(f"mail:{token}")
        if promised is None or (promise := json.loads(promised))["user"] != user_id:
            raise UnknownTokenError("The token is not valid, or not any more.")
        return str(promise["email"])

    async def forget(self, email: str) -> None:
        """Let no token to an address be good any more."""
        tokens = await self._redis.smembers(f"mails:{email}")  # texts: the client decodes
        await self._redis.delete(f"mails:{email}", *(f"mail:{token!s}" for token in tokens))

    async def _send(self, accounts: "Accounts", email: str, user_id: str | None) -> None:
        text = "This address has an account already."
        if await accounts.find(email=email) is None:
            token = secrets.token_urlsafe(32)
            promise = json.dumps({"email": email, "user": user_id})
            await self._redis.set(f"mail:{token}", promise, ex=TOKEN_SECONDS)
            await self._redis.sadd(f"mails:{email}", token)
            await self._redis.expire(f"mails:{email}", TOKEN_SECONDS)
            text = f"Go on at {self._origin}/#{'email-token' if user_id else 'token'}={token}"
        await asyncio.to_thread(self._server.send, email, "Your account", text)


class Accounts:
    """Users in PostgreSQL."""

    def __init__(
        self, database: Database, mailer: Mailer, policy: auth.PasswordPolicy, hasher: auth.PasswordHasher
    ) -> None:
        self._database, self._policy, self._hasher = database, policy, hasher
        self.mailer = mailer

    async def find(self, **columns: str) -> User | None:
        statement = select(USERS).where(*(USERS.c[name] == value for name, value in columns.items()))
        async with self._database.autocommit() as connection:
            row = (await connection.execute(statement)).mappings().one_or_none()
        return None if row is None else User(**{str(name): value for name, value in row.items()})

    async def create(self, token: str, password: str) -> User:
        self._policy.check_length(password)
        email = await self.mailer.redeem(token)
        self._policy.check(password, words(email))
        user = User(str(uuid4()), email, await self._hasher.hash(password), disabled=False)
        row = {"id": user.id, "email": email, "password_hash": user.password_hash}
        async with self._database.transaction() as connection:
            added = await connection.execute(insert(USERS).values(row).on_conflict_do_nothing())
            await connection.commit()
        await self.mailer.forget(email)
        if not added.rowcount:
            raise UnknownTokenError("The token is not valid, or not any more.")
        return user

    async def verify(self, user: User | None, password: str) -> User:
        """Return the user. Raises: WrongCredentialsError, after the same time whatever is wrong."""
        self._policy.check_length(password)
        verification = await self._hasher.verify(user.password_hash if user else None, password)
        if user is None or user.disabled or not verification.ok:
            raise WrongCredentialsError("The e-mail or the password is wrong.")
        if verification.needs_rehash:
            await self.change(user.id, password_hash=await self._hasher.hash(password))
        return user

    def check_new(self, user: User, password: str) -> None:
        self._policy.check(password, words(user.email))

    async def set_password(self, user: User, password: str) -> None:
        await self.change(user.id, password_hash=await self._hasher.hash(password))

    async def change(self, user_id: str, **columns: str | bool) -> None:
        values: Mapping[str, str | bool] = columns
        async with self._database.transaction() as connection:
            await connection.execute(USERS.update().where(USERS.c.id == user_id).values(values))
            await connection.commit()


def words(email: str) -> Sequence[str]:
    return [email.partition("@")[0]]


class Settings(ServiceSettings):
    """What the lesson's contract sets, as far as it is used here."""

    database_url: PostgresUrl
    redis_url: RedisUrl
    smtp_url: str
    public_origin: str
    admin_emails: str = ""
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


class Address(Body):
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


class Proof(Body):
    """The current password, unless the login is fresh."""

    current_password: str | None = None


class PasswordChange(Proof):
    """A new password."""

    new_password: str


class EmailChange(Proof, Address):
    """A new address."""


class Token(Body):
    """The token of the mail to it."""

    token: str


class UserChange(Body):
    """Whether a user is kept out."""

    disabled: StrictBool


class RefusedMemberError(Exception):
    """A member of the body holds a password that the policy does not take."""

    def __init__(self, member: str, message: str) -> None:
        super().__init__(message)
        self.member = member


class WrongPasswordError(Exception):
    """The current password is wrong."""


class NotFoundError(Exception):
    """There is no such thing, or it is somebody else's."""


@dataclass(frozen=True, slots=True)
class Service:
    """What the routes need."""

    accounts: Accounts
    sessions: auth.Sessions
    fresh_seconds: float
    administrators: frozenset[str]

    async def roles_of(self, subject: str) -> Sequence[str] | None:
        user = await self.accounts.find(id=subject)
        if user is None or user.disabled:
            return None
        return ["administrator"] if user.email in self.administrators else []

    async def user(self, user_id: str) -> User:
        user = await self.accounts.find(id=user_id)
        if user is None:
            raise NotFoundError("There is no such user.")
        return user

    async def end_all(self, user_id: str, but: auth.Session | None = None) -> None:
        audit("session_ended", *await self.sessions.end_all(user_id, but=but))

    async def prove(self, request: AuthRequest, proof: Proof) -> bool:
        """Let pass who shows the password, or has done so just now; tell whether it was shown."""
        if proof.current_password is None:
            await request.auth.fresh(self.fresh_seconds)
            return False
        try:
            with member("current_password"):
                await self.accounts.verify(await self.user(request.user.subject), proof.current_password)
        except WrongCredentialsError as exc:
            log.info("audit", audit="login_failed", user_id=request.user.subject)
            raise WrongPasswordError("The current password is wrong.") from exc
        return True

    async def rotate(self, request: AuthRequest, *, shown: bool) -> None:
        """Give this session a new token, and end all others."""
        issued = await request.auth.rotate(authenticated=shown)
        audit("session_rotated", issued.session)
        await self.end_all(issued.session.subject, but=issued.session)


@contextmanager
def member(name: str) -> Iterator[None]:
    """Say in which member of the body a refused password is."""
    try:
        yield
    except auth.PasswordRefusedError as exc:
        raise RefusedMemberError(name, str(exc)) from exc


def service_of(request: AuthRequest) -> Service:
    service = request.app.state["service"]
    assert isinstance(service, Service)
    return service


def audit(what: str, *sessions: auth.Session) -> None:
    for session in sessions:
        log.info("audit", audit=what, user_id=session.subject, session=session.digest[:LOGGED_DIGITS])


@post("/registrations", status_code=202)
async def register(request: AuthRequest, data: JSONBody[Address]) -> Answer:
    accounts = service_of(request).accounts
    accounts.mailer.send(accounts, data.email.lower())
    return {"status": "accepted"}


@post("/accounts")
async def create_account(request: AuthRequest, data: JSONBody[NewAccount]) -> Answer:
    with member("password"):
        user = await service_of(request).accounts.create(data.token, data.password)
    return {"id": user.id, "email": user.email}


@post("/session", status_code=200)
async def sign_in(request: AuthRequest, data: JSONBody[Credentials]) -> Answer:
    service = service_of(request)
    begun_at = await service.sessions.moment()
    found = await service.accounts.find(email=data.email.lower())
    try:
        with member("password"):
            user = await service.accounts.verify(found, data.password)
    except WrongCredentialsError:
        log.info("audit", audit="login_failed", user_id=found.id if found else None)
        raise
    client = {"user_agent": request.headers.get("user-agent", "")}
    issued = await request.auth.sign_in(user.id, data=client, begun_at=begun_at)
    audit("session_created", issued.session)
    audit("session_ended", *issued.ended)
    return await me_of(request)


@delete("/session", guards=[signed_in])
async def sign_out(request: AuthRequest) -> None:
    audit("session_revoked", *await request.auth.sign_out())


@get("/me", guards=[signed_in])
async def me(request: AuthRequest) -> Answer:
    return await me_of(request)


@put("/me/password", guards=[signed_in], status_code=204)
async def change_password(request: AuthRequest, data: JSONBody[PasswordChange]) -> None:
    service, session = service_of(request), request.user.session
    user = await service.user(request.user.subject)
    with member("new_password"):
        service.accounts.check_new(user, data.new_password)
    shown = await service.prove(request, data)
    # Before the change: without Redis there is none. And behind it, for who signed in with the old password.
    await service.end_all(user.id, but=session)
    await service.accounts.set_password(user, data.new_password)
    await service.rotate(request, shown=shown)


@put("/me/email", guards=[signed_in], status_code=202)
async def change_email(request: AuthRequest, data: JSONBody[EmailChange]) -> Answer:
    service = service_of(request)
    await service.prove(request, data)
    service.accounts.mailer.send(service.accounts, data.email.lower(), request.user.subject)
    return {"status": "accepted"}


@post("/me/email/confirmation", guards=[signed_in], status_code=204)
async def confirm_email(request: AuthRequest, data: JSONBody[Token]) -> None:
    service = service_of(request)
    mailer = service.accounts.mailer
    email = await mailer.redeem(data.token, request.user.subject)
    await service.accounts.change(request.user.subject, email=email)
    await mailer.forget(email)
    await service.rotate(request, shown=False)


@get("/sessions", guards=[signed_in])
async def list_sessions(request: AuthRequest) -> dict[str, list[Answer]]:
    own = request.user.credential
    listed = await service_of(request).sessions.list(request.user.subject)
    return {"items": [session_answer(session, is_current=session.id == own) for session in listed]}


@delete("/sessions/{session_id:str}", guards=[signed_in])
async def revoke(request: AuthRequest, session_id: FromPath[str]) -> None:
    if session_id == request.user.credential:
        audit("session_revoked", *await request.auth.sign_out())
        return
    ended = await service_of(request).sessions.end_by_id(request.user.subject, session_id)
    if ended is None:
        raise NotFoundError("There is no such session.")
    audit("session_revoked", ended)


@post("/me/revoke-others", guards=[signed_in], status_code=204)
async def revoke_others(request: AuthRequest, data: JSONBody[Proof]) -> None:
    service = service_of(request)
    await service.rotate(request, shown=await service.prove(request, data))


@get("/users", guards=[requires("users:read")])
async def find_users(request: AuthRequest, email: FromQuery[str]) -> dict[str, list[Answer]]:
    user = await service_of(request).accounts.find(email=email.lower())
    return {"items": [user_answer(user)] if user else []}


@patch("/users/{user_id:str}", guards=[requires("users:write")])
async def change_user(request: AuthRequest, user_id: FromPath[str], data: JSONBody[UserChange]) -> Answer:
    service = service_of(request)
    await service.user(user_id)
    if data.disabled:
        await service.end_all(user_id)
    await service.accounts.change(user_id, disabled=data.disabled)
    if data.disabled:
        await service.end_all(user_id)
    return user_answer(await service.user(user_id))


@delete("/users/{user_id:str}/sessions", guards=[requires("users:write")])
async def end_sessions_of(request: AuthRequest, user_id: FromPath[str]) -> None:
    service = service_of(request)
    await service.user(user_id)
    await service.end_all(user_id)


async def me_of(request: AuthRequest) -> Answer:
    identity = await request.auth.signed_in()
    user = await service_of(request).user(identity.subject)
    token = await request.auth.csrf_token()
    return {"id": user.id, "email": user.email, "is_admin": identity.may("users:write"), "csrf_token": token}


def session_answer(session: auth.Session, *, is_current: bool) -> Answer:
    return {
        "id": session.id,
        "created_at": session.created_at.isoformat(),
        "last_seen_at": session.last_seen_at.isoformat(),
        "current": is_current,
        **session.data,
    }


def user_answer(user: User) -> Answer:
    return {"id": user.id, "email": user.email, "disabled": user.disabled}


def create_app(settings: Settings) -> "ASGIApp":
    database = Database(str(settings.database_url), "example", auth.StoreUnavailableError, tables=("users",))
    redis = Redis.from_url(str(settings.redis_url), retry=Retry(NoBackoff(), 0), decode_responses=True)
    store = auth.RedisSessionStore(str(settings.redis_url))
    service = service_on(settings, database, redis, store)

    @asynccontextmanager
    async def lifespan(_: Litestar) -> AsyncIterator[None]:
        yield
        await redis.aclose()
        await store.aclose()
        await database.close()

    async def ping_redis() -> None:
        await service.sessions.moment()

    csrf = auth.CsrfGuard(settings.public_origin)
    config = auth.AuthConfig(ROLES, service.roles_of, service.sessions, csrf, realm="example")
    routes = [register, create_account, sign_in, sign_out, me, change_password, change_email, confirm_email]
    routes += [list_sessions, revoke, revoke_others, find_users, change_user, end_sessions_of]
    app = Litestar(
        [Router("/api/v1", route_handlers=routes)],
        plugins=[AuthPlugin(config)],
        lifespan=[lifespan],
        state=State({"service": service}),
        openapi_config=OpenAPIConfig(title="Example", version="1"),
    )
    readiness = {"postgresql": database.ping, "redis": ping_redis}
    return varying(install(app, settings, readiness=readiness, errors=error_table()))


def varying(app: Plumbing) -> "ASGIApp":
    """Say of each answer of the API, of those before the library, too, that it is for this cookie alone."""

    async def varied(scope: "Scope", receive: "Receive", send: "Send") -> None:
        async def send_varied(message: "Message") -> None:
            if message["type"] == "http.response.start" and scope["path"].startswith("/api/v1/"):
                names = {name.lower() for name, _ in message["headers"]}
                missing = [] if b"vary" in names else [(b"vary", b"Cookie")]
                message["headers"] = [*message["headers"], *missing]
            await send(message)

        await app(scope, receive, send_varied)

    return varied


def service_on(
    settings: Settings, database: Database, redis: Redis, store: auth.RedisSessionStore
) -> Service:
    life = auth.SessionPolicy(
        settings.session_idle_seconds,
        settings.session_absolute_seconds,
        settings.session_touch_seconds,
        settings.max_sessions,
    )
    hasher = auth.PasswordHasher(
        auth.Parameters(settings.argon2_memory_kib, settings.argon2_passes),
        concurrency=settings.hash_concurrency,
        queue=settings.hash_queue,
    )
    accounts = Accounts(
        database,
        Mailer(settings.smtp_url, settings.public_origin, redis),
        auth.PasswordPolicy(settings.password_min, settings.password_max),
        hasher,
    )
    sessions = auth.Sessions(store, life)
    administrators = frozenset(settings.admin_emails.lower().split(","))
    return Service(accounts, sessions, settings.fresh_seconds, administrators)


def error_table() -> list[ErrorRule]:
    own = [
        on(WrongCredentialsError, 401, "wrong_credentials"),
        on(WrongPasswordError, 403, "wrong_password"),
        on(NotFoundError, 404, "not_found"),
        on(UnknownTokenError, 422, "invalid_token", errors=lambda error: pointing("#/token", error)),
        on(
            RefusedMemberError,
            422,
            "unacceptable_password",
            errors=lambda error: pointing(f"#/{error.member}", error),
        ),
    ]
    kinds = [auth.NotSignedInError, auth.LoginVoidedError, auth.ReauthenticationRequiredError]
    kinds += [auth.CrossSiteError, auth.ForbiddenError, auth.HasherBusyError, auth.StoreUnavailableError]
    return own + [library_rule(kind) for kind in kinds]


def library_rule(kind: type[auth.AuthError]) -> ErrorRule:
    """Give an error of the library its status, and a 503 the hint to come again."""
    status = status_of(kind)
    headers = {"Retry-After": "1"} if status == UNAVAILABLE else {}
    return on(kind, status, kind.code, headers=lambda _: headers)


def pointing(pointer: str, error: Exception) -> list[FieldError]:
    return [FieldError("invalid", str(error), pointer=pointer)]


if __name__ == "__main__":
    if sys.argv[1:] == ["release"]:
        metadata.create_all(create_engine(driver_url(os.environ["DATABASE_URL"])))
    else:
        serve("app:create_app", load(Settings), "asgi")
