"""Accounts, tokens and mails, in PostgreSQL."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import Row, delete, exists, func, literal, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from service_kit.database import Database, expect_written, violates
from sessions.domain import DueMail, MailKind, StoredUser, User
from sessions.tables import MAILS, TOKENS, USERS

TRY_SECONDS: Final = 10
"""A mail that is being sent is due again after this: who sent it may have died."""

EMAIL_CONSTRAINT: Final = "users_email_key"
MAIL_CONSTRAINT: Final = "mails_email_kind_user_id_key"


class UnitOfWork:
    """One transaction; what is not committed is undone. All of it raises StoreUnavailableError."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def commit(self) -> None:
        await self._connection.commit()

    async def by_email(self, email: str) -> StoredUser | None:
        row = (await self._connection.execute(select(USERS).where(USERS.c.email == email))).one_or_none()
        return stored(row) if row is not None else None

    async def by_id(self, user_id: UUID) -> StoredUser | None:
        row = (await self._connection.execute(select(USERS).where(USERS.c.id == user_id))).one_or_none()
        return stored(row) if row is not None else None

    async def add_user(self, user_id: UUID, email: str, password_hash: str) -> bool:
        """Make an account; tell whether the address had none. Who comes at the same instant waits."""
        statement = insert(USERS).values(id=user_id, email=email, password_hash=password_hash)
        statement = statement.on_conflict_do_nothing(index_elements=["email"])
        added = await self._connection.execute(statement.returning(USERS.c.id))
        if added.one_or_none() is not None:
            return True
        (await self._connection.execute(select(USERS.c.id).where(USERS.c.email == email))).one()
        return False

    async def set_password(self, user_id: UUID, password_hash: str, *, instead_of: str | None = None) -> None:
        """Replace the hash; with `instead_of` only if it is still that one."""
        statement = update(USERS).where(USERS.c.id == user_id).values(password_hash=password_hash)
        if instead_of is not None:
            statement = statement.where(USERS.c.password_hash == instead_of)
        written = await self._connection.execute(statement)
        if instead_of is None:
            expect_written(written)

    async def set_email(self, user_id: UUID, email: str) -> bool:
        """Replace the address; tell whether nobody else has it."""
        try:
            statement = update(USERS).where(USERS.c.id == user_id).values(email=email)
            expect_written(await self._connection.execute(statement))
        except IntegrityError as error:
            if violates(error, EMAIL_CONSTRAINT):
                return False
            raise
        return True

    async def set_disabled(self, user_id: UUID, *, disabled: bool) -> User | None:
        statement = update(USERS).where(USERS.c.id == user_id).values(is_disabled=disabled).returning(USERS)
        row = (await self._connection.execute(statement)).one_or_none()
        return stored(row).user if row is not None else None

    async def add_token(self, hash_: bytes, mail: DueMail, life: timedelta) -> None:
        values = {"hash": hash_, "email": mail.email, "kind": mail.kind, "user_id": mail.user_id}
        statement = insert(TOKENS).values(values | {"expires_at": func.now() + life})
        expect_written(await self._connection.execute(statement))

    async def find_token(self, hash_: bytes, kind: MailKind) -> tuple[str, UUID | None] | None:
        """Return the address that a token stands for, and whose it is."""
        statement = select(TOKENS.c.email, TOKENS.c.user_id).where(
            TOKENS.c.hash == hash_, TOKENS.c.kind == kind, TOKENS.c.expires_at > func.now()
        )
        row = (await self._connection.execute(statement)).one_or_none()
        return (row.email, row.user_id) if row is not None else None

    async def forget_tokens(self, email: str) -> None:
        """Use up all tokens of an address, and drop all that are too old."""
        old = TOKENS.c.expires_at <= func.now()
        await self._connection.execute(delete(TOKENS).where((TOKENS.c.email == email) | old))

    async def promise_mail(self, email: str, kind: MailKind, user_id: UUID | None = None) -> None:
        """Have a mail sent, once however often it is asked for before somebody takes it."""
        statement = insert(MAILS).values(email=email, kind=kind, user_id=user_id)
        # One that was taken may be there already: without attempts it is one that is yet to be sent.
        again = statement.on_conflict_do_update(constraint=MAIL_CONSTRAINT, set_={"attempts": 0})
        expect_written(await self._connection.execute(again))

    async def take_mail(self) -> DueMail | None:
        """Take the mail that is due for longest; nobody else takes it meanwhile.

        A row of another kind is somebody else's.
        """
        is_due = (MAILS.c.due_at <= func.now()) & MAILS.c.kind.in_(list(MailKind))
        due = select(MAILS.c.id).where(is_due).order_by(MAILS.c.due_at).limit(1)
        has_account = exists().where(USERS.c.email == MAILS.c.email)
        statement = (
            update(MAILS)
            .where(MAILS.c.id == due.with_for_update(skip_locked=True).scalar_subquery())
            .values(due_at=func.now() + timedelta(seconds=TRY_SECONDS), attempts=MAILS.c.attempts + 1)
            .returning(MAILS, has_account.label("has_account"))
        )
        row = (await self._connection.execute(statement)).one_or_none()
        if row is None:
            return None
        return DueMail(row.id, row.email, MailKind(row.kind), row.user_id, row.attempts, row.has_account)

    async def mail_sent(self, mail: DueMail) -> None:
        """Forget it, but for what was promised meanwhile: that is due now."""
        await self._connection.execute(delete(MAILS).where(MAILS.c.id == mail.id, MAILS.c.attempts > 0))
        await self._connection.execute(update(MAILS).where(MAILS.c.id == mail.id).values(due_at=func.now()))

    async def mail_failed(self, mail: DueMail, wait: timedelta) -> None:
        later = func.now() + literal(wait)
        await self._connection.execute(update(MAILS).where(MAILS.c.id == mail.id).values(due_at=later))


type BeginUnitOfWork = Callable[[], AbstractAsyncContextManager[UnitOfWork]]


@asynccontextmanager
async def unit_of_work(database: Database) -> AsyncIterator[UnitOfWork]:
    async with database.transaction() as connection:
        yield UnitOfWork(connection)


def stored(row: Row[tuple[object, ...]]) -> StoredUser:
    return StoredUser(User(row.id, row.email, row.is_disabled), row.password_hash)
