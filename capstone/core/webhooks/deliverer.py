"""The handler of deliveries: posts an event, and draws conclusions about the endpoint."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Final, Protocol
from uuid import UUID

from core.audit.domain import SYSTEM, Action
from core.jobs.domain import Backoff, Claim, JobDiscardedError, JobPutOffError
from core.jobs.queue import JobQueue
from core.mail.domain import MailKind
from core.tenancy.domain import Role
from core.unit_of_work import BeginUnitOfWork, Scope, UnitOfWork
from core.webhooks.domain import DisabledReason, DisableRules, Endpoint, EndpointState, Parcel
from core.webhooks.secrets import Sealer, signed_headers
from service_kit.egress import RefusedDestinationError
from service_kit.outgoing import Answer

SLOW: Final = {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.BAD_GATEWAY, HTTPStatus.GATEWAY_TIMEOUT}
"""Who answers so has too much to do. Source: Standard Webhooks, "Deliverability and reliability"."""
LONGEST_WAIT: Final = timedelta(days=1)
"""A Retry-After beyond it counts as this."""


class Post(Protocol):
    """Sends to an endpoint."""

    async def post(self, destination: str, headers: Mapping[str, str], body: bytes) -> Answer: ...


@dataclass(frozen=True, slots=True)
class Deliverer:
    """One attempt at a delivery for each call."""

    begin: BeginUnitOfWork
    queue: JobQueue
    poster: Post
    sealer: Sealer
    rules: DisableRules
    backoff: Backoff
    new_id: Callable[[], UUID]

    async def __call__(self, claim: Claim) -> None:
        """Raises: JobDiscardedError, JobPutOffError for a failed attempt."""
        async with self.begin(Scope(claim.tenant_id)) as uow:
            parcel = await uow.deliveries.parcel(claim.tenant_id, claim.job_id)
        if parcel is None:
            raise JobDiscardedError("the endpoint is removed, or this was sent anew")
        if parcel.endpoint.state is not EndpointState.ENABLED:
            raise JobDiscardedError("the endpoint is disabled")
        try:
            answer = await self._post(parcel)
        except (RefusedDestinationError, TimeoutError, OSError, EOFError, ValueError) as error:
            await self._failed(claim, parcel.endpoint)
            raise JobPutOffError(f"{type(error).__name__}: {error}") from error
        if answer.status // 100 == 2:  # noqa: PLR2004 - a class of statuses
            async with self.begin(Scope(claim.tenant_id)) as uow:
                await uow.endpoints.succeeded(claim.tenant_id, parcel.endpoint.id)
                await uow.commit()
            return
        wait = self._wait(answer, claim.attempt)
        await self._failed(claim, parcel.endpoint, wait, is_gone=answer.status == HTTPStatus.GONE)
        raise JobPutOffError(f"the endpoint answered {answer.status}", wait)

    async def _post(self, parcel: Parcel) -> Answer:
        endpoint, event = parcel.endpoint, parcel.event
        opened = [self.sealer.open(endpoint.id, sealed) for sealed in parcel.sealed_secrets]
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "capstone/1",
            **signed_headers(opened, f"evt_{event.id}", datetime.now(UTC), event.body),
        }
        return await self.poster.post(endpoint.url, headers, event.body)

    def _wait(self, answer: Answer, attempt: int) -> timedelta | None:
        """Return how long the endpoint wants to be left alone; None if it does not say so."""
        asked = answer.retry_after_seconds
        if asked is not None:
            return min(timedelta(seconds=min(asked, LONGEST_WAIT.total_seconds())), LONGEST_WAIT)
        return self.backoff.after(attempt) if answer.status in SLOW else None

    async def _failed(
        self, claim: Claim, endpoint: Endpoint, wait: timedelta | None = None, *, is_gone: bool = False
    ) -> None:
        """Count a failure, and disable the endpoint if it is one too many.

        Raises: JobDiscardedError if it is told nothing any more.
        """
        tenant_id = claim.tenant_id
        async with self.begin(Scope(tenant_id)) as uow:
            failing = await uow.endpoints.failed(tenant_id, endpoint.id)
            if wait is not None:
                await uow.endpoints.slow(tenant_id, endpoint, wait)
            is_over = failing.state is EndpointState.DISABLED
            if not is_over and (is_gone or self.rules.are_met(failing)):
                reason = DisabledReason.GONE if is_gone else DisabledReason.FAILING
                await self._disable(uow, tenant_id, endpoint, reason)
                is_over = True
            await uow.commit()
        if is_over:
            raise JobDiscardedError("the endpoint is disabled")

    async def _disable(
        self, uow: UnitOfWork, tenant_id: UUID, endpoint: Endpoint, reason: DisabledReason
    ) -> None:
        """Tell the endpoint nothing more, and by mail those who can do something about it."""
        await uow.endpoints.disable(tenant_id, endpoint, reason)
        args = {"tenant_id": str(tenant_id), "url": endpoint.url, "reason": reason}
        for member in await uow.organisations.members(tenant_id):
            if member.role is not Role.MEMBER:
                await uow.mails.promise(self.new_id(), MailKind.ENDPOINT_DISABLED, member.email, args)
        await self.queue.wake(uow.connection)
        await uow.append(tenant_id, SYSTEM, Action.ENDPOINT_DISABLED, endpoint.id, reason=reason)
