"""The HTTP surface: it translates, and decides nothing."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request

from webhooks.schemas import CountAnswer, count_answer
from webhooks.service import CounterService

api = APIRouter(prefix="/api/v1")


def service_of(request: Request) -> CounterService:
    service: CounterService = request.app.state.service
    return service


type Service = Annotated[CounterService, Depends(service_of)]


@api.post("/counters/{name}")
async def count(name: str, service: Service) -> CountAnswer:
    """Count a name."""
    return count_answer(await service.count(name))


@api.get("/counters/{name}")
async def read(name: str, service: Service) -> CountAnswer:
    """Tell how far a name was counted."""
    return count_answer(await service.read(name))
