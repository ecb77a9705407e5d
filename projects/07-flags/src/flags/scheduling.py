"""Changes that are prepared, and made at their time unless the flag has changed by then."""

from collections.abc import Callable, Mapping
from datetime import datetime
from uuid import UUID

from pydantic import JsonValue

from flags import references
from flags.documents import Flag
from flags.errors import (
    InvalidDocumentError,
    InvalidInputError,
    NotFoundError,
    PreconditionFailedError,
    TypeFixedError,
)
from flags.history import Edit, ScheduledChange
from flags.management import Expected, dumped, flags_of, live, merged, segments_of
from flags.repository import Begin, Reader, UnitOfWork
from flags.ruleset import FLAG, Ref
from flags.spreading import Spreading


class Scheduling:
    """Prepares changes of flags, and makes those that are due."""

    def __init__(
        self, begin: Begin, reader: Reader, spreading: Spreading, new_id: Callable[[], UUID]
    ) -> None:
        self._begin = begin
        self._reader = reader
        self._spreading = spreading
        self._new_id = new_id

    async def schedule(
        self, actor: str, key: str, at: datetime, change: Mapping[str, JsonValue], expected: Expected
    ) -> ScheduledChange:
        """Prepare a change of the flag as it is now. It is not made if the flag has changed by then.

        Raises: NotFoundError, PreconditionFailedError, InvalidInputError.
        """
        async with self._begin() as work:
            await work.lock()
            stock = await work.documents()
            current = live(Ref(FLAG, key), stock, expected)
            flag = merged(Flag.model_validate(current.document), change)
            references.check(flag, {**flags_of(stock), key: flag}, segments_of(stock))
            prepared = ScheduledChange(self._new_id(), key, at, current.version, dict(change), actor)
            await work.schedule(prepared)
            await work.commit()
        return prepared

    async def cancel_scheduled(self, change_id: UUID) -> None:
        """Raises: NotFoundError, for one that is over too."""
        async with self._begin() as work:
            found = await work.scheduled_by_id(change_id)
            if found is None or found.state != "pending":
                raise NotFoundError("scheduled change")
            await work.end_scheduled(change_id, "cancelled")
            await work.commit()

    async def scheduled(self, flag: str) -> list[ScheduledChange]:
        return await self._reader.scheduled(flag)

    async def make_due_changes(self) -> None:
        """Make what is due, in order; what was prepared for another version of its flag is refused."""
        while await self._make_next_due():
            pass
        await self._spreading.pull()

    async def _make_next_due(self) -> bool:
        async with self._begin() as work:
            await work.lock()
            due = await work.take_due()
            if due is None:
                return False
            state, detail = await self._make_due(work, due)
            await work.end_scheduled(due.id, state, detail)
            await work.commit()
        return True

    async def _make_due(self, work: UnitOfWork, due: ScheduledChange) -> tuple[str, str]:
        stock, ref = await work.documents(), Ref(FLAG, due.flag)
        try:
            current = live(ref, stock, frozenset({due.base_version}))
            flag = merged(Flag.model_validate(current.document), due.change)
            references.check(flag, {**flags_of(stock), due.flag: flag}, segments_of(stock))
            references.check_variants_kept(flag, flags_of(stock))
        except PreconditionFailedError:
            return "conflict", "The flag has changed since this was prepared."
        except (NotFoundError, InvalidInputError, InvalidDocumentError, TypeFixedError) as error:
            return "failed", str(error)
        await work.apply(Edit(due.actor, "scheduled", ref, current.document, dumped(flag), note=str(due.id)))
        return "done", ""
