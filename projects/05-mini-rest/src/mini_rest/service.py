"""The verbs of tasks. Whether they may be done is decided here and in permissions.py, and nowhere else."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from pydantic import TypeAdapter

from mini_rest.domain import Actor, Changes, Draft, Expected, KeyUse, Listing, Page, Task
from mini_rest.errors import (
    ForbiddenError,
    InvalidFieldError,
    InvalidInputError,
    NotDeletedError,
    NotFoundError,
    PreconditionRequiredError,
    StaleVersionError,
)
from mini_rest.permissions import may_change
from mini_rest.repository import BeginUnitOfWork, UnitOfWork

DRAFT: TypeAdapter[Draft] = TypeAdapter(Draft)
TASK: TypeAdapter[Task] = TypeAdapter(Task)


@dataclass(frozen=True)
class TaskRules:
    """What the settings say of tasks."""

    title_limit: int
    idempotency_ttl: timedelta


class TaskService:
    """Each verb is a transaction. All of them raise DatabaseUnavailableError, too."""

    def __init__(
        self,
        begin: BeginUnitOfWork,
        begin_reading: BeginUnitOfWork,
        rules: TaskRules,
        new_id: Callable[[], UUID],
    ) -> None:
        self._begin = begin
        self._begin_reading = begin_reading
        self._rules = rules
        self._new_id = new_id

    async def create(self, actor: Actor, draft: Draft, use: KeyUse | None) -> Task:
        """Make a task; with a key that was used before, return it as it was made then.

        The key and its effect are committed together: a crash leaves both or neither.

        Raises: InvalidInputError, KeyInUseError, KeyReusedError.
        """
        self._check_title(draft.title)
        fingerprint = hashlib.sha256(DRAFT.dump_json(draft)).digest()
        async with self._begin() as uow:
            if use is not None and (earlier := await uow.take_key(use, fingerprint)) is not None:
                return TASK.validate_python(earlier)
            task = await uow.add(actor, self._new_id(), draft)
            if use is not None:
                answer = TASK.dump_python(task, mode="json")
                await uow.keep_answer(use, fingerprint, answer, self._rules.idempotency_ttl)
            await uow.commit()
        return task

    async def read(self, actor: Actor, task_id: UUID) -> Task:
        """Return a task that is not deleted. Raises: NotFoundError."""
        async with self._begin_reading() as uow:
            return await found(uow, actor, task_id)

    async def page(self, actor: Actor, listing: Listing) -> Page:
        """Return a part of the list, and where the parts beside it begin."""
        async with self._begin_reading() as uow:
            tasks = await uow.page(actor.organisation_id, listing)
        return page_of(tasks, listing)

    async def check(
        self, actor: Actor, task_id: UUID, expected: Expected | None, *, deleted: bool | None = False
    ) -> None:
        """Say before the body is read whether a change could be made. `deleted` None: be the task so or not.

        Raises: NotFoundError, ForbiddenError, PreconditionRequiredError, StaleVersionError.
        """
        async with self._begin_reading() as uow:
            await changeable(uow, actor, task_id, expected, deleted=deleted, lock=False)

    async def change(self, actor: Actor, task_id: UUID, expected: Expected | None, changes: Changes) -> Task:
        """Give some fields new values. Raises: InvalidInputError, and what `check` does."""
        if "title" in changes:
            self._check_title(changes["title"])
        async with self._begin() as uow:
            task = await changeable(uow, actor, task_id, expected)
            changed = await uow.change(task, changes)
            await uow.commit()
        return changed

    async def delete(self, actor: Actor, task_id: UUID, expected: Expected | None) -> Task:
        """Take a task out of sight. Raises: what `check` does."""
        async with self._begin() as uow:
            task = await uow.delete(await changeable(uow, actor, task_id, expected))
            await uow.commit()
        return task

    async def restore(self, actor: Actor, task_id: UUID, expected: Expected | None) -> Task:
        """Bring a deleted task back. Raises: NotDeletedError, and what `check` does."""
        async with self._begin() as uow:
            task = await changeable(uow, actor, task_id, expected, deleted=None)
            if not task.is_deleted:
                raise NotDeletedError
            task = await uow.restore(task)
            await uow.commit()
        return task

    def _check_title(self, title: str) -> None:
        if len(title) > self._rules.title_limit:
            reason = f"It may have {self._rules.title_limit} characters at most."
            raise InvalidInputError([InvalidFieldError("title", "too_long", reason)])


async def found(
    uow: UnitOfWork, actor: Actor, task_id: UUID, *, deleted: bool | None = False, lock: bool = False
) -> Task:
    task = await uow.find(actor.organisation_id, task_id, lock=lock)
    if task is None or deleted not in {None, task.is_deleted}:
        raise NotFoundError
    return task


async def changeable(
    uow: UnitOfWork,
    actor: Actor,
    task_id: UUID,
    expected: Expected | None,
    *,
    deleted: bool | None = False,
    lock: bool = True,
) -> Task:
    """Find a task that this actor may change, in a version that the actor knows."""
    task = await found(uow, actor, task_id, deleted=deleted, lock=lock)
    if not may_change(actor, task):
        raise ForbiddenError
    if expected is None:
        raise PreconditionRequiredError
    if not expected.allows(task.version):
        raise StaleVersionError
    return task


def page_of(tasks: Sequence[Task], listing: Listing) -> Page:
    """Cut off the one task too many, which tells that the list goes on in this direction."""
    place = listing.place
    is_more = len(tasks) > listing.limit
    if place is not None and place.is_backward:
        shown = tasks[-listing.limit :]
        has_previous, has_next = is_more, True
    else:
        shown = tasks[: listing.limit]
        has_previous, has_next = place is not None, is_more
    if not shown:
        return Page(shown, None, None)
    return Page(
        shown,
        listing.place_of(shown[-1], is_backward=False) if has_next else None,
        listing.place_of(shown[0], is_backward=True) if has_previous else None,
    )
