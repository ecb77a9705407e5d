import os

from site_rules import partitioned, rules
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.types import ASGIApp

from rate_limit import ASGIRateLimitMiddleware, AsyncLimiter, AsyncRedisStorage, FailureMode

REFUSED_URL = "redis://127.0.0.1:1"


async def free(_request: Request) -> PlainTextResponse:
    return PlainTextResponse("free")


async def limited(request: Request) -> PlainTextResponse:
    left = request.scope["rate_limit.decision"].remaining
    return PlainTextResponse(f"limited, {left} left", headers={"x-of-the-app": "kept"})


async def raises(_request: Request) -> PlainTextResponse:
    raise ZeroDivisionError


async def other(_request: Request) -> PlainTextResponse:
    return PlainTextResponse("other")


def create() -> ASGIApp:
    shared = AsyncRedisStorage(os.environ["REDIS_URL"], failure_mode=FailureMode.CLOSED, timeout_seconds=10)
    closed = AsyncRedisStorage(REFUSED_URL, failure_mode=FailureMode.CLOSED)
    routes = {"/free": free, "/limited": limited, "/limited/raises": raises}
    others = ["/limited/really/deep", "/limited/proxied", "/partitioned/x"]
    app = Starlette(
        routes=[
            *[Route(path, endpoint) for path, endpoint in routes.items()],
            *[Route(path, other) for path in others],
            Route("/costly", other, methods=["GET", "POST"]),
        ]
    )
    inner = ASGIRateLimitMiddleware(
        app, partitioned(lambda *policies: AsyncLimiter(shared, *policies)), partition_keys=True
    )
    own_rules = rules(
        lambda *policies: AsyncLimiter(shared, *policies), lambda *policies: AsyncLimiter(closed, *policies)
    )
    return ASGIRateLimitMiddleware(inner, *own_rules)


app = create()
