"""The span that is open, known by its `traceparent`.

So it goes into a header, a log line or a row of a table without anybody's knowing who makes spans, or whether
anybody does. Source: W3C Trace Context, section 3.2.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Literal

type Kind = Literal["server", "consumer", "client"]

_current: ContextVar[str] = ContextVar("traceparent", default="")


@dataclass(slots=True)
class Span:
    """What is said of a span: never what a client has sent, but for what the service has understood."""

    name: str
    attributes: dict[str, str | int] = field(default_factory=dict)
    is_error: bool = False


@contextmanager
def opened(traceparent: str) -> Iterator[None]:
    """Make it the span of what this thread or task does in here."""
    token = _current.set(traceparent)
    try:
        yield
    finally:
        _current.reset(token)


def current() -> str:
    """Return the `traceparent` of the span that is open; empty if there is none."""
    return _current.get()


def trace_id() -> str:
    """Return the trace that is open, 32 hexadecimal digits; empty if there is none."""
    return _current.get()[3:35]
