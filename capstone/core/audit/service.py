"""What a tenant asks of its trail: to see it, to have it, and whether it holds."""

import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import asdict, dataclass
from typing import Final

from core.audit.checkpoints import Checkpoint, Signer
from core.audit.domain import START, Broken, Entry, Tail, follow
from core.tenancy.domain import Access
from core.unit_of_work import BeginUnitOfWork, Scope

PAGE: Final = 500


@dataclass(frozen=True, slots=True)
class AuditService:
    """The trail of the tenant that an Access names. All of it raises StoreUnavailableError."""

    begin: BeginUnitOfWork
    signer: Signer

    async def page(self, access: Access, before: int | None, limit: int) -> Sequence[Entry]:
        """Return one entry more than asked for, if there are any, the newest first."""
        async with self.begin(Scope(access.tenant_id)) as uow:
            return await uow.audit.before(access.tenant_id, before, limit + 1)

    async def checkpoint(self, access: Access) -> Checkpoint:
        """Sign where the trail ends now."""
        async with self.begin(Scope(access.tenant_id)) as uow:
            tail, now = await uow.audit.tail(access.tenant_id)
        return self.signer.sign(access.tenant_id, tail, now)

    async def export(self, access: Access, checkpoint: Checkpoint) -> AsyncIterator[str]:
        """Write all entries up to a checkpoint as lines of JSON, and the checkpoint as the last.

        A page is a transaction: a slow reader holds none. What is added meanwhile is behind the checkpoint.
        """
        seq = 0
        while seq < checkpoint.seq and (entries := await self._behind(access, seq)):
            for entry in entries:
                if entry.seq <= checkpoint.seq:
                    yield _line(_exported(entry))
            seq = entries[-1].seq
        yield _line({"checkpoint": asdict(checkpoint)})

    async def verify(self, access: Access) -> Tail | Broken:
        """Follow the whole chain."""
        found: Tail | Broken = START
        while isinstance(found, Tail) and (entries := await self._behind(access, found.seq)):
            found = follow(access.tenant_id, found, entries)
        return found

    async def _behind(self, access: Access, seq: int) -> Sequence[Entry]:
        async with self.begin(Scope(access.tenant_id)) as uow:
            return await uow.audit.behind(access.tenant_id, seq, PAGE)


def _exported(entry: Entry) -> dict[str, object]:
    text = entry.text.decode(errors="replace")
    return {"seq": entry.seq, "entry": text, "prev": entry.prev.hex(), "hash": entry.hash.hex()}


def _line(document: dict[str, object]) -> str:
    return json.dumps(document, ensure_ascii=False, default=str) + "\n"
