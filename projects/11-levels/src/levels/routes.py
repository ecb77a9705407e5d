"""The HTTP surface: it translates, and decides nothing."""

from contextlib import suppress
from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Header, Path, Query, Request, Response
from fastapi.responses import StreamingResponse

from levels.ctrf import ctrf_of
from levels.domain import Learner
from levels.errors import RunNotFoundError
from levels.event_stream import MEDIA_TYPE, STREAM_HEADERS, read_number, written
from levels.run_schemas import (
    DetailsAnswer,
    PageAnswer,
    RunAnswer,
    details_answer,
    page_answer,
    run_answer,
)
from levels.schemas import (
    CatalogueAnswer,
    ClassAnswer,
    Cursor,
    NewLearner,
    NewLearnerAnswer,
    NewRun,
    ProgressAnswer,
    StandingAnswer,
    catalogue_answer,
    class_answer,
    new_learner_answer,
    standing_answer,
)
from levels.service import LevelsService

if TYPE_CHECKING:
    from levels.access import Access

PREFIX = "/api/v1"

api = APIRouter(prefix=PREFIX)


def service_of(request: Request) -> LevelsService:
    service: LevelsService = request.app.state.service
    return service


async def learner_of(request: Request) -> Learner:
    access: Access = request.app.state.access
    return await access.learner(request.headers.getlist("authorization"), request.headers.get("host", ""))


async def demand_operator(request: Request) -> None:
    access: Access = request.app.state.access
    await access.demand_operator(request.headers.getlist("authorization"), request.headers.get("host", ""))


def run_id_of(run_id: Annotated[str, Path(json_schema_extra={"format": "uuid"})]) -> UUID:
    """Read an id as it was given out. All else, also another spelling of it, is the id of no run."""
    with suppress(ValueError):
        known = UUID(run_id)
        if str(known) == run_id:
            return known
    raise RunNotFoundError


type Service = Annotated[LevelsService, Depends(service_of)]
type Asking = Annotated[Learner, Depends(learner_of)]
type RunId = Annotated[UUID, Depends(run_id_of)]
type Limit = Annotated[int, Query(ge=1, le=100)]
OPERATOR_ONLY = [Depends(demand_operator)]


@api.get("/levels")
async def levels(_learner: Asking, service: Service) -> CatalogueAnswer:
    """List what can be verified."""
    return catalogue_answer(await service.catalogue())


@api.get("/progress")
async def progress(learner: Asking, service: Service) -> ProgressAnswer:
    """Tell where the learner stands. Nothing can be written here: progress is what runs have shown."""
    items = [standing_answer(standing) for standing in await service.progress(learner)]
    return ProgressAnswer(user_id=learner.id, name=learner.name, items=items)


@api.get("/progress/{level_id}")
async def standing(level_id: str, learner: Asking, service: Service) -> StandingAnswer:
    """Tell where the learner stands with one level."""
    return standing_answer(await service.standing(learner, level_id))


@api.post("/runs", status_code=HTTPStatus.ACCEPTED)
async def start(body: NewRun, learner: Asking, service: Service, response: Response) -> RunAnswer:
    """Have a folder or a URL judged, from the lowest level of its track up to this one."""
    run = await service.start(learner, body.level_id, body.dir, body.url)
    response.headers["Location"] = f"{PREFIX}/runs/{run.id}"
    return run_answer(run)


@api.get("/runs")
async def newest(
    learner: Asking, service: Service, limit: Limit = 20, cursor: Cursor | None = None
) -> PageAnswer:
    """List the learner's runs, newest first; `next_cursor` leads to the next part."""
    return page_answer(await service.newest(learner, limit, cursor))


@api.get("/runs/{run_id}")
async def show(run_id: RunId, learner: Asking, service: Service) -> DetailsAnswer:
    """Show a run with all that it has shown so far."""
    return details_answer(await service.show(learner, run_id))


@api.delete("/runs/{run_id}", status_code=HTTPStatus.ACCEPTED)
async def cancel(run_id: RunId, learner: Asking, service: Service) -> RunAnswer:
    """Cancel a run. When it is `cancelled`, nothing that it has started is left."""
    return run_answer(await service.cancel(learner, run_id))


@api.get("/runs/{run_id}/ctrf")
async def ctrf(run_id: RunId, learner: Asking, service: Service) -> dict[str, object]:
    """Show the same as a report for other tools."""
    return dict(ctrf_of(await service.show(learner, run_id)))


@api.get(
    "/runs/{run_id}/events",
    response_class=StreamingResponse,
    responses={200: {"content": {MEDIA_TYPE: {}}}, 204: {"description": "All events were received."}},
)
async def follow(
    run_id: RunId,
    learner: Asking,
    service: Service,
    request: Request,
    last_event_id: Annotated[str | None, Header(alias="Last-Event-ID")] = None,
) -> Response:
    """Follow a run: its events from the first on, or from behind the one with the id that is sent."""
    run = await service.run(learner, run_id)
    number = read_number(last_event_id, run.event_count)
    if run.state.is_final and number == run.event_count:
        return Response(status_code=HTTPStatus.NO_CONTENT)
    if request.method == "HEAD":  # of which nobody would say that it is over
        return Response(media_type=MEDIA_TYPE, headers=dict(STREAM_HEADERS))
    heartbeat_seconds: float = request.app.state.heartbeat_seconds
    events = service.follow(run, number or 0, heartbeat_seconds)
    stream = written(events, is_reset=number is None)
    return StreamingResponse(stream, media_type=MEDIA_TYPE, headers=dict(STREAM_HEADERS))


@api.post("/learners", status_code=HTTPStatus.CREATED, dependencies=OPERATOR_ONLY)
async def add_learner(body: NewLearner, service: Service) -> NewLearnerAnswer:
    """Add a learner to the class. The token is told this once."""
    return new_learner_answer(*await service.add_learner(body.name))


@api.get("/learners", dependencies=OPERATOR_ONLY)
async def learners(service: Service) -> ClassAnswer:
    """List the class, and how many levels each has completed."""
    return class_answer(await service.learners())
