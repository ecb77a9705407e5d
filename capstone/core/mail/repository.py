"""Promised mails in PostgreSQL."""

from collections.abc import Mapping
from datetime import timedelta
from types import MappingProxyType
from typing import Final
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from core.mail.domain import DueMail, MailKind
from core.mail.tables import MAILS

TRY_SECONDS: Final = 10
"""A mail that is being sent is due again after this: who sent it may have died."""
GIVEN_UP: Final = timedelta(days=1)
NOTHING: Final[Mapping[str, str]] = MappingProxyType({})


class Mails:
    """What is to be sent."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def promise(
        self, mail_id: UUID, kind: MailKind, email: str, args: Mapping[str, str] = NOTHING
    ) -> None:
        await self._connection.execute(
            MAILS.insert().values(id=mail_id, kind=kind, email=email, args=dict(args))
        )

    async def take(self) -> DueMail | None:
        """Take the mail that is due for longest; nobody else takes it meanwhile."""
        due = select(MAILS.c.id).where(MAILS.c.due_at <= func.now()).order_by(MAILS.c.due_at).limit(1)
        taken = await self._connection.execute(
            MAILS.update()
            .where(MAILS.c.id == due.with_for_update(skip_locked=True).scalar_subquery())
            .values(due_at=func.now() + timedelta(seconds=TRY_SECONDS), attempts=MAILS.c.attempts + 1)
            .returning(MAILS.c.id, MAILS.c.kind, MAILS.c.email, MAILS.c.args, MAILS.c.attempts)
        )
        row = taken.one_or_none()
        return None if row is None else DueMail(row.id, MailKind(row.kind), row.email, row.args, row.attempts)

    async def sent(self, mail_id: UUID) -> None:
        await self._connection.execute(MAILS.delete().where(MAILS.c.id == mail_id))

    async def purge(self) -> None:
        """Give up what no server has taken for so long: its address may be none."""
        await self._connection.execute(MAILS.delete().where(MAILS.c.created_at < func.now() - GIVEN_UP))

    async def put_off(self, mail_id: UUID, wait: timedelta) -> None:
        await self._connection.execute(
            MAILS.update().where(MAILS.c.id == mail_id).values(due_at=func.now() + wait)
        )
