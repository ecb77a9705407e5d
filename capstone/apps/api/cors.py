"""Which pages of other origins may read our answers: those that are named, and no other.

It stands around all else, so that a refusal can be read, too. No cookie signs anybody in here, and so none is
let through. Source: Fetch, section 3.3.
"""

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Collection

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

MAY_BE_SENT: Final = b"Authorization, Content-Type, Idempotency-Key, If-Match, If-None-Match, X-Request-ID"
MAY_BE_READ: Final = (
    b"Cache-Status, ETag, Idempotency-Replayed, Location, Retry-After, WWW-Authenticate, X-Request-ID"
)
EXPOSE: Final = b"access-control-expose-headers"
PREFLIGHT_SECONDS: Final = b"600"


class Cors:
    """Adds to each answer what a browser wants to hear."""

    def __init__(self, app: "ASGIApp", origins: "Collection[str]") -> None:
        self._app = app
        self._origins = frozenset(origin.encode() for origin in origins)

    async def __call__(self, scope: "Scope", receive: "Receive", send: "Send") -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        asked = [value for name, value in scope["headers"] if name == b"origin"]
        origin = asked[0] if len(asked) == 1 and asked[0] in self._origins else None
        is_preflight = scope["method"] == "OPTIONS"

        async def answer(message: "Message") -> None:
            if message["type"] == "http.response.start":
                own = list(message.get("headers", ()))
                more = [(b"vary", b"Origin")]
                if origin is not None:
                    more.append((b"access-control-allow-origin", origin))
                    allow = next((value for name, value in own if name.lower() == b"allow"), b"")
                    more += _preflight(allow) if is_preflight else [(EXPOSE, MAY_BE_READ)]
                message = {**message, "headers": [*own, *more]}
            await send(message)

        await self._app(scope, receive, answer)


def _preflight(allow: bytes) -> list[tuple[bytes, bytes]]:
    return [
        (b"access-control-allow-methods", allow),
        (b"access-control-allow-headers", MAY_BE_SENT),
        (b"access-control-max-age", PREFLIGHT_SECONDS),
    ]
