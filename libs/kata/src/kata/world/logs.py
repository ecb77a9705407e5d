"""What a process has written, once it has been read."""

import json
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Protocol

from kata.network.exchange import Exchange

# Counted, and not by the clock: a machine that stood still for seconds has looked once.
_LOOKS = 500
_PAUSE_SECONDS = 0.01


class Writer(Protocol):
    """A process, or a service of several, whose output is kept."""

    def output(self) -> list[str]:
        """Return the last lines that it wrote."""


def output_once(writer: Writer, is_complete: Callable[[Sequence[str]], bool]) -> list[str]:
    """Return the output as soon as it is complete, or what there is of it after five seconds of looking."""
    lines = writer.output()
    for _ in range(_LOOKS):
        if is_complete(lines):
            break
        time.sleep(_PAUSE_SECONDS)
        lines = writer.output()
    return lines


def output_after(writer: Writer, answer: Exchange) -> list[str]:
    """Return the output as soon as it tells of this answer's request; what came before is in it by then."""
    request_id = answer.header("x-request-id") or ""
    return output_once(writer, lambda lines: any(request_id in line for line in lines))


def entries(lines: Iterable[str]) -> list[Mapping[str, object]]:
    """Return those lines that are JSON objects."""
    found = [_value(line) for line in lines]
    return [value for value in found if isinstance(value, dict)]


def _value(line: str) -> object:
    try:
        return json.loads(line)
    except ValueError:
        return None
