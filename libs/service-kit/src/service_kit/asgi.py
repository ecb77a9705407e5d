"""What surrounds each request to an ASGI application: the same as in `wsgi.py`, and JSON read strictly."""

from __future__ import annotations

from functools import partial
from time import perf_counter
from typing import TYPE_CHECKING

import structlog

from service_kit import headers, json_text, logs, request_id
from service_kit.limits import declared_length, too_large
from service_kit.problems import CONTENT_TYPE, Problem, ProblemError, invalid_json, of_status
from service_kit.settings import EX_SOFTWARE

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from service_kit.metrics import Metrics

DEFAULT_HEADERS = [(name.encode(), value.encode()) for name, value in headers.DEFAULTS]
REQUEST_ID_HEADER = request_id.HEADER.lower().encode()

log = structlog.get_logger()


class Plumbing:
    """Wraps an application. The frameworks' own base for middleware is slower, and breaks streaming."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        route_of: Callable[[Scope], str],
        http_metrics: Metrics,
        body_limit_bytes: int,
        is_logged: Callable[[str], bool],
        refusal: Callable[[Problem], Exception] = ProblemError,
    ) -> None:
        """Make the wrapper; `refusal` is what the framework lets pass when reading a body raises it."""
        self._app = app
        self._body_limit_bytes = body_limit_bytes
        self._refusal = refusal
        self.route_of = route_of
        self.metrics = http_metrics
        self.is_logged = is_logged

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, partial(report_failure, send))
            return
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        exchange = Exchange(self, scope, send)
        try:
            body = Body(exchange.own, self._body_limit_bytes, receive, self._refusal)
            await self._app(scope, body.receive, exchange.send)
        except ProblemError as refused:
            if exchange.started:
                raise
            await exchange.refuse(refused.problem)
        except Exception:
            log.exception("unhandled error")
            if exchange.started:
                raise  # the server breaks the connection, which is all that can be said by now
            await exchange.refuse(of_status(500))
        finally:
            exchange.finish()


async def report_failure(send: Send, message: Message) -> None:
    """End a worker whose application fails in its lifespan like one whose application cannot be made."""
    if message["type"] == "lifespan.startup.failed":
        log.critical("cannot start", exception=message.get("message", ""))
        raise SystemExit(EX_SOFTWARE)
    await send(message)


class Body:
    """A request's body on its way in: limited in size, and if it is JSON, strict JSON."""

    def __init__(
        self,
        own: dict[bytes, bytes],
        limit_bytes: int,
        receive: Receive,
        refusal: Callable[[Problem], Exception],
    ) -> None:
        declared_length(own.get(b"content-length", b"").decode("latin-1"), limit_bytes)
        self._limit_bytes = limit_bytes
        self._receive = receive
        self._refusal = refusal
        self._read_bytes = 0
        self._complete = False
        media_type = own.get(b"content-type", b"").partition(b";")[0].strip().lower()
        is_json = media_type == b"application/json" or media_type.endswith(b"+json")
        self._json: list[bytes] | None = [] if is_json else None

    async def receive(self) -> Message:
        message = await self._receive()
        if message["type"] == "http.disconnect" and not self._complete:
            raise self._refusal(of_status(400, "The body is not complete."))
        if message["type"] != "http.request":
            return message
        chunk: bytes = message.get("body", b"")
        self._read_bytes += len(chunk)
        if self._read_bytes > self._limit_bytes:
            raise self._refusal(too_large(self._limit_bytes).problem)
        self._complete = not message.get("more_body", False)
        if self._json is not None:
            self._json.append(chunk)
            if self._complete:
                self._check_json(b"".join(self._json))
        return message

    def _check_json(self, text: bytes) -> None:
        # Frameworks parse with the standard library, or not at all: so this is a second parse, and cheap.
        if text:
            try:
                json_text.parse(text)
            except json_text.InvalidJsonError as error:
                raise self._refusal(invalid_json(error)) from error


class Exchange:
    """One request and its answer."""

    def __init__(self, plumbing: Plumbing, scope: Scope, send: Send) -> None:
        self._started_at = perf_counter()
        self._plumbing = plumbing
        self._scope = scope
        self._send = send
        self._status = 500
        self.started = False
        self.own: dict[bytes, bytes] = dict(scope["headers"])
        offered = self.own.get(REQUEST_ID_HEADER)
        self._request_id = request_id.choose(offered.decode("latin-1") if offered else None)
        request_id.bind(self._request_id)

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.started = True
            self._status = message["status"]
            response: list[tuple[bytes, bytes]] = list(message.get("headers", ()))
            present = {name.lower() for name, _ in response}
            response.append((REQUEST_ID_HEADER, self._request_id.encode()))
            response += [default for default in DEFAULT_HEADERS if default[0] not in present]
            message = {**message, "headers": response}
        await self._send(message)

    async def refuse(self, problem: Problem) -> None:
        """Answer with a problem, when the application could not or was not asked."""
        body = json_text.render(problem.document(self._scope["path"], self._request_id))
        own = {"content-type": CONTENT_TYPE, "content-length": str(len(body)), **problem.headers}
        encoded = [(name.lower().encode(), value.encode()) for name, value in own.items()]
        await self.send({"type": "http.response.start", "status": problem.status, "headers": encoded})
        await self.send({"type": "http.response.body", "body": body})

    def finish(self) -> None:
        seconds = perf_counter() - self._started_at
        method: str = self._scope["method"]
        route = self._plumbing.route_of(self._scope)
        self._plumbing.metrics.observe(method, route, self._status, seconds)
        if self._plumbing.is_logged(route):
            client = self._scope.get("client") or ("",)
            logs.access_line(method, route, self._status, seconds, client[0])
