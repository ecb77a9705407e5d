"""Tells endpoints what is written into the audit trail, by jobs of the same transaction."""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from core.audit.checkpoints import Signer
from core.audit.domain import Entry, Tail
from core.jobs.domain import NewJob
from core.jobs.queue import JobQueue
from core.jobs.repository import Jobs
from core.webhooks.deliveries import Deliveries
from core.webhooks.domain import DELIVER, Endpoint, EndpointState, Event, EventType, body_of
from core.webhooks.repository import Endpoints


@dataclass(frozen=True, slots=True)
class Announcer:
    """Works on the connection of the transaction that it is called in."""

    queue: JobQueue
    signer: Signer
    new_id: Callable[[], UUID]
    max_attempts: int
    checkpoint_entries: int

    async def announce(self, connection: AsyncConnection, tenant_id: UUID, entry: Entry) -> None:
        """Tell of an entry, and, each so many entries, of a checkpoint."""
        endpoints = await Endpoints(connection).of_tenant(tenant_id)
        if not endpoints:
            return
        said = json.loads(entry.text)
        if said["action"] in EventType:
            data = {name: said[name] for name in ("tenant", "seq", "actor", "target", "detail")}
            data["hash"] = entry.hash.hex()
            body = body_of(said["action"], said["at"], data)
            event = Event(self.new_id(), said["action"], entry.seq, body)
            await self.publish(connection, tenant_id, event, endpoints)
        if entry.seq % self.checkpoint_entries == 0:
            at = datetime.fromisoformat(said["at"])
            checkpoint = self.signer.sign(tenant_id, Tail(entry.seq, entry.hash), at)
            data = {**asdict(checkpoint), "tenant": str(tenant_id)}
            body = body_of(EventType.CHECKPOINT, said["at"], data)
            event = Event(self.new_id(), EventType.CHECKPOINT, entry.seq, body)
            await self.publish(connection, tenant_id, event, endpoints)

    async def tell(
        self,
        connection: AsyncConnection,
        tenant_id: UUID,
        event_type: EventType,
        at: str,
        data: Mapping[str, object],
    ) -> None:
        """Tell of something that is no change, and stands in no trail."""
        endpoints = await Endpoints(connection).of_tenant(tenant_id)
        event = Event(self.new_id(), event_type, None, body_of(event_type, at, data))
        await self.publish(connection, tenant_id, event, endpoints)

    async def publish(
        self, connection: AsyncConnection, tenant_id: UUID, event: Event, endpoints: Iterable[Endpoint]
    ) -> None:
        """Keep an event, and send it to each endpoint that is enabled and wants it."""
        await Deliveries(connection).add_event(tenant_id, event)
        for endpoint in endpoints:
            if endpoint.state is EndpointState.ENABLED and endpoint.wants(event.type):
                await self.deliver(connection, tenant_id, endpoint, event)

    async def deliver(
        self, connection: AsyncConnection, tenant_id: UUID, endpoint: Endpoint, event: Event
    ) -> UUID:
        """Queue an event for an endpoint, and return the id of the delivery."""
        job = NewJob(
            DELIVER,
            {"endpoint_id": str(endpoint.id), "event_id": str(event.id)},
            self.max_attempts,
            endpoint.line,
            event.position if endpoint.is_ordered else None,
            endpoint.slow_until,
        )
        queued = await Jobs(connection).add(tenant_id, self.new_id(), job, None)
        delivery_id = await Deliveries(connection).put(
            tenant_id, self.new_id(), endpoint.id, event.id, queued.id
        )
        await self.queue.wake(connection, endpoint.slow_until)
        return delivery_id
