"""HTTP by hand, for what no client library would send."""

import http.client
import socket
import time
from dataclasses import replace
from urllib.parse import urlsplit

from kata.network.exchange import KEPT_BODY_BYTES, Exchange, shortened
from kata.network.history import history


def send_raw(url: str, data: bytes, *, timeout_seconds: float = 5.0) -> Exchange:
    """Send the bytes as they are and read one answer; hanging up without one is status 0."""
    line = data.partition(b" HTTP/")[0].splitlines()[:1]
    asked = shortened(line[0].decode("latin-1")) if line else ""
    head, end, body = data.partition(b"\r\n\r\n")
    kept = head + end + body[:KEPT_BODY_BYTES]
    answer = _exchange(url, data, timeout_seconds)
    exchange = replace(answer, asked=asked, base_url=url, sent_bytes=kept)
    history.add([exchange])
    return exchange


def _exchange(url: str, data: bytes, timeout_seconds: float) -> Exchange:
    target = urlsplit(url)
    sent = time.monotonic()
    try:
        with socket.create_connection((target.hostname, target.port or 80), timeout_seconds) as connection:
            connection.sendall(data)
            with http.client.HTTPResponse(connection) as answer:
                answer.begin()
                body = answer.read()
                headers = tuple(answer.getheaders())
                return Exchange(sent, time.monotonic(), answer.status, headers, body).decoded()
    except (OSError, http.client.HTTPException) as error:
        return Exchange(sent, time.monotonic(), 0, error=f"{type(error).__name__}: {error}")
