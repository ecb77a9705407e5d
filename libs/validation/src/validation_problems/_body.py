"""A declared body: a text comes in, and out comes what was declared, or all that is wrong with it."""

import sys
from collections.abc import Mapping
from functools import lru_cache
from typing import Protocol, overload

from validation_problems._entries import DEFAULT_MAX_ERRORS
from validation_problems._value import DEFAULT_LIMITS, Limits, Value


class Body[T](Protocol):
    """Reads texts of one type."""

    def read(self, text: bytes) -> T:
        """Return what the text says. Raises: MalformedError, InvalidInputError."""
        ...


@overload
def body_of[T](
    declared: type[T], *, limits: Limits = DEFAULT_LIMITS, max_errors: int = DEFAULT_MAX_ERRORS
) -> Body[T]: ...
@overload
def body_of(
    declared: Mapping[str, Value],
    *,
    limits: Limits = DEFAULT_LIMITS,
    max_errors: int = DEFAULT_MAX_ERRORS,
    assert_format: bool = True,
) -> Body[Value]: ...
def body_of(
    declared: object,
    *,
    limits: Limits = DEFAULT_LIMITS,
    max_errors: int = DEFAULT_MAX_ERRORS,
    assert_format: bool = True,
) -> Body[object]:
    """Make a reader of what is declared: a JSON Schema 2020-12, a Struct, or a type that pydantic knows.

    Make it once, and read many texts with it. `assert_format` is of a schema alone.
    """
    if isinstance(declared, Mapping):
        from validation_problems._body_of_schema import SchemaBody  # noqa: PLC0415 - an extra

        return SchemaBody(declared, limits, max_errors, assert_format=assert_format)
    msgspec = sys.modules.get("msgspec")
    if msgspec is not None and isinstance(declared, type) and issubclass(declared, msgspec.Struct):
        from validation_problems._body_of_struct import StructBody  # noqa: PLC0415 - an extra

        return StructBody(declared, limits, max_errors)
    from validation_problems._body_of_model import ModelBody  # noqa: PLC0415 - an extra

    return ModelBody(declared, limits, max_errors)


kept_body_of = lru_cache(1024)(body_of)
"""The same, made once for each type."""
