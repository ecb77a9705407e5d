"""The lines of a stream's answer: how they are waited for, and what each has to say."""

import json
import time
from collections.abc import Mapping

from kata.steps import Stream, expect

from .api import Api, Json, entries

NDJSON, CSV = "application/x-ndjson", "text/csv"
RESULT_SECONDS = 2.0
AT_ONCE_SECONDS = 0.5
BETWEEN_SECONDS = 0.05


def limited(api: Api) -> tuple[str, int]:
    """Return a version that takes integers up to a limit, and the limit."""
    limit = api.draw.integer(100, 9999)
    return api.register({"type": "object", "properties": {"n": {"type": "integer", "maximum": limit}}}), limit


def mistakes_of(value: Json, limit: int) -> list[tuple[str, str]]:
    if not isinstance(value, dict):
        return [("#", "wrong_type")]
    number = value.get("n", 0)
    if not isinstance(number, int):
        return [("#/n", "wrong_type")]
    return [("#/n", "too_large")] if number > limit else []


def next_result(stream: Stream, what: str, seconds: float = RESULT_SECONDS) -> Mapping[str, Json]:
    """Wait for a line of an answer, or fail the check: with doubt, unless the connection has ended."""
    line = stream.line(seconds)
    return result_of(line, what, is_late=line is None and not stream.is_answered)


def result_before_the_end(stream: Stream, what: str) -> Mapping[str, Json]:
    """Wait for the result of a line that has not ended; if it comes when it has, nobody was merely late."""
    line = stream.line(RESULT_SECONDS)
    if line is not None:
        return result_of(line, what)
    stream.send(b"\n")
    deadline = time.monotonic() + AT_ONCE_SECONDS
    while not stream.is_answered and time.monotonic() < deadline:
        time.sleep(BETWEEN_SECONDS)
    return result_of(None, f"{what}, before its end", is_late=not stream.is_answered)


def result_of(line: bytes | None, what: str, *, is_late: bool = False) -> Mapping[str, Json]:
    """Read a line of an answer, or fail the check."""
    try:
        value: Json = json.loads(line) if line is not None else None
    except ValueError:
        value = None
    right = isinstance(value, dict)
    got = "no line" if line is None else line[:200].decode(errors="replace")
    expect(right, expected=f"a line with an object for {what}", got=got, timing=is_late)
    return value if isinstance(value, dict) else {}


def same_result(
    result: Mapping[str, Json], wanted: Mapping[str, Json], codes: list[tuple[str, str]], what: str
) -> None:
    """Fail the check unless the result has these members, and these mistakes."""
    got = {name: result.get(name) for name in wanted}
    expect(got == wanted, expected=f"{dict(wanted)} for {what}", got=result)
    if codes:
        pairs = sorted(one.pair for one in entries(result.get("errors")))
        expect(pairs == sorted(codes), expected=f"{codes} for {what}", got=pairs)
