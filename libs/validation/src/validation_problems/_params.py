from collections.abc import Mapping, Sequence
from decimal import Decimal
from enum import Enum

from validation_problems._value import Json


def constants(expected: Sequence[object]) -> tuple[str, Mapping[str, Json]]:
    """Return the code and the params where one of these was expected."""
    told = [plain(one) for one in expected]
    return (
        ("not_the_constant", {"expected": told[0]}) if len(told) == 1 else ("not_in_enum", {"expected": told})
    )


def plain(value: object) -> Json:
    """Return what a rule says as JSON has it: 1 and not 1.0."""
    if isinstance(value, Enum):
        return plain(value.value)
    if isinstance(value, float | Decimal):
        return int(value) if value == int(value) else float(value)
    return value if isinstance(value, int | str | None) else str(value)
