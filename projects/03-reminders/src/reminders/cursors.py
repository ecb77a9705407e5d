"""Cursors: where a list goes on, in a form that promises nothing about itself."""

import base64
import binascii
from uuid import UUID

from reminders.errors import InvalidCursorError


def encode(reminder_id: UUID) -> str:
    """Return the cursor of the place after this reminder."""
    return base64.urlsafe_b64encode(reminder_id.bytes).rstrip(b"=").decode("ascii")


def decode(cursor: str) -> UUID:
    """Read a cursor.

    Raises: InvalidCursorError.
    """
    try:
        reminder_id = UUID(bytes=base64.urlsafe_b64decode(cursor.encode("ascii") + b"=="))
    except (ValueError, binascii.Error) as error:
        raise InvalidCursorError("the cursor is not one that this list gave out") from error
    if encode(reminder_id) != cursor:
        raise InvalidCursorError("the cursor is not one that this list gave out")
    return reminder_id
