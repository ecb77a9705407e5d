"""Who reads much, one by one, is slowed down and written down; who wants all of it has an export.

Source: the guide's suspicious actions: many single reads are told from one that says what it is.
"""

from dataclasses import dataclass
from uuid import UUID

from core.audit.domain import Action
from core.budgets import Budget
from core.errors import TooManyRequestsError
from core.tenancy.domain import Access
from core.unit_of_work import BeginUnitOfWork, Scope


class TooManyReadsError(TooManyRequestsError):
    """Somebody has read as much as a person looks at."""


@dataclass(frozen=True, slots=True)
class ReadWatch:
    """Counts what each caller reads. It raises StoreUnavailableError."""

    begin: BeginUnitOfWork
    reads: Budget
    alarms: Budget
    exports: Budget

    async def spend(self, access: Access, things: int = 1) -> None:
        """Count so many things as read. Raises: TooManyReadsError; the first in a minute leaves an entry."""
        caller = f"{access.tenant_id}:{access.key_id or access.user_id}"
        wait_seconds = await self.reads.spend(caller, things)
        if wait_seconds is None:
            return
        if await self.alarms.spend(caller) is None:
            await self._note(access, Action.READS_THROTTLED, access.user_id)
        raise TooManyReadsError(wait_seconds)

    async def export(self, access: Access) -> None:
        """Let an export be made, and write it down. Raises: TooManyRequestsError."""
        wait_seconds = await self.exports.spend(str(access.tenant_id))
        if wait_seconds is not None:
            raise TooManyRequestsError(wait_seconds)
        await self._note(access, Action.PROJECTS_EXPORTED, access.tenant_id)

    async def _note(self, access: Access, action: Action, target: UUID) -> None:
        async with self.begin(Scope(access.tenant_id)) as uow:
            await uow.record(access, action, target)
            await uow.commit()
