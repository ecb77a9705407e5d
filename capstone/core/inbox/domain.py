"""Webhooks that come in: whom an organisation believes, and what it was told."""

import base64
import binascii
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from core.errors import InvalidValueError, PlatformError
from core.jobs.domain import State
from core.webhooks.secrets import PREFIX
from service_kit.json_text import Json

RECEIVE: Final = "receive"
"""The type of the job that an accepted event becomes."""
SECRET_BYTES: Final = range(24, 65)
LONGEST_KEY: Final = 255
LONGEST_TOLD: Final = 16_384
"""Of a payload with more bytes endpoints are told that it is there. Source: Standard Webhooks: 20 kB."""


class NotConfiguredError(PlatformError):
    """The source has no secret yet: nobody can be believed."""


class MalformedWebhookError(PlatformError):
    """It is no webhook: a header is missing or no such thing, or its body is no JSON."""


class BadSignatureError(PlatformError):
    """It is not by whom it says, or not of now."""


@dataclass(frozen=True, slots=True)
class WantedSource:
    """What a client says of a source; `key_pointer` leads to what an event is about, in its body."""

    name: str
    key_pointer: str | None


@dataclass(frozen=True, slots=True)
class Source:
    """A source, without its secret."""

    id: UUID
    name: str
    key_pointer: str | None
    has_secret: bool
    created_at: datetime


@dataclass(frozen=True, slots=True)
class NamedSource:
    """A source as a request names it."""

    id: UUID
    tenant_id: UUID
    key_pointer: str | None
    sealed_secret: bytes | None


@dataclass(frozen=True, slots=True)
class Arrival:
    """An event that is believed."""

    event_id: str
    business_key: str | None
    body: bytes


@dataclass(frozen=True, slots=True)
class Received:
    """An event of the inbox, and where its job is."""

    id: UUID
    source_id: UUID
    event_id: str
    business_key: str | None
    received_at: datetime
    job_id: UUID
    state: State
    body: bytes


def secret_of(text: str) -> bytes:
    """Read a secret as senders show it. Raises: InvalidValueError."""
    try:
        secret = base64.b64decode(text.removeprefix(PREFIX), validate=True)
    except binascii.Error:
        secret = b""
    if not text.startswith(PREFIX) or len(secret) not in SECRET_BYTES:
        raise InvalidValueError("secret", "invalid_secret", "is not whsec_ and 24 to 64 bytes in base64")
    return secret


def key_of(document: Json, pointer: str | None) -> str | None:
    """Follow a JSON pointer to a string or an integer; None if there is none.

    Source: RFC 6901.
    """
    if pointer is None:
        return None
    for token in pointer.split("/")[1:]:
        name = token.replace("~1", "/").replace("~0", "~")
        if isinstance(document, Mapping):
            document = document.get(name)
        elif isinstance(document, Sequence) and not isinstance(document, str):
            is_index = re.fullmatch(r"0|[1-9][0-9]{0,5}", name) and int(name) < len(document)
            document = document[int(name)] if is_index else None
        else:
            return None
    if isinstance(document, bool) or not isinstance(document, str | int):
        return None
    text = str(document)
    return text if 0 < len(text) <= LONGEST_KEY and "\0" not in text else None
