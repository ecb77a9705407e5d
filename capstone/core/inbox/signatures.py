"""Whether a webhook is by whom it says, over the bytes as they came.

Source: Standard Webhooks, "Verifying webhook authenticity".
"""

import hmac
import re
from collections.abc import Mapping, Sequence
from typing import Final

from core.inbox.domain import BadSignatureError, MalformedWebhookError
from core.webhooks.secrets import signature_of

MESSAGE_ID: Final = re.compile(r"[\x21-\x2d\x2f-\x7e]{1,255}")
"""Without a full stop, which separates what is signed: else two messages would have one signature."""
TIMESTAMP: Final = re.compile(r"[0-9]{1,12}")
MOST_SIGNATURES: Final = 16

type Headers = Mapping[str, Sequence[str]]
"""The lines of webhook-id, webhook-timestamp and webhook-signature."""


def verify(headers: Headers, body: bytes, secret: bytes, now_seconds: float, tolerance_seconds: float) -> str:
    """Return the id of a webhook that is believed. Raises: MalformedWebhookError, BadSignatureError."""
    message_id, timestamp, line = (
        _once(headers, f"webhook-{name}") for name in ("id", "timestamp", "signature")
    )
    if not MESSAGE_ID.fullmatch(message_id):
        raise MalformedWebhookError("webhook-id is no id.")
    if not TIMESTAMP.fullmatch(timestamp):
        raise MalformedWebhookError("webhook-timestamp is not seconds since 1970, in digits.")
    wanted = f"v1,{signature_of(secret, message_id, timestamp, body)}".encode()
    shown = line.split(" ")[:MOST_SIGNATURES]
    # Each is compared, also after a match: how long it takes says nothing.
    if not any([hmac.compare_digest(wanted, one.encode()) for one in shown]):  # noqa: C419
        raise BadSignatureError("No signature is by the secret of this source.")
    if abs(now_seconds - int(timestamp)) > tolerance_seconds:
        raise BadSignatureError("It was signed too long ago, or too far ahead.")
    return message_id


def _once(headers: Headers, name: str) -> str:
    lines = headers.get(name, ())
    if len(lines) != 1:
        raise MalformedWebhookError(f"{name} is to be given once.")
    return lines[0]
