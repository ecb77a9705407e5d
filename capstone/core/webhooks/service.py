"""The verbs of endpoints and deliveries."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

from core.audit.domain import Action, moment
from core.errors import InvalidValueError, NotFoundError, PlatformError
from core.jobs.domain import Attempt, State
from core.jobs.service import NotInStateError
from core.tenancy.domain import Access
from core.unit_of_work import BeginUnitOfWork, Scope, UnitOfWork
from core.webhooks import secrets
from core.webhooks.announcer import Announcer
from core.webhooks.domain import TEST, Delivery, Endpoint, EndpointState, Event, Wanted, body_of
from service_kit.egress import EgressGuard, RefusedDestinationError

RECOVERED: Final = 1000
"""How many events one call recovers at most."""


class TooManyEndpointsError(PlatformError):
    """An organisation has as many as it may have."""


@dataclass(frozen=True, slots=True)
class EndpointService:
    """Endpoints of the tenant that an Access names. All of it raises StoreUnavailableError."""

    begin: BeginUnitOfWork
    announcer: Announcer
    guard: EgressGuard
    sealer: secrets.Sealer
    new_id: Callable[[], UUID]
    most: int
    both_for: timedelta

    async def create(self, access: Access, wanted: Wanted) -> tuple[Endpoint, str]:
        """Make an endpoint; its secret is returned here and never again.

        Raises: InvalidValueError, TooManyEndpointsError.
        """
        self._check(wanted)
        endpoint_id, secret = self.new_id(), secrets.new_secret()
        async with self._changing(access) as uow:
            if len(await uow.endpoints.of_tenant(access.tenant_id)) >= self.most:
                raise TooManyEndpointsError(f"An organisation has {self.most} endpoints at most.")
            sealed = self.sealer.seal(endpoint_id, secret)
            endpoint = await uow.endpoints.add(access.tenant_id, endpoint_id, wanted, sealed)
            await uow.record(access, Action.ENDPOINT_CREATED, endpoint_id)
            await uow.commit()
        return endpoint, secrets.shown(secret)

    async def listing(self, access: Access) -> Sequence[Endpoint]:
        async with self.begin(Scope(access.tenant_id)) as uow:
            return await uow.endpoints.of_tenant(access.tenant_id)

    async def find(self, access: Access, endpoint_id: UUID) -> Endpoint:
        """Raises: NotFoundError."""
        async with self.begin(Scope(access.tenant_id)) as uow:
            return await _found(uow, access, endpoint_id)

    async def change(
        self, access: Access, endpoint_id: UUID, changes: Callable[[Endpoint], Wanted]
    ) -> Endpoint:
        """Raises: NotFoundError, InvalidValueError."""
        async with self._changing(access) as uow:
            wanted = changes(await _found(uow, access, endpoint_id))
            self._check(wanted)
            changed = await uow.endpoints.change(access.tenant_id, endpoint_id, wanted)
            await uow.record(access, Action.ENDPOINT_CHANGED, endpoint_id)
            await uow.commit()
        return _there(changed)

    async def remove(self, access: Access, endpoint_id: UUID) -> None:
        """Raises: NotFoundError."""
        async with self._changing(access) as uow:
            if not await uow.endpoints.remove(access.tenant_id, endpoint_id):
                raise NotFoundError("endpoint")
            await uow.record(access, Action.ENDPOINT_DELETED, endpoint_id)
            await uow.commit()

    async def rotate(self, access: Access, endpoint_id: UUID) -> str:
        """Draw another secret, and return it, this once; the one before signs, too, for a while.

        Raises: NotFoundError.
        """
        secret = secrets.new_secret()
        sealed = self.sealer.seal(endpoint_id, secret)
        async with self._changing(access) as uow:
            if not await uow.endpoints.rotate(access.tenant_id, endpoint_id, sealed, self.both_for):
                raise NotFoundError("endpoint")
            await uow.record(access, Action.ENDPOINT_ROTATED, endpoint_id)
            await uow.commit()
        return secrets.shown(secret)

    async def enable(self, access: Access, endpoint_id: UUID) -> Endpoint:
        """Raises: NotFoundError."""
        async with self._changing(access) as uow:
            enabled = await uow.endpoints.enable(access.tenant_id, endpoint_id)
            endpoint = _there(enabled)
            await uow.record(access, Action.ENDPOINT_ENABLED, endpoint_id)
            await uow.commit()
        return endpoint

    async def test(self, access: Access, endpoint_id: UUID) -> Delivery:
        """Send an event that says nothing. Raises: NotFoundError, NotInStateError."""
        async with self._changing(access) as uow:
            endpoint = await _enabled(uow, access, endpoint_id)
            body = body_of(TEST, moment(datetime.now(UTC)), {"endpoint_id": str(endpoint_id)})
            event = Event(self.new_id(), TEST, None, body)
            await uow.deliveries.add_event(access.tenant_id, event)
            delivery = await self._deliver(uow, access, endpoint, event)
            await uow.record(access, Action.ENDPOINT_TESTED, endpoint_id)
            await uow.commit()
        return delivery

    async def recover(self, access: Access, endpoint_id: UUID, since: datetime) -> int:
        """Send what an endpoint has missed, and return how much that is; RECOVERED at most.

        Raises: NotFoundError, NotInStateError.
        """
        async with self._changing(access) as uow:
            endpoint = await _enabled(uow, access, endpoint_id)
            missed = await uow.deliveries.missed(access.tenant_id, endpoint, since, RECOVERED)
            for event in missed:
                await self.announcer.deliver(uow.connection, access.tenant_id, endpoint, event)
            await uow.record(access, Action.ENDPOINT_RECOVERED, endpoint_id, events=len(missed))
            await uow.commit()
        return len(missed)

    async def resend(self, access: Access, delivery_id: UUID) -> Delivery:
        """Send an event again, whatever has become of it. Raises: NotFoundError, NotInStateError."""
        async with self._changing(access) as uow:
            delivery = await uow.deliveries.find(access.tenant_id, delivery_id)
            if delivery is None:
                raise NotFoundError("delivery")
            if delivery.state in {State.QUEUED, State.RUNNING}:
                raise NotInStateError(f"The delivery is {delivery.state}.")
            endpoint = await _enabled(uow, access, delivery.endpoint_id)
            event = await uow.deliveries.event(access.tenant_id, delivery.event_id)
            if event is None:
                raise NotFoundError("delivery")
            sent = await self._deliver(uow, access, endpoint, event)
            await uow.record(access, Action.DELIVERY_RESENT, delivery_id)
            await uow.commit()
        return sent

    async def delivery(self, access: Access, delivery_id: UUID) -> tuple[Delivery, Sequence[Attempt]]:
        """Return a delivery with the attempts of its job. Raises: NotFoundError."""
        async with self.begin(Scope(access.tenant_id)) as uow:
            delivery = await uow.deliveries.find(access.tenant_id, delivery_id)
            job = None if delivery is None else await uow.jobs.find(access.tenant_id, delivery.job_id)
        if delivery is None or job is None:
            raise NotFoundError("delivery")
        return delivery, job.attempts

    async def page(
        self,
        access: Access,
        endpoint_id: UUID | None,
        state: State | None,
        before: UUID | None,
        limit: int,
    ) -> Sequence[Delivery]:
        """Return one delivery more than asked for, if there are any, the newest first."""
        async with self.begin(Scope(access.tenant_id)) as uow:
            return await uow.deliveries.page(access.tenant_id, endpoint_id, state, before, limit + 1)

    @asynccontextmanager
    async def _changing(self, access: Access) -> AsyncIterator[UnitOfWork]:
        """Begin a transaction that has the tenant's trail to itself.

        Who writes an entry tells the endpoints of it, and so waits for whoever changes them. Who changes them
        writes an entry. So all come in one order: the trail first.
        """
        async with self.begin(Scope(access.tenant_id)) as uow:
            await uow.audit.lock(access.tenant_id)
            yield uow

    async def _deliver(self, uow: UnitOfWork, access: Access, endpoint: Endpoint, event: Event) -> Delivery:
        sent = await self.announcer.deliver(uow.connection, access.tenant_id, endpoint, event)
        delivery = await uow.deliveries.find(access.tenant_id, sent)
        if delivery is None:
            raise NotFoundError("delivery")
        return delivery

    def _check(self, wanted: Wanted) -> None:
        try:
            self.guard.check(wanted.url)
        except RefusedDestinationError as error:
            raise InvalidValueError("url", error.code, str(error)) from error


async def _found(uow: UnitOfWork, access: Access, endpoint_id: UUID) -> Endpoint:
    return _there(await uow.endpoints.find(access.tenant_id, endpoint_id))


async def _enabled(uow: UnitOfWork, access: Access, endpoint_id: UUID) -> Endpoint:
    endpoint = await _found(uow, access, endpoint_id)
    if endpoint.state is not EndpointState.ENABLED:
        raise NotInStateError("The endpoint is disabled: enable it first.")
    return endpoint


def _there(endpoint: Endpoint | None) -> Endpoint:
    if endpoint is None:
        raise NotFoundError("endpoint")
    return endpoint
