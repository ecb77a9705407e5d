"""Projects in PostgreSQL, as far as the transaction's scope shows them."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import RowMapping, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from core.projects.domain import Draft, Project
from core.projects.tables import PROJECTS

_SHOWN = (
    PROJECTS.c.id,
    PROJECTS.c.name,
    PROJECTS.c.description,
    PROJECTS.c.version,
    PROJECTS.c.created_at,
    PROJECTS.c.updated_at,
)


class Projects:
    """The projects of a tenant. The tenant stands in each query, too: the index begins with it."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add(self, tenant_id: UUID, project_id: UUID, draft: Draft) -> Project:
        added = await self._connection.execute(
            PROJECTS.insert()
            .values(
                id=project_id, tenant_id=tenant_id, name=draft.name, description=draft.description, version=1
            )
            .returning(*_SHOWN)
        )
        return _project(added.mappings().one())

    async def find(self, tenant_id: UUID, project_id: UUID) -> Project | None:
        found = await self._connection.execute(
            select(*_SHOWN).where(
                PROJECTS.c.tenant_id == tenant_id,
                PROJECTS.c.id == project_id,
                PROJECTS.c.deleted_at.is_(None),
            )
        )
        row = found.mappings().one_or_none()
        return None if row is None else _project(row)

    async def page(self, tenant_id: UUID, after: UUID | None, limit: int) -> Sequence[Project]:
        """List the projects behind one, the oldest first."""
        query = select(*_SHOWN).where(PROJECTS.c.tenant_id == tenant_id, PROJECTS.c.deleted_at.is_(None))
        if after is not None:
            query = query.where(PROJECTS.c.id > after)
        found = await self._connection.execute(query.order_by(PROJECTS.c.id).limit(limit))
        return [_project(row) for row in found.mappings()]

    async def change(self, tenant_id: UUID, project_id: UUID, version: int, draft: Draft) -> Project | None:
        """Change a project that is still at this version; None if it is not."""
        changed = await self._connection.execute(
            PROJECTS.update()
            .where(
                PROJECTS.c.tenant_id == tenant_id,
                PROJECTS.c.id == project_id,
                PROJECTS.c.version == version,
                PROJECTS.c.deleted_at.is_(None),
            )
            .values(
                name=draft.name,
                description=draft.description,
                version=PROJECTS.c.version + 1,
                updated_at=func.now(),
            )
            .returning(*_SHOWN)
        )
        row = changed.mappings().one_or_none()
        return None if row is None else _project(row)

    async def delete(self, tenant_id: UUID, project_id: UUID) -> bool:
        deleted = await self._connection.execute(
            PROJECTS.update()
            .where(
                PROJECTS.c.tenant_id == tenant_id,
                PROJECTS.c.id == project_id,
                PROJECTS.c.deleted_at.is_(None),
            )
            .values(deleted_at=func.now(), version=PROJECTS.c.version + 1)
        )
        return deleted.rowcount > 0


def _project(row: RowMapping) -> Project:
    return Project(**row)
