import asyncio

import pytest

from webhooks.batching import Batcher

pytestmark = pytest.mark.anyio


async def test_what_waits_while_a_batch_is_done_makes_up_the_next() -> None:
    batches: list[list[int]] = []
    go_on = asyncio.Event()

    async def work(items: list[int]) -> list[int]:
        batches.append(items)
        await go_on.wait()
        return [item * 2 for item in items]

    batcher = Batcher(work)
    first = asyncio.create_task(batcher(1))
    await asyncio.sleep(0)
    others = [asyncio.create_task(batcher(number)) for number in (2, 3, 4)]
    await asyncio.sleep(0)
    go_on.set()
    assert await asyncio.gather(first, *others) == [2, 4, 6, 8]
    assert batches == [[1], [2, 3, 4]]


async def test_a_failure_is_that_of_its_batch_and_of_no_other() -> None:
    async def work(items: list[int]) -> list[int]:
        if 1 in items:
            raise ValueError
        return items

    batcher = Batcher(work)
    first = asyncio.create_task(batcher(1))
    await asyncio.sleep(0)
    second = asyncio.create_task(batcher(2))
    with pytest.raises(ValueError):  # noqa: PT011 - it has no message
        await first
    assert await second == 2


async def test_whoever_gives_up_does_not_hold_up_the_others() -> None:
    go_on = asyncio.Event()

    async def work(items: list[int]) -> list[int]:
        await go_on.wait()
        return items

    batcher = Batcher(work)
    tasks = [asyncio.create_task(batcher(number)) for number in (1, 2)]
    await asyncio.sleep(0)
    tasks[0].cancel()
    go_on.set()
    assert await tasks[1] == 2
