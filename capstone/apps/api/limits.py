"""Limits that all processes share, by libs/rate-limit. While Redis is away each process counts for itself."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from litestar.datastructures import Address, Headers
from litestar.handlers import BaseRouteHandler

from core.errors import TooManyRequestsError
from rate_limit import AsyncLimiter, KeyOf, by_address

if TYPE_CHECKING:
    from litestar.connection import ASGIConnection
    from litestar.datastructures import State

LIMITED: Final = {"is_limited": True}
"""The `opt` of a route that anybody may call, and that costs a hash or a mail."""
LONGEST_AGENT: Final = 200


class LimiterBudget:
    """How often something may be done."""

    def __init__(self, limiter: AsyncLimiter) -> None:
        self._limiter = limiter

    async def spend(self, key: str, cost: int = 1) -> float | None:
        """Take as many; return after how many seconds there are so many, if there are not now."""
        decision = await self._limiter.hit(key, cost)
        return None if decision else float(decision.retry_after_seconds or 1)


@dataclass(frozen=True, slots=True)
class Seen:
    """A request, as far as it tells whose it is."""

    peer: str
    forwarded_for: str | None
    method: str = ""
    path: str = ""

    def header(self, name: str) -> str | None:
        return self.forwarded_for if name == "x-forwarded-for" else None


class Clients:
    """Says from which address a request comes, behind so many proxies of ours."""

    def __init__(self, trusted_hops: int) -> None:
        self._key: KeyOf = by_address(trusted_hops)

    def address(self, peer: str, forwarded_for: str | None) -> str:
        return self._key(Seen(peer, forwarded_for)) or peer

    def address_of(self, headers: Headers, client: Address | None) -> str:
        lines = headers.getall("x-forwarded-for", [])
        return self.address(client.host if client else "", ",".join(lines) or None)


class AddressGuard:
    """Refuses an address that has used up what it may do on the routes that are LIMITED."""

    def __init__(self, clients: Clients, attempts: LimiterBudget) -> None:
        self._clients = clients
        self._attempts = attempts

    async def __call__(
        self, connection: "ASGIConnection[object, object, object, State]", handler: BaseRouteHandler
    ) -> None:
        """Raises: TooManyRequestsError."""
        if not handler.opt.get("is_limited"):
            return
        wait_seconds = await self._attempts.spend(
            self._clients.address_of(connection.headers, connection.client)
        )
        if wait_seconds is not None:
            raise TooManyRequestsError(wait_seconds)
