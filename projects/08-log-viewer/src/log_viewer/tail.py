"""A stream as it grows. Nothing is queued: each reader reads on from its own place, at its own pace.

One thread looks at the files of all streams that are being followed, and wakes who waits. A reader that does
not read costs no memory, and loses nothing: what it has not read is in the files. Readers that stand at one
place, as most do, share what one of them has read. The last entry may get more lines, so it is held back
until another one follows, or until nothing has come for a while, and at most until HELD_SECONDS are over.
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from log_viewer.catalog import Catalog, Stream
from log_viewer.errors import GoneError, TooManyTailsError, UnknownStreamError
from log_viewer.filters import Filter
from log_viewer.service import Item, LogService, Page

POLL_SECONDS: Final = 0.1
QUIET_SECONDS: Final = 0.5
HELD_SECONDS: Final = 1.3
"""With what is noticed late, and a last wait for quiet, an entry comes within two seconds."""
_PAGE: Final = 200
# A request waits for so many tails at most that read, and not for all that were woken with them.
_READERS: Final = 4
_KEPT_PAGES: Final = 8


@dataclass(frozen=True, slots=True)
class Arrival:
    """An entry that was written, and the place behind it."""

    item: Item
    cursor: str


@dataclass(frozen=True, slots=True)
class Idle:
    """Nothing has come for as long as one waits."""


@dataclass(frozen=True, slots=True)
class End:
    """There is nothing more to come: the bytes or the stream are gone."""


type Event = Arrival | Idle | End
type State = tuple[tuple[bytes, int, int], ...]


class Watcher:
    """Looks at the files of the streams that somebody follows. At most so many do at once."""

    def __init__(self, catalog: Catalog, most: int, is_over: Callable[[], bool]) -> None:
        self._catalog = catalog
        self._most = most
        self._is_over = is_over
        self._changed = threading.Condition()
        self._states: dict[str, State | None] = {}
        self._counts: dict[str, int] = {}

    def enter(self, stream_id: str) -> None:
        """Begin to follow a stream. Raises: TooManyTailsError."""
        with self._changed:
            if sum(self._counts.values()) >= self._most:
                raise TooManyTailsError(self._most)
            if not self._counts:
                threading.Thread(target=self._look, daemon=True).start()
            self._counts[stream_id] = self._counts.get(stream_id, 0) + 1

    def leave(self, stream_id: str) -> None:
        with self._changed:
            self._counts[stream_id] -= 1
            if not self._counts[stream_id]:
                del self._counts[stream_id]
                self._states.pop(stream_id, None)

    def state(self, stream_id: str) -> State | None:
        with self._changed:
            return self._states.get(stream_id)

    def wait(self, stream_id: str, seen: State | None, seconds: float) -> bool:
        """Wait until a stream is not what it was; False if it still is, after so long."""
        with self._changed:
            return self._changed.wait_for(
                lambda: self._is_over() or self._states.get(stream_id) != seen, timeout=seconds
            )

    def _look(self) -> None:
        pause = threading.Event()
        while True:
            with self._changed:
                followed = list(self._counts)
                if not followed:
                    return
            states = {stream_id: self._look_at(stream_id) for stream_id in followed}
            with self._changed:
                new = {key: state for key, state in states.items() if key in self._counts}
                if self._is_over() or any(self._states.get(key) != state for key, state in new.items()):
                    self._changed.notify_all()
                self._states |= new
            pause.wait(POLL_SECONDS)

    def _look_at(self, stream_id: str) -> State | None:
        try:
            return _state(self._catalog.stream(stream_id))
        except UnknownStreamError:
            return None


def _state(stream: Stream) -> State:
    return tuple((file.path, file.inode, file.size_bytes) for file in stream.files)


class Readings:
    """What stands behind places in streams, each as long as its stream does not change."""

    def __init__(self, service: LogService) -> None:
        self._service = service
        self._turns = threading.BoundedSemaphore(_READERS)
        self._kept: OrderedDict[tuple[str, str, State], Page] = OrderedDict()
        self._lock = threading.Lock()

    def behind(self, stream_id: str, cursor: str, state: State | None) -> Page:
        """Read what is behind a place. Raises: UnknownStreamError, InvalidQueryError, GoneError."""
        with self._turns:
            if state is None:
                return self._service.forward(stream_id, Filter(), cursor, _PAGE)
            key = stream_id, cursor, state
            with self._lock:
                page = self._kept.get(key)
            if page is None:
                page = self._service.forward(stream_id, Filter(), cursor, _PAGE)
                with self._lock:
                    self._kept[key] = page
                    if len(self._kept) > _KEPT_PAGES:
                        self._kept.popitem(last=False)
            return page


class Tail:
    """One reader of a stream: gives what comes behind a place."""

    def __init__(self, service: LogService, watcher: Watcher, heartbeat_seconds: float) -> None:
        self._service = service
        self._readings = Readings(service)
        self._watcher = watcher
        self._heartbeat_seconds = heartbeat_seconds

    def begin(self, stream_id: str, cursor: str | None) -> str:
        """Return the place from which to follow: the cursor's, or the end.

        Whoever begins has to `leave`.

        Raises: UnknownStreamError, InvalidQueryError, GoneError, TooManyTailsError.
        """
        page = self._service.forward(stream_id, Filter(), cursor, 1)
        self._watcher.enter(stream_id)
        return cursor or page.tail_cursor or page.end_cursor

    def leave(self, stream_id: str) -> None:
        self._watcher.leave(stream_id)

    def follow(
        self, stream_id: str, wanted: Filter, cursor: str, is_over: Callable[[], bool]
    ) -> Iterator[Event]:
        """Give what comes, until it is over."""
        is_quiet = False
        held_from: float | None = None  # since when the last entry may get more lines
        said = time.monotonic()
        while not is_over():
            seen = self._watcher.state(stream_id)
            try:
                page = self._readings.behind(stream_id, cursor, seen)
            except (GoneError, UnknownStreamError):
                yield End()
                return
            now = time.monotonic()
            is_last = page.next_cursor is None
            is_due = is_quiet or (held_from is not None and now - held_from >= HELD_SECONDS)
            held = 1 if page.items and is_last and not is_due else 0
            behind = [*(item.id for item in page.items[1:]), page.end_cursor]
            for item, place in list(zip(page.items, behind, strict=False))[: len(page.items) - held]:
                cursor = place
                if wanted.accepts(item.dated):
                    yield Arrival(item, place)
                    said = now
            if held_from is None or len(page.items) != held:  # another one is held, or none
                held_from = now if held else None
            if not is_last:
                continue
            if now - said >= self._heartbeat_seconds:
                yield Idle()
                said = now
            patience = QUIET_SECONDS if held else said + self._heartbeat_seconds - now
            is_quiet = not self._watcher.wait(stream_id, seen, patience) and held == 1
