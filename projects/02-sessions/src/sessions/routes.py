"""The HTTP surface: it translates, and decides nothing."""

from typing import Final

from litestar import get, post

from sessions.schemas import CountAnswer, LatestAnswer, count_answer
from sessions.service import CounterService


@post("/api/v1/counters/{name:str}", status_code=200)
async def count(name: str, service: CounterService) -> CountAnswer:
    """Count a name."""
    return count_answer(await service.count(name))


@get("/api/v1/counters/{name:str}")
async def read(name: str, service: CounterService) -> CountAnswer:
    """Tell how far a name was counted."""
    return count_answer(await service.read(name))


@get("/api/v1/latest")
async def latest(service: CounterService) -> LatestAnswer:
    """Tell which name was counted last."""
    return LatestAnswer(name=await service.latest())


ROUTES: Final = [count, read, latest]
