"""Users, resources and refresh tokens in PostgreSQL. What must hold together is one transaction."""

from datetime import datetime
from typing import Final
from uuid import UUID

from pydantic import TypeAdapter
from sqlalchemy import TextClause, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from core_backend.domain import Job, JobState, Resource, Role, User
from core_backend.errors import EmailTakenError
from service_kit.database import Database, expect_written

ONE_ADDRESS: Final = "users_email_key"
USER: Final = TypeAdapter(User)
RESOURCE: Final = TypeAdapter(Resource)
JOB: Final = TypeAdapter(Job)

ADD_USER: Final = text(
    "INSERT INTO users (id, email, password_hash, role, created_at)"
    " VALUES (:id, :email, :password_hash, :role, :created_at)"
)
ADD_JOB: Final = text(
    "INSERT INTO jobs (id, user_id, state, attempts, due_at, created_at)"
    " VALUES (:id, :user_id, 'queued', 0, now(), now())"
)
FIND_USER: Final = text("SELECT id, email, role, created_at FROM users WHERE id = :id")
FIND_LOGIN: Final = text("SELECT id, email, role, created_at, password_hash FROM users WHERE email = :email")
USERS: Final = text("SELECT id, email, role, created_at FROM users ORDER BY id DESC LIMIT :limit")

# A token is used once. Of many who come with it at once all but one wait here, and then find it used.
USE_TOKEN: Final = text(
    "UPDATE refresh_tokens SET used_at = now()"
    " WHERE digest = :digest AND used_at IS NULL AND expires_at > now() RETURNING user_id, family"
)
END_FAMILY: Final = text(
    "DELETE FROM refresh_tokens WHERE family = (SELECT family FROM refresh_tokens WHERE digest = :digest)"
)
ADD_TOKEN: Final = text(
    "INSERT INTO refresh_tokens (id, family, user_id, digest, expires_at)"
    " VALUES (:id, :family, :user_id, :digest, now() + make_interval(secs => :seconds))"
)

ADD_RESOURCE: Final = text(
    "INSERT INTO resources (id, owner_id, title, content, created_at, updated_at)"
    " VALUES (:id, :owner_id, :title, :content, :created_at, :created_at)"
)
FIND_RESOURCE: Final = text("SELECT * FROM resources WHERE id = :id")
RESOURCES: Final = text(
    "SELECT * FROM resources WHERE (CAST(:owner_id AS uuid) IS NULL OR owner_id = :owner_id)"
    " AND (CAST(:after AS uuid) IS NULL OR id < :after) ORDER BY id DESC LIMIT :limit"
)
# One statement: of two who change different members at once, neither writes back what the other has changed.
CHANGE_RESOURCE: Final = text(
    "UPDATE resources SET title = coalesce(:title, title), content = coalesce(:content, content),"
    " updated_at = clock_timestamp() WHERE id = :id RETURNING *"
)
DELETE_RESOURCE: Final = text("DELETE FROM resources WHERE id = :id")

JOBS: Final = text(
    "SELECT id, user_id, state, attempts, last_error, created_at FROM jobs"
    " WHERE state = :state ORDER BY id DESC LIMIT :limit"
)
FIND_JOB: Final = text("SELECT id, user_id, state, attempts, last_error, created_at FROM jobs WHERE id = :id")
REVIVE_JOB: Final = text(
    "UPDATE jobs SET state = 'queued', attempts = 0, due_at = now() WHERE id = :id AND state = 'dead'"
    " RETURNING id, user_id, state, attempts, last_error, created_at"
)


