"""Group commit: what waits while one batch is written makes up the next, and shares its commit.

A commit costs a write to the disk, which takes as long for one row as for two hundred. So nobody waits for a
timer, and the batches grow by themselves with the load. An answer is given only once its batch is committed.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

MOST_AT_ONCE: Final = 256


class Batcher[Item, Result]:
    """Does many at once what each caller asks for one by one."""

    def __init__(self, work: Callable[[list[Item]], Awaitable[list[Result]]]) -> None:
        """`work` returns one result for each item, in their order, or raises for all of them."""
        self._work = work
        self._waiting: list[tuple[Item, asyncio.Future[Result]]] = []
        self._drain: asyncio.Task[None] | None = None

    async def __call__(self, item: Item) -> Result:
        """Return the item's result; raises what its batch has raised."""
        future: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, future))
        if self._drain is None or self._drain.done():
            self._drain = asyncio.create_task(self._work_through())
        return await future

    async def _work_through(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting[:MOST_AT_ONCE], self._waiting[MOST_AT_ONCE:]
            try:
                results = await self._work([item for item, _ in batch])
            except Exception as error:  # noqa: BLE001 - it is raised where each result is awaited
                for _, future in batch:
                    if not future.done():
                        future.set_exception(error)
            else:
                for (_, future), result in zip(batch, results, strict=True):
                    if not future.done():  # whoever gave up does not hold up the others
                        future.set_result(result)
