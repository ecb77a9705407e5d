"""Which paths and methods there are. It answers what the framework answers differently, or not at all.

Litestar knows no HEAD, leaves methods out of `Allow`, takes `//tasks/` for `/tasks`, and reads a body of any
type as JSON. So each request is held against a table first, which is made of the framework's own routes.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from litestar import Litestar
from litestar.handlers import HTTPRouteHandler
from litestar.routes import HTTPRoute
from litestar.types import ASGIApp, HTTPScope, Receive, Scope, Send

from mini_rest.middleware import ROUTE
from mini_rest.negotiation import check_accept, check_host, check_length, is_http
from mini_rest.problems import HttpError

PARAMETER: Final = re.compile(r"{(\w+)(?::\w+)?}")


@dataclass
class Resource:
    """A path, and what can be done there."""

    template: str
    handlers: dict[str, HTTPRouteHandler] = field(default_factory=dict)

    @property
    def allow(self) -> str:
        """The same list for OPTIONS and for a 405."""
        head = {"HEAD"} if "GET" in self.handlers else set()
        return ", ".join(sorted({"OPTIONS", *head, *self.handlers}))

    @property
    def options(self) -> Mapping[str, str]:
        """What OPTIONS and a 405 tell."""
        accepts = self.handlers["PATCH"].opt.get("consumes") if "PATCH" in self.handlers else None
        return {"Allow": self.allow} | ({"Accept-Patch": str(accepts)} if accepts else {})


class RouteTable:
    """Finds the resource of a path in its one spelling: no escape, no double slash, none at the end."""

    def __init__(self, app: Litestar) -> None:
        self._fixed: dict[str, Resource] = {}
        self._patterns: list[tuple[re.Pattern[str], Resource]] = []
        for route in app.routes:
            if isinstance(route, HTTPRoute):
                self._add(route)

    def find(self, raw_path: str) -> Resource:
        """Raises: HttpError of 404."""
        found = self._fixed.get(raw_path)
        if found is None:
            found = next((it for pattern, it in self._patterns if pattern.fullmatch(raw_path)), None)
        if found is None:
            raise HttpError(404)
        return found

    def _add(self, route: HTTPRoute) -> None:
        template = PARAMETER.sub(r"{\1}", route.path)
        handlers = {
            str(method): handler
            for handler in route.route_handlers
            for method in handler.http_methods
            # Litestar's own pages, which load scripts from elsewhere, say nothing of who may come.
            if method != "OPTIONS" and "needs" in handler.opt
        }
        if not handlers:
            return
        resource = Resource(template, handlers)
        if template == route.path:
            self._fixed[template] = resource
        else:
            self._patterns.append((re.compile("".join(pattern_of(route.path))), resource))


def pattern_of(path: str) -> Iterator[str]:
    """Write a route as a pattern. A parameter is what an id can be: anything without slash and escape."""
    texts: Sequence[str] = PARAMETER.split(path)
    for text in texts[:-1:2]:
        yield re.escape(text)
        yield "[^/%]+"
    yield re.escape(texts[-1])


class Router:
    """Stands between the logging middleware and Litestar."""

    def __init__(self, app: Litestar, body_limit_bytes: int) -> None:
        self._app: ASGIApp = app
        self._table = RouteTable(app)
        self._body_limit_bytes = body_limit_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not is_http(scope):
            await self._app(scope, receive, send)
            return
        check_host(scope)
        check_length(scope, self._body_limit_bytes)
        resource = self._table.find(scope["raw_path"].decode("latin-1").partition("?")[0])
        scope.setdefault("state", {})[ROUTE] = resource.template
        method = "GET" if scope["method"] == "HEAD" else scope["method"]
        if method == "OPTIONS":
            await no_content(send, resource.options)
            return
        if method not in resource.handlers:
            raise HttpError(405, headers=resource.options)
        check_accept(scope, resource.handlers[method].opt.get("produces", "application/json"))
        await self._app(renamed(scope, method), receive, send)


def renamed(scope: HTTPScope, method: str) -> HTTPScope:
    """Ask for a GET where HEAD was asked for; the middleware leaves the body out."""
    return scope if scope["method"] == method else {**scope, "method": method}  # type: ignore[typeddict-item]


async def no_content(send: Send, headers: Mapping[str, str]) -> None:
    encoded = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": 204, "headers": encoded})
    await send({"type": "http.response.body", "body": b"", "more_body": False})
