"""Who may pass: decorators of routes name these, and no route asks by itself."""

from collections.abc import Sequence
from dataclasses import dataclass

from litestar.connection import ASGIConnection
from litestar.datastructures import State
from litestar.handlers import BaseRouteHandler, HTTPRouteHandler

from sessions import cookies
from sessions.client_address import client_address
from sessions.csrf import SAFE_METHODS, Sender, is_token_of, sender_of
from sessions.errors import ForbiddenError, ForeignRequestError, NotSignedInError
from sessions.service import Caller
from sessions.sessions import Found, SessionStore

type Connection = ASGIConnection[HTTPRouteHandler, None, Found, State]


@dataclass(frozen=True, slots=True)
class Gate:
    """What the guards know of the service; it is in the application's state."""

    sessions: SessionStore
    public_origin: str
    trusted_hops: int
    administrators: frozenset[str]


def gate_of(connection: Connection) -> Gate:
    gate: Gate = connection.app.state.gate
    return gate


async def found_of(connection: Connection) -> Found | None:
    """Return the caller's session; it is asked for once in a request."""
    found: Found | None = connection.scope.get("auth")
    if found is None:
        found = await gate_of(connection).sessions.find(cookies.presented(connection.scope["headers"]))
        connection.scope["auth"] = found
    return found


async def from_our_pages(connection: Connection, _: BaseRouteHandler) -> None:
    """Refuse what changes something and may come from a page of another site. Raises: ForeignRequestError."""
    if connection.scope.get("method") in SAFE_METHODS:
        return
    origin = gate_of(connection).public_origin
    sender = sender_of(lines_of(connection, b"sec-fetch-site"), lines_of(connection, b"origin"), origin)
    if sender is Sender.UNKNOWN:
        tokens = lines_of(connection, b"x-csrf-token")
        found = await found_of(connection) if tokens else None
        if found is not None and all(is_token_of(found.secret, token) for token in tokens):
            sender = Sender.OURS
    if sender is not Sender.OURS:
        raise ForeignRequestError


async def signed_in(connection: Connection, _: BaseRouteHandler) -> None:
    """Demand a live session. Raises: NotSignedInError."""
    if await found_of(connection) is None:
        raise NotSignedInError(had_cookie=bool(cookies.presented(connection.scope["headers"])))


async def administrator(connection: Connection, _: BaseRouteHandler) -> None:
    """Demand one of an administrator. Raises: NotSignedInError, ForbiddenError."""
    await signed_in(connection, _)
    found = await found_of(connection)
    if found is None or found.session.email not in gate_of(connection).administrators:
        raise ForbiddenError


def caller_of(connection: Connection) -> Caller:
    """Say who asks."""
    client = connection.scope.get("client")
    peer = client[0] if client else ""
    forwarded = lines_of(connection, b"x-forwarded-for")
    return Caller(
        client_address(peer, forwarded, gate_of(connection).trusted_hops),
        connection.headers.get("user-agent", ""),
        cookies.presented(connection.scope["headers"]),
    )


def lines_of(connection: Connection, name: bytes) -> Sequence[str]:
    """Return each line of a header: one more than the first may say something else."""
    return [value.decode("latin-1").strip() for key, value in connection.scope["headers"] if key == name]
