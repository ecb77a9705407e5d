"""Who is asking: the address that a budget belongs to, and whether it is allowed or denied outright."""

import re
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import NamedTuple

type Address = IPv4Address | IPv6Address
type Network = IPv4Network | IPv6Network

IPV6_PREFIX_BITS = 64
REMEMBERED_ADDRESSES = 4096  # parsing takes 3 us, looking up 0.1


class Access(StrEnum):
    """What the lists of networks say about a client."""

    LIMITED = "limited"
    ALLOWED = "allowed"
    DENIED = "denied"


class Client(NamedTuple):
    """The one that a budget belongs to: an IPv4 address, or an IPv6 network of 64 bits."""

    key: str
    access: Access


@dataclass(frozen=True, slots=True)
class Networks:
    """Those who are never limited, and those who are never served; who is on both lists is denied."""

    allow: tuple[Network, ...] = ()
    deny: tuple[Network, ...] = ()


class ClientIdentifier:
    """Finds the client behind the trusted proxies."""

    def __init__(self, trusted_hops: int, networks: Networks) -> None:
        self._trusted_hops = trusted_hops
        self._networks = networks
        self._client_at = lru_cache(maxsize=REMEMBERED_ADDRESSES)(self._look_up)

    def identify(self, peer: str, forwarded_for: str | None) -> Client:
        """Return the client of a request that came from `peer` with that X-Forwarded-For.

        Each proxy appends the address that it saw. So with n proxies of ours in front, the peer being the
        last of them, the n-th entry from the right was written by the first of them, and what stands left of
        it by anybody. With fewer entries than n, or no address there, the request did not pass all our
        proxies: nothing in the header was written by them for certain, and the peer is the client.
        """
        if self._trusted_hops and forwarded_for:
            entries = forwarded_for.split(",")
            if len(entries) >= self._trusted_hops:
                client = self._client_at(entries[-self._trusted_hops].strip())
                if client is not None:
                    return client
        return self._client_at(peer) or Client(peer, Access.LIMITED)

    def _look_up(self, text: str) -> Client | None:
        address = parse_address(text)
        if address is None:
            return None
        return Client(budget_key(address), self._access(address))

    def _access(self, address: Address) -> Access:
        if any(address in network for network in self._networks.deny):
            return Access.DENIED
        if any(address in network for network in self._networks.allow):
            return Access.ALLOWED
        return Access.LIMITED


# Application gateways write the port of the connection, too; IPv6 then stands in brackets.
WITH_PORT = re.compile(r"(?:\[(?P<v6>[^\]]+)\]|(?P<v4>[0-9.]+))(?::[0-9]{1,5})?")


def parse_address(text: str) -> Address | None:
    """Read an address; IPv4 inside IPv6 (`::ffff:192.0.2.1`) is the IPv4 address that it stands for."""
    match = WITH_PORT.fullmatch(text)
    try:
        address = ip_address(text if match is None else match["v6"] or match["v4"])
    except ValueError:
        return None
    return (address.ipv4_mapped if isinstance(address, IPv6Address) else None) or address


def budget_key(address: Address) -> str:
    """Name the owner of a budget: for IPv6 the /64, because one host may use any of its 2^64 addresses."""
    if isinstance(address, IPv4Address):
        return str(address)
    return str(IPv6Network((int(address), IPV6_PREFIX_BITS), strict=False))


def parse_networks(text: str) -> tuple[Network, ...]:
    """Read a comma-separated list of networks and addresses.

    Raises: ValueError naming the entry that is neither.
    """
    return tuple(_parse_network(entry.strip()) for entry in text.split(",") if entry.strip())


def _parse_network(text: str) -> Network:
    try:
        return ip_network(text)
    except ValueError as exc:
        raise ValueError(f"{text!r} is not a network: {exc}") from exc
