"""What is the same for a check in either world."""

import re
import time

from kata.judge.verdicts import NotRunError
from kata.network.history import history
from kata.network.persona import personas
from kata.world.draw import Draw

# Longer windows than this are not waited for: with --url the settings are the running service's own.
LONGEST_WAIT_SECONDS = 12.0

# The dependencies are the verifier's own business, and a secret is not to be read in a log.
_NOT_SHOWN = re.compile(r"PORT|.*_URL|.*(SECRET|KEY|TOKEN|PASSWORD).*")


class Checking:
    """What is the same for a check in either world."""

    def __init__(self, draw: Draw) -> None:
        self._run_draw = draw
        self.draw = draw
        self._asked_for: dict[str, str] = {}
        self.shared_services: set[str] = set()  # those that the check has asked for

    def begin(self, check_id: str, attempt: int) -> None:
        """Give the check its own stream of random values: the same for the same seed, whatever ran before."""
        self.draw = self._run_draw.fork(f"{check_id}/{attempt}")
        history.begin()
        personas.begin(self.draw.fork("personas").text(16))
        self._asked_for = {}
        self.shared_services = set()

    @property
    def shown_settings(self) -> dict[str, str]:
        """The settings of the service that the check asked for last; some are not to be shown."""
        return {name: value for name, value in self._asked_for.items() if not _NOT_SHOWN.fullmatch(name)}

    def sleep_until(self, moment: float) -> None:
        seconds = moment - time.monotonic()
        if seconds > LONGEST_WAIT_SECONDS:
            raise NotRunError(
                f"it would wait {seconds:.0f} s; give the service shorter times, and say so with --set"
            )
        if seconds > 0:
            time.sleep(seconds)
