"""A request's body on its way. Who refuses a request by its head takes the body in all the same.

A server closes a connection whose body it was not asked for, and a proxy that still sends loses the answer.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import suppress
from http import HTTPStatus

RECEIVE = "service_kit.receive"
"""Where in the scope a service that reads JSON in its own way finds the body as the server has it."""
DRAINED_BYTES = 1_048_576
DRAIN_SECONDS = 1.0


class Incoming[Message: Mapping[str, object]]:
    """The `receive` of an ASGI server, which remembers whether the body has come to its end."""

    def __init__(
        self, receive: Callable[[], Awaitable[Message]], headers: Iterable[tuple[bytes, bytes]]
    ) -> None:
        self._receive = receive
        self._is_open = any(
            name == b"transfer-encoding" or (name == b"content-length" and value != b"0")
            for name, value in headers
        )

    async def receive(self) -> Message:
        message = await self._receive()
        self._is_open = message["type"] == "http.request" and bool(message.get("more_body"))
        return message

    async def end_before(self, status: int) -> None:
        """Before an error is answered, take in what is left: a mebibyte, and for a second, at most.

        A 413 does not wait for what it refuses.
        """
        if status < HTTPStatus.BAD_REQUEST or status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
            return
        size_bytes = 0
        with suppress(TimeoutError):
            async with asyncio.timeout(DRAIN_SECONDS):
                while self._is_open and size_bytes <= DRAINED_BYTES:
                    part = (await self.receive()).get("body")
                    size_bytes += len(part) if isinstance(part, bytes) else 0
