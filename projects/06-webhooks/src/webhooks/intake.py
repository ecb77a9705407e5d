"""Where senders post: bytes in, an acknowledgement out. Nothing looks into them before they verify.

It is plain ASGI in front of the framework, which would take longer to find this one route, and to make a
request and a response out of it, than everything else that is done for a delivery. The route is declared
all the same, for the document.
"""

from collections.abc import Sequence
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from fastapi import APIRouter

from service_kit import json_text
from service_kit.incoming import RECEIVE
from service_kit.limits import too_large
from service_kit.problems import ErrorRule, ProblemError, of_status, problem_of
from webhooks.answers import ReceiptAnswer
from webhooks.domain import Kept
from webhooks.errors import WebhooksError
from webhooks.receiving import Receiver

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

PREFIX: Final = "/in/"
STATUSES: Final = {
    Kept.NEW: HTTPStatus.ACCEPTED,
    Kept.DUPLICATE: HTTPStatus.OK,
    Kept.CONFLICT: HTTPStatus.OK,
}
CONTENT_TYPE: Final = (b"content-type", b"application/json")

intake = APIRouter()


@intake.post(
    PREFIX + "{name}", status_code=HTTPStatus.ACCEPTED, responses={HTTPStatus.OK: {"model": ReceiptAnswer}}
)
async def receive(name: str) -> ReceiptAnswer:
    """Take a delivery in: 202 for a new event, 200 for one that is known, and both only once it is durable.

    The body may be of any type: it is verified and forwarded as it came.
    """
    raise NotImplementedError(f"Intake stands in front: {name}")


class Intake:
    """Answers deliveries, and passes all else on."""

    def __init__(
        self, app: "ASGIApp", receiver: Receiver, limit_bytes: int, errors: Sequence[ErrorRule]
    ) -> None:
        self._app = app
        self._receiver = receiver
        self._limit_bytes = limit_bytes
        self._errors = errors

    async def __call__(self, scope: "Scope", receive: "Receive", send: "Send") -> None:
        name: str = scope["path"].removeprefix(PREFIX) if scope["type"] == "http" else ""
        # What else has this form and another method got its 405 or 204 before.
        if not name or "/" in name or name == scope["path"]:
            await self._app(scope, receive, send)
            return
        headers: dict[str, list[bytes]] = {}
        for key, value in scope["headers"]:
            headers.setdefault(key.decode("latin-1").lower(), []).append(value)
        body = await whole_body(scope[RECEIVE], self._limit_bytes)
        try:
            receipt = await self._receiver.receive(name, headers, body)
        except WebhooksError as error:
            raise ProblemError(problem_of(error, self._errors)) from error
        text = json_text.render({"id": receipt.event_id, "status": receipt.kept})
        length = (b"content-length", str(len(text)).encode())
        status = STATUSES[receipt.kept].value
        await send({"type": "http.response.start", "status": status, "headers": [CONTENT_TYPE, length]})
        await send({"type": "http.response.body", "body": text})


async def whole_body(take: "Receive", limit_bytes: int) -> bytes:
    """Return the body as the server has it: the kit would refuse JSON that is no JSON.

    Raises: ProblemError, of 413 as soon as it is beyond the limit, of 400 if the client ends within it.
    """
    body = bytearray()
    while True:
        message = await take()
        if message["type"] != "http.request":
            raise ProblemError(of_status(HTTPStatus.BAD_REQUEST, "The body is not complete."))
        body += message.get("body", b"")
        if len(body) > limit_bytes:
            raise too_large(limit_bytes)
        if not message.get("more_body", False):
            return bytes(body)