class Repository:
    """All that the API reads and writes. Each method raises DatabaseUnavailableError."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add_user(self, user: User, password_hash: str, job_id: UUID) -> None:
        """Add a user and the job to welcome them: both, or neither. Raises: EmailTakenError."""
        values = {"id": user.id, "email": user.email, "role": user.role, "created_at": user.created_at}
        try:
            async with self._database.transaction() as connection:
                await connection.execute(ADD_USER, {**values, "password_hash": password_hash})
                await connection.execute(ADD_JOB, {"id": job_id, "user_id": user.id})
                await connection.commit()
        except IntegrityError as error:  # no other constraint is let through
            raise EmailTakenError from error

    async def find_user(self, user_id: UUID) -> User | None:
        row = await self._row(FIND_USER, id=user_id)
        return None if row is None else USER.validate_python(row)

    async def find_login(self, email: str) -> tuple[User, str] | None:
        """Return a user and the hash of their password."""
        row = await self._row(FIND_LOGIN, email=email)
        return None if row is None else (USER.validate_python(row), str(row["password_hash"]))

    async def users(self, limit: int) -> list[User]:
        return [USER.validate_python(row) for row in await self._rows(USERS, limit=limit)]

    async def add_token(
        self, token_id: UUID, family: UUID, user_id: UUID, digest: bytes, seconds: int
    ) -> None:
        """Keep the first refresh token of a family."""
        async with self._database.transaction() as connection:
            await _add_token(connection, token_id, family, user_id, digest, seconds)
            await connection.commit()

    async def replace_token(self, used: bytes, token_id: UUID, successor: bytes, seconds: int) -> UUID | None:
        """Use a refresh token, and keep its successor; return whose they are.

        None: it is unknown, expired, or was used before. Then somebody has a copy, and its family ends.
        """
        async with self._database.transaction() as connection:
            row = (await connection.execute(USE_TOKEN, {"digest": used})).mappings().one_or_none()
            if row is None:
                await connection.execute(END_FAMILY, {"digest": used})
            else:
                await _add_token(connection, token_id, row["family"], row["user_id"], successor, seconds)
            await connection.commit()
        return None if row is None else UUID(str(row["user_id"]))

    async def add_resource(self, resource: Resource) -> None:
        values = {
            "id": resource.id,
            "owner_id": resource.owner_id,
            "title": resource.title,
            "content": resource.content,
            "created_at": resource.created_at,
        }
        await self._write(ADD_RESOURCE, values)

    async def find_resource(self, resource_id: UUID) -> Resource | None:
        row = await self._row(FIND_RESOURCE, id=resource_id)
        return None if row is None else RESOURCE.validate_python(row)

    async def resources(self, owner_id: UUID | None, after: UUID | None, limit: int) -> list[Resource]:
        """Return the newest that come after the one with that id; without an owner, everybody's."""
        rows = await self._rows(RESOURCES, owner_id=owner_id, after=after, limit=limit)
        return [RESOURCE.validate_python(row) for row in rows]

    async def change_resource(
        self, resource_id: UUID, title: str | None, content: str | None
    ) -> Resource | None:
        """Change what is given, and return it as it is now; None: it is gone."""
        row = await self._row(CHANGE_RESOURCE, id=resource_id, title=title, content=content)
        return None if row is None else RESOURCE.validate_python(row)

    async def delete_resource(self, resource_id: UUID) -> None:
        async with self._database.autocommit() as connection:
            await connection.execute(DELETE_RESOURCE, {"id": resource_id})

    async def jobs(self, state: JobState, limit: int) -> list[Job]:
        return [JOB.validate_python(row) for row in await self._rows(JOBS, state=state, limit=limit)]

    async def find_job(self, job_id: UUID) -> Job | None:
        row = await self._row(FIND_JOB, id=job_id)
        return None if row is None else JOB.validate_python(row)

    async def revive_job(self, job_id: UUID) -> Job | None:
        """Queue a dead job with all its attempts; None: it is not dead."""
        row = await self._row(REVIVE_JOB, id=job_id)
        return None if row is None else JOB.validate_python(row)

    async def _write(self, statement: TextClause, values: dict[str, object]) -> None:
        async with self._database.autocommit() as connection:
            expect_written(await connection.execute(statement, values))

    async def _rows(
        self, statement: TextClause, **values: str | int | UUID | datetime | Role | None
    ) -> list[dict[str, object]]:
        async with self._database.autocommit() as connection:
            return [dict(row) for row in (await connection.execute(statement, values)).mappings()]

    async def _row(
        self, statement: TextClause, **values: str | int | UUID | datetime | Role | None
    ) -> dict[str, object] | None:
        return next(iter(await self._rows(statement, **values)), None)


async def _add_token(
    connection: AsyncConnection, token_id: UUID, family: UUID, user_id: UUID, digest: bytes, seconds: int
) -> None:
    values = {"id": token_id, "family": family, "user_id": user_id, "digest": digest, "seconds": seconds}
    expect_written(await connection.execute(ADD_TOKEN, values))
