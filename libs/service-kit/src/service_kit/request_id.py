"""The id that joins a response to its log lines, across every service that a request passes."""

import os
import re
import time
from contextvars import ContextVar

HEADER = "X-Request-ID"
# Anything else could forge log lines or headers, or fill the log.
WELL_FORMED = re.compile(r"[A-Za-z0-9._-]{1,64}")

_current: ContextVar[str] = ContextVar("request_id", default="")


def choose(offered: str | None) -> str:
    """Keep an id that the caller sent if it is well-formed, else make one."""
    if offered is not None and WELL_FORMED.fullmatch(offered):
        return offered
    return uuid7(time.time_ns() // 1_000_000, os.urandom(10))


def bind(request_id: str) -> None:
    """Make it the id of what this thread or task does from here on."""
    _current.set(request_id)


def current() -> str:
    """Return the id of the request being served; empty outside one."""
    return _current.get()


def uuid7(unix_milliseconds: int, randomness: bytes) -> str:
    """Write a UUID that sorts by time: 48 bits of time, then 74 of the 80 random bits given.

    Source: RFC 9562, section 5.7. Python has uuid.uuid7() from 3.14 on. No uuid.UUID on the way: it costs
    more than all the rest.
    """
    noise = int.from_bytes(randomness)
    rand_a, rand_b = noise >> 62 & 0xFFF, noise & (1 << 62) - 1
    text = f"{unix_milliseconds << 80 | 0x7 << 76 | rand_a << 64 | 0b10 << 62 | rand_b:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
