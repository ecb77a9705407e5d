"""Where a request comes from, behind proxies."""

import re
from collections.abc import Sequence
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Final

IPV6_PREFIX: Final = 64
# Application gateways write the port of the connection, too; IPv6 then stands in brackets.
WITH_PORT: Final = re.compile(r"(?:\[(?P<v6>[^\]]+)\]|(?P<v4>[0-9.]+))(?::[0-9]{1,5})?")


def client_address(peer: str, forwarded_for: Sequence[str], trusted_hops: int) -> str:
    """Return the address that the first of so many trusted proxies has seen.

    Each of them appends one, so it is the n-th from the right; what stands left of it anybody can have
    written. With fewer entries the request did not come through all of them, and the peer counts.
    """
    entries = [entry.strip() for line in forwarded_for for entry in line.split(",")]
    if trusted_hops and len(entries) >= trusted_hops and (known := network(entries[-trusted_hops])):
        return known
    return network(peer) or peer


def network(text: str) -> str | None:
    """Return what one client has of addresses: an IPv4 address, or 64 bits of IPv6; a port does not count."""
    match = WITH_PORT.fullmatch(text)
    try:
        address = ip_address(text if match is None else match["v6"] or match["v4"])
    except ValueError:
        return None
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped:
            return str(address.ipv4_mapped)
        return str(ip_network((address, IPV6_PREFIX), strict=False).network_address)
    return str(address)
