"""The operator's token, for what concerns all tenants."""

import hashlib
import hmac
from typing import TYPE_CHECKING

from litestar.handlers import BaseRouteHandler

from auth import NotSignedInError

if TYPE_CHECKING:
    from litestar.connection import ASGIConnection
    from litestar.datastructures import State
    from litestar.types import Guard


def operator(token: str) -> "Guard":
    """Let in who shows this token. Digests are compared: how alike two are tells nothing of the token."""
    digest = hashlib.sha256(token.encode()).digest()

    def guard(connection: "ASGIConnection[object, object, object, State]", _: BaseRouteHandler) -> None:
        scheme, __, shown = connection.headers.get("authorization", "").partition(" ")
        is_right = hmac.compare_digest(hashlib.sha256(shown.strip().encode()).digest(), digest)
        if scheme.lower() != "bearer" or not is_right:
            raise NotSignedInError("show the operator's token")

    return guard
