from collections.abc import Iterator
from itertools import chain
from typing import TYPE_CHECKING, Final, cast

from fastapi.exceptions import RequestValidationError

from validation_problems._entries import Entry, Location
from validation_problems._pydantic import entries_of, shapes
from validation_problems._reader import malformed

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

_LOCATIONS: Final = frozenset({"body", "query", "path", "header", "cookie"})


def entries_of_error(error: BaseException, declared: object) -> Iterator[Entry] | None:
    """Translate; `declared` is the type of the body. Raises: MalformedError, of a body that is no JSON."""
    if not isinstance(error, RequestValidationError):
        return None
    shape = None if declared is None else shapes(declared)
    found: list[Iterator[Entry]] = []
    for detail in cast("list[ErrorDetails]", error.errors()):
        first, *rest = detail["loc"]
        if detail["type"] == "json_invalid":
            raise malformed(str(error.body), int(rest[0]))
        location = cast("Location", first) if first in _LOCATIONS else "body"
        own = shape if location == "body" else None
        found.append(entries_of([{**detail, "loc": tuple(rest)}], own, location))
    return chain.from_iterable(found)
