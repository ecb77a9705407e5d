"""What was asked and answered since a check began: each report has a timeline."""

from collections import deque
from collections.abc import Iterable

from kata.network.exchange import Exchange

_MOST = 500


class History:
    """The last exchanges of this process, by whichever client."""

    def __init__(self) -> None:
        self._exchanges: deque[Exchange] = deque(maxlen=_MOST)

    def begin(self) -> None:
        """Forget what another check has asked."""
        self._exchanges.clear()

    def add(self, exchanges: Iterable[Exchange]) -> None:
        self._exchanges.extend(exchanges)

    def exchanges(self) -> list[Exchange]:
        return list(self._exchanges)


# One for the process, in which one check is judged at a time.
history = History()
