"""Whose request it is: the client behind the trusted proxies."""

import re
from functools import lru_cache
from ipaddress import IPv6Address, IPv6Network, ip_address

IPV6_PREFIX_BITS = 64
# Application gateways write the port of the connection, too; IPv6 then stands in brackets.
WITH_PORT = re.compile(r"(?:\[(?P<v6>[^\]]+)\]|(?P<v4>[0-9.]+))(?::[0-9]{1,5})?")


class ClientAddress:
    """Finds the address that a budget belongs to: of IPv6 the /64, for one host has all of it.

    Each proxy appends the address that it saw to X-Forwarded-For. So with n proxies of yours in front, the
    n-th entry from the right was written by the first of them, and what stands left of it by anybody. With
    fewer entries the request did not pass all of them, and the peer is the client.
    """

    def __init__(self, trusted_hops: int = 0) -> None:
        if trusted_hops < 0:
            raise ValueError(f"trusted_hops must not be negative: {trusted_hops}")
        self._trusted_hops = trusted_hops

    def __call__(self, peer: str, forwarded_for: str | None) -> str:
        if self._trusted_hops and forwarded_for:
            entries = forwarded_for.split(",")
            if len(entries) >= self._trusted_hops:
                address = _owner(entries[-self._trusted_hops].strip())
                if address is not None:
                    return address
        return _owner(peer) or peer or "unknown"


@lru_cache(maxsize=4096)  # parsing takes 3 us, looking up 0.1
def _owner(text: str) -> str | None:
    match = WITH_PORT.fullmatch(text)
    try:
        address = ip_address(text if match is None else match["v6"] or match["v4"])
    except ValueError:
        return None
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is None:
            return str(IPv6Network((int(address), IPV6_PREFIX_BITS), strict=False))
        address = address.ipv4_mapped
    return str(address)
