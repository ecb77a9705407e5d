"""A request's body as it arrives.

service-kit reads JSON strictly too, but with limits and words of its own: what it refuses never gets here.
To read is what this service is about: so a body is taken from the server itself. What the kit has checked
before it, the type, the coding and the declared length, stays checked.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from http import HTTPStatus
from typing import Final

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service_kit.limits import too_large
from service_kit.problems import ProblemError, of_status

_RECEIVE: Final = "validation.receive"
_DRAINED_BYTES: Final = 1_048_576
_DRAIN_SECONDS: Final = 1.0


class DirectBodies:
    """Keeps the server's own `receive` where routes find it. To be added behind the kit, and so around it.

    What is refused by its head has a body on its way. The server closes a connection whose body it was not
    asked for, and a proxy may lose the answer with it: so its rest is taken first. A 413 waits for none.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_open = scope["type"] == "http"

        async def receive_noting_the_end() -> Message:
            nonlocal is_open
            message = await receive()
            is_open = message["type"] == "http.request" and message.get("more_body", False)
            return message

        async def send_behind_the_body(message: Message) -> None:
            status = message.get("status", HTTPStatus.OK)
            if status >= HTTPStatus.BAD_REQUEST and status != HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
                size = 0
                with suppress(TimeoutError):
                    async with asyncio.timeout(_DRAIN_SECONDS):
                        while is_open and size < _DRAINED_BYTES:
                            size += len((await receive_noting_the_end()).get("body", b""))
            await send(message)

        scope[_RECEIVE] = receive_noting_the_end
        await self._app(scope, receive_noting_the_end, send_behind_the_body)


async def chunks(request: Request) -> AsyncIterator[bytes]:
    """Yield the body part by part. Raises: ProblemError, of 400 if the client ends within it."""
    receive: Receive = request.scope[_RECEIVE]
    while True:
        message = await receive()
        if message["type"] != "http.request":
            raise ProblemError(of_status(400, "The body is not complete."))
        yield message.get("body", b"")
        if not message.get("more_body", False):
            return


async def whole(request: Request, limit_bytes: int) -> bytes:
    """Return all of it. Raises: ProblemError, of 413 beyond the limit."""
    body = bytearray()
    async for chunk in chunks(request):
        body += chunk
        if len(body) > limit_bytes:
            raise too_large(limit_bytes)
    return bytes(body)
