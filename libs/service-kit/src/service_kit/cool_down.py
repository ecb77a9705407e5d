"""A dependency that a service can do without, asked only while it answers."""

import asyncio
from collections.abc import Awaitable, Callable
from time import monotonic
from typing import Final

import structlog

COOL_DOWN_SECONDS: Final = 0.25

log = structlog.get_logger()


class CoolDown:
    """Bounds each call, and after a failure leaves the dependency alone for a moment.

    Without it, each caller would wait for the time-out of a dependency that is silent. After the moment one
    caller at a time asks again, and the first answer ends it. Loss and return are logged once each.
    """

    def __init__(
        self,
        dependency: str,
        failures: tuple[type[Exception], ...],
        *,
        timeout_seconds: float,
        cool_down_seconds: float = COOL_DOWN_SECONDS,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._dependency = dependency
        self._failures: tuple[type[Exception], ...] = (*failures, OSError, TimeoutError)
        self._timeout_seconds = timeout_seconds
        self._cool_down_seconds = cool_down_seconds
        self._clock = clock
        self._left_alone_until: float | None = None

    async def call[T, D](self, operation: Callable[[], Awaitable[T]], otherwise: D) -> T | D:
        """Return what the operation does; where it fails, takes too long or is not tried, the other value."""
        now = self._clock()
        was_lost = self._left_alone_until is not None
        if self._left_alone_until is not None:
            if now < self._left_alone_until:
                return otherwise
            self._left_alone_until = now + self._timeout_seconds + self._cool_down_seconds
        try:
            async with asyncio.timeout(self._timeout_seconds):  # the look-up of the host's name included
                answer = await operation()
        except self._failures as error:
            self._left_alone_until = self._clock() + self._cool_down_seconds
            if not was_lost:
                log.warning("dependency lost", dependency=self._dependency, reason=type(error).__name__)
            return otherwise
        if was_lost and self._left_alone_until is not None:
            self._left_alone_until = None
            log.info("dependency in use again", dependency=self._dependency)
        return answer
