"""A process of the solution while it is judged: it remembers whether the verifier ended it."""

import socket
import time
from urllib.parse import urlsplit

from kata.solution.target import Instance

_GONE_SECONDS = 5.0
_CONNECT_SECONDS = 1.0
_POLL_SECONDS = 0.01


class SupervisedProcess:
    """An Instance, with `has_died`."""

    def __init__(self, inner: Instance) -> None:
        self._inner = inner
        self._ended_by_verifier = False

    @property
    def name(self) -> str:
        return self._inner.name

    @property
    def url(self) -> str | None:
        return self._inner.url

    @property
    def alive(self) -> bool:
        return self._inner.alive

    @property
    def exit_code(self) -> int | None:
        return self._inner.exit_code

    def has_died(self, patience_seconds: float = 0.0) -> bool:
        """Tell whether it has ended, and nobody told it to.

        Its clients learn of its end before the system does. So it gets `patience_seconds` to be gone, and
        longer if its port is closed already.
        """
        started = time.monotonic()
        while self.alive and not self._ended_by_verifier:
            waited = time.monotonic() - started
            if waited >= (patience_seconds if self._listens() else _GONE_SECONDS):
                return False
            time.sleep(_POLL_SECONDS)
        return not self._ended_by_verifier

    def output(self) -> list[str]:
        return self._inner.output()

    def terminate(self, timeout_seconds: float = 10.0) -> int | None:
        self._ended_by_verifier |= self.alive
        return self._inner.terminate(timeout_seconds)

    def kill(self) -> None:
        self._ended_by_verifier |= self.alive
        self._inner.kill()

    def pause(self) -> None:
        self._inner.pause()

    def resume(self) -> None:
        self._inner.resume()

    def restart(self) -> None:
        self._inner.restart()
        self._ended_by_verifier = False

    def _listens(self) -> bool:
        if self.url is None:
            return True
        address = urlsplit(self.url)
        try:
            socket.create_connection((address.hostname, address.port), _CONNECT_SECONDS).close()
        except ConnectionRefusedError:
            return False
        except OSError:  # too busy to take it, or frozen: that is not gone
            return True
        return True
