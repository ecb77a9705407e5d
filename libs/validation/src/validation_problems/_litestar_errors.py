from collections.abc import Iterator
from enum import Enum
from typing import Final, cast

from litestar.exceptions import ValidationException
from pydantic_core import ValidationError

from validation_problems._entries import Entry, Location
from validation_problems._msgspec import entry_of
from validation_problems._pydantic import entries_of_error as entries_of_pydantic

_LOCATIONS: Final = frozenset({"query", "path", "header", "cookie"})


def entries_of_error(error: BaseException, declared: object) -> Iterator[Entry] | None:
    """Translate what Litestar raises where its own conversion, or pydantic's, has failed."""
    if not isinstance(error, ValidationException):
        return None
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ValidationError):
            return entries_of_pydantic(cause, declared)
        cause = cause.__cause__
    return (_entry(told) for told in error.extra or () if isinstance(told, dict))


def _entry(told: dict[str, object]) -> Entry:
    source = told.get("source")
    # Its place is in the words of msgspec, without the name of the argument.
    place = f".{told['key']}" if "key" in told and told["key"] != "data" else ""
    found = entry_of(f"{told['message']} - at `${place}`")
    location = source.value if isinstance(source, Enum) else "body"
    return found._replace(location=cast("Location", location) if location in _LOCATIONS else "body")
