"""The face for Litestar: a plugin, guards, and `request.auth`.

```
app = Litestar(routes, plugins=[AuthPlugin(config)])

@get("/me", guards=[signed_in])
async def me(request: AuthRequest) -> Me: ...
```

Behind a guard `request.user` is the Identity; `request.auth`, the RequestAuth, is there always.
"""

import json
from http import HTTPStatus
from typing import TYPE_CHECKING, Final, TypeAlias

from litestar import Request, Response
from litestar.connection import ASGIConnection
from litestar.datastructures import State
from litestar.enums import ScopeType
from litestar.handlers import BaseRouteHandler
from litestar.middleware import ASGIMiddleware
from litestar.plugins import InitPlugin

from auth._auth_config import AuthConfig, RequestHead
from auth._errors import (
    AuthError,
    ForbiddenError,
    HasherBusyError,
    InvalidApiKeyError,
    InvalidRefreshTokenError,
    InvalidTokenError,
    LoginVoidedError,
    NotSignedInError,
    PasswordRefusedError,
    StoreUnavailableError,
)
from auth._request_auth import RequestAuth
from auth._roles import Identity

if TYPE_CHECKING:
    from litestar.config.app import AppConfig
    from litestar.types import ASGIApp, Guard, Message, Receive, Scope, Send

__all__ = [
    "CSRF_EXEMPT",
    "AuthPlugin",
    "AuthRequest",
    "fresh",
    "has_scope",
    "requires",
    "signed_in",
    "status_of",
]

AuthRequest: TypeAlias = Request[Identity, RequestAuth, State]  # noqa: UP040 - Litestar looks for the class
type _Connection = ASGIConnection[object, object, object, State]

CSRF_EXEMPT: Final = "csrf_exempt"
"""`opt={CSRF_EXEMPT: True}`: for what no browser sends, such as a webhook with a signature of its own."""
RETRY_AFTER_SECONDS: Final = 1
STATUSES: Final = {
    NotSignedInError: 401,
    LoginVoidedError: 401,
    InvalidTokenError: 401,
    InvalidRefreshTokenError: 401,
    InvalidApiKeyError: 401,
    ForbiddenError: 403,
    PasswordRefusedError: 422,
    HasherBusyError: 503,
    StoreUnavailableError: 503,
}


class AuthPlugin(InitPlugin):
    """Gives every request `request.auth`, every answer its headers, and refuses what comes from other sites.

    Errors are answered as problem details; an application's own handler for one of the classes comes first.
    """

    def __init__(self, config: AuthConfig) -> None:
        self._config = config

    def on_app_init(self, app_config: "AppConfig") -> "AppConfig":
        app_config.middleware = [_AuthMiddleware(self._config), *app_config.middleware]
        app_config.guards = [_same_site, *app_config.guards]
        app_config.exception_handlers = {AuthError: _answer, **app_config.exception_handlers}
        return app_config


async def signed_in(connection: "_Connection", _: BaseRouteHandler) -> None:
    """Let in who is signed in, by whatever credentials."""
    connection.scope["user"] = await _auth_of(connection).signed_in()


def requires(permission: str) -> "Guard":
    """Let in who has the permission, by roles and by scopes."""

    async def guard(connection: "_Connection", _: BaseRouteHandler) -> None:
        connection.scope["user"] = await _auth_of(connection).require(permission)

    return guard


def has_scope(permission: str) -> "Guard":
    """Let in whom no scopes keep out; roles are not asked."""

    async def guard(connection: "_Connection", _: BaseRouteHandler) -> None:
        connection.scope["user"] = await _auth_of(connection).require_scope(permission)

    return guard


def fresh(seconds: float) -> "Guard":
    """Let in who showed the password less than this long ago, by a session."""

    async def guard(connection: "_Connection", _: BaseRouteHandler) -> None:
        auth = _auth_of(connection)
        await auth.fresh(seconds)
        connection.scope["user"] = await auth.signed_in()

    return guard


def status_of(kind: type[AuthError]) -> int:
    """Return the HTTP status that a class of errors of this library stands for."""
    return next((STATUSES[ancestor] for ancestor in kind.__mro__ if ancestor in STATUSES), 500)


class _AuthMiddleware(ASGIMiddleware):
    scopes = (ScopeType.HTTP, ScopeType.WEBSOCKET)

    def __init__(self, config: AuthConfig) -> None:
        self._config = config

    async def handle(self, scope: "Scope", receive: "Receive", send: "Send", next_app: "ASGIApp") -> None:
        method = scope["method"] if scope["type"] == ScopeType.HTTP else "WEBSOCKET"
        headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"]]
        auth = RequestAuth(self._config, RequestHead(method, headers))
        scope["auth"] = auth

        async def send_with_headers(message: "Message") -> None:
            if message["type"] == "http.response.start":
                own = auth.answer_headers(message["status"])
                replaced = {b"cache-control"} if any(name == "cache-control" for name, _ in own) else set()
                kept = [pair for pair in message["headers"] if pair[0].lower() not in replaced]
                message["headers"] = [*kept, *((name.encode(), value.encode()) for name, value in own)]
            await send(message)

        await next_app(scope, receive, send_with_headers)


async def _same_site(connection: "_Connection", handler: BaseRouteHandler) -> None:
    if not handler.opt.get(CSRF_EXEMPT):
        await _auth_of(connection).same_site()


def _auth_of(connection: "_Connection") -> RequestAuth:
    auth = connection.scope["auth"]
    if not isinstance(auth, RequestAuth):
        raise TypeError("the guards need AuthPlugin")
    return auth


def _answer(_: "Request[object, object, State]", error: AuthError) -> Response[bytes]:
    status = status_of(type(error))
    problem = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": str(error),
        "code": error.code,
    }
    headers = {"Retry-After": str(RETRY_AFTER_SECONDS)} if status == HTTPStatus.SERVICE_UNAVAILABLE else {}
    body = json.dumps(problem).encode()
    return Response(body, status_code=status, headers=headers, media_type="application/problem+json")
