"""The HTTP surface of speed runs: it translates, and decides nothing."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from levels.routes import PREFIX, Asking, RunId
from levels.run_schemas import BestsAnswer, SpeedRunAnswer, bests_answer, speed_run_answer
from levels.schemas import NewSpeedRun
from levels.speed_runs import SpeedRuns

speed_api = APIRouter(prefix=PREFIX)


def speed_runs_of(request: Request) -> SpeedRuns:
    speed_runs: SpeedRuns = request.app.state.speed_runs
    return speed_runs


type Runs = Annotated[SpeedRuns, Depends(speed_runs_of)]


@speed_api.post("/speed-runs", status_code=HTTPStatus.ACCEPTED)
async def start(body: NewSpeedRun, learner: Asking, runs: Runs, response: Response) -> SpeedRunAnswer:
    """Have all levels of a track judged, against the clock."""
    run = await runs.start(learner, body.track_id, body.dir)
    response.headers["Location"] = f"{PREFIX}/speed-runs/{run.id}"
    return speed_run_answer(run)


@speed_api.get("/speed-runs/{run_id}")
async def show(run_id: RunId, learner: Asking, runs: Runs) -> SpeedRunAnswer:
    """Tell how a speed run stands, and how long it took."""
    return speed_run_answer(await runs.show(learner, run_id))


@speed_api.delete("/speed-runs/{run_id}", status_code=HTTPStatus.ACCEPTED)
async def cancel(run_id: RunId, learner: Asking, runs: Runs) -> SpeedRunAnswer:
    """Give a speed run up."""
    return speed_run_answer(await runs.cancel(learner, run_id))


@speed_api.get("/bests")
async def bests(learner: Asking, runs: Runs) -> BestsAnswer:
    """List the learner's best times, by track."""
    return bests_answer(await runs.bests(learner))
