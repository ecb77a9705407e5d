"""Create the reminders, their attempts and the idempotency keys."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB, TIMESTAMP

revision: str = "0001"
down_revision: str | None = None

MOMENT = TIMESTAMP(timezone=True)


# A column that holds one of a few names is text with a check: PostgreSQL cannot remove a value from an ENUM.


def upgrade() -> None:
    op.create_table(
        "reminders",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("message", sa.Text, nullable=False),
        sa.Column("channel", sa.Text, nullable=False),
        sa.Column("callback_url", sa.Text),
        sa.Column("remind_at", MOMENT, nullable=False),
        # The three of a recurrence.
        sa.Column("rrule", sa.Text),
        sa.Column("zone", sa.Text),
        sa.Column("anchor", MOMENT),
        sa.Column("state", sa.Text, nullable=False),
        # The next attempt while scheduled, the lease's end while delivering, and nothing in a final state.
        sa.Column("due_at", MOMENT),
        sa.Column("occurrence", sa.Integer, nullable=False, server_default=sa.text("1")),
        sa.Column("attempt_count", sa.Integer, nullable=False, server_default=sa.text("0")),
        # The fencing token: a worker whose token is not the newest may change nothing.
        sa.Column("lease_token", sa.BigInteger, nullable=False, server_default=sa.text("0")),
        sa.Column("version", sa.Integer, nullable=False, server_default=sa.text("1")),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("updated_at", MOMENT, nullable=False),
        sa.CheckConstraint(
            "state IN ('scheduled', 'delivering', 'delivered', 'cancelled', 'dead')",
            name=op.f("reminders_state_check"),
        ),
        sa.CheckConstraint("channel IN ('webhook', 'log')", name=op.f("reminders_channel_check")),
        sa.CheckConstraint(
            "(due_at IS NOT NULL) = (state IN ('scheduled', 'delivering'))",
            name=op.f("reminders_due_at_check"),
        ),
        sa.CheckConstraint(
            "num_nulls(rrule, zone, anchor) IN (0, 3)", name=op.f("reminders_recurrence_check")
        ),
    )
    # It holds no row that is over, however many there are: a claim reads its beginning.
    op.create_index("reminders_due", "reminders", ["due_at"], postgresql_where=sa.text("due_at IS NOT NULL"))
    op.create_index("reminders_state_id", "reminders", ["state", "id"])
    op.create_index(
        "reminders_retrying",
        "reminders",
        ["due_at"],
        postgresql_where=sa.text("state = 'scheduled' AND attempt_count > 0"),
    )
    # An attempt is written down before it is made.
    op.create_table(
        "attempts",
        sa.Column(
            "reminder_id", sa.Uuid, sa.ForeignKey("reminders.id", ondelete="CASCADE"), primary_key=True
        ),
        sa.Column("occurrence", sa.Integer, primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("worker", sa.Text, nullable=False),
        sa.Column("started_at", MOMENT, nullable=False),
        sa.Column("finished_at", MOMENT),
        sa.Column("outcome", sa.Text),
        sa.Column("status_code", sa.SmallInteger),
        sa.Column("error", sa.Text),
        sa.CheckConstraint(
            "outcome IN ('delivered', 'failed', 'gone', 'lost')", name=op.f("attempts_outcome_check")
        ),
        sa.CheckConstraint("(finished_at IS NULL) = (outcome IS NULL)", name=op.f("attempts_finished_check")),
    )
    # What a key was first used for, and the answer that it got.
    op.create_table(
        "idempotency_keys",
        sa.Column("key", sa.Text, primary_key=True),
        sa.Column("fingerprint", sa.LargeBinary, nullable=False),
        sa.Column("answer", JSONB, nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
    )
    op.create_index("idempotency_keys_created_at", "idempotency_keys", ["created_at"])
    # A queue's rows die young: the claims' index is swept after two thousand of them, not after a fifth of a
    # million.
    for table in ("reminders", "attempts"):
        op.execute(
            f"ALTER TABLE {table} SET"
            " (autovacuum_vacuum_scale_factor = 0.0, autovacuum_vacuum_threshold = 2000)"
        )


def downgrade() -> None:
    op.drop_table("idempotency_keys")
    op.drop_table("attempts")
    op.drop_table("reminders")
