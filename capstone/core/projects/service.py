"""The verbs of projects."""

from collections.abc import AsyncIterator, Callable, Sequence
from typing import Final
from uuid import UUID

from core.audit.domain import Action
from core.errors import NotFoundError, VersionError
from core.idempotency.domain import Once
from core.projects.domain import Draft, Project
from core.tenancy.domain import Access
from core.unit_of_work import BeginUnitOfWork, Scope

EXPORTED_AT_ONCE: Final = 500


class ProjectService:
    """Projects of the tenant that an Access names. All of it raises StoreUnavailableError."""

    def __init__(self, begin: BeginUnitOfWork, new_id: Callable[[], UUID]) -> None:
        self._begin = begin
        self._new_id = new_id

    async def create(self, access: Access, draft: Draft, once: Once[Project] | None = None) -> Project:
        """Raises: what `IdempotencyKeys.begin` does."""
        async with self._begin(Scope(access.tenant_id)) as uow:
            await uow.idempotency.begin(access, once)
            project = await uow.projects.add(access.tenant_id, self._new_id(), draft)
            await uow.idempotency.keep(access, once, project)
            await uow.record(access, Action.PROJECT_CREATED, project.id)
            await uow.commit()
        return project

    async def find(self, access: Access, project_id: UUID) -> Project:
        """Raises: NotFoundError."""
        async with self._begin(Scope(access.tenant_id)) as uow:
            found = await uow.projects.find(access.tenant_id, project_id)
        if found is None:
            raise NotFoundError("project")
        return found

    async def page(self, access: Access, after: UUID | None, limit: int) -> Sequence[Project]:
        """Return one project more than asked for, if there are any: then there is a next page."""
        async with self._begin(Scope(access.tenant_id)) as uow:
            return await uow.projects.page(access.tenant_id, after, limit + 1)

    async def all(self, access: Access) -> AsyncIterator[Project]:
        """Walk through all projects. A page is a transaction: a slow reader holds none."""
        after: UUID | None = None
        while found := await self.page(access, after, EXPORTED_AT_ONCE):
            for project in found:
                yield project
            after = found[-1].id

    async def change(
        self, access: Access, project_id: UUID, version: int | None, changes: Callable[[Project], Draft]
    ) -> Project:
        """Change a project; `version` is the one that the caller has seen, None for whichever.

        Raises: NotFoundError, VersionError.
        """
        async with self._begin(Scope(access.tenant_id)) as uow:
            found = await uow.projects.find(access.tenant_id, project_id)
            if found is None:
                raise NotFoundError("project")
            if version not in {None, found.version}:
                raise VersionError
            changed = await uow.projects.change(access.tenant_id, project_id, found.version, changes(found))
            if changed is None:
                raise VersionError
            await uow.record(
                access,
                Action.PROJECT_CHANGED,
                project_id,
                version=changed.version,
            )
            await uow.commit()
        return changed

    async def delete(self, access: Access, project_id: UUID) -> None:
        """Raises: NotFoundError."""
        async with self._begin(Scope(access.tenant_id)) as uow:
            if not await uow.projects.delete(access.tenant_id, project_id):
                raise NotFoundError("project")
            await uow.record(access, Action.PROJECT_DELETED, project_id)
            await uow.commit()
