"""The handler of what has come in: it is passed on to the tenant's endpoints. Put your own in its place.

What it does and that it has done it are one transaction: a job that is run twice does it once.
"""

from dataclasses import dataclass
from datetime import UTC, datetime

from core.audit.domain import moment
from core.inbox.domain import LONGEST_TOLD
from core.jobs.domain import Claim
from core.unit_of_work import BeginUnitOfWork, Scope
from core.webhooks.domain import EventType
from service_kit.json_text import parse


@dataclass(frozen=True, slots=True)
class Receiver:
    """The handler of `receive`."""

    begin: BeginUnitOfWork

    async def __call__(self, claim: Claim) -> None:
        tenant_id = claim.tenant_id
        async with self.begin(Scope(tenant_id)) as uow:
            inbox_id = await uow.inbox.handle(tenant_id, claim.job_id)
            received = None if inbox_id is None else await uow.inbox.find(tenant_id, inbox_id)
            if received is None:
                return
            data = {
                "id": str(received.id),
                "source_id": str(received.source_id),
                "event_id": received.event_id,
                "business_key": received.business_key,
                "payload": parse(received.body) if len(received.body) <= LONGEST_TOLD else None,
            }
            await uow.tell(tenant_id, EventType.INBOX_RECEIVED, moment(datetime.now(UTC)), data)
            await uow.commit()
