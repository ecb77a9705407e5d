"""What surrounds each request to a WSGI application: id, body limit, headers, metrics, log, last resort."""

from __future__ import annotations

import io
from time import perf_counter
from typing import TYPE_CHECKING

import structlog

from service_kit import headers, logs, request_id, routing
from service_kit.health import Readiness
from service_kit.limits import LimitedBody, declared_length
from service_kit.negotiation import check_coding, check_host, check_transfer
from service_kit.operations import READY, Answer, json_answer, problem_answer
from service_kit.problems import Problem, ProblemError, of_status

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from types import TracebackType

    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

    from service_kit.health import Check
    from service_kit.routing import Match
    from service_kit.service import Service

    type Write = Callable[[bytes], object]
    type ExcInfo = tuple[type[BaseException], BaseException, TracebackType] | tuple[None, None, None]

# Up to this size an answer is handed over whole: that is quicker in granian, and an error can become a 500.
WHOLE_BODY_BYTES = 64 * 1024

# Where a request's `Match` is in its environment.
MATCH = "service_kit.match"

log = structlog.get_logger()


class Plumbing:
    """Wraps the whole application, so that what it promises holds for the framework's errors too."""

    def __init__(self, app: WSGIApplication, service: Service, readiness: Mapping[str, Check]) -> None:
        self._app = app
        self._service = service
        self._readiness = Readiness(readiness, service.readiness_timeout_seconds)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        exchange = Exchange(self._service, environ, start_response)
        # No other protocol is spoken here, and a request for one is answered as if it had none (RFC 9110,
        # section 7.8). Werkzeug would answer a WebSocket's handshake with 400.
        environ.pop("HTTP_UPGRADE", None)
        try:
            check_host(environ.get("HTTP_HOST"), environ["SERVER_PROTOCOL"].removeprefix("HTTP/"))
            check_transfer(environ.get("HTTP_TRANSFER_ENCODING"))
            if not exchange.has_own_body():
                limit_body(environ, self._service.body_limit_bytes)
            match = exchange.find_route()
            answer = self._service.answer(match, environ["REQUEST_METHOD"])
            if match.template == READY and answer is None:
                status, document = self._readiness.report()
                answer = json_answer(document, status)
            if answer is not None:
                return exchange.answer(answer)
            environ[MATCH] = match
            chunks = self._app(environ, exchange.start)
            return exchange.whole(chunks) if exchange.is_short else Streamed(chunks, exchange.finish)
        except ProblemError as refused:
            return exchange.refuse(refused.problem)
        except Exception:
            log.exception("unhandled error")
            return exchange.refuse(of_status(500))


def check(environ: WSGIEnvironment) -> None:
    """Compare a request with what its operation takes; the application says when.

    Not sooner, because what a service does before it looks at its input, such as limiting, comes first.
    Raises: ProblemError.
    """
    match: Match = environ[MATCH]
    if match.operation is not None:
        has_body = environ.get("CONTENT_LENGTH") not in {None, "", "0"} or "HTTP_TRANSFER_ENCODING" in environ
        if has_body:
            check_coding(environ.get("HTTP_CONTENT_ENCODING"))
        match.operation.check(
            match.values,
            environ.get("QUERY_STRING", ""),
            environ.get("HTTP_ACCEPT"),
            environ.get("CONTENT_TYPE") or "" if has_body else None,
        )


def limit_body(environ: WSGIEnvironment, limit_bytes: int) -> None:
    """Refuse a declared length above the limit, and put a guard before a body that does come."""
    declared_bytes = declared_length(environ.get("CONTENT_LENGTH"), limit_bytes)
    if declared_bytes or "HTTP_TRANSFER_ENCODING" in environ:
        body = LimitedBody(environ["wsgi.input"], limit_bytes, declared_bytes)
        environ["wsgi.input"] = io.BufferedReader(body)


class Exchange:
    """One request and its answer."""

    def __init__(self, service: Service, environ: WSGIEnvironment, start_response: StartResponse) -> None:
        self._started = perf_counter()
        self._service = service
        self._environ = environ
        self._start_response = start_response
        self._status = 500
        self._route = routing.UNMATCHED
        self.is_short = False
        # It stays bound: a streamed answer is made after this call, on the same thread, and logs with it too.
        # The thread's next request binds its own.
        request_id.bind(request_id.choose(environ.get("HTTP_X_REQUEST_ID")))

    def has_own_body(self) -> bool:
        """Say whether the route bounds its bodies itself, as one does that takes files."""
        own = self._service.own_bodies
        return bool(own) and self._service.table.template_of(self._path()) in own

    def find_route(self) -> Match:
        """Find it in the table. Raises: ProblemError."""
        path = self._path()
        try:
            match = self._service.table.match(self._environ["REQUEST_METHOD"], path)
        except ProblemError:
            self._route = self._service.table.template_of(path)
            raise
        self._route = match.template
        return match

    def start(self, status: str, own: list[tuple[str, str]], exc_info: ExcInfo | None = None, /) -> Write:
        self._status = int(status[:3])
        present = {name.lower(): value for name, value in own}
        self.is_short = int(present.get("content-length", WHOLE_BODY_BYTES + 1)) <= WHOLE_BODY_BYTES
        complete = [*own, (request_id.HEADER, request_id.current()), *headers.missing_from(present)]
        # A server that has already sent bytes raises what is in exc_info; any other ignores it.
        return (
            self._start_response(status, complete, exc_info)
            if exc_info
            else self._start_response(status, complete)
        )

    def whole(self, chunks: Iterable[bytes]) -> list[bytes]:
        try:
            body = b"".join(chunks)
        finally:
            close(chunks)
        self.finish()
        return [body]

    def answer(self, answer: Answer) -> list[bytes]:
        """Answer instead of the application."""
        self.start(answer.phrase, answer.complete_headers())
        self.finish()
        return [] if self._environ["REQUEST_METHOD"] == "HEAD" else [answer.body]

    def refuse(self, problem: Problem) -> list[bytes]:
        """Answer with a problem, when the application could not or was not asked."""
        return self.answer(problem_answer(problem, self._path(), request_id.current()))

    def _path(self) -> str:
        """Return the path as text: WSGI gives its bytes, each as a character."""
        path: str = self._environ.get("PATH_INFO", "")
        return path if path.isascii() else path.encode("latin-1").decode(errors="replace")

    def finish(self) -> None:
        seconds = perf_counter() - self._started
        method: str = self._environ["REQUEST_METHOD"]
        self._service.metrics.observe(method, self._route, self._status, seconds)
        if self._service.is_logged(self._route):
            peer, forwarded_for = (
                self._environ.get("REMOTE_ADDR", ""),
                self._environ.get("HTTP_X_FORWARDED_FOR"),
            )
            client = self._service.client_of(peer, forwarded_for)
            logs.access_line(method, self._route, self._status, seconds, client)


class Streamed:
    """The rest of an answer that is sent piece by piece; the server closes it when it is over, either way."""

    def __init__(self, chunks: Iterable[bytes], finish: Callable[[], None]) -> None:
        self._chunks = chunks
        self._finish = finish

    def __iter__(self) -> Iterator[bytes]:
        try:
            yield from self._chunks
        except Exception:
            log.exception("unhandled error")
            raise

    def close(self) -> None:
        try:
            close(self._chunks)
        finally:
            self._finish()


def close(chunks: Iterable[bytes]) -> None:
    """Release what an answer holds, as PEP 3333 asks of whoever iterates it."""
    closing = getattr(chunks, "close", None)
    if closing is not None:
        closing()
