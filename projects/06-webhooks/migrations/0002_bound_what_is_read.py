"""Refuse what no process of the service writes and none could read: it would stop each claim it is in.

A moment beyond Python's years, `infinity` among them, a counter that has no next number, an event that is to
be forwarded and has no body, and JSON of another kind. Where such a row is there already this fails, and the
message of PostgreSQL names the constraint.
"""

from alembic import op

revision: str = "0002"
down_revision: str | None = "0001"

MOMENTS = {
    "sources": ("created_at",),
    "secrets": ("not_after", "created_at", "last_used_at"),
    "events": ("received_at", "due_at"),
    "attempts": ("started_at", "finished_at"),
    "conflicts": ("received_at",),
    "rejected": ("received_at",),
}
COUNTERS = {
    "events": ("size_bytes", "round", "attempt_count", "lease_token"),
    "attempts": ("round", "number"),
}
RULES = {
    "sources": (
        "name ~ '^[a-z0-9-]{1,64}$'",
        "scheme IN ('standard-webhooks', 'github', 'stripe', 'hmac')",
        "(jsonb_typeof(hmac) IN ('object', 'null')) IS NOT FALSE",
        "jsonb_typeof(key_pointers) = 'array'",
        "(limit_per_minute BETWEEN 0 AND 1000000000) IS NOT FALSE",
    ),
    "events": ("(due_at IS NULL OR body IS NOT NULL)",),
    "rejected": ("jsonb_typeof(headers) = 'array'",),
}


def upgrade() -> None:
    for table, columns in MOMENTS.items():
        rules = [
            f"({name} >= '0001-01-02 00:00Z' AND {name} < '9999-12-31 00:00Z') IS NOT FALSE"
            for name in columns
        ]
        rules += [f"{name} BETWEEN 0 AND 1000000000" for name in COUNTERS.get(table, ())]
        rules += RULES.get(table, ())
        op.create_check_constraint(op.f(f"{table}_range_check"), table, " AND ".join(rules))


def downgrade() -> None:
    for table in MOMENTS:
        op.drop_constraint(op.f(f"{table}_range_check"), table)
