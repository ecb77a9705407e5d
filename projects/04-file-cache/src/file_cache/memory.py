"""Values that were read lately, held in memory for as long as their files are what they were.

An entry is never written in place: it is replaced by another file, or removed. So one look at its file tells
whether what is held is still what is stored, whichever process has changed it. The mark that an entry was
read is a part of that look: where eviction has taken it away, the next who asks reads the file, which marks
it again.
"""

import os
import threading
from random import choice
from typing import NamedTuple

from file_cache.bodies import Found

# So that one value does not push out all the others.
LARGEST_SHARE = 1 / 8


class Held(NamedTuple):
    """What was found, and where."""

    path: str
    found: Found
    number: int
    """Its place among the keys that are drawn from."""


class Memory:
    """Holds so many bytes of values at most. Where there are too many, one that is drawn by lot goes.

    If the oldest went, whoever reads more values than it holds in a circle would never find one of them.
    """

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._held: dict[bytes, Held] = {}
        self._keys: list[bytes] = []
        self._held_bytes = 0
        self._lock = threading.Lock()

    def find(self, key: bytes) -> Found | None:
        """Return what is held and still stored. Whether it is fresh is for the caller to say."""
        held = self._held.get(key)
        if held is None:
            return None
        try:
            state = os.stat(held.path)  # noqa: PTH116 - a Path would take longer than all the rest
        except FileNotFoundError:
            state = None
        if state is not None and (state.st_ino, state.st_mtime_ns, state.st_size) == held.found.file:
            return held.found
        with self._lock:
            self._forget(key)
        return None

    def hold(self, key: bytes, path: str, found: Found) -> None:
        """Hold what was read, unless it is too large."""
        size_bytes = len(found.body)
        if size_bytes > self._most_bytes * LARGEST_SHARE:
            return
        with self._lock:
            self._forget(key)
            while self._held and self._held_bytes + size_bytes > self._most_bytes:
                self._forget(choice(self._keys))  # noqa: S311 - it is no secret
            self._held[key] = Held(path, found, len(self._keys))
            self._keys.append(key)
            self._held_bytes += size_bytes

    def _forget(self, key: bytes) -> None:
        held = self._held.pop(key, None)
        if held is not None:
            self._held_bytes -= len(held.found.body)
            last = self._keys.pop()
            if last != key:
                self._keys[held.number] = last
                self._held[last] = self._held[last]._replace(number=held.number)
