"""Jobs over HTTP."""

from typing import Annotated
from uuid import UUID

from litestar import get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, Parameter

from apps.api.access import Allowed, needs
from apps.api.schemas import AttemptAnswer, JobAnswer, JobsAnswer, JobWithAttempts
from core.jobs.domain import Job, State
from core.jobs.service import JobService
from core.tenancy.domain import Permission

Jobs = NamedDependency[JobService]
Limit = Annotated[int, Parameter(ge=1, le=100)]


def job_answer(job: Job) -> JobAnswer:
    return JobAnswer.model_validate(job, from_attributes=True)


def with_attempts(job: Job) -> JobWithAttempts:
    attempts = [AttemptAnswer.model_validate(one, from_attributes=True) for one in job.attempts]
    return JobWithAttempts(**job_answer(job).model_dump(), attempts=attempts)


@get("/jobs", opt=needs(Permission.READ_JOBS))
async def listing(
    access: Allowed,
    jobs: Jobs,
    wanted: Annotated[State | None, Parameter(query="state")] = None,  # `state` is a word of Litestar's
    cursor: FromQuery[UUID | None] = None,
    limit: FromQuery[Limit] = 20,
) -> JobsAnswer:
    """List jobs, the newest first."""
    found = await jobs.page(access, wanted, cursor, limit)
    shown = found[:limit]
    return JobsAnswer(
        items=[job_answer(one) for one in shown], next_cursor=shown[-1].id if len(found) > limit else None
    )


@get("/jobs/{job_id:uuid}", opt=needs(Permission.READ_JOBS))
async def show(access: Allowed, job_id: FromPath[UUID], jobs: Jobs) -> JobWithAttempts:
    """Show a job and its attempts."""
    return with_attempts(await jobs.find(access, job_id))


@post("/jobs/{job_id:uuid}/retry", status_code=200, opt=needs(Permission.CHANGE_JOBS))
async def retry(access: Allowed, job_id: FromPath[UUID], jobs: Jobs) -> JobWithAttempts:
    """Queue a dead job again."""
    return with_attempts(await jobs.retry(access, job_id))


@post("/jobs/{job_id:uuid}/cancel", status_code=200, opt=needs(Permission.CHANGE_JOBS))
async def cancel(access: Allowed, job_id: FromPath[UUID], jobs: Jobs) -> JobWithAttempts:
    """End a job that waits."""
    return with_attempts(await jobs.cancel(access, job_id))


OF_ONE = [listing, show, retry, cancel]
