"""Logs of a given size, the same at each call: 3.75 million lines in 512 MB."""

import random
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

MEGABYTE: Final = 1_000_000
LINE_BYTES: Final = 137
NEEDLE: Final = "needle-in-the-log"
BEGIN: Final = datetime(2026, 3, 1, tzinfo=UTC)
STEP_MS: Final = 23
_LEVELS: Final = ("DEBUG", "INFO", "WARN", "ERROR")
_WEIGHTS: Final = (20, 70, 7, 3)
_NEEDLE_EACH: Final = 10_000
_WORDS: Final = ("accepted", "refused", "read", "wrote", "waited for", "retried", "closed", "resumed")


def make_log(path: Path, megabytes: int) -> int:
    """Write the log, unless it is there, and return how many lines it has."""
    count = megabytes * MEGABYTE // LINE_BYTES
    if path.exists() and path.stat().st_size == count * LINE_BYTES:
        return count
    path.parent.mkdir(parents=True, exist_ok=True)
    draw = random.Random(8)
    with path.open("w") as file:
        for number in range(count):
            file.write(_line(draw, number))
    return count


def moment_of(number: int) -> str:
    """Return the timestamp of a line."""
    moment = BEGIN + timedelta(milliseconds=number * STEP_MS)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03}Z"


def _line(draw: random.Random, number: int) -> str:
    level = draw.choices(_LEVELS, _WEIGHTS)[0]
    what = NEEDLE if number % _NEEDLE_EACH == _NEEDLE_EACH // 2 else f"request {draw.randrange(10**9)}"
    text = f"{moment_of(number)} {level} [worker-{number % 17}] {what} {draw.choice(_WORDS)} {draw.random()}"
    return text[: LINE_BYTES - 1].ljust(LINE_BYTES - 1, ".") + "\n"
