"""The verb that reads several streams as one: pages in the order of the instants."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from log_viewer.budget import Budget
from log_viewer.coverage import Coverage
from log_viewer.errors import InvalidQueryError
from log_viewer.filters import Filter
from log_viewer.merge import Key, Merge
from log_viewer.opening import Log, Opener
from log_viewer.positions import Place
from log_viewer.scan import Found
from log_viewer.service import Item

MOST_STREAMS: Final = 32
# A cursor is the id of the entry before which it is; with this in front, of the one behind which it is.
BEHIND: Final = "~"


@dataclass(frozen=True, slots=True)
class MergedPage:
    """Entries by instant, each with the id of its stream; the ways on, and the account."""

    items: list[tuple[str, Item]]
    next_cursor: str | None
    previous_cursor: str | None
    coverage: Coverage


class MergeService:
    """Reads several streams as one."""

    def __init__(self, opener: Opener, scan_bytes: int, scan_seconds: float) -> None:
        self._opener = opener
        self._scan_bytes = scan_bytes
        self._scan_seconds = scan_seconds

    def page(
        self, stream_ids: Sequence[str], wanted: Filter, cursor: str | None, limit: int, *, is_backward: bool
    ) -> MergedPage:
        """Read a page from a place on, or the page that ends there.

        Raises: UnknownStreamError, InvalidQueryError, GoneError, TooDisorderedError.
        """
        unique = tuple(dict.fromkeys(stream_ids))
        if len(unique) > MOST_STREAMS:
            raise InvalidQueryError("streams", "too_many_streams", f"There are {MOST_STREAMS} at most.")

        def read(logs: Sequence[Log]) -> MergedPage:
            budget = Budget(self._scan_bytes, self._scan_seconds)
            files = [file for log in logs for file in log.files]
            merge = Merge(files, wanted, budget, is_backward=is_backward)
            owners = [(log, number) for log in logs for number in range(len(log.files))]
            following = None
            if merge.learn():
                following = merge.read(_origin(logs, merge, cursor), limit)
            ahead = _cursor(owners, merge, following, cursor, is_backward=is_backward)
            before, behind = (ahead, cursor) if is_backward else (cursor, ahead)
            return MergedPage(
                [_item(owners, found) for found in merge.found],
                behind,
                before,
                merge.coverage,
            )

        return self._opener.read(unique, read)


type Owners = Sequence[tuple[Log, int]]


def _origin(logs: Sequence[Log], merge: Merge, cursor: str | None) -> Key | None:
    """Return where reading begins; None for the first or the last instant."""
    token = (cursor or "").removeprefix(BEHIND)
    if not token:
        return None
    first = 0
    for log in logs:
        if log.positions.owns(token, "cursor"):
            place = log.positions.find(token, "cursor")
            dated = next(log.files[place.segment].entries(place.offset), None)
            if dated is None:
                break
            instant, number, offset = merge.key(first + place.segment, dated)
            return instant, number, offset + (cursor or "").startswith(BEHIND)
        first += len(log.files)
    raise InvalidQueryError("cursor", "invalid_cursor", "It is the id of no entry of these streams.")


def _cursor(
    owners: Owners, merge: Merge, following: Key | None, cursor: str | None, *, is_backward: bool
) -> str | None:
    if merge.coverage.stopped_by is None:
        return None
    if following is None:
        return cursor or BEHIND
    _, number, offset = following
    log, own_number = owners[number]
    token = log.positions.write(Place(own_number, offset))
    return BEHIND + token if is_backward else token


def _item(owners: Owners, found: Found) -> tuple[str, Item]:
    log, number = owners[found.segment]
    entry_id = log.positions.write(Place(number, found.dated.entry.start))
    return log.stream_id, Item(entry_id, log.files[number].segment.file.name, found.dated)
