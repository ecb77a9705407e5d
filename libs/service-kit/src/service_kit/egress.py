"""Which addresses this service may call: the guard against server-side request forgery.

A destination is checked twice: when it is taken, by what the URL says; and at each attempt, by what its host
resolves to at that moment. The connection then goes to the address that was checked and to no
other, so a name that resolves to something else a moment later gains nothing. One parser reads the URL in
all places: that of httpx. A service that only takes destinations imports it with the first, and starts 0.1 s
sooner; `service_kit.outgoing` imports it at once.
"""

# ruff: noqa: PLC0415

import asyncio
import re
import socket
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import TYPE_CHECKING, Final

from service_kit.daemon_thread import on_daemon_thread

if TYPE_CHECKING:
    import httpx

LONGEST_URL: Final = 2048
HOST: Final = re.compile(r"[0-9A-Za-z._:-]+")
PORTS: Final = range(1, 65536)
LOCAL_NAMES: Final = ("localhost", "local", "internal", "home.arpa")
"""Never a public host, as a name or the end of one. Sources: RFC 6761, 6762, 8375; ICANN on `.internal`."""
NOT_PUBLIC: Final = tuple(
    ip_network(block)
    for block in (
        *("::ffff:0:0/96", "::/96", "64:ff9b::/96", "2002::/16"),  # stand for an IPv4 address, public or not
        *("192.0.0.0/24", "192.88.99.0/24", "2001::/23", "3fff::/20"),  # reserved, as a whole or of late
        "168.63.129.16/32",  # public by its number, and in Azure the platform's own
    )
)
"""Besides what the standard library knows."""

type Address = IPv4Address | IPv6Address


class RefusedDestinationError(Exception):
    """A destination that is not called."""

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(reason)
        self.code = code


class EgressGuard:
    """Decides which destinations are called."""

    def __init__(self, *, allow_private: bool) -> None:
        self._allow_private = allow_private

    def check(self, url: str) -> "httpx.URL":
        """Parse a destination and refuse what can be refused without looking up a name.

        Raises: RefusedDestinationError.
        """
        parsed = _parse(url)
        host = parsed.raw_host.decode("ascii")
        if self._allow_private:
            return parsed
        name = host.rstrip(".").lower()
        if any(name == local or name.endswith(f".{local}") for local in LOCAL_NAMES):
            raise RefusedDestinationError("private_address", "the host is a local name")
        literal = _literal(host)
        if literal is not None and not is_public(literal):
            raise RefusedDestinationError("private_address", "the address is not a public one")
        return parsed

    async def resolve(self, url: "httpx.URL") -> list[Address]:
        """Look up the host. What comes back is checked, and nothing else may be connected to.

        Raises: RefusedDestinationError if one of them is not public; OSError if the host has none.
        """
        host = url.raw_host.decode("ascii")
        literal = _literal(host)
        addresses = [literal] if literal is not None else await _look_up(host, url.port)
        if not self._allow_private and not all(map(is_public, addresses)):
            raise RefusedDestinationError("private_address", "the host has an address that is not public")
        return addresses


def is_public(address: Address) -> bool:
    """Tell whether an address surely belongs to a host on the public Internet."""
    if any(address in block for block in NOT_PUBLIC) or address.is_multicast or address.is_reserved:
        return False
    return address.is_global and not (isinstance(address, IPv6Address) and address.is_site_local)


def _parse(url: str) -> "httpx.URL":
    import httpx

    if len(url) > LONGEST_URL:
        raise RefusedDestinationError("url_too_long", f"is longer than {LONGEST_URL} characters")
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL as error:
        raise RefusedDestinationError("invalid_url", "is not a valid URL") from error
    if parsed.scheme not in {"http", "https"}:
        raise RefusedDestinationError("unsupported_scheme", "must begin with http:// or https://")
    if "@" in re.split(r"[/?#]", url.partition("://")[2], maxsplit=1)[0]:
        raise RefusedDestinationError("credentials_in_url", "must not hold credentials")
    port_exists = parsed.port is None or parsed.port in PORTS
    if not port_exists or not HOST.fullmatch(parsed.raw_host.decode("ascii")):
        raise RefusedDestinationError("invalid_url", "has no valid host, or a port that does not exist")
    return parsed


def _literal(host: str) -> Address | None:
    """Read an address as the system would: getaddrinfo takes 127.1, 0x7f.1 and 2130706433 for 127.0.0.1."""
    try:
        return ip_address(host.strip("[]"))
    except ValueError:
        pass
    try:
        return IPv4Address(socket.inet_aton(host.rstrip(".")))
    except OSError:
        return None


async def _look_up(host: str, port: int | None) -> list[Address]:
    looking = on_daemon_thread(lambda: socket.getaddrinfo(host, port, type=socket.SOCK_STREAM), "look-up")
    found = await asyncio.wrap_future(looking)
    return list(dict.fromkeys(ip_address(str(address[4][0])) for address in found))
