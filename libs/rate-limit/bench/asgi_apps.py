"""The same FastAPI route three times: with nothing, with this library's middleware, with slowapi."""
# mypy: disable-error-code="import-not-found,untyped-decorator"
# Because the peers have an environment of their own.

import os

from fastapi import FastAPI, Request, Response
from starlette.types import ASGIApp

LIMIT = 1_000_000
WINDOW_SECONDS = 3_600


def bare() -> FastAPI:
    app = FastAPI()

    @app.get("/ping")
    async def ping() -> dict[str, str]:
        return {"message": "pong"}

    return app


def ours() -> ASGIApp:
    from rate_limit import ASGIRateLimitMiddleware, AsyncLimiter, AsyncRedisStorage, Policy, Rule, by_address

    storage = AsyncRedisStorage(os.environ["REDIS_URL"])
    limiter = AsyncLimiter(storage, Policy(LIMIT, WINDOW_SECONDS))
    return ASGIRateLimitMiddleware(bare(), Rule(limiter, by_address()))


def slowapi() -> FastAPI:
    from slowapi import Limiter
    from slowapi.util import get_remote_address

    limiter = Limiter(get_remote_address, storage_uri=os.environ["REDIS_URL"], headers_enabled=True)
    app = FastAPI()
    app.state.limiter = limiter

    @app.get("/ping")
    @limiter.limit(f"{LIMIT} per {WINDOW_SECONDS} seconds")
    async def ping(request: Request, response: Response) -> dict[str, str]:  # noqa: ARG001 - slowapi asks for both
        return {"message": "pong"}

    return app
