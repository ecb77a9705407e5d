"""What the logging middleware costs: the same routes with and without it."""

from litestar import Litestar, get
from litestar.types import ASGIApp

from mini_rest.app import ERRORS, make_litestar
from mini_rest.middleware import LoggingMiddleware
from mini_rest.routing import Router
from mini_rest.settings import Settings
from service_kit import logs
from service_kit.metrics import Metrics
from service_kit.settings import load


def bare() -> ASGIApp:
    @get("/ping")
    async def ping() -> dict[str, str]:
        return {"message": "pong"}

    return Litestar([ping], openapi_config=None)


def logged() -> ASGIApp:
    return LoggingMiddleware(bare(), ERRORS, Metrics(), logs.access_filter("info"))


def service_without_middleware() -> ASGIApp:
    settings = load(Settings)
    return Router(make_litestar(settings), settings.body_limit_bytes)
