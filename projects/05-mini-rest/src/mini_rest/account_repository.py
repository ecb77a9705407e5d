"""Users, organisations and memberships. Each method is one statement, and each statement a transaction."""

from typing import Final
from uuid import UUID

from sqlalchemy import bindparam, delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError

from mini_rest.domain import Caller, Organisation, Role, User
from mini_rest.errors import EmailTakenError, NotFoundError
from mini_rest.tables import MembershipRow, OrganisationRow, UserRow
from service_kit.database import Database, expect_written

EMAIL_CONSTRAINT: Final = "users_email_key"
MEMBERSHIP_CONSTRAINTS: Final = ("memberships_organisation_id_fkey", "memberships_user_id_fkey")

# Every request asks this. Written once: to compose it each time is two fifths of the cost.
CALLER: Final = (
    select(UserRow.id, MembershipRow.role)
    .outerjoin(
        MembershipRow,
        (MembershipRow.user_id == UserRow.id)
        & (MembershipRow.organisation_id == bindparam("organisation_id")),
    )
    .where(UserRow.token_hash == bindparam("token_hash"))
)


class AccountRepository:
    """All of it raises DatabaseUnavailableError, too."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def caller_of(self, token_hash: bytes, organisation_id: UUID | None) -> Caller | None:
        """Find who has a token and what they are in an organisation, by one query."""
        values = {"token_hash": token_hash, "organisation_id": organisation_id}
        async with self._database.autocommit() as connection:
            row = (await connection.execute(CALLER, values)).one_or_none()
        return None if row is None else Caller(row.id, Role(row.role) if row.role else None)

    async def add_user(self, user: User, token_hash: bytes) -> None:
        """Raises: EmailTakenError, as the constraint has it: two may come at once."""
        values = {"id": user.id, "email": user.email, "name": user.name, "token_hash": token_hash}
        try:
            async with self._database.autocommit() as connection:
                expect_written(await connection.execute(insert(UserRow).values(values)))
        except IntegrityError as error:
            raise EmailTakenError from error

    async def add_organisation(self, organisation: Organisation) -> None:
        async with self._database.autocommit() as connection:
            statement = insert(OrganisationRow).values(id=organisation.id, name=organisation.name)
            expect_written(await connection.execute(statement))

    async def set_role(self, organisation_id: UUID, user_id: UUID, role: Role) -> None:
        """Raises: NotFoundError if there is no such user or no such organisation."""
        new = insert(MembershipRow).values(organisation_id=organisation_id, user_id=user_id, role=role)
        statement = new.on_conflict_do_update(constraint="memberships_pkey", set_={"role": new.excluded.role})
        try:
            async with self._database.autocommit() as connection:
                expect_written(await connection.execute(statement))
        except IntegrityError as error:
            raise NotFoundError from error

    async def remove_role(self, organisation_id: UUID, user_id: UUID) -> None:
        statement = delete(MembershipRow).where(
            MembershipRow.organisation_id == organisation_id, MembershipRow.user_id == user_id
        )
        async with self._database.autocommit() as connection:
            await connection.execute(statement)
