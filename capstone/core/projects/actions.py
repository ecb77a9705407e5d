"""Actions on a project: gated by a flag, bounded by a limit, done later by a job, tried again."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Final, Protocol
from uuid import UUID

from core.audit.domain import Action
from core.budgets import Budget
from core.errors import FlagOffError, InvalidValueError, NotFoundError, TooManyRequestsError
from core.idempotency.domain import Once
from core.jobs.domain import Claim, Job, JobDiscardedError, NewJob
from core.jobs.service import JobService
from core.tenancy.domain import Access
from core.unit_of_work import BeginUnitOfWork, Scope
from service_kit.egress import EgressGuard, RefusedDestinationError
from service_kit.outgoing import Answer

PUBLISH: Final = "publish"
ACTIONS: Final = (PUBLISH,)


class Post(Protocol):
    """Sends to a destination that a client has named."""

    async def post(self, destination: str, headers: Mapping[str, str], body: bytes) -> Answer: ...


@dataclass(frozen=True, slots=True)
class ActionService:
    """Triggers actions. All of it raises StoreUnavailableError."""

    begin: BeginUnitOfWork
    jobs: JobService
    budget: Budget
    guard: EgressGuard
    max_attempts: int

    async def trigger(
        self, access: Access, project_id: UUID, name: str, destination: str, once: Once[Job] | None = None
    ) -> Job:
        """Queue the job of an action.

        Raises: NotFoundError, InvalidValueError, FlagOffError, TooManyRequestsError, and what
        `IdempotencyKeys.begin` does.
        """
        if name not in ACTIONS:
            raise NotFoundError("action")
        try:
            self.guard.check(destination)
        except RefusedDestinationError as error:
            raise InvalidValueError("destination", error.code, str(error)) from error
        async with self.begin(Scope(access.tenant_id)) as uow:
            await uow.idempotency.begin(access, once)
            if await uow.projects.find(access.tenant_id, project_id) is None:
                raise NotFoundError("project")
            if not (await uow.flags.of_tenant(access.tenant_id)).get(name, False):
                raise FlagOffError
            wait_seconds = await self.budget.spend(f"{access.tenant_id}:{name}")
            if wait_seconds is not None:
                raise TooManyRequestsError(wait_seconds)
            args = {"project_id": str(project_id), "destination": destination}
            new = NewJob(name, args, self.max_attempts)
            job = await self.jobs.enqueue(uow, access.tenant_id, new, access.user_id)
            await uow.idempotency.keep(access, once, job)
            await uow.record(access, Action.JOB_QUEUED, job.id, type=name, project=str(project_id))
            await uow.commit()
        return job


@dataclass(frozen=True, slots=True)
class Publisher:
    """The handler of `publish`: posts the project, as it is then, to the destination."""

    begin: BeginUnitOfWork
    poster: Post

    async def __call__(self, claim: Claim) -> None:
        """Raises: JobDiscardedError; whatever a failed attempt raises."""
        async with self.begin(Scope(claim.tenant_id)) as uow:
            project = await uow.projects.find(claim.tenant_id, UUID(str(claim.args["project_id"])))
        if project is None:
            raise JobDiscardedError("the project is deleted")
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "capstone/1",
            "Idempotency-Key": f'"{claim.job_id}"',
        }
        body = json.dumps(asdict(project), default=str).encode()
        answer = await self.poster.post(str(claim.args["destination"]), headers, body)
        if not answer.status // 100 == 2:  # noqa: PLR2004 - a class of statuses
            raise OSError(f"the destination answered {answer.status}")
