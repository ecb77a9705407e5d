"""What workers do with jobs: claim, run, write down; renew leases, and take over from who is gone."""

import asyncio
import uuid
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import structlog

from core.errors import StoreUnavailableError
from core.jobs.domain import Backoff, Claim, JobDiscardedError, JobPutOffError, Outcome, Result, State
from core.jobs.queue import JobQueue
from core.unit_of_work import NOBODY, BeginUnitOfWork
from service_kit.tracers import Tracer
from service_kit.worker import worker_name

log = structlog.get_logger()
type Handler = Callable[[Claim], Awaitable[None]]

LONGEST_ERROR: Final = 500
OVERDUE: Final = timedelta(seconds=2)
"""A job that is due for so long has lost its wake: with a worker that was killed between the two."""


@dataclass(frozen=True, slots=True)
class Rules:
    """How long a worker owns a job without a word, and how long a failed one waits."""

    lease: timedelta
    backoff: Backoff


class Runner:
    """Runs jobs, one for each call of `run_next`."""

    def __init__(
        self,
        begin: BeginUnitOfWork,
        queue: JobQueue,
        handlers: Mapping[str, Handler],
        rules: Rules,
        tracer: Tracer,
    ) -> None:
        self._begin = begin
        self._queue = queue
        self._handlers = handlers
        self._rules = rules
        self._tracer = tracer
        self._name = worker_name()
        self._running: dict[uuid.UUID, asyncio.Task[Result]] = {}

    async def run_next(self) -> None:
        """Claim a job, if one is due, and run it to its end."""
        token = uuid.uuid4()
        async with self._begin(NOBODY) as uow:
            claim = await uow.jobs.claim(token, self._rules.lease, self._name)
            await uow.commit()
        if claim is None:
            return
        with self._tracer.span(claim.type, "consumer", claim.traceparent or "") as span:
            span.attributes |= {
                "job.id": str(claim.job_id),
                "job.attempt": claim.attempt,
                "tenant.id": str(claim.tenant_id),
            }
            running = asyncio.create_task(self._result_of(claim))
            self._running[token] = running
            try:
                await asyncio.wait([running])
            finally:
                del self._running[token]
            outcome = Outcome.LOST if running.cancelled() else running.result().outcome
            span.attributes["job.outcome"] = outcome
            span.is_error = outcome in {Outcome.FAILED, Outcome.LOST}
            if not running.cancelled():
                await self._finish(claim, running.result())

    async def renew(self) -> None:
        """Lengthen the leases of what runs here, and give up what has been taken away."""
        tokens = list(self._running)
        if not tokens:
            return
        async with self._begin(NOBODY) as uow:
            live = await uow.jobs.renew(tokens, self._rules.lease)
            await uow.commit()
        for token in set(tokens) - live:
            if token in self._running:
                self._running[token].cancel()

    async def sweep(self) -> None:
        """Take over from workers that are gone, and wake somebody for what has waited too long."""
        async with self._begin(NOBODY) as uow:
            swept = await uow.jobs.sweep()
            overdue = await uow.jobs.overdue(OVERDUE)
            for _ in range(overdue + sum(state is State.QUEUED for state in swept.values())):
                await self._queue.wake(uow.connection)
            await uow.commit()
        for job_id, state in swept.items():
            log.warning("job lost its worker", job_id=str(job_id), state=state)

    async def _result_of(self, claim: Claim) -> Result:
        try:
            await self._handlers[claim.type](claim)
        except JobDiscardedError as error:
            return Result(Outcome.DISCARDED, str(error)[:LONGEST_ERROR])
        except JobPutOffError as error:
            wait = max(self._rules.backoff.after(claim.attempt), error.wait)
            return Result(Outcome.FAILED, str(error)[:LONGEST_ERROR], wait)
        except Exception as error:  # noqa: BLE001 - whatever a handler raises is a failed attempt
            wait = self._rules.backoff.after(claim.attempt)
            return Result(Outcome.FAILED, f"{type(error).__name__}: {error}"[:LONGEST_ERROR], wait)
        return Result(Outcome.SUCCEEDED)

    async def _finish(self, claim: Claim, result: Result) -> None:
        try:
            async with self._begin(NOBODY) as uow:
                run_at = await uow.jobs.finish(claim, result)
                if run_at is not None and result.outcome is Outcome.FAILED and not _is_last(claim):
                    await self._queue.wake(uow.connection, run_at)
                if claim.line is not None:
                    await self._queue.wake(uow.connection)  # for whoever has waited behind it
                await uow.commit()
        except StoreUnavailableError as error:
            # The lease lapses, and the job is run again: handlers are idempotent, or say what has happened.
            log.warning("a result could not be written", job_id=str(claim.job_id), reason=str(error))
            return
        log.info(
            "job",
            job_id=str(claim.job_id),
            tenant_id=str(claim.tenant_id),
            type=claim.type,
            attempt=claim.attempt,
            outcome=result.outcome,
            late=run_at is None,
        )


def _is_last(claim: Claim) -> bool:
    return claim.attempt >= claim.max_attempts
