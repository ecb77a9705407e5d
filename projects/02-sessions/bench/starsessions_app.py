"""What the service is compared with: Starlette, starsessions on Redis, and argon2-cffi for the login.

Sessions roll: without it an idle session would never end. The middleware writes a session at each request.
"""
# mypy: disable-error-code="import-not-found,untyped-decorator,misc"
# Because the peers have an environment of their own.

import os

from argon2 import PasswordHasher
from argon2.exceptions import VerifyMismatchError
from redis.asyncio import Redis
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route
from starsessions import SessionMiddleware, load_session, regenerate_session_id
from starsessions.stores.redis import RedisStore

IDLE_SECONDS = 1800
USER = text("SELECT id, email, password_hash FROM users WHERE email = :email AND NOT is_disabled")

engine = create_async_engine(os.environ["DATABASE_URL"].replace("postgresql://", "postgresql+psycopg://"))
hasher = PasswordHasher(
    time_cost=int(os.environ["ARGON2_PASSES"]),
    memory_cost=int(os.environ["ARGON2_MEMORY_KIB"]),
    parallelism=1,
)
dummy = hasher.hash("")


async def sign_in(request: Request) -> JSONResponse:
    credentials = await request.json()
    async with engine.connect() as connection:
        user = (await connection.execute(USER, {"email": credentials["email"]})).one_or_none()
    try:
        known = user.password_hash if user else dummy
        await run_in_threadpool(hasher.verify, known, credentials["password"])
    except VerifyMismatchError:
        user = None
    if user is None:
        return JSONResponse({"detail": "The e-mail or the password is wrong."}, 401)
    await load_session(request)
    request.session.update({"id": str(user.id), "email": user.email})
    regenerate_session_id(request)
    return JSONResponse({"id": str(user.id), "email": user.email})


async def me(request: Request) -> JSONResponse:
    await load_session(request)
    if "id" not in request.session:
        return JSONResponse({"detail": "Nobody is signed in."}, 401)
    return JSONResponse({"id": request.session["id"], "email": request.session["email"]})


def create_app() -> Starlette:
    store = RedisStore(connection=Redis.from_url(os.environ["REDIS_URL"]))
    return Starlette(
        routes=[
            Route("/api/v1/session", sign_in, methods=["POST"]),
            Route("/api/v1/me", me),
        ],
        middleware=[Middleware(SessionMiddleware, store=store, lifetime=IDLE_SECONDS, rolling=True)],
    )
