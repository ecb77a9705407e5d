"""Accounts in PostgreSQL, and what stands between them and whoever guesses. They belong to no tenant."""

from collections.abc import Collection
from datetime import timedelta
from importlib.resources import files
from typing import Final
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Integer,
    Interval,
    RowMapping,
    Text,
    and_,
    bindparam,
    exists,
    func,
    select,
    text,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from core.identity.domain import GuessRules, Origin, StoredUser, TokenKind, User
from core.identity.tables import EMAIL_TOKENS, LOGIN_GUESSES, LOGINS, USERS

NOW: Final = func.clock_timestamp()
_GUESS: Final = text(files("core.identity").joinpath("sql", "guess.sql").read_text()).bindparams(
    bindparam("key", type_=Text()),
    bindparam("failures", type_=Integer()),
    bindparam("lock", type_=Interval()),
    bindparam("longest_lock", type_=Interval()),
)
_FORGOTTEN: Final = timedelta(days=1)


class Users:
    """Accounts."""

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

    async def has_password(self, user_id: UUID, password_hash: str) -> bool:
        """Tell whether an account's hash is still this one, and let nobody change it meanwhile."""
        found = await self._connection.scalar(
            select(USERS.c.password_hash).where(USERS.c.id == user_id).with_for_update()
        )
        return bool(found == password_hash)

    async def _one(self, condition: ColumnElement[bool]) -> StoredUser | None:
        found = await self._connection.execute(select(USERS).where(condition))
        row = found.mappings().one_or_none()
        return None if row is None else _stored(row)


class EmailTokens:
    """What whoever has a mailbox can show. The table has no token, but its digest."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add(self, digest: str, kind: TokenKind, email: str, lifetime: timedelta) -> None:
        await self._connection.execute(
            EMAIL_TOKENS.insert().values(digest=digest, kind=kind, email=email, expires_at=NOW + lifetime)
        )

    async def find(self, digest: str, kind: TokenKind) -> str | None:
        """Return whose address a token stands for."""
        found: str | None = await self._connection.scalar(
            select(EMAIL_TOKENS.c.email).where(*_is_good(digest, kind))
        )
        return found

    async def take(self, digest: str, kind: TokenKind, email: str) -> bool:
        """Use a token, and with it all that its address was sent; False if somebody else has just done so."""
        found = await self._connection.execute(
            select(EMAIL_TOKENS.c.digest, and_(*_is_good(digest, kind)).label("is_good"))
            .where(EMAIL_TOKENS.c.email == email)
            .order_by(EMAIL_TOKENS.c.digest)  # so that two who take different ones wait in turn
            .with_for_update()
        )
        if not any(row.is_good for row in found):
            return False
        await self._connection.execute(EMAIL_TOKENS.delete().where(EMAIL_TOKENS.c.email == email))
        return True

    async def purge(self) -> None:
        await self._connection.execute(EMAIL_TOKENS.delete().where(EMAIL_TOKENS.c.expires_at <= NOW))


class LoginGuesses:
    """How often a password was guessed wrongly, for each account, whether there is one or not."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def begin(self, key: str, rules: GuessRules) -> timedelta | None:
        """Count a guess as failed, before it is judged; or return for how long its key is locked."""
        counted = await self._connection.execute(
            _GUESS,
            {
                "key": key,
                "failures": rules.failures,
                "lock": rules.lock,
                "longest_lock": rules.longest_lock,
            },
        )
        if counted.one_or_none() is not None:
            return None
        left: timedelta | None = await self._connection.scalar(
            select(LOGIN_GUESSES.c.locked_until - NOW).where(LOGIN_GUESSES.c.key == key)
        )
        return max(left or timedelta(), timedelta())

    async def forget(self, key: str) -> None:
        """Take the failures back: the password was right."""
        await self._connection.execute(LOGIN_GUESSES.delete().where(LOGIN_GUESSES.c.key == key))

    async def purge(self) -> None:
        """Forget who has not guessed for a day."""
        await self._connection.execute(
            LOGIN_GUESSES.delete().where(
                LOGIN_GUESSES.c.guessed_at < NOW - _FORGOTTEN,
                func.coalesce(LOGIN_GUESSES.c.locked_until, NOW) <= NOW,
            )
        )


class Logins:
    """From where people have signed in."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add(self, family_id: str, user_id: UUID, origin: Origin) -> None:
        await self._connection.execute(
            LOGINS.insert().values(
                family_id=family_id, user_id=user_id, address=origin.address, agent=origin.agent
            )
        )

    async def is_known(self, email: str, address: str) -> bool:
        """Tell whether somebody has signed in from there: asked for an e-mail that has no account, too."""
        known = exists().where(
            USERS.c.email == email, LOGINS.c.user_id == USERS.c.id, LOGINS.c.address == address
        )
        return bool(await self._connection.scalar(select(known)))

    async def origins(self, family_ids: Collection[str]) -> dict[str, Origin]:
        found = await self._connection.execute(select(LOGINS).where(LOGINS.c.family_id.in_(family_ids)))
        return {row.family_id: Origin(row.address, row.agent) for row in found}


def _is_good(digest: str, kind: TokenKind) -> tuple[ColumnElement[bool], ...]:
    tokens = EMAIL_TOKENS.c
    return tokens.digest == digest, tokens.kind == kind, tokens.expires_at > NOW


def _stored(row: RowMapping) -> StoredUser:
    user = User(row["id"], row["email"], is_staff=row["is_staff"], is_disabled=row["disabled_at"] is not None)
    return StoredUser(user, row["password_hash"])
