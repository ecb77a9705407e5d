"""Server-sent events (WHATWG HTML, section 9.2): one event for each of a run's, its number as the id."""

import json
import re
from collections.abc import AsyncIterator, Mapping
from typing import Final

from levels.domain import Event

MEDIA_TYPE: Final = "text/event-stream"
# No proxy is to keep events back: the last is what nginx listens to.
STREAM_HEADERS: Final[Mapping[str, str]] = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
BEGINNING: Final = b"retry: 1000\n\n"
RESET: Final = b"event: reset\ndata: {}\n\n"
HEARTBEAT: Final = b": nothing new\n\n"
NUMBER: Final = re.compile(r"[1-9][0-9]{0,8}", re.ASCII)


def read_number(last_event_id: str | None, event_count: int) -> int | None:
    """Return the number of the last event that a client has; None: it never was given such an id."""
    if not last_event_id:
        return 0
    if NUMBER.fullmatch(last_event_id) and int(last_event_id) <= event_count:
        return int(last_event_id)
    return None


async def written(events: AsyncIterator[Event | None], *, is_reset: bool) -> AsyncIterator[bytes]:
    """Write the events of a run; after `reset` a client forgets what it has, and gets all anew."""
    yield BEGINNING
    if is_reset:
        yield RESET
    async for event in events:
        yield HEARTBEAT if event is None else frame(event)


def frame(event: Event) -> bytes:
    # JSON escapes every line break, so that none can end the event.
    data = json.dumps({"at": event.at.isoformat().replace("+00:00", "Z"), **event.data})
    return f"id: {event.number}\nevent: {event.kind}\ndata: {data}\n\n".encode()
