"""A server that takes connections and says nothing would be waited for for ever: so it is asked beside that.

How long a statement may take nobody knows: an index of a large table takes hours, and nothing is said
meanwhile. A server that lets nobody in for so long is another matter.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

from backup.errors import ConnectionFailedError

ASK_EVERY_SECONDS: Final = 1.0


@dataclass(eq=False)
class Wait:
    """Something that waits for the server, and how that is ended."""

    end: Callable[[], None]
    since: float = field(default_factory=time.monotonic)
    is_ended: bool = False


class Heartbeat:
    """Asks whether the server says anything for as long as somebody waits for it."""

    def __init__(self, answers: Callable[[], bool], silence_seconds: float) -> None:
        self._answers = answers
        self._silence_seconds = silence_seconds
        self._lock = threading.Lock()
        self._waits: set[Wait] = set()
        self._is_asking = False

    @contextmanager
    def beside(self, end: Callable[[], None]) -> Iterator[None]:
        """End what the block waits for, once the server has said nothing for too long.

        Raises: ConnectionFailedError, in the place of what that has caused.
        """
        wait = Wait(end)
        with self._lock:
            self._waits.add(wait)
            if not self._is_asking:
                self._is_asking = True
                threading.Thread(target=self._go_on, name="heartbeat", daemon=True).start()
        try:
            yield
        except Exception as error:
            if wait.is_ended:
                raise ConnectionFailedError("The server says nothing.") from error
            raise
        finally:
            with self._lock:
                self._waits.discard(wait)

    def _go_on(self) -> None:
        silent_since: float | None = None
        while True:
            time.sleep(ASK_EVERY_SECONDS)
            with self._lock:
                if not self._waits:
                    self._is_asking = False
                    return
            asked = time.monotonic()
            if self._answers():
                silent_since = None
            else:
                silent_since = silent_since or asked
                self._end_waits(silent_since)

    def _end_waits(self, silent_since: float) -> None:
        with self._lock:
            for wait in self._waits:
                if time.monotonic() - max(silent_since, wait.since) >= self._silence_seconds:
                    wait.is_ended = True
                    wait.end()
