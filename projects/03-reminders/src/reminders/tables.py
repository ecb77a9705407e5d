"""The tables, and how a row becomes a reminder and a reminder a row.

migrations/ makes the tables, and a test compares. A column has the name of its field in domain.py: so a new
one is a new file in migrations/, and an edit of domain.py and of the table here. If clients see it, it is in
schemas.py too; if they supply it, NewReminder.draft() there and lifecycle.begun() pass it on.
"""

from dataclasses import asdict
from enum import StrEnum
from typing import Final

from pydantic import TypeAdapter
from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    RowMapping,
    SmallInteger,
    Table,
    Text,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB, TIMESTAMP

from reminders.domain import Attempt, Channel, Outcome, Reminder, State

METADATA: Final = MetaData(
    naming_convention={
        "pk": "%(table_name)s_pkey",
        "fk": "%(table_name)s_%(column_0_name)s_fkey",
        "ck": "%(table_name)s_%(constraint_name)s_check",
    }
)
MOMENT: Final = TIMESTAMP(timezone=True)


def one_of(column: str, names: type[StrEnum]) -> str:
    """Return the condition that a column holds one of these names.

    Such a column is text and not an ENUM, from which PostgreSQL cannot remove a value.
    """
    return f"{column} IN ({', '.join(repr(str(name)) for name in names)})"


REMINDERS: Final = Table(
    "reminders",
    METADATA,
    Column("id", Uuid, primary_key=True),
    Column("message", Text, nullable=False),
    Column("channel", Text, nullable=False),
    Column("callback_url", Text),
    Column("remind_at", MOMENT, nullable=False),
    # The three of a recurrence.
    Column("rrule", Text),
    Column("zone", Text),
    Column("anchor", MOMENT),
    Column("state", Text, nullable=False),
    # The next attempt while scheduled, the lease's end while delivering, and nothing in a final state.
    Column("due_at", MOMENT),
    Column("occurrence", Integer, nullable=False, server_default=text("1")),
    Column("attempt_count", Integer, nullable=False, server_default=text("0")),
    Column("lease_token", BigInteger, nullable=False, server_default=text("0")),
    Column("version", Integer, nullable=False, server_default=text("1")),
    Column("created_at", MOMENT, nullable=False),
    Column("updated_at", MOMENT, nullable=False),
    CheckConstraint(one_of("state", State), name="state"),
    CheckConstraint(one_of("channel", Channel), name="channel"),
    CheckConstraint("(due_at IS NOT NULL) = (state IN ('scheduled', 'delivering'))", name="due_at"),
    CheckConstraint("num_nulls(rrule, zone, anchor) IN (0, 3)", name="recurrence"),
    # It holds no row that is over, however many there are: a claim reads its beginning.
    Index("reminders_due", "due_at", postgresql_where=text("due_at IS NOT NULL")),
    Index("reminders_state_id", "state", "id"),
    Index("reminders_retrying", "due_at", postgresql_where=text("state = 'scheduled' AND attempt_count > 0")),
)

# An attempt is written down before it is made.
ATTEMPTS: Final = Table(
    "attempts",
    METADATA,
    Column("reminder_id", ForeignKey("reminders.id", ondelete="CASCADE"), primary_key=True),
    Column("occurrence", Integer, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("worker", Text, nullable=False),
    Column("started_at", MOMENT, nullable=False),
    Column("finished_at", MOMENT),
    Column("outcome", Text),
    Column("status_code", SmallInteger),
    Column("error", Text),
    CheckConstraint(one_of("outcome", Outcome), name="outcome"),
    CheckConstraint("(finished_at IS NULL) = (outcome IS NULL)", name="finished"),
)

# What a key was first used for, and the answer that it got.
IDEMPOTENCY_KEYS: Final = Table(
    "idempotency_keys",
    METADATA,
    Column("key", Text, primary_key=True),
    Column("fingerprint", LargeBinary, nullable=False),
    Column("answer", JSONB, nullable=False),
    Column("created_at", MOMENT, nullable=False),
    Index("idempotency_keys_created_at", "created_at"),
)

REMINDER: Final = TypeAdapter(Reminder)
ATTEMPT: Final = TypeAdapter(Attempt)


def reminder_of(row: RowMapping) -> Reminder:
    """Make a reminder of a row; `row_of` does the reverse.

    A field has the name of its column, but for two that are made here: `recurrence` of three columns, and
    `next_attempt_at` of `due_at`, which in a reminder that a worker holds is the end of the lease.
    """
    fields = dict(row)
    recurrence = None if row["rrule"] is None else fields
    next_attempt_at = row["due_at"] if row["state"] == State.SCHEDULED else None
    return REMINDER.validate_python({**fields, "recurrence": recurrence, "next_attempt_at": next_attempt_at})


def row_of(reminder: Reminder) -> dict[str, object]:
    """Make a row of a reminder that no worker holds."""
    row = asdict(reminder)
    row["due_at"] = row.pop("next_attempt_at")
    row |= row.pop("recurrence") or {"rrule": None, "zone": None, "anchor": None}
    return row


def attempt_of(row: RowMapping) -> Attempt:
    """Make an attempt of a row: field by field the same."""
    return ATTEMPT.validate_python(dict(row))
