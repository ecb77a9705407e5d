"""What a condition can ask of an attribute. Each operator has a type, and of another type nothing holds."""

import operator
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

import re2  # type: ignore[import-untyped]  # it has no stubs
from semver import Version

type Plain = str | bool | int | float
type Answer = bool | None
"""None: the question makes no sense for this value."""
type Question = Callable[[object], Answer]

LONGEST_PATTERN: Final = 500
PATTERN_BYTES: Final = 256 * 1024
"""What a compiled pattern may take: a{1000}{1000} is refused, and not tried."""


def is_one_of(values: Sequence[Plain]) -> Question:
    """Compare with types: neither is "1" the number 1, nor true; 1.0 is, as JSON has one type of number."""
    booleans = frozenset(value for value in values if isinstance(value, bool))
    others = frozenset(value for value in values if not isinstance(value, bool))

    def asked(value: object) -> Answer:
        if value is True or value is False:
            return value in booleans
        return value in others if isinstance(value, str | int | float) else None

    return asked


def of_text(test: Callable[[str, str], bool]) -> Callable[[Sequence[Plain]], Question]:
    def made(values: Sequence[Plain]) -> Question:
        texts = [text(value) for value in values]

        def asked(value: object) -> Answer:
            return any(test(value, one) for one in texts) if isinstance(value, str) else None

        return asked

    return made


def matches(values: Sequence[Plain]) -> Question:
    """RE2 needs time in proportion to the text, whatever the pattern: no (a+)+$ stops the service."""
    options = re2.Options()
    options.max_mem = PATTERN_BYTES
    options.log_errors = False
    patterns = [compiled(text(value), options) for value in values]

    def asked(value: object) -> Answer:
        if not isinstance(value, str):
            return None
        return any(pattern.search(value) is not None for pattern in patterns)

    return asked


def compiled(pattern: str, options: object) -> re2._Regexp:
    if len(pattern) > LONGEST_PATTERN:
        raise ValueError(f"a pattern has at most {LONGEST_PATTERN} characters")
    try:
        return re2.compile(pattern, options)
    except re2.error as error:
        raise ValueError("it is no pattern that RE2 reads") from error


def against[T](
    read: Callable[[object], T | None], compare: Callable[[T, T], bool]
) -> Callable[[Sequence[Plain]], Question]:
    """Make an operator that compares with one value, which is read as the attribute is."""

    def made(values: Sequence[Plain]) -> Question:
        bound = read(values[0])
        if bound is None:
            raise ValueError("the value is not of the operator's type")

        def asked(value: object) -> Answer:
            found = read(value)
            return None if found is None else compare(found, bound)

        return asked

    return made


def number(value: object) -> float | None:
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def version(value: object) -> Version | None:
    """Read a semantic version. Source: semver.org, 2.0.0, item 11 for what comes before what."""
    if not isinstance(value, str) or not Version.is_valid(value):
        return None
    return Version.parse(value)


def moment(value: object) -> datetime | None:
    """Read RFC 3339, which has an offset."""
    if not isinstance(value, str) or len(value) < len("2026-01-01T00:00:00Z") or value[10] not in "Tt ":
        return None
    try:
        read = datetime.fromisoformat(value)
        return None if read.tzinfo is None else read.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def text(value: Plain) -> str:
    if not isinstance(value, str):
        raise ValueError("the values are texts")  # noqa: TRY004 - a client's mistake, and no programmer's
    return value


ONE_VALUE: Final[Mapping[str, Callable[[Sequence[Plain]], Question]]] = {
    "less_than": against(number, operator.lt),
    "at_most": against(number, operator.le),
    "greater_than": against(number, operator.gt),
    "at_least": against(number, operator.ge),
    "semver_less_than": against(version, operator.lt),
    "semver_at_most": against(version, operator.le),
    "semver_greater_than": against(version, operator.gt),
    "semver_at_least": against(version, operator.ge),
    "before": against(moment, operator.lt),
    "after": against(moment, operator.gt),
}
VALUES: Final[Mapping[str, Callable[[Sequence[Plain]], Question]]] = {
    "in": is_one_of,
    "starts_with": of_text(str.startswith),
    "ends_with": of_text(str.endswith),
    "contains": of_text(operator.contains),
    "matches": matches,
}
OPERATORS: Final = (*VALUES, *ONE_VALUE, "exists", "in_segment")


def question(name: str, values: Sequence[Plain]) -> Question:
    """Make what asks an attribute that is there. Raises: ValueError, for values that do not fit."""
    if name == "exists":
        return lambda _: True
    return (ONE_VALUE.get(name) or VALUES[name])(values)


def check_values(name: str, values: Sequence[Plain]) -> None:
    """Refuse values that do not fit the operator. Raises: ValueError."""
    if name == "exists":
        if values:
            raise ValueError("values: exists has none")
        return
    if not values or (name in ONE_VALUE and len(values) > 1):
        raise ValueError(f"values: {name} has {'one' if name in ONE_VALUE else 'at least one'}")
    if name == "in_segment":
        for value in values:
            text(value)
        return
    try:
        question(name, values)
    except ValueError as error:
        raise ValueError(f"values: {error}") from error
