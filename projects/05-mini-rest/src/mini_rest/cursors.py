"""Cursors: places in a list that only this service can write, and that are good for one list alone."""

import base64
import hashlib
import hmac
import json
from datetime import datetime
from typing import Final
from uuid import UUID

from mini_rest.domain import Listing, Place
from mini_rest.errors import InvalidFieldError

SIGNATURE_BYTES: Final = 16


class Cursors:
    """Writes places as opaque text, and reads what it has written.

    The signature covers the place, and also the list that it belongs to: its tenant, its filter and its sort.
    None of these stands in the cursor, so that there is nothing to compare and nothing to forget.
    """

    def __init__(self, secret: str) -> None:
        self._secret = secret.encode()

    def write(self, organisation_id: UUID, listing: Listing, place: Place) -> str:
        key = place.key.isoformat() if place.key is not None else None
        text = json.dumps([key, str(place.task_id), place.is_backward]).encode()
        return _encoded(self._signature(organisation_id, listing, text) + text)

    def read(self, organisation_id: UUID, listing: Listing, cursor: str) -> Place:
        """Return the place. Raises: InvalidFieldError for a cursor that this list did not give out."""
        data = _decoded(cursor)
        signature, text = data[:SIGNATURE_BYTES], data[SIGNATURE_BYTES:]
        if not hmac.compare_digest(signature, self._signature(organisation_id, listing, text)):
            raise InvalidFieldError("cursor", "invalid_cursor", "This list did not give out such a cursor.")
        key, task_id, is_backward = json.loads(text)
        return Place(datetime.fromisoformat(key) if key else None, UUID(task_id), is_backward)

    def _signature(self, organisation_id: UUID, listing: Listing, text: bytes) -> bytes:
        bound_to = (organisation_id, listing.status, listing.owner_id, listing.deleted, listing.sort)
        message = json.dumps([*map(str, bound_to)]).encode() + b"\n" + text
        return hmac.digest(self._secret, message, hashlib.sha256)[:SIGNATURE_BYTES]


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _decoded(cursor: str) -> bytes:
    """Return the bytes of a text in the one spelling that `_encoded` gives it, and none for another."""
    try:
        data = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
    except ValueError:
        return b""
    return data if _encoded(data) == cursor else b""
