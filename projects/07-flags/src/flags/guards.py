"""Who may pass, and with which key: what is read from the headers of a request."""

import hmac
import re
from collections.abc import Iterable, Mapping
from typing import Final

from litestar.connection import ASGIConnection
from litestar.datastructures import State
from litestar.handlers import BaseRouteHandler, HTTPRouteHandler

from flags.errors import UnauthorizedError

BEARER: Final = re.compile(r"bearer +([\x21-\x7e]+)", re.IGNORECASE)

type Connection = ASGIConnection[HTTPRouteHandler, None, str, State]


def lines_of(headers: Iterable[tuple[bytes, bytes]], name: bytes) -> list[str]:
    return [value.decode("latin-1") for key, value in headers if key.lower() == name]


def bearer_tokens(headers: Iterable[tuple[bytes, bytes]]) -> list[str]:
    """Return the bearer tokens; what is another scheme is an empty one, which nobody has."""
    lines = lines_of(headers, b"authorization")
    return [found[1] if (found := BEARER.fullmatch(line)) else "" for line in lines]


def presented_keys(headers: Iterable[tuple[bytes, bytes]]) -> list[str]:
    headers = list(headers)
    return bearer_tokens(headers) + lines_of(headers, b"x-api-key")


def administrator(connection: Connection, _: BaseRouteHandler) -> None:
    """Let an administrator pass, whose name the request has then. Raises: UnauthorizedError."""
    admins: Mapping[str, str] = connection.app.state.admins
    tokens = bearer_tokens(connection.scope["headers"])
    name = name_of(tokens[0], admins) if len(tokens) == 1 else None
    if name is None:
        raise UnauthorizedError("Send the token of an administrator, as a bearer token.")
    connection.scope["auth"] = name


def name_of(token: str, admins: Mapping[str, str]) -> str | None:
    """Find a token. Each is compared in full, so that the time tells nothing of any."""
    names = [name for known, name in admins.items() if hmac.compare_digest(known.encode(), token.encode())]
    return names[0] if names else None
