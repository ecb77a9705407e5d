"""A route says what it needs; one that says nothing is refused to everybody."""

from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
from litestar import Litestar, get
from litestar.connection import ASGIConnection
from litestar.routes import HTTPRoute

from mini_rest.app import make_litestar
from mini_rest.domain import Caller, Role
from mini_rest.errors import ForbiddenError, NotFoundError
from mini_rest.guards import lets_nobody_in_by_default, needs
from mini_rest.permissions import Permission
from mini_rest.settings import Settings

if TYPE_CHECKING:
    from litestar.datastructures import State
    from litestar.handlers import BaseRouteHandler

ANYBODY = [Caller(uuid4(), role) for role in Role]


@get("/forgotten")
async def forgotten() -> None:
    """Say nothing of who may come."""


@pytest.mark.anyio
@pytest.mark.parametrize("caller", [*ANYBODY, None, Caller(uuid4(), None)])
async def test_a_route_that_says_nothing_is_refused_to_everybody(caller: Caller | None) -> None:
    app = Litestar([forgotten])
    route = next(it for it in app.routes if isinstance(it, HTTPRoute) and it.path == "/forgotten")
    connection: ASGIConnection[BaseRouteHandler, Caller | None, object, State] = ASGIConnection(
        {"type": "http", "user": caller, "app": app}  # type: ignore[arg-type]  # as much as is asked for
    )
    with pytest.raises((ForbiddenError, NotFoundError)):
        await lets_nobody_in_by_default(connection, route.route_handlers[0])


def test_every_route_of_ours_says_what_it_needs_and_only_the_operational_ones_are_public() -> None:
    settings = Settings.model_validate(
        {
            "port": 8000,
            "database_url": "postgresql://localhost/mini_rest",
            "operator_token": "o" * 16,
            "cursor_secret": "c" * 16,
        }
    )
    app = make_litestar(settings)
    needed = {
        (method, route.path): needs(handler)
        for route in app.routes
        if isinstance(route, HTTPRoute)
        for handler in route.route_handlers
        for method in handler.http_methods
        if method != "OPTIONS" and not route.path.startswith("/schema")
    }
    assert None not in needed.values()
    public = {path for (_, path), permission in needed.items() if permission is Permission.PUBLIC}
    assert public == {"/health", "/ready", "/metrics", "/openapi.json", "/docs"}
