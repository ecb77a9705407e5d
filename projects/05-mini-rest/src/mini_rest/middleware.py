"""The logging middleware: one line for each request, whatever becomes of it.

It is pure ASGI and stands outermost. A framework's own middleware runs behind its routing, and so never sees
a 404; and one that is handed request and response objects has no line for an answer that broke off.
"""

import os
import re
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

from litestar.types import ASGIApp, HTTPScope, Message, Receive, Scope, Send
from litestar.types.asgi_types import ReceiveMessage

from mini_rest.negotiation import is_http
from mini_rest.problems import CONTENT_TYPE, ErrorTable, problem_of
from service_kit import logs, request_id
from service_kit.incoming import Incoming
from service_kit.metrics import Metrics

# Anything else could forge a line of the log, or a header.
REQUEST_ID: Final = re.compile(rb"[A-Za-z0-9._-]{1,64}")
# Source: W3C Trace Context, section 3.2. A later version may have more behind the flags.
TRACEPARENT: Final = re.compile(rb"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}(-.*)?")
UNMATCHED: Final = "unmatched"
ROUTE: Final = "route"
"""Where in the scope's state routing.py leaves the template: a path has no bound, and may hold a secret."""
SECURE_HEADERS: Final = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"cache-control", b"no-store"),
    (b"server", b"service"),
)


class LoggingMiddleware:
    """Surrounds the whole application."""

    def __init__(
        self, app: ASGIApp, errors: ErrorTable, metrics: Metrics, is_logged: Callable[[str], bool]
    ) -> None:
        self._app = app
        self._errors = errors
        self._metrics = metrics
        self._is_logged = is_logged

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not is_http(scope):
            await self._app(scope, receive, send)
            return
        incoming = Incoming(receive, scope["headers"])
        exchange = Exchange(scope, incoming, send)
        try:
            await self._app(scope, incoming.receive, exchange.send)
        except Exception as error:
            if exchange.status:  # too late for another answer: the server breaks the connection
                raise
            await exchange.refuse(error, self._errors)
        finally:
            self._observe(exchange)

    def _observe(self, exchange: "Exchange") -> None:
        seconds = time.perf_counter() - exchange.started_at
        self._metrics.observe(exchange.method, exchange.route, exchange.status, seconds)
        if self._is_logged(exchange.route):
            logs.write_line(exchange.line(seconds))


class Exchange:
    """One request, and what has been answered so far."""

    def __init__(self, scope: HTTPScope, incoming: Incoming[ReceiveMessage], send: Send) -> None:
        self.started_at = time.perf_counter()
        self.status = 0
        self.method: str = scope["method"]
        self._scope = scope
        self._incoming = incoming
        self._send = send
        self._sent_bytes = 0
        sent_ids = [value for name, value in scope["headers"] if name == b"x-request-id"]
        self.request_id = chosen_id(sent_ids)
        self._trace_id = trace_id([value for name, value in scope["headers"] if name == b"traceparent"])
        request_id.bind(self.request_id)  # for what else is logged while this request runs

    @property
    def route(self) -> str:
        return str(self._scope.setdefault("state", {}).get(ROUTE, UNMATCHED))

    async def send(self, message: Message) -> None:
        """Pass a part of the answer on, with what every answer carries."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            await self._incoming.end_before(self.status)
            own = list(message["headers"])
            present = {name.lower() for name, _ in own}
            own.append((b"x-request-id", self.request_id.encode()))
            own += [default for default in SECURE_HEADERS if default[0] not in present]
            message["headers"] = own
        elif message["type"] == "http.response.body":
            if self.method == "HEAD":
                message["body"] = b""
            self._sent_bytes += len(message["body"])
        await self._send(message)

    async def refuse(self, error: Exception, errors: ErrorTable) -> None:
        """Answer with a problem what nobody has answered."""
        problem = problem_of(error, errors)
        body = problem.body(self._scope["path"], self.request_id)
        headers = {"content-type": CONTENT_TYPE, "content-length": str(len(body)), **problem.headers}
        encoded = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
        await self.send({"type": "http.response.start", "status": problem.status, "headers": encoded})
        await self.send({"type": "http.response.body", "body": body, "more_body": False})

    def line(self, seconds: float) -> dict[str, object]:
        """Say what happened. Only what is listed here is logged: to redact, one has to know every secret."""
        return {
            "timestamp": datetime.now(UTC),
            "level": "info",
            "event": "request",
            "request_id": self.request_id,
            "trace_id": self._trace_id,
            "method": self.method,
            "route": self.route,
            "status": self.status,
            "duration_ms": round(seconds * 1000, 3),
            "bytes": self._sent_bytes,
        }


def chosen_id(sent: list[bytes]) -> str:
    """Keep the id that came with the request if it is well-formed, else make one."""
    if len(sent) == 1 and REQUEST_ID.fullmatch(sent[0]):
        return sent[0].decode()
    return request_id.uuid7(time.time_ns() // 1_000_000, os.urandom(10))


def trace_id(sent: list[bytes]) -> str:
    """Go on with the trace that the request belongs to, else begin one: a bad header is nobody's error."""
    match = TRACEPARENT.fullmatch(sent[0]) if len(sent) == 1 else None
    if match is not None:
        version, trace, parent, more = match.groups()
        is_known = version != b"ff" and not (version == b"00" and more)
        if is_known and trace.strip(b"0") and parent.strip(b"0"):
            return trace.decode()
    return os.urandom(16).hex()
