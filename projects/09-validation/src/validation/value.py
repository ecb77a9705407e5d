"""What a JSON text is read as, and how much one may hold."""

from dataclasses import dataclass
from decimal import Decimal

type Value = bool | int | Decimal | str | list[Value] | dict[str, Value] | None
"""Numbers are exact: an int where there is no fraction, however it was written, and else a Decimal."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How deep arrays and objects may be nested, and how many members and strings there may be, exactly."""

    depth: int
    members: int
    strings: int
