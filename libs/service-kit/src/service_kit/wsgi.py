"""What surrounds each request to a WSGI application: id, body limit, headers, metrics, log, last resort."""

from __future__ import annotations

import io
from time import perf_counter
from typing import TYPE_CHECKING

import structlog

from service_kit import headers, logs, metrics, request_id
from service_kit.json_text import render
from service_kit.limits import LimitedBody, declared_length
from service_kit.problems import CONTENT_TYPE, Problem, ProblemError, of_status

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from types import TracebackType

    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

    from service_kit.metrics import Metrics

    type Write = Callable[[bytes], object]
    type ExcInfo = tuple[type[BaseException], BaseException, TracebackType] | tuple[None, None, None]

# Up to this size an answer is handed over whole: that is quicker in granian, and an error can become a 500.
WHOLE_BODY_BYTES = 64 * 1024

log = structlog.get_logger()


class Plumbing:
    """Wraps the whole application, so that what it promises holds for the framework's errors too."""

    def __init__(
        self,
        app: WSGIApplication,
        route_of: Callable[[WSGIEnvironment], str],
        http_metrics: Metrics,
        body_limit_bytes: int,
        is_logged: Callable[[str], bool],
    ) -> None:
        self._app = app
        self._body_limit_bytes = body_limit_bytes
        self.route_of = route_of
        self.metrics = http_metrics
        self.is_logged = is_logged

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        exchange = Exchange(self, environ, start_response)
        try:
            limit_body(environ, self._body_limit_bytes)
            chunks = self._app(environ, exchange.start)
            return exchange.whole(chunks) if exchange.is_short else Streamed(chunks, exchange.finish)
        except ProblemError as refused:
            return exchange.refuse(refused.problem)
        except Exception:
            log.exception("unhandled error")
            return exchange.refuse(of_status(500))


def limit_body(environ: WSGIEnvironment, limit_bytes: int) -> None:
    """Refuse a declared length above the limit, and put a guard before a body that does come."""
    declared_bytes = declared_length(environ.get("CONTENT_LENGTH"), limit_bytes)
    if declared_bytes or "HTTP_TRANSFER_ENCODING" in environ:
        body = LimitedBody(environ["wsgi.input"], limit_bytes, declared_bytes)
        environ["wsgi.input"] = io.BufferedReader(body)


class Exchange:
    """One request and its answer."""

    def __init__(self, plumbing: Plumbing, environ: WSGIEnvironment, start_response: StartResponse) -> None:
        self._started = perf_counter()
        self._plumbing = plumbing
        self._environ = environ
        self._start_response = start_response
        self._status = 500
        self._route = metrics.UNMATCHED
        self.is_short = False
        # Never unbound: the body of a streamed answer is made after this call, on the same thread,
        # and the thread's next request brings its own.
        request_id.bind(request_id.choose(environ.get("HTTP_X_REQUEST_ID")))

    def start(self, status: str, own: list[tuple[str, str]], exc_info: ExcInfo | None = None, /) -> Write:
        self._status = int(status[:3])
        # Asked now, because Flask forgets the request before this answer has been sent.
        self._route = self._plumbing.route_of(self._environ)
        present = {name.lower(): value for name, value in own}
        self.is_short = int(present.get("content-length", WHOLE_BODY_BYTES + 1)) <= WHOLE_BODY_BYTES
        complete = [*own, (request_id.HEADER, request_id.current()), *headers.missing_from(present)]
        # Only a server with bytes already on the wire looks at exc_info, and then it raises.
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

    def refuse(self, problem: Problem) -> list[bytes]:
        """Answer with a problem, when the application could not or was not asked."""
        body = render(problem.document(self._environ.get("PATH_INFO", ""), request_id.current()))
        own = [("content-type", CONTENT_TYPE), ("content-length", str(len(body))), *problem.headers.items()]
        self.start(f"{problem.status} {problem.title}", own)
        self.finish()
        return [body]

    def finish(self) -> None:
        seconds = perf_counter() - self._started
        method: str = self._environ["REQUEST_METHOD"]
        self._plumbing.metrics.observe(method, self._route, self._status, seconds)
        if self._plumbing.is_logged(self._route):
            logs.access_line(method, self._route, self._status, seconds, self._environ.get("REMOTE_ADDR", ""))


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
