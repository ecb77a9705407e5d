"""What surrounds each request to an ASGI application: the same as in `wsgi.py`."""

from __future__ import annotations

from functools import partial
from time import perf_counter
from typing import TYPE_CHECKING

import structlog

from service_kit import headers, json_text, logs, negotiation, request_id, routing
from service_kit.health import report_async
from service_kit.incoming import RECEIVE, Incoming
from service_kit.limits import declared_length, too_large
from service_kit.operations import READY, Answer, json_answer, problem_answer
from service_kit.problems import MISSING_BODY, Problem, ProblemError, invalid_json, of_status
from service_kit.settings import EX_SOFTWARE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from service_kit.health import AsyncCheck
    from service_kit.routing import Match
    from service_kit.service import Service

DEFAULT_HEADERS = [(name.encode(), value.encode()) for name, value in headers.DEFAULTS]
REQUEST_ID_HEADER = request_id.HEADER.lower().encode()

log = structlog.get_logger()


class Plumbing:
    """Wraps an application. The frameworks' own base for middleware is slower, and breaks streaming."""

    def __init__(self, app: ASGIApp, service: Service, readiness: Mapping[str, AsyncCheck]) -> None:
        self._app = app
        self._service = service
        self._readiness = readiness

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, partial(report_failure, send))
            return
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        incoming = Incoming(receive, scope["headers"])
        scope[RECEIVE] = incoming.receive
        exchange = Exchange(self._service, scope, incoming, send)
        try:
            await self._handle(exchange, scope, incoming.receive)
        except ProblemError as refused:
            if exchange.started:
                raise
            exchange.refusal = None
            await exchange.refuse(refused.problem)
        except Exception:
            if await exchange.refuse_late():
                return
            log.exception("unhandled error")
            if exchange.started:
                raise  # the server breaks the connection, which is all that can be said by now
            await exchange.refuse(of_status(500))
        finally:
            exchange.finish()

    async def _handle(self, exchange: Exchange, scope: Scope, receive: Receive) -> None:
        hosts = [value for name, value in scope["headers"] if name == b"host"]
        negotiation.check_host(b",".join(hosts).decode("latin-1"), scope["http_version"])
        codings = [value for name, value in scope["headers"] if name == b"transfer-encoding"]
        negotiation.check_transfer(b",".join(codings).decode("latin-1"))
        length = exchange.own.get(b"content-length", b"").decode("latin-1")
        limit_bytes = None if exchange.has_own_body() else self._service.body_limit_bytes
        declared_length(length, limit_bytes)
        match = exchange.find_route()
        answer = self._service.answer(match, scope["method"])
        if match.template == READY and answer is None:
            status, document = await report_async(self._readiness, self._service.readiness_timeout_seconds)
            answer = json_answer(document, status)
        if answer is not None:
            await exchange.answer(answer)
            return
        needs_body = False
        if match.operation is not None:
            check(match, scope, exchange.own)
            needs_body = match.operation.needs_body
        body = Body(exchange, receive, self._service.body_limit_bytes, needs_body=needs_body)
        # Frameworks refuse HEAD where they have GET; `Exchange.send` leaves the body out.
        inner = {**scope, "method": "GET"} if scope["method"] == "HEAD" else scope
        await self._app(inner, body.receive, exchange.send)
        await exchange.refuse_late()


def check(match: Match, scope: Scope, own: Mapping[bytes, bytes]) -> None:
    """Compare the request with what its operation takes. Raises: ProblemError."""
    if match.operation is None:
        return
    accept = own.get(b"accept")
    has_body = own.get(b"content-length", b"0") != b"0" or b"transfer-encoding" in own
    if has_body:
        negotiation.check_coding(own.get(b"content-encoding", b"").decode("latin-1"))
    match.operation.check(
        match.values,
        scope["query_string"].decode("latin-1"),
        accept.decode("latin-1") if accept is not None else None,
        own.get(b"content-type", b"").decode("latin-1") if has_body else None,
    )


async def report_failure(send: Send, message: Message) -> None:
    """End a worker whose application fails in its lifespan like one whose application cannot be made."""
    if message["type"] == "lifespan.startup.failed":
        log.critical("cannot start", exception=message.get("message", ""))
        raise SystemExit(EX_SOFTWARE)
    await send(message)


