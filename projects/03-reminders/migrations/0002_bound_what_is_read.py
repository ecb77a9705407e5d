"""Refuse what no process of the service writes and none could read: it would stop each claim it is in.

A moment beyond Python's years, `infinity` among them, and a counter that has no next number. Where such a row
is there already this fails, and the message of PostgreSQL names the constraint.
"""

from alembic import op

revision: str = "0002"
down_revision: str | None = "0001"

MOMENTS = {
    "reminders": ("remind_at", "due_at", "anchor", "created_at", "updated_at"),
    "attempts": ("started_at", "finished_at"),
}
COUNTERS = {
    "reminders": ("occurrence", "attempt_count", "version", "lease_token"),
    "attempts": ("occurrence", "number"),
}


def upgrade() -> None:
    for table, columns in MOMENTS.items():
        rules = [
            f"({name} >= '0001-01-02 00:00Z' AND {name} < '9999-12-31 00:00Z') IS NOT FALSE"
            for name in columns
        ]
        rules += [f"{name} BETWEEN 0 AND 1000000000" for name in COUNTERS[table]]
        op.create_check_constraint(op.f(f"{table}_range_check"), table, " AND ".join(rules))


def downgrade() -> None:
    for table in MOMENTS:
        op.drop_constraint(op.f(f"{table}_range_check"), table)
