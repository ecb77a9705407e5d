"""What requests do with jobs."""

from collections.abc import Callable, Sequence
from uuid import UUID

from core.audit.domain import Action
from core.errors import NotFoundError, PlatformError
from core.jobs.domain import Job, NewJob, State
from core.jobs.queue import JobQueue
from core.tenancy.domain import Access
from core.unit_of_work import BeginUnitOfWork, Scope, UnitOfWork


class NotInStateError(PlatformError):
    """The job is not in a state in which this can be done."""


class JobService:
    """The jobs of a tenant. All of it raises StoreUnavailableError."""

    def __init__(self, begin: BeginUnitOfWork, queue: JobQueue, new_id: Callable[[], UUID]) -> None:
        self._begin = begin
        self._queue = queue
        self._new_id = new_id

    async def enqueue(self, uow: UnitOfWork, tenant_id: UUID, new: NewJob, requested_by: UUID | None) -> Job:
        """Add a job to the transaction that causes it: both are there, or neither."""
        job = await uow.jobs.add(tenant_id, self._new_id(), new, requested_by)
        await self._queue.wake(uow.connection)
        return job

    async def find(self, access: Access, job_id: UUID) -> Job:
        """Raises: NotFoundError."""
        async with self._begin(Scope(access.tenant_id)) as uow:
            job = await uow.jobs.find(access.tenant_id, job_id)
        if job is None:
            raise NotFoundError("job")
        return job

    async def page(
        self, access: Access, state: State | None, before: UUID | None, limit: int
    ) -> Sequence[Job]:
        """Return one job more than asked for, if there are any: then there is a next page."""
        async with self._begin(Scope(access.tenant_id)) as uow:
            return await uow.jobs.page(access.tenant_id, state, before, limit + 1)

    async def retry(self, access: Access, job_id: UUID) -> Job:
        """Queue a dead job again. Raises: NotFoundError, NotInStateError."""
        return await self._change(access, job_id, is_revived=True)

    async def cancel(self, access: Access, job_id: UUID) -> Job:
        """End a job that waits. Raises: NotFoundError, NotInStateError."""
        return await self._change(access, job_id, is_revived=False)

    async def _change(self, access: Access, job_id: UUID, *, is_revived: bool) -> Job:
        async with self._begin(Scope(access.tenant_id)) as uow:
            change = uow.jobs.revive if is_revived else uow.jobs.cancel
            has_changed = await change(access.tenant_id, job_id)
            job = await uow.jobs.find(access.tenant_id, job_id)
            if job is None:
                raise NotFoundError("job")
            if not has_changed:
                raise NotInStateError(f"The job is {job.state}.")
            if is_revived:
                await self._queue.wake(uow.connection)
            action = Action.JOB_RETRIED if is_revived else Action.JOB_CANCELLED
            await uow.record(access, action, job_id)
            await uow.commit()
        return job