class Body:
    """A request's body on its way in: limited in size, and if it is JSON, strict JSON."""

    def __init__(self, exchange: Exchange, receive: Receive, limit_bytes: int, *, needs_body: bool) -> None:
        self._exchange = exchange
        self._needs_body = needs_body
        self._limit_bytes = limit_bytes
        self._receive = receive
        self._read_bytes = 0
        self._complete = False
        media_type = negotiation.media_type_of(exchange.own.get(b"content-type", b"").decode("latin-1"))
        self._json: list[bytes] | None = [] if negotiation.is_json(media_type) else None

    async def receive(self) -> Message:
        message = await self._receive()
        if message["type"] == "http.disconnect" and not self._complete:
            raise self._refused(of_status(400, "The body is not complete."))
        if message["type"] != "http.request":
            return message
        chunk: bytes = message.get("body", b"")
        self._read_bytes += len(chunk)
        if self._read_bytes > self._limit_bytes:
            raise self._refused(too_large(self._limit_bytes).problem)
        self._complete = not message.get("more_body", False)
        if self._complete and self._needs_body and self._read_bytes == 0:
            raise self._refused(MISSING_BODY)
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
                raise self._refused(invalid_json(error)) from error

    def _refused(self, problem: Problem) -> ProblemError:
        """Make the error. Each framework answers it in its own way, and that answer is dropped."""
        self._exchange.refusal = problem
        return ProblemError(problem)


class Exchange:
    """One request and its answer."""

    def __init__(self, service: Service, scope: Scope, incoming: Incoming[Message], send: Send) -> None:
        self._started_at = perf_counter()
        self._service = service
        self._scope = scope
        self._incoming = incoming
        self._send = send
        self._status = 500
        self._route = routing.UNMATCHED
        self.started = False
        self.refusal: Problem | None = None
        self.own: dict[bytes, bytes] = dict(scope["headers"])
        offered = self.own.get(REQUEST_ID_HEADER)
        self._request_id = request_id.choose(offered.decode("latin-1") if offered else None)
        request_id.bind(self._request_id)

    def has_own_body(self) -> bool:
        """Say whether the route bounds its bodies itself, as one does that takes files."""
        own = self._service.own_bodies
        return bool(own) and self._service.table.template_of(self._scope["path"]) in own

    def find_route(self) -> Match:
        """Find it in the table. Raises: ProblemError."""
        try:
            match = self._service.table.match(self._scope["method"], self._scope["path"])
        except ProblemError:
            self._route = self._scope[routing.ROUTE] = self._service.table.template_of(self._scope["path"])
            raise
        self._route = self._scope[routing.ROUTE] = match.template
        return match

    async def send(self, message: Message) -> None:
        """Pass a part of the application's answer on, unless reading the body has failed."""
        if self.refusal is not None and not self.started:
            return
        if message["type"] == "http.response.start":
            self.started = True
            self._status = message["status"]
            await self._incoming.end_before(self._status)
            response: list[tuple[bytes, bytes]] = list(message.get("headers", ()))
            present = {name.lower() for name, _ in response}
            response.append((REQUEST_ID_HEADER, self._request_id.encode()))
            response += [default for default in DEFAULT_HEADERS if default[0] not in present]
            message = {**message, "headers": response}
        elif self._scope["method"] == "HEAD":
            message = {**message, "body": b""}
        await self._send(message)

    async def answer(self, answer: Answer) -> None:
        """Answer instead of the application."""
        encoded = [(name.encode(), value.encode()) for name, value in answer.complete_headers()]
        await self.send({"type": "http.response.start", "status": answer.status, "headers": encoded})
        await self.send({"type": "http.response.body", "body": answer.body})

    async def refuse(self, problem: Problem) -> None:
        """Answer with a problem, when the application could not or was not asked."""
        await self.answer(problem_answer(problem, self._scope["path"], self._request_id))

    async def refuse_late(self) -> bool:
        """Answer with what was wrong with the body, if anything was, in place of the application's answer."""
        if self.refusal is None or self.started:
            return False
        problem, self.refusal = self.refusal, None
        await self.refuse(problem)
        return True

    def finish(self) -> None:
        seconds = perf_counter() - self._started_at
        method: str = self._scope["method"]
        self._service.metrics.observe(method, self._route, self._status, seconds)
        if self._service.is_logged(self._route):
            peer = (self._scope.get("client") or ("",))[0]
            forwarded_for = [value for name, value in self._scope["headers"] if name == b"x-forwarded-for"]
            client = self._service.client_of(peer, b",".join(forwarded_for).decode("latin-1") or None)
            logs.access_line(method, self._route, self._status, seconds, client)
