"""The worker: logs what all counts come to, again and again."""

import asyncio
from contextlib import suppress

import structlog

from webhooks.errors import StoreUnavailableError
from webhooks.repository import Counts

log = structlog.get_logger()


class Worker:
    """One of any number."""

    def __init__(self, counts: Counts, report_seconds: float) -> None:
        self._counts = counts
        self._report_seconds = report_seconds
        self._stopped = asyncio.Event()

    def stop(self, by: float) -> None:
        """Have `run` return; it holds nothing that would take until then."""
        del by
        self._stopped.set()

    async def run(self) -> None:
        """Work until told to stop."""
        while not self._stopped.is_set():
            try:
                log.info("counted", total=await self._counts.total())
            except StoreUnavailableError as error:
                log.warning("the store does not answer", reason=str(error))
            with suppress(TimeoutError):
                async with asyncio.timeout(self._report_seconds):
                    await self._stopped.wait()
