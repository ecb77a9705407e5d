"""Logs: one JSON object a line on stdout, with the id of the request that it belongs to."""

import contextlib
import logging
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from typing import override

import orjson
import structlog
from structlog.typing import EventDict, WrappedLogger

from service_kit import request_id, tracing
from service_kit.json_text import render
from service_kit.settings import LogLevel

# Compared with whole field names: a net for the careless line, not a licence to log secrets.
SECRET_FIELDS = frozenset(
    {
        "authorization",
        "body",
        "cookie",
        "database_url",
        "password",
        "redis_url",
        "secret",
        "set_cookie",
        "token",
    }
)

PROBES = frozenset({"/health", "/ready", "/metrics"})


def configure(level: LogLevel) -> None:
    """Send structlog and the standard library's logging to stdout. `serve` calls it, once in each process."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.format_exc_info,
            complete,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=StdoutLogger,
        cache_logger_on_first_use=True,
    )
    logging.root.handlers[:] = [StdoutHandler()]
    logging.root.setLevel(level.upper())


def complete(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Add the time and the request id, and blank what is named like a secret."""
    for name in SECRET_FIELDS & event.keys():
        event[name] = "[redacted]"
    return stamp(event.pop("level"), event.pop("event")) | dict(event)


def stamp(level: str, event: str) -> dict[str, object]:
    """Return the fields that every line begins with."""
    fields: dict[str, object] = {"timestamp": datetime.now(UTC), "level": level, "event": event}
    if current := request_id.current():
        fields["request_id"] = current
    return fields | traced()


def traced() -> dict[str, object]:
    """Return the trace that a line belongs to, if there is one."""
    trace_id = tracing.trace_id()
    return {"trace_id": trace_id} if trace_id else {}


def write_line(fields: dict[str, object]) -> None:
    """Write one line in one call, so that the lines of several threads never mix.

    A full disk or a closed pipe loses the line: it must not fail the request that is being served.
    """
    try:
        line = render(fields)
    except orjson.JSONEncodeError:  # a lone surrogate, say, from the name of a file
        line = render({name: ascii(value) for name, value in fields.items()})
    with contextlib.suppress(OSError):
        sys.stdout.buffer.write(line + b"\n")
        sys.stdout.buffer.flush()


class StdoutLogger:
    """The end of structlog's chain."""

    def __init__(self, *_names: str) -> None:
        pass

    def msg(self, **fields: object) -> None:
        """Write what the processors made."""
        write_line(fields)

    debug = info = warning = error = critical = msg


class StdoutHandler(logging.Handler):
    """The same way out for libraries that log through the standard library."""

    @override
    def emit(self, record: logging.LogRecord) -> None:
        """Write the record with the fields that our own lines have."""
        fields = stamp(record.levelname.lower(), record.getMessage()) | {"logger": record.name}
        if record.exc_info:
            fields["exception"] = logging.Formatter().formatException(record.exc_info)
        write_line(fields)


def access_filter(level: LogLevel) -> Callable[[str], bool]:
    """Return which routes get a line: probes and scrapes, every few seconds for ever, only at debug."""
    if level == "debug":
        return lambda _route: True
    if level == "info":
        return lambda route: route not in PROBES
    return lambda _route: False


def access_line(method: str, route: str, status: int, seconds: float, client: str) -> None:
    """Log one answered request. The route's template, not the path or the query: those can hold tokens."""
    write_line(
        {
            "timestamp": datetime.now(UTC),
            "level": "info",
            "event": "request",
            "request_id": request_id.current(),
            **traced(),
            "method": method,
            "route": route,
            "status": status,
            "duration_ms": round(seconds * 1000, 3),
            "client": client,
        }
    )
