"""Refuse moments that no process writes and none could read: one would break each list that it is in."""

from alembic import op

revision: str = "0002"
down_revision: str | None = "0001"

CONSTRAINT = "tasks_range_check"


def upgrade() -> None:
    rules = [
        f"({name} >= '0001-01-02 00:00Z' AND {name} < '9999-12-31 00:00Z') IS NOT FALSE"
        for name in ("due_at", "created_at", "updated_at")
    ]
    op.create_check_constraint(op.f(CONSTRAINT), "tasks", " AND ".join(rules))


def downgrade() -> None:
    op.drop_constraint(op.f(CONSTRAINT), "tasks")
