"""The ORM's classes. They stay inside of the repositories; migrations/ makes the tables, a test compares."""

from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import TIMESTAMP, ForeignKey, LargeBinary, MetaData, Text, UniqueConstraint, func
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

MOMENT: Final = TIMESTAMP(timezone=True)


class Base(DeclarativeBase):
    """What all of them have."""

    metadata = MetaData(
        naming_convention={
            "pk": "%(table_name)s_pkey",
            "fk": "%(table_name)s_%(column_0_name)s_fkey",
            "uq": "%(table_name)s_%(column_0_name)s_key",
        }
    )
    type_annotation_map = {str: Text, datetime: MOMENT, bytes: LargeBinary}  # noqa: RUF012 - SQLAlchemy's word


class UserRow(Base):
    """A user."""

    __tablename__ = "users"
    __table_args__ = (UniqueConstraint("email"), UniqueConstraint("token_hash"))

    id: Mapped[UUID] = mapped_column(primary_key=True)
    email: Mapped[str]
    name: Mapped[str]
    token_hash: Mapped[bytes]


class OrganisationRow(Base):
    """A tenant."""

    __tablename__ = "organisations"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str]


class MembershipRow(Base):
    """Who is what, and where."""

    __tablename__ = "memberships"

    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"), primary_key=True)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"), primary_key=True)
    role: Mapped[str]


class TaskRow(Base):
    """A task."""

    __tablename__ = "tasks"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"))
    owner_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"))
    title: Mapped[str]
    notes: Mapped[str | None]
    status: Mapped[str]
    due_at: Mapped[datetime | None]
    version: Mapped[int] = mapped_column()
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now(), onupdate=func.now())
    is_deleted: Mapped[bool] = mapped_column(default=False)
    # A relationship that loads itself when it is touched is the N+1 of step 6: it has to be asked for.
    owner: Mapped[UserRow] = relationship(lazy="raise", innerjoin=True)

    # Each UPDATE adds one to the version, and returns what PostgreSQL has made of the row.
    __mapper_args__ = {"version_id_col": version, "eager_defaults": True}  # noqa: RUF012 - SQLAlchemy's word


class IdempotencyKeyRow(Base):
    """A key that was used, and the answer that it got."""

    __tablename__ = "idempotency_keys"

    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"), primary_key=True)
    target: Mapped[str] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    fingerprint: Mapped[bytes]
    answer: Mapped[dict[str, object]] = mapped_column(JSONB)
    expires_at: Mapped[datetime]
