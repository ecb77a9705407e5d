"""Which columns there are, and how a row becomes a reminder and a reminder a row.

What a column holds, and which rules and indexes there are, is said once, in migrations/. A column has the
name of its field in domain.py: so a new one is a new file in migrations/, a line in domain.py and, for what
clients supply or see, a line each in schemas.py. Nothing here names it.
"""

from dataclasses import asdict, fields
from typing import Final

from pydantic import TypeAdapter
from sqlalchemy import RowMapping, column, table
from sqlalchemy.dialects.postgresql import JSONB

from reminders.domain import Attempt, Recurrence, Reminder, State

REMINDER: Final = TypeAdapter(Reminder)
ATTEMPT: Final = TypeAdapter(Attempt)

# Two fields are not columns: see `reminder_of`. A third column, the lease's token, is only for sql/.
NAMES: Final = {field.name for field in (*fields(Reminder), *fields(Recurrence))} | {"due_at"}
REMINDERS: Final = table("reminders", *map(column, sorted(NAMES - {"recurrence", "next_attempt_at"})))
ATTEMPTS: Final = table("attempts", column("reminder_id"), *(column(one.name) for one in fields(Attempt)))
IDEMPOTENCY_KEYS: Final = table(
    "idempotency_keys", column("key"), column("fingerprint"), column("answer", JSONB), column("created_at")
)


def reminder_of(row: RowMapping) -> Reminder:
    """Make a reminder of a row; `row_of` does the reverse.

    Two fields are made here: `recurrence` of the three columns of its own fields, and `next_attempt_at` of
    `due_at`, which in a reminder that a worker holds is the end of the lease.
    """
    columns = dict(row)
    recurrence = None if row["rrule"] is None else columns
    next_attempt_at = row["due_at"] if row["state"] == State.SCHEDULED else None
    return REMINDER.validate_python({**columns, "recurrence": recurrence, "next_attempt_at": next_attempt_at})


def row_of(reminder: Reminder) -> dict[str, object]:
    """Make a row of a reminder that no worker holds."""
    row = asdict(reminder)
    row["due_at"] = row.pop("next_attempt_at")
    row |= row.pop("recurrence") or dict.fromkeys(field.name for field in fields(Recurrence))
    return row
