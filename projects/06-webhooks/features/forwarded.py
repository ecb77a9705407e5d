"""Events that were sent, and the calls that they become."""

from dataclasses import dataclass

from kata.steps import (
    Received,
    expect,
)

from .desk import Desk
from .sender import Source, key_of, v1


@dataclass(frozen=True)
class Sent:
    """An event, and what was sent for it."""

    source: Source
    id: str
    message_id: str
    body: bytes
    content_type: str = "application/json"


def sent(service: Desk, source: Source, body: bytes = b'{"n": 5}') -> Sent:
    message_id = service.message_id()
    return Sent(source, service.deliver(source, message_id, body), message_id, body)


def is_forwarded(event: Sent, call: Received, attempt: int) -> None:
    """Demand of a call all that belongs to it."""
    got = f"{call.method} {call.target}"
    expect(got == f"POST {event.source.target}", expected=f"POST {event.source.target}", got=got)
    expect(call.body == event.body, expected=f"the bytes {event.body[:60]!r}", got=call.body[:60])
    for name, wanted in (
        ("content-type", event.content_type),
        ("webhook-id", event.message_id),
        ("webhook-attempt", str(attempt)),
    ):
        expect(call.header(name) == wanted, expected=f"{name}: {wanted}", got=call.header(name))
    moment = call.header("webhook-timestamp") or ""
    wanted = v1(key_of(event.source.signing_secret), event.message_id, moment, event.body)
    signatures = (call.header("webhook-signature") or "").split(" ")
    expect(wanted in signatures, expected=f"webhook-signature: {wanted}", got=signatures)
