"""The verbs of webhooks that come in."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from uuid import UUID

from core.audit.domain import Action
from core.errors import NotFoundError, PlatformError
from core.inbox.domain import (
    RECEIVE,
    Arrival,
    MalformedWebhookError,
    NamedSource,
    NotConfiguredError,
    Received,
    Source,
    WantedSource,
    key_of,
    secret_of,
)
from core.inbox.signatures import Headers, verify
from core.jobs.domain import Attempt, NewJob, State
from core.jobs.service import JobService, NotInStateError
from core.tenancy.domain import Access
from core.unit_of_work import BeginUnitOfWork, Scope
from core.webhooks.secrets import Sealer
from service_kit.json_text import InvalidJsonError, parse


class TooManySourcesError(PlatformError):
    """An organisation has as many as it may have."""


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """What a sender hears: it is kept, now or before."""

    id: UUID
    is_new: bool


@dataclass(frozen=True, slots=True)
class InboxService:
    """Sources of a tenant, and what comes from them. All of it raises StoreUnavailableError."""

    begin: BeginUnitOfWork
    jobs: JobService
    sealer: Sealer
    new_id: Callable[[], UUID]
    most: int
    tolerance_seconds: float
    max_attempts: int

    async def take(self, source_id: UUID, headers: Headers, body: bytes) -> Acknowledged:
        """Keep an event that is believed, with its job, before it is acknowledged; once.

        Raises: NotFoundError, NotConfiguredError, and what `verify` does.
        """
        async with self.begin(Scope(source_id=source_id)) as uow:
            source = await uow.sources.named(source_id)
        if source is None:
            raise NotFoundError("source")
        arrival = self._believed(source, headers, body)
        async with self.begin(Scope(source.tenant_id)) as uow:
            if (known := await uow.inbox.known(source, arrival)) is not None:
                return Acknowledged(known, is_new=False)
            inbox_id = self.new_id()
            job = await self.jobs.enqueue(uow, source.tenant_id, self._job(), None)
            if await uow.inbox.add(source, inbox_id, arrival, job.id):
                await uow.commit()
                return Acknowledged(inbox_id, is_new=True)
        async with self.begin(Scope(source.tenant_id)) as uow:  # it has come in at the same instant
            known = await uow.inbox.known(source, arrival)
        if known is None:
            raise NotFoundError("source")
        return Acknowledged(known, is_new=False)

    def _believed(self, source: NamedSource, headers: Headers, body: bytes) -> Arrival:
        if source.sealed_secret is None:
            raise NotConfiguredError("The source has no secret yet.")
        secret = self.sealer.open(source.id, source.sealed_secret)
        event_id = verify(headers, body, secret, time.time(), self.tolerance_seconds)
        try:
            document = parse(body)
        except InvalidJsonError as error:
            raise MalformedWebhookError("The body is no JSON.") from error
        return Arrival(event_id, key_of(document, source.key_pointer), body)

    def _job(self) -> NewJob:
        return NewJob(RECEIVE, {}, self.max_attempts)

    # Sources

    async def create(self, access: Access, wanted: WantedSource, secret: str | None) -> Source:
        """Make a source. Raises: InvalidValueError, TooManySourcesError."""
        source_id = self.new_id()
        sealed = self._sealed(source_id, secret)
        async with self.begin(Scope(access.tenant_id)) as uow:
            await uow.audit.lock(access.tenant_id)  # two at one instant would not see each other
            if len(await uow.sources.of_tenant(access.tenant_id)) >= self.most:
                raise TooManySourcesError(f"An organisation has {self.most} sources at most.")
            source = await uow.sources.add(access.tenant_id, source_id, wanted, sealed)
            await uow.record(access, Action.SOURCE_CREATED, source_id)
            await uow.commit()
        return source

    async def listing(self, access: Access) -> Sequence[Source]:
        async with self.begin(Scope(access.tenant_id)) as uow:
            return await uow.sources.of_tenant(access.tenant_id)

    async def change(
        self, access: Access, source_id: UUID, changes: Callable[[Source], WantedSource], secret: str | None
    ) -> Source:
        """Raises: NotFoundError, InvalidValueError."""
        sealed = self._sealed(source_id, secret)
        async with self.begin(Scope(access.tenant_id)) as uow:
            found = {one.id: one for one in await uow.sources.of_tenant(access.tenant_id)}
            if source_id not in found:
                raise NotFoundError("source")
            wanted = changes(found[source_id])
            changed = await uow.sources.change(access.tenant_id, source_id, wanted, sealed)
            if changed is None:
                raise NotFoundError("source")
            await uow.record(access, Action.SOURCE_CHANGED, source_id)
            await uow.commit()
        return changed

    async def remove(self, access: Access, source_id: UUID) -> None:
        """Remove a source, with what has come from it. Raises: NotFoundError."""
        async with self.begin(Scope(access.tenant_id)) as uow:
            if not await uow.sources.remove(access.tenant_id, source_id):
                raise NotFoundError("source")
            await uow.record(access, Action.SOURCE_DELETED, source_id)
            await uow.commit()

    def _sealed(self, source_id: UUID, secret: str | None) -> bytes | None:
        return None if secret is None else self.sealer.seal(source_id, secret_of(secret))

    # The inbox

    async def find(self, access: Access, inbox_id: UUID) -> tuple[Received, Sequence[Attempt]]:
        """Return an event with the attempts of its job. Raises: NotFoundError."""
        async with self.begin(Scope(access.tenant_id)) as uow:
            found = await uow.inbox.find(access.tenant_id, inbox_id)
            job = None if found is None else await uow.jobs.find(access.tenant_id, found.job_id)
        if found is None or job is None:
            raise NotFoundError("event")
        return found, job.attempts

    async def page(
        self, access: Access, source_id: UUID | None, before: UUID | None, limit: int
    ) -> Sequence[Received]:
        """Return one event more than asked for, if there are any, the newest first."""
        async with self.begin(Scope(access.tenant_id)) as uow:
            return await uow.inbox.page(access.tenant_id, source_id, before, limit + 1)

    async def replay(self, access: Access, inbox_id: UUID) -> Received:
        """Have an event handled again. Raises: NotFoundError, NotInStateError."""
        async with self.begin(Scope(access.tenant_id)) as uow:
            found = await uow.inbox.find(access.tenant_id, inbox_id)
            if found is None:
                raise NotFoundError("event")
            if found.state in {State.QUEUED, State.RUNNING}:
                raise NotInStateError(f"The event is {found.state}.")
            job = await self.jobs.enqueue(uow, access.tenant_id, self._job(), access.user_id)
            await uow.inbox.again(access.tenant_id, inbox_id, job.id)
            again = await uow.inbox.find(access.tenant_id, inbox_id)
            await uow.record(access, Action.INBOX_REPLAYED, inbox_id)
            await uow.commit()
        if again is None:
            raise NotFoundError("event")
        return again
