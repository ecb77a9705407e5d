from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

type Json = bool | int | float | str | Sequence[Json] | Mapping[str, Json] | None
"""What can be written as JSON."""

type Value = bool | int | float | Decimal | str | list[Value] | dict[str, Value] | None
"""What a text is read as. Numbers are exact: an int where there is no fraction, however it was written; a
float where its shortest decimal is the one that was written; and else a Decimal."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How deep arrays and objects may be nested; how many members and items, and strings, there may be."""

    depth: int = 64
    members: int = 20_000
    strings: int = 20_000


DEFAULT_LIMITS = Limits()
