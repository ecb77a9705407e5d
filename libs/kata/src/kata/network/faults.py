"""What a fault proxy can do to its connections."""

from dataclasses import dataclass
from enum import Enum


class Mode(Enum):
    """What the proxy does to its connections."""

    PASS = "pass"  # noqa: S105 - a mode, not a password
    DELAY = "delay"
    CUT = "cut"
    BLACK_HOLE = "black hole"
    TRICKLE = "trickle"
    RESET_AFTER = "reset after"


@dataclass(frozen=True)
class Fault:
    """A mode with its quantity."""

    mode: Mode
    delay_seconds: float = 0.0
    budget_bytes: int | None = None
