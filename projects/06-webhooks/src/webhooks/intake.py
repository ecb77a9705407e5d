"""Where senders post: bytes in, an acknowledgement out. Nothing looks into them before they verify."""

from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from fastapi import APIRouter, Request, Response

from service_kit import json_text
from service_kit.incoming import RECEIVE
from service_kit.limits import too_large
from service_kit.problems import ProblemError, of_status
from webhooks.domain import Kept
from webhooks.schemas import ReceiptAnswer

if TYPE_CHECKING:
    from starlette.types import Receive

    from webhooks.receiving import Receiver

STATUSES: Final = {
    Kept.NEW: HTTPStatus.ACCEPTED,
    Kept.DUPLICATE: HTTPStatus.OK,
    Kept.CONFLICT: HTTPStatus.OK,
}

intake = APIRouter()


@intake.post(
    "/in/{name}",
    status_code=HTTPStatus.ACCEPTED,
    response_model=ReceiptAnswer,
    responses={HTTPStatus.OK: {"model": ReceiptAnswer}},
)
async def receive(name: str, request: Request) -> Response:
    """Take a delivery in: 202 for a new event, 200 for one that is known, and both only once it is durable.

    The body may be of any type: it is verified and forwarded as it came.
    """
    receiver: Receiver = request.app.state.receiver
    headers: dict[str, list[bytes]] = {}
    for key, value in request.scope["headers"]:
        headers.setdefault(key.decode("latin-1").lower(), []).append(value)
    body = await whole_body(request, request.app.state.body_limit_bytes)
    receipt = await receiver.receive(name, headers, body)
    document = {"id": receipt.event_id, "status": receipt.kept}
    return Response(json_text.render(document), STATUSES[receipt.kept], media_type="application/json")


async def whole_body(request: Request, limit_bytes: int) -> bytes:
    """Return the body as the server has it: the kit would refuse JSON that is no JSON.

    Raises: ProblemError, of 413 as soon as it is beyond the limit, of 400 if the client ends within it.
    """
    take: Receive = request.scope[RECEIVE]
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
