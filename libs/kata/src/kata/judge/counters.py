"""How many requests a service says it has answered, however it labels them."""

import time
from collections import defaultdict
from collections.abc import Callable

from kata.judge.formats import samples
from kata.network.exchange import Exchange

_LOOKS = 20  # some services count a request only when its answer has left
_LOOK_SECONDS = 0.02


class RequestCount:
    """What /metrics counts from now on: a counter may be one series, or the sum of several."""

    def __init__(self, look: Callable[[], Exchange]) -> None:
        """Look twice, to see whether a look is counted itself."""
        self._look = look
        before = _totals(look())
        self._began = _totals(look())
        self._for_a_look = {name: total - before[name] for name, total in self._began.items()}

    def has_grown_by(self, requests: int) -> bool:
        """Tell whether some counter has grown by so many, beside these looks."""
        for looks in range(1, _LOOKS + 1):
            now = _totals(self._look())
            if any(
                total - self._began[name] == requests + looks * self._for_a_look.get(name, 0.0)
                for name, total in now.items()
            ):
                return True
            time.sleep(_LOOK_SECONDS)
        return False


def _totals(scrape: Exchange) -> defaultdict[str, float]:
    """Return the sum of each metric's series."""
    found: defaultdict[str, float] = defaultdict(float)
    for series, value in samples(scrape).items():
        found[series.partition("{")[0]] += value
    return found
