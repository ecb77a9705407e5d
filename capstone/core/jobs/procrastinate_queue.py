"""The queue on procrastinate: its rows are inserted by the caller's own connection."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from types import MappingProxyType
from typing import Final

import procrastinate
import structlog
from procrastinate import PsycopgConnector
from procrastinate.exceptions import ConnectorException
from sqlalchemy.ext.asyncio import AsyncConnection

from core.jobs.queue import RunNext
from service_kit.database import CONNECT_TIMEOUT_SECONDS, session_options

QUEUE: Final = "jobs"
TASK: Final = "run_next"
POLL_SECONDS: Final = 1.0
KEEPALIVES: Final = {
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 2,
    "tcp_user_timeout": 5000,
}
"""A server that is silent is given up: procrastinate itself would wait for ever."""

log = structlog.get_logger()


class ProcrastinateQueue:
    """Both sides of the port."""

    def __init__(
        self, url: str, name: str, session_settings: Mapping[str, str] = MappingProxyType({})
    ) -> None:
        self._connector = PsycopgConnector(
            conninfo=url,
            kwargs={
                "connect_timeout": CONNECT_TIMEOUT_SECONDS,
                "application_name": name,
                "options": session_options(session_settings),
                **KEEPALIVES,
            },
        )
        self._app = procrastinate.App(connector=self._connector)
        self._stopped = asyncio.Event()

    async def wake(self, connection: AsyncConnection, run_at: datetime | None = None) -> None:
        raw = await connection.get_raw_connection()
        deferrer = self._app.configure_task(
            TASK, queue=QUEUE, schedule_at=run_at, connection=raw.driver_connection
        )
        await deferrer.defer_async()

    async def listen(self, run_next: RunNext, concurrency: int) -> None:
        """Serve until `stop`. Where PostgreSQL is lost, procrastinate's worker ends, and is begun anew."""
        self._app.task(name=TASK, queue=QUEUE)(run_next)
        while not self._stopped.is_set():
            try:
                async with self._app.open_async():
                    await self._serve(concurrency)
            except (ConnectorException, OSError) as error:
                log.warning("the queue does not answer", reason=str(error))
                with suppress(TimeoutError):
                    async with asyncio.timeout(POLL_SECONDS):
                        await self._stopped.wait()

    async def _serve(self, concurrency: int) -> None:
        working = asyncio.create_task(
            self._app.run_worker_async(
                queues=[QUEUE],
                concurrency=concurrency,
                fetch_job_polling_interval=POLL_SECONDS,
                install_signal_handlers=False,
                delete_jobs="always",
            )
        )
        stopping = asyncio.create_task(self._stopped.wait())
        await asyncio.wait([working, stopping], return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if not working.done():
            working.cancel()  # procrastinate's way to ask for a graceful end
        with suppress(asyncio.CancelledError):
            await working

    def stop(self) -> None:
        self._stopped.set()
