"""The query of a list, read strictly: each parameter is known, given once, and spelled in one way."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Final
from urllib.parse import parse_qsl, urlencode
from uuid import UUID

from mini_rest.cursors import Cursors
from mini_rest.domain import LARGEST_LIMIT, Listing, Place, Sort, Status
from mini_rest.errors import InvalidFieldError, InvalidQueryError

LIMIT: Final = re.compile(r"[1-9][0-9]{0,2}")
UUID_TEXT: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")

type Flaws = list[InvalidFieldError]


def refuse_any(query: bytes) -> None:
    """Raises: InvalidQueryError for each parameter, on a route that knows none."""
    _, flaws = parameters_of(query, frozenset())
    if flaws:
        raise InvalidQueryError(flaws)


def parameters_of(query: bytes, known: frozenset[str]) -> tuple[dict[str, str], Flaws]:
    """Return what was given, and what is unknown or given twice. Raises: InvalidQueryError for no UTF-8."""
    try:
        pairs = parse_qsl(query.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=50)
    except ValueError as error:  # UnicodeDecodeError is one
        flaw = InvalidFieldError("", "malformed", "The query is not UTF-8, or has too many parts.")
        raise InvalidQueryError([flaw]) from error
    return dict(pairs), list(strangers([name for name, _ in pairs], known))


def strangers(names: list[str], known: frozenset[str]) -> Iterator[InvalidFieldError]:
    for name in dict.fromkeys(names):
        if name not in known:
            yield InvalidFieldError(name, "unknown", "There is no such parameter.")
        elif names.count(name) > 1:
            yield InvalidFieldError(name, "repeated", "It may be given once.")


def limit_of(text: str) -> int:
    if not LIMIT.fullmatch(text) or int(text) > LARGEST_LIMIT:
        raise InvalidFieldError("limit", "invalid", f"It is an integer between 1 and {LARGEST_LIMIT}.")
    return int(text)


def owner_of(text: str) -> UUID:
    if not UUID_TEXT.fullmatch(text):
        raise InvalidFieldError("owner", "invalid", "It is the id of a user.")
    return UUID(text)


def deleted_of(text: str) -> bool:
    if text not in {"true", "false"}:
        raise InvalidFieldError("deleted", "invalid", "It is true or false.")
    return text == "true"


def status_of(text: str) -> Status:
    if text not in Status:
        raise InvalidFieldError("status", "invalid", f"It is one of {', '.join(Status)}.")
    return Status(text)


def sort_of(text: str) -> Sort:
    if text not in Sort:
        raise InvalidFieldError("sort", "invalid", f"It is one of {', '.join(Sort)}.")
    return Sort(text)


# The closed list: what can be asked for, and the field of Listing that it becomes.
READERS: Final[Mapping[str, tuple[str, Callable[[str], object]]]] = {
    "status": ("status", status_of),
    "owner": ("owner_id", owner_of),
    "deleted": ("deleted", deleted_of),
    "sort": ("sort", sort_of),
    "limit": ("limit", limit_of),
}
KNOWN: Final = frozenset({*READERS, "cursor"})


def listing_of(query: bytes, cursors: Cursors, organisation_id: UUID) -> Listing:
    """Raises: InvalidQueryError, with all mistakes."""
    given, flaws = parameters_of(query, KNOWN)
    values: dict[str, object] = {}
    for name, (field, read) in READERS.items():
        if name in given:
            try:
                values[field] = read(given[name])
            except InvalidFieldError as flaw:
                flaws.append(flaw)
    if flaws:
        raise InvalidQueryError(flaws)
    listing = Listing(**values)  # type: ignore[arg-type]  # each reader returns what its field holds
    if "cursor" in given:
        try:
            return replace(listing, place=cursors.read(organisation_id, listing, given["cursor"]))
        except InvalidFieldError as flaw:
            raise InvalidQueryError([flaw]) from flaw
    return listing


def link_to(path: str, listing: Listing, cursor: str, relation: str) -> str:
    """Write a link to another page of the same list, with all that was asked for. Source: RFC 8288."""
    asked = {
        "status": listing.status,
        "owner": listing.owner_id,
        "deleted": "true" if listing.deleted else None,
        "sort": listing.sort,
        "limit": listing.limit,
        "cursor": cursor,
    }
    query = urlencode({name: value for name, value in asked.items() if value is not None})
    return f'<{path}?{query}>; rel="{relation}"'


def links_of(
    path: str, listing: Listing, places: Mapping[str, Place | None], write: Callable[[Place], str]
) -> str:
    return ", ".join(
        link_to(path, listing, write(place), relation)
        for relation, place in places.items()
        if place is not None
    )
