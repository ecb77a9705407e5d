"""Server-sent events (WHATWG HTML, section 9.2): one event an entry, with one line of JSON."""

from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import Final

from log_viewer.schemas import entry_answer
from log_viewer.service import Item
from log_viewer.tail import Arrival, Event, Idle

# No proxy is to keep events back: the last is what nginx listens to.
STREAM_HEADERS: Final[Mapping[str, str]] = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
_BEGINNING: Final = b"retry: 1000\n\n"
_HEARTBEAT: Final = b": nothing new\n\n"
_END: Final = b"event: end\ndata: {}\n\n"


class EventStream:
    """The body of an answer. Closed, it tells so once, also if nobody has read from it."""

    def __init__(self, events: Iterator[Event], on_close: Callable[[], None]) -> None:
        self._parts = _written(events)
        self._on_close: Callable[[], None] | None = on_close

    def __iter__(self) -> Iterator[bytes]:
        return self._parts

    def close(self) -> None:
        on_close, self._on_close = self._on_close, None
        if on_close is not None:
            on_close()


def _written(events: Iterator[Event]) -> Iterator[bytes]:
    yield _BEGINNING
    for event in events:
        if isinstance(event, Arrival):
            # JSON escapes every line break, so that none can end the event.
            yield f"id: {event.cursor}\nevent: entry\ndata: {_data(event.item)}\n\n".encode()
        else:
            yield _HEARTBEAT if isinstance(event, Idle) else _END


@lru_cache(maxsize=512)  # hundreds of tails may be at one place: what they all send is made once
def _data(item: Item) -> str:
    return entry_answer(item).model_dump_json()
