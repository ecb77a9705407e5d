"""The tables, known only to the repositories. migrations/ makes them; a test finds any drift."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Index,
    LargeBinary,
    MetaData,
    SmallInteger,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB, TIMESTAMP
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from reminders.domain import Channel, Outcome, State

LIVE = (State.SCHEDULED, State.DELIVERING)


def one_of(column: str, names: type[State | Channel | Outcome]) -> str:
    """Return the condition of a column of names: text, for no value can be taken from an enum."""
    return f"{column} IN ({', '.join(repr(str(name)) for name in names)})"


class Base(DeclarativeBase):
    """What the tables have in common."""

    metadata = MetaData(
        naming_convention={
            "pk": "%(table_name)s_pkey",
            "fk": "%(table_name)s_%(column_0_name)s_fkey",
            "ck": "%(table_name)s_%(constraint_name)s_check",
        }
    )
    type_annotation_map = {datetime: TIMESTAMP(timezone=True), str: Text}  # noqa: RUF012 - SQLAlchemy's spelling


class ReminderRow(Base):
    """A reminder. `due_at`: the next attempt while it is scheduled, the lease's end while delivering."""

    __tablename__ = "reminders"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    message: Mapped[str]
    channel: Mapped[str]
    callback_url: Mapped[str | None]
    remind_at: Mapped[datetime]
    rrule: Mapped[str | None]
    zone: Mapped[str | None]
    anchor: Mapped[datetime | None]
    state: Mapped[str]
    due_at: Mapped[datetime | None]
    occurrence: Mapped[int] = mapped_column(server_default=text("1"))
    attempt_count: Mapped[int] = mapped_column(server_default=text("0"))
    lease_token: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    version: Mapped[int] = mapped_column(server_default=text("1"))
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]

    __table_args__ = (
        CheckConstraint(one_of("state", State), name="state"),
        CheckConstraint(one_of("channel", Channel), name="channel"),
        CheckConstraint("(due_at IS NOT NULL) = (state IN ('scheduled', 'delivering'))", name="due_at"),
        CheckConstraint("num_nulls(rrule, zone, anchor) IN (0, 3)", name="recurrence"),
        # What is over has no due time, so that the index holds live rows only, and a claim reads its
        # beginning.
        Index("reminders_due", "due_at", postgresql_where=text("due_at IS NOT NULL")),
        Index("reminders_state_id", "state", "id"),
        Index(
            "reminders_retrying",
            "due_at",
            postgresql_where=text("state = 'scheduled' AND attempt_count > 0"),
        ),
    )


class AttemptRow(Base):
    """An attempt, written down before it is made."""

    __tablename__ = "attempts"

    reminder_id: Mapped[UUID] = mapped_column(
        ForeignKey("reminders.id", ondelete="CASCADE"), primary_key=True
    )
    occurrence: Mapped[int] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    worker: Mapped[str]
    started_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]
    outcome: Mapped[str | None]
    status_code: Mapped[int | None] = mapped_column(SmallInteger)
    error: Mapped[str | None]

    __table_args__ = (
        CheckConstraint(one_of("outcome", Outcome), name="outcome"),
        CheckConstraint("(finished_at IS NULL) = (outcome IS NULL)", name="finished"),
    )


class IdempotencyKeyRow(Base):
    """What a key was first used for, and the answer that it got."""

    __tablename__ = "idempotency_keys"

    key: Mapped[str] = mapped_column(primary_key=True)
    fingerprint: Mapped[bytes] = mapped_column(LargeBinary)
    answer: Mapped[dict[str, object]] = mapped_column(JSONB)
    created_at: Mapped[datetime]

    __table_args__ = (Index("idempotency_keys_created_at", "created_at"),)
