"""One direction of a proxied connection."""

from collections import deque

# What one direction may hold before its source is no longer read. A delay line holds more, since a delay is
# not to become a limit on bandwidth.
_BACKLOG_BYTES = 262_144
_DELAYED_BYTES = 33_554_432


class Pipe:
    """One direction: what came from `source` and has still to reach `sink`; an empty chunk is the end."""

    def __init__(self) -> None:
        self.ready = bytearray()
        self.delayed: deque[tuple[float, bytes]] = deque()
        self.delayed_bytes = 0
        self.source_ended = False
        self.ending = False
        self.ended = False

    @property
    def last_due(self) -> float:
        """When the last of what is delayed is due; 0 if nothing is."""
        return self.delayed[-1][0] if self.delayed else 0.0

    @property
    def hungry(self) -> bool:
        return (
            not self.source_ended and len(self.ready) < _BACKLOG_BYTES and self.delayed_bytes < _DELAYED_BYTES
        )

    def put(self, chunk: bytes) -> None:
        self.ready += chunk
        self.ending = self.ending or not chunk

    def hold(self, chunk: bytes, due: float) -> None:
        """Keep the chunk until `due`, or longer if one before it is due later."""
        self.delayed.append((due, chunk))
        self.delayed_bytes += len(chunk)

    def release(self, now: float) -> None:
        while self.delayed and self.delayed[0][0] <= now:
            chunk = self.delayed.popleft()[1]
            self.delayed_bytes -= len(chunk)
            self.put(chunk)

    def drop(self) -> bool:
        """Forget what is under way; tell whether that was anything."""
        anything = bool(self.ready or self.delayed or (self.ending and not self.ended))
        self.ready.clear()
        self.delayed.clear()
        self.delayed_bytes = 0
        return anything
