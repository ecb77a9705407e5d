"""HTTP by hand, for what no client library would send."""

import http.client
import socket
import time
from contextlib import closing
from dataclasses import replace
from urllib.parse import urlsplit

from kata.network.exchange import KEPT_BODY_BYTES, Exchange, Request, shortened
from kata.network.history import history
from kata.network.persona import personas


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


def ask_repeatedly(url: str, path: str, *, most: int, seconds: float) -> tuple[int, Exchange | None]:
    """Send GETs one after another, so many at most, and for so long; return how many, and the last answer.

    A connection is used for as long as the server keeps it; what gets no answer is passed over.
    """
    target = urlsplit(url)
    head = personas.client().head({"Connection": "keep-alive"}, host=target.netloc)
    fields = {name.decode(): value.decode("latin-1") for name, value in head}
    count, last, deadline = 0, None, time.monotonic() + seconds
    with closing(http.client.HTTPConnection(target.hostname or "", target.port, seconds)) as connection:
        while count < most and (sent := time.monotonic()) < deadline:
            count += 1
            try:
                connection.request("GET", path, headers=fields)
                answer = connection.getresponse()
                last = Exchange(
                    sent, time.monotonic(), answer.status, tuple(answer.getheaders()), answer.read()
                )
            except (OSError, http.client.HTTPException):
                connection.close()
    if last is None:
        return count, None
    asked = Request("GET", path)
    exchange = replace(last, asked=asked.line, base_url=url, sent_bytes=asked.written(head))
    history.add([exchange])
    return count, exchange


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
