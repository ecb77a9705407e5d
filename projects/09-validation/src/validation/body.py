"""A request's body as it arrives.

service-kit reads JSON strictly too, but with limits and words of its own: what it refuses never gets here.
To read is what this service is about: so a body is taken from the server itself. What the kit has checked
before it, the type, the coding and the declared length, stays checked.
"""

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from starlette.requests import Request

from service_kit.incoming import RECEIVE
from service_kit.limits import too_large
from service_kit.problems import ProblemError, of_status

if TYPE_CHECKING:
    from starlette.types import Receive


async def chunks(request: Request) -> AsyncIterator[bytes]:
    """Yield the body part by part. Raises: ProblemError, of 400 if the client ends within it."""
    receive: Receive = request.scope[RECEIVE]
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
