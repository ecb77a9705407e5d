"""What the logging middleware costs: the same route of Litestar with and without it."""

from litestar import Litestar, get
from litestar.types import ASGIApp

from mini_rest.app import ERRORS
from mini_rest.middleware import LoggingMiddleware
from service_kit import logs
from service_kit.metrics import Metrics


def bare() -> ASGIApp:
    @get("/ping")
    async def ping() -> dict[str, str]:
        return {"message": "pong"}

    return Litestar([ping], openapi_config=None)


def logged() -> ASGIApp:
    return LoggingMiddleware(bare(), ERRORS, Metrics(), logs.access_filter("info"))
