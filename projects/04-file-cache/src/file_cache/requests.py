"""What every route under /cache/ reads from its request."""

from typing import Final

import flask

from file_cache.domain import LONGEST_KEY_BYTES
from file_cache.errors import InvalidKeyError, KeyTooLongError

PREFIX: Final = "/cache/"


def key_of(*, may_be_empty: bool = False) -> bytes:
    """Return the key: the bytes of the path, unescaped once. Flask's own text has lost what is no UTF-8.

    Raises: InvalidKeyError, KeyTooLongError.
    """
    path: str = flask.request.environ["PATH_INFO"]
    key = path.encode("latin-1").removeprefix(PREFIX.encode())
    if not key and not may_be_empty:
        raise InvalidKeyError
    if len(key) > LONGEST_KEY_BYTES:
        raise KeyTooLongError
    return key


def authorization() -> list[str]:
    """Return the lines of this field."""
    return flask.request.headers.getlist("Authorization")
