"""Requests as no client library sends them: with repeated header lines, or to several processes at once."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

from kata.steps import Draw, Exchange, Request, Service, burst, send_raw


def in_lines(service: Service, draw: Draw, request: Request, *repeated: tuple[str, str]) -> Exchange:
    """Send a request with these header lines besides its own, in an order of their own."""
    url = service.urls[0]
    fields = {"Host": urlsplit(url).netloc, "Connection": "close", **request.fields}
    places = draw.shuffle([*fields, *(None for _ in repeated)])
    rest = iter(repeated)
    lines = [(name, fields[name]) if name is not None else next(rest) for name in places]
    head = [f"{request.method} {request.path} HTTP/1.1", *(f"{name}: {value}" for name, value in lines)]
    return send_raw(url, "\r\n".join([*head, "", ""]).encode() + request.body)


def at_once_everywhere(service: Service, requests: Sequence[Request]) -> list[Exchange]:
    """Send the requests at the same instant, each to both of two processes."""
    with ThreadPoolExecutor(2) as pool:
        return [it for some in pool.map(lambda url: burst(url, requests), service.urls[:2]) for it in some]
