"""Opens streams so that all of an answer is of one moment."""

import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Final

from log_viewer.catalog import Catalog
from log_viewer.dated_file import DatedFile, Library
from log_viewer.errors import GoneError
from log_viewer.positions import Positions
from log_viewer.segments import Segment

_TRIES: Final = 4
_PAUSE_SECONDS: Final = 0.03


@dataclass(frozen=True, slots=True)
class Log:
    """A stream that is open: its files, the oldest first, and the places in them."""

    stream_id: str
    files: Sequence[DatedFile]
    positions: Positions


class Opener:
    """Reads streams as they were at one moment."""

    def __init__(self, catalog: Catalog, library: Library) -> None:
        self._catalog = catalog
        self._library = library

    def read[T](self, stream_ids: Sequence[str], read: Callable[[list[Log]], T]) -> T:
        """Open streams, and read them.

        A file that is truncated meanwhile is read anew: what was read of it is half the old and half the new.
        And its copy may not have been whole when it was opened: so bytes are gone only if they are so again.

        Raises: UnknownStreamError, GoneError, and what `read` does.
        """
        for _ in range(_TRIES):
            with ExitStack() as stack:
                segments = {one: stack.enter_context(self._catalog.opened(one)) for one in stream_ids}
                logs = [self._log(stream_id, segments[stream_id]) for stream_id in stream_ids]
                try:
                    result = read(logs)
                except GoneError:
                    time.sleep(_PAUSE_SECONDS)
                    continue
                if all(segment.is_intact() for opened in segments.values() for segment in opened):
                    return result
        raise GoneError

    def _log(self, stream_id: str, segments: Sequence[Segment]) -> Log:
        files = [
            self._library.open(segment, is_live=is_live(segments, number))
            for number, segment in enumerate(segments)
        ]
        return Log(stream_id, files, Positions(stream_id, segments))


def is_live(segments: Sequence[Segment], number: int) -> bool:
    """Tell whether a file may be written to: the last, and the one before it as long as the last is empty."""
    behind = segments[number + 1 :]
    return segments[number].size_bytes is not None and all(segment.size_bytes == 0 for segment in behind)
