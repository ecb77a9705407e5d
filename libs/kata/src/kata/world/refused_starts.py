"""Whether a process that was started with a bad setting refuses to run, and says which one it was."""

import time
from collections.abc import Callable, Iterable, Iterator
from http import HTTPStatus
from itertools import batched

from kata.judge.expectations import expect
from kata.network.raw import send_raw
from kata.solution.target import Instance

_START_SECONDS = 20.0
_POLL_SECONDS = 0.02
_AT_ONCE = 3  # all at once would take the processors from every other check


def started_with_each(
    bad_settings: Iterable[tuple[str, str]], start: Callable[[str, str], Instance]
) -> Iterator[tuple[str, str, Instance]]:
    """Yield each setting's name and value, and the process that was started with it: a few run at a time."""
    for few in batched(bad_settings, _AT_ONCE, strict=False):
        yield from [(name, value, start(name, value)) for name, value in few]


def expect_refused_starts(starts: Iterable[tuple[str, str, Instance]]) -> None:
    """Expect of each (name, value, process) that it ends by itself, and that its output names the setting.

    Raises:
        CheckFailedError: one does not.

    """
    for name, value, instance in starts:
        deadline = time.monotonic() + _START_SECONDS
        runs = False
        while instance.alive and not runs and time.monotonic() < deadline:
            time.sleep(_POLL_SECONDS)
            runs = name != "PORT" and _answers(instance)
        expect(
            not instance.alive and instance.exit_code != 0,
            expected=f"{name}={value!r} stops the start with a non-zero exit code",
            got="it is still running" if instance.alive else f"exit code {instance.exit_code}",
            timing=instance.alive and not runs,
        )
        named = any(name in line for line in instance.output())
        expect(named, expected=f"a line with {name}", got=" / ".join(instance.output()[-3:]) or "nothing")


def _answers(instance: Instance) -> bool:
    if instance.url is None:
        return False
    return send_raw(instance.url, b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n").status == HTTPStatus.OK
