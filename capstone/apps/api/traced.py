"""A span for each request, named by its route: a path has ids in it, and a query may have secrets."""

from http import HTTPMethod
from typing import TYPE_CHECKING, Final

from service_kit.logs import PROBES
from service_kit.routing import ROUTE, UNMATCHED
from service_kit.tracers import Tracer

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

OTHER: Final = "_OTHER"
"""What a method is called that is none. Source: OpenTelemetry's semantic conventions for HTTP spans."""
METHODS: Final = frozenset(HTTPMethod)
SERVER_ERROR: Final = 500


class Traced:
    """Stands around what answers, and knows the route when that has answered."""

    def __init__(self, app: "ASGIApp", tracer: Tracer) -> None:
        self._app = app
        self._tracer = tracer

    async def __call__(self, scope: "Scope", receive: "Receive", send: "Send") -> None:
        if scope["type"] != "http" or scope["path"] in PROBES:
            await self._app(scope, receive, send)
            return
        method = scope["method"] if scope["method"] in METHODS else OTHER
        offered = [value.decode("latin-1") for name, value in scope["headers"] if name == b"traceparent"]
        parent = offered[0] if len(offered) == 1 else ""
        with self._tracer.span(method, "server", parent) as span:

            async def answer(message: "Message") -> None:
                if message["type"] == "http.response.start":
                    span.attributes["http.response.status_code"] = message["status"]
                    span.is_error = message["status"] >= SERVER_ERROR
                await send(message)

            try:
                await self._app(scope, receive, answer)
            finally:
                span.attributes["http.request.method"] = method
                route: str = scope.get(ROUTE, UNMATCHED)
                if route != UNMATCHED:
                    span.name = f"{method} {route}"
                    span.attributes["http.route"] = route
