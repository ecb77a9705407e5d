"""What proxies write and clients forge, and the ways to spell an address."""

import http.client
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address
from urllib.parse import urlsplit

from kata.steps import Draw, Exchange, send_raw

from .caller import Caller, Throttler

# What some proxies write, some services believe, and any client can send.
FORGEABLE = ("X-Real-IP", "X-Client-IP", "True-Client-IP", "CF-Connecting-IP", "Client-IP", "X-Forwarded")
FEW_ENTRIES = (0, 5)
MANY_ENTRIES = (40, 100)


def of_v4(draw: Draw) -> tuple[str, Sequence[str]]:
    address = draw.address_v4()
    mapped = IPv6Address(f"::ffff:{address}")
    port = draw.choice((0, 65_535, draw.integer(1, 65_534)))
    return address, (
        address,
        f"{address}:{port}",
        f"::ffff:{address}",
        f"::FFFF:{address}",
        mapped.exploded,
        f"[::ffff:{address}]:{port}",
    )


def of_v6(draw: Draw) -> tuple[str, Sequence[str]]:
    address = IPv6Address(draw.address_v6())
    port = draw.choice((0, 65_535, draw.integer(1, 65_534)))
    long = address.exploded
    return str(address), (
        str(address),
        str(address).upper(),
        long,
        long.upper(),
        f"[{address}]",
        f"[{long}]:{port}",
    )


def drawn_address(draw: Draw) -> str:
    """Draw an address of either family, private or public."""
    public = str(IPv4Address(draw.integer(2**24, 223 * 2**24)))
    return draw.choice((draw.address_v4(), draw.address_v6(), public))


def forged_entries(draw: Draw, *, many: bool) -> list[str]:
    """Draw what a client may have written before its proxies wrote: a few entries, or more than are read."""
    return [drawn_address(draw) for _ in range(draw.integer(*(MANY_ENTRIES if many else FEW_ENTRIES)))]


def forged_headers(draw: Draw) -> dict[str, str]:
    """Draw what a client may claim to be."""
    names = draw.shuffle(FORGEABLE)[:3]
    claims = {name: drawn_address(draw) for name in names}
    return {
        **claims,
        "Forwarded": f"for={draw.address_v4()}",
        "X-Forwarded-For": ", ".join(drawn_address(draw) for _ in range(draw.integer(1, 3))),
    }


def joined(draw: Draw, addresses: Sequence[str]) -> list[str]:
    """Draw how a list is written: in one line or several, with blanks or without."""
    comma = draw.choice((", ", ",", " ,", ",\t"))
    split = draw.integer(0, len(addresses) - 1)
    parts = (addresses[:split], addresses[split:])
    name = draw.choice(("X-Forwarded-For", "x-forwarded-for", "X-FORWARDED-FOR"))
    return [f"{name}: {comma.join(part)}" for part in parts if part]


def send_lines(client: Caller, lines: Sequence[str]) -> Exchange:
    """Send a request with header lines that are written as they stand."""
    url = client.throttler.service.urls[0]
    head = [f"GET {client.path} HTTP/1.1", f"Host: {urlsplit(url).netloc}", *lines, "Connection: close"]
    return send_raw(url, "".join(f"{line}\r\n" for line in (*head, "")).encode())


def send_from(source: str, throttler: Throttler, path: str) -> int:
    """Send a request from another address of this machine, and return the status."""
    target = urlsplit(throttler.service.urls[0])
    connection = http.client.HTTPConnection(
        target.hostname or "", target.port, timeout=5, source_address=(source, 0)
    )
    connection.request("GET", path)
    status = connection.getresponse().status
    connection.close()
    return status
