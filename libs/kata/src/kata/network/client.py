"""The verifier as an ordinary client of the solution."""

import json as json_codec
import ssl
import time
from collections.abc import Mapping
from contextlib import closing
from dataclasses import replace
from functools import cache
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

import httpx

from kata.network.exchange import LARGEST_BODY_BYTES, Exchange, Request, transport_error
from kata.network.history import history
from kata.network.persona import Persona, personas

# Servers drop an idle connection after 2 s (gunicorn) to 5 s (Node, uvicorn). One that is reused just then is
# reset, which would be blamed on the solution.
_KEEPALIVE_SECONDS = 1.0

# httpcore's words and h11's, for an end before the head and within the body.
_WORDS_FOR_AN_EARLY_END = ("Server disconnected", "peer closed connection", "peer unexpectedly closed")


@cache
def _certificates() -> ssl.SSLContext:
    """Return one context for all clients: each one that httpx makes takes 20 ms of CPU."""
    return ssl.create_default_context()


class Client:
    """One client: sends one request after another over a kept connection, and keeps its cookies.

    Nothing of the environment (proxies, netrc) is used and no redirect is followed. A request that gets no
    answer is an Exchange with status 0. Every exchange is kept, in order, in `exchanges`.
    """

    def __init__(
        self,
        base_url: str,
        headers: Mapping[str, str] | None = None,
        timeout_seconds: float = 5.0,
        persona: Persona | None = None,
    ) -> None:
        """Be this client, or one that is drawn, with these headers in each request."""
        self._base_url = base_url.rstrip("/")
        self._headers = _lower(headers or {})
        self._timeout_seconds = timeout_seconds
        self._persona = persona or personas.client()
        self.exchanges: list[Exchange] = []
        self._http = httpx.Client(
            limits=httpx.Limits(keepalive_expiry=_KEEPALIVE_SECONDS),
            trust_env=False,
            verify=_certificates(),
        )

    def get(self, path: str, *, headers: Mapping[str, str] | None = None) -> Exchange:
        """Send a GET; see `request`."""
        return self.request("GET", path, headers=headers)

    def request(
        self,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str] | None = None,
        json: object = None,
        body: bytes | None = None,
    ) -> Exchange:
        """Send a request and wait for its whole answer, at most `timeout_seconds` in all.

        Raises:
            ValueError: the request itself is malformed, or has both `json` and `body`.

        """
        fields = dict(headers or {})
        if json is not None:
            if body is not None:
                raise ValueError("a request has either json or a body")
            body = json_codec.dumps(json).encode()
            fields = {"content-type": "application/json", **fields}
        asked = Request(method, path, fields, body or b"")
        written = self._written(asked)
        exchange = replace(
            self._exchange(written),
            asked=asked.line,
            base_url=self._base_url,
            sent_bytes=asked.written(written.headers.raw),
        )
        self.exchanges.append(exchange)
        history.add([exchange])
        return exchange

    def _exchange(self, request: httpx.Request) -> Exchange:
        time.sleep(self._persona.pause_seconds)
        sent = time.monotonic()
        try:
            answer = self._http.send(request, stream=True)
            with closing(answer):
                content = self._read(answer, sent + self._timeout_seconds)
                received = time.monotonic()
        except httpx.LocalProtocolError as error:
            raise ValueError(f"not a request: {error}") from error
        except httpx.TransportError as error:
            return Exchange(sent, time.monotonic(), 0, error=self._reason(error))
        fields = tuple(
            (name.decode("latin-1"), value.decode("latin-1")) for name, value in answer.headers.raw
        )
        return Exchange(sent, received, answer.status_code, fields, content).decoded()

    def _written(self, asked: Request) -> httpx.Request:
        url = self._base_url + asked.path
        given = self._headers | _lower(asked.fields)
        # httpx would put it behind all others.
        if cookies := httpx.Request(asked.method, url, cookies=self._http.cookies).headers.get("cookie"):
            given = {"cookie": cookies} | given
        return httpx.Request(
            asked.method,
            url,
            headers=self._persona.head(given, host=urlsplit(url).netloc),
            stream=httpx.ByteStream(asked.body),  # `content` would add fields of its own
            extensions={
                # httpx would tidy the path up: "//" and "/../" have to arrive as they were written.
                "target": asked.path.encode("ascii"),
                "timeout": httpx.Timeout(self._timeout_seconds).as_dict(),
            },
        )

    def _read(self, answer: httpx.Response, deadline: float) -> bytes:
        content = bytearray()
        for chunk in answer.iter_raw():
            content += chunk
            if len(content) > LARGEST_BODY_BYTES:
                raise httpx.ReadError(f"the answer is larger than {LARGEST_BODY_BYTES} bytes")
            if time.monotonic() > deadline:  # httpx limits the wait for each chunk only
                raise httpx.ReadTimeout("")
        return bytes(content)

    def _reason(self, error: httpx.TransportError) -> str:
        if isinstance(error, httpx.ConnectTimeout):
            return f"no connection within {self._timeout_seconds:g} s"
        if isinstance(error, httpx.TimeoutException):
            return f"no complete answer within {self._timeout_seconds:g} s"
        cause: BaseException | None = error
        while cause is not None:
            if isinstance(cause, OSError):
                return transport_error(cause)
            cause = cause.__cause__ or cause.__context__
        if any(words in str(error) for words in _WORDS_FOR_AN_EARLY_END):
            return "connection closed without a complete answer"
        return f"not an HTTP answer: {error}"

    def close(self) -> None:
        """Close the connections; the exchanges stay."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _lower(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}
