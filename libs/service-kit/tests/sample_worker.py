"""A worker for the tests: what it does is said by its first argument."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from service_kit.settings import load
from service_kit.worker import WorkerSettings, work


class SampleWorker:
    def __init__(self, behaviour: str) -> None:
        self._behaviour = behaviour
        self._stopped = asyncio.Event()

    def stop(self, by: float) -> None:
        left = by - asyncio.get_running_loop().time()
        print(f"told to stop within {left:.1f} s", flush=True)  # noqa: T201
        if self._behaviour != "ignores":
            self._stopped.set()

    async def run(self) -> None:
        print("at work", flush=True)  # noqa: T201
        if self._behaviour == "fails":
            raise ZeroDivisionError("by itself")
        if self._behaviour != "ends":
            await self._stopped.wait()


@asynccontextmanager
async def create_worker(_settings: WorkerSettings) -> AsyncIterator[SampleWorker]:
    yield SampleWorker(sys.argv[1])
    print("closed", flush=True)  # noqa: T201


if __name__ == "__main__":
    work("sample_worker:create_worker", load(WorkerSettings))
