"""What flags and segments are: the JSON that clients send, that is stored, and that is compiled."""

import math
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Annotated, Final, Literal, Self

from pydantic import AfterValidator, AwareDatetime, Field, JsonValue, StringConstraints, model_validator

from flags.operators import OPERATORS, check_values
from service_kit.schemas import Body

THOUSANDTHS: Final = 1000
LARGEST_INTEGER: Final = 2**53 - 1
TARGETING_KEY: Final = "targetingKey"


def without_nul(text: str) -> str:
    if "\0" in text:
        raise ValueError("it has a NUL character")
    return text


def in_thousandths(percent: float) -> float:
    if abs(percent * THOUSANDTHS - round(percent * THOUSANDTHS)) > 1e-6:  # noqa: PLR2004 - of a float's noise
        raise ValueError("it has at most three decimals")
    return percent


def in_utc(moment: datetime) -> datetime:
    try:
        return moment.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("it is no moment of the years 1 to 9999") from error


NAME: Final = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$"
Name = Annotated[str, StringConstraints(pattern=NAME)]
"""No character of it means anything in a URL: some providers write a key into the path as it is."""
Text = Annotated[str, StringConstraints(max_length=1000), AfterValidator(without_nul)]
Attribute = Annotated[str, StringConstraints(min_length=1, max_length=200), AfterValidator(without_nul)]
Percent = Annotated[float, Field(ge=0, le=100), AfterValidator(in_thousandths)]
Moment = Annotated[AwareDatetime, AfterValidator(in_utc)]
Scalar = Text | bool | int | float
FlagType = Literal["boolean", "string", "integer", "float", "object"]


class Condition(Body):
    """One question. Of an attribute that is absent or of another type neither answer holds."""

    attribute: Attribute | None = None
    operator: Literal[*OPERATORS]  # type: ignore[valid-type]  # the table of operators is the list
    values: Annotated[list[Scalar], Field(max_length=1000, default_factory=list)]
    negate: bool = False

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if (self.attribute is None) != (self.operator == "in_segment"):
            raise ValueError("attribute: there is one, but for in_segment")
        check_values(self.operator, self.values)
        return self


class Share(Body):
    """A part of a split."""

    variant: Name
    weight: Percent


class Serve(Body):
    """What is served: one variant, or a split of those that are counted in."""

    variant: Name | None = None
    split: Annotated[list[Share], Field(min_length=1, max_length=100)] | None = None
    bucket_by: Attribute = TARGETING_KEY
    group: Attribute | None = None

    @model_validator(mode="after")
    def _is_one(self) -> Self:
        if (self.variant is None) == (self.split is None):
            raise ValueError("there is either a variant or a split")
        if self.split is not None:
            if sum(round(share.weight * THOUSANDTHS) for share in self.split) != 100 * THOUSANDTHS:
                raise ValueError("the weights of a split are 100 together")
            if len({share.variant for share in self.split}) < len(self.split):
                raise ValueError("a variant stands in a split once")
        return self

    def variants(self) -> list[str]:
        return [share.variant for share in self.split or ()] + ([self.variant] if self.variant else [])


class Rule(Serve):
    """The first rule serves whose conditions hold, whose time it is, and whose percentage has one in."""

    name: Name
    when: Annotated[list[Condition], Field(max_length=100, default_factory=list)]
    percentage: Percent = 100.0
    starts_at: Moment | None = None
    ends_at: Moment | None = None


class Prerequisite(Body):
    """Another flag, and what it has to serve for this one not to be off."""

    flag: Name
    variant: Name


class FlagFields(Body):
    """What a client says of a flag."""

    key: Name
    type: FlagType
    description: Text = ""
    variants: Annotated[dict[Name, JsonValue], Field(min_length=1, max_length=100)]
    off_variant: Name | None = None
    enabled: bool = True
    client_side: bool = False
    salt: Attribute | None = None
    prerequisites: Annotated[list[Prerequisite], Field(max_length=100, default_factory=list)]
    rules: Annotated[list[Rule], Field(max_length=200, default_factory=list)]
    default: Serve

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        for name, value in self.variants.items():
            self.variants[name] = checked(self.type, value)
        used = [self.off_variant] if self.off_variant is not None else []
        used += [name for serve in (*self.rules, self.default) for name in serve.variants()]
        missing = sorted(set(used) - self.variants.keys())
        if missing:
            raise ValueError(f"there is no variant {missing[0]}")
        names = [rule.name for rule in self.rules]
        if len(set(names)) < len(names):
            raise ValueError("two rules have one name")
        return self

    @property
    def serves(self) -> list[Serve]:
        return [*self.rules, self.default]


class Flag(FlagFields):
    """A flag as it is kept."""

    killed: bool = False
    archived: bool = False


class SegmentFields(Body):
    """People who are named together: by key, or by any of several lists of conditions."""

    key: Name
    description: Text = ""
    included: Annotated[list[Attribute], Field(max_length=10_000, default_factory=list)]
    excluded: Annotated[list[Attribute], Field(max_length=10_000, default_factory=list)]
    any_of: Annotated[
        list[Annotated[list[Condition], Field(min_length=1, max_length=100)]],
        Field(max_length=100, default_factory=list),
    ]

    @model_validator(mode="after")
    def _has_no_segments(self) -> Self:
        if any(condition.operator == "in_segment" for all_of in self.any_of for condition in all_of):
            raise ValueError("any_of: a segment is not made of segments")
        return self


class Segment(SegmentFields):
    """A segment as it is kept."""

    archived: bool = False


def checked(kind: FlagType, value: JsonValue) -> JsonValue:
    """Return a value as it is served: a float is written as one, `1` as `1.0`. Raises: ValueError."""
    plain = not isinstance(value, bool)
    match kind:
        case "boolean" if isinstance(value, bool):
            return value
        case "string" if isinstance(value, str):
            return without_nul(value)
        case "integer" if plain and isinstance(value, int | float) and is_integer(value):
            return int(value)
        case "float" if plain and isinstance(value, int | float) and math.isfinite(value):
            return float(value)
        case "object" if isinstance(value, dict) and all(map(is_portable, parts(value))):
            return value
    raise ValueError(f"variants: the value of a variant is no {kind} that every client can read")


def is_integer(value: float) -> bool:
    """Tell whether every language reads it exactly: JavaScript has 53 bits for it."""
    return abs(value) <= LARGEST_INTEGER and value == int(value)


def is_portable(value: JsonValue) -> bool:
    if isinstance(value, str):
        return "\0" not in value
    return not isinstance(value, int) or abs(value) <= LARGEST_INTEGER


def parts(value: JsonValue) -> Iterator[JsonValue]:
    """Walk through all values and names."""
    waiting = [value]
    while waiting:
        part = waiting.pop()
        yield part
        if isinstance(part, dict):
            waiting += [*part, *part.values()]
        elif isinstance(part, list):
            waiting += part
