"""The queue by itself: a claim ends what it has begun, and nothing else."""

from collections.abc import AsyncIterator
from uuid import UUID

import pytest

from core_backend.__main__ import MIGRATIONS
from core_backend.app import make_database, new_id, now
from core_backend.domain import Claim, JobState, Role, User
from core_backend.jobs import Jobs
from core_backend.repository import Repository
from service_kit.database import Database
from service_kit.migrations import migrate

pytestmark = pytest.mark.anyio
OVER = 0.0


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def database(postgres_url: str) -> AsyncIterator[Database]:
    """A migrated database of the test's own."""
    migrate(postgres_url, MIGRATIONS)
    database = make_database(postgres_url, pool_size=1)
    yield database
    await database.close()


async def claimed(jobs: Jobs) -> Claim:
    claim = await jobs.claim()
    assert claim is not None
    return claim


async def test_a_worker_that_comes_back_ends_nothing_of_a_retry(database: Database) -> None:
    repository, job_id = Repository(database), new_id()
    await repository.add_user(User(new_id(), "ada@example.com", Role.USER, now()), "hash", job_id)
    jobs = Jobs(database, max_attempts=1, retry_seconds=1, lease_seconds=OVER)
    late = await claimed(jobs)
    assert await jobs.claim() is None  # it was the last attempt
    assert await state_of(repository, job_id) is JobState.DEAD
    assert await repository.revive_job(job_id) is not None
    claim = await claimed(jobs)
    assert claim.attempts == late.attempts

    await jobs.fail(late, "too late")
    await jobs.finish(late)
    assert await state_of(repository, job_id) is JobState.RUNNING

    await jobs.finish(claim)
    assert await state_of(repository, job_id) is JobState.DONE


async def state_of(repository: Repository, job_id: UUID) -> JobState:
    job = await repository.find_job(job_id)
    assert job is not None
    return job.state
