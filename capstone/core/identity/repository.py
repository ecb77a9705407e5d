"""Users in PostgreSQL."""

from uuid import UUID

from sqlalchemy import ColumnElement, RowMapping, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from core.identity.domain import StoredUser, User
from core.identity.tables import USERS


class Users:
    """Accounts, which belong to no tenant."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add(self, user_id: UUID, email: str, password_hash: str) -> bool:
        """Add an account; False if there is one of this e-mail already."""
        statement = insert(USERS).values(id=user_id, email=email, password_hash=password_hash)
        added = await self._connection.execute(statement.on_conflict_do_nothing().returning(USERS.c.id))
        return added.scalar() is not None

    async def find(self, user_id: UUID) -> StoredUser | None:
        return await self._one(USERS.c.id == user_id)

    async def by_email(self, email: str) -> StoredUser | None:
        return await self._one(USERS.c.email == email)

    async def set_password(self, user_id: UUID, password_hash: str) -> None:
        await self._connection.execute(
            USERS.update().where(USERS.c.id == user_id).values(password_hash=password_hash)
        )

    async def _one(self, condition: ColumnElement[bool]) -> StoredUser | None:
        found = await self._connection.execute(select(USERS).where(condition))
        row = found.mappings().one_or_none()
        return None if row is None else _stored(row)


def _stored(row: RowMapping) -> StoredUser:
    user = User(row["id"], row["email"], is_staff=row["is_staff"], is_disabled=row["disabled_at"] is not None)
    return StoredUser(user, row["password_hash"])
