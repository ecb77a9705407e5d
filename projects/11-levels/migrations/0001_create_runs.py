"""Create the learners, what they have completed, their runs, and what those have told."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB, TIMESTAMP

revision: str = "0001"
down_revision: str | None = None

MOMENT = TIMESTAMP(timezone=True)

# A column that holds one of a few names is text with a check: PostgreSQL cannot remove a value from an ENUM.


def upgrade() -> None:
    op.create_table(
        "learners",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("name", sa.Text, nullable=False, unique=True),
        # Null for the one who learns here without an account.
        sa.Column("token_sha256", sa.LargeBinary, unique=True),
        sa.Column("created_at", MOMENT, nullable=False),
    )
    op.create_index(
        "learners_local",
        "learners",
        [sa.text("(true)")],
        unique=True,
        postgresql_where=sa.text("token_sha256 IS NULL"),
    )
    op.execute("INSERT INTO learners (id, name, created_at) VALUES (uuidv7(), 'local', now())")
    create_runs()
    create_run_events()
    op.create_table(
        "progress",
        sa.Column("learner_id", sa.Uuid, sa.ForeignKey("learners.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("level_id", sa.Text, primary_key=True),
        sa.Column("completed_at", MOMENT, nullable=False),
        # The run that has shown it: nothing is completed without one.
        sa.Column("run_id", sa.Uuid, sa.ForeignKey("runs.id"), nullable=False),
    )


def create_runs() -> None:
    op.create_table(
        "runs",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("learner_id", sa.Uuid, sa.ForeignKey("learners.id", ondelete="CASCADE"), nullable=False),
        sa.Column("level_id", sa.Text, nullable=False),
        sa.Column("track_id", sa.Text, nullable=False),
        sa.Column("target", sa.Text, nullable=False),
        sa.Column("seed", sa.Text, nullable=False),
        # What it consists of, as the catalogue had it when it was asked for.
        sa.Column("stages", JSONB, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("reason", sa.Text),
        # Since when it waits while it is queued, the lease's end while it runs, and nothing in a final state.
        sa.Column("due_at", MOMENT),
        sa.Column("attempt_count", sa.Integer, nullable=False, server_default=sa.text("0")),
        # The fencing token: a worker whose token is not the newest may change nothing.
        sa.Column("lease_token", sa.BigInteger, nullable=False, server_default=sa.text("0")),
        sa.Column("worker", sa.Text),
        sa.Column("cancel_requested", sa.Boolean, nullable=False, server_default=sa.false()),
        sa.Column("event_count", sa.Integer, nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("started_at", MOMENT),
        sa.Column("finished_at", MOMENT),
        sa.CheckConstraint(
            "state IN ('queued', 'running', 'passed', 'failed', 'inconclusive', 'errored', 'cancelled')",
            name=op.f("runs_state_check"),
        ),
        sa.CheckConstraint(
            "(due_at IS NOT NULL) = (state IN ('queued', 'running'))", name=op.f("runs_due_at_check")
        ),
        sa.CheckConstraint(
            "(finished_at IS NULL) = (state IN ('queued', 'running'))", name=op.f("runs_finished_at_check")
        ),
        sa.CheckConstraint("kind IN ('level', 'speed')", name=op.f("runs_kind_check")),
        sa.CheckConstraint("jsonb_typeof(stages) = 'array'", name=op.f("runs_stages_check")),
    )
    unfinished = sa.text("state IN ('queued', 'running')")
    # One at a time for a folder, whoever asks at the same instant.
    op.create_index("runs_active_target", "runs", ["target"], unique=True, postgresql_where=unfinished)
    speed = sa.text("kind = 'speed' AND state IN ('queued', 'running')")
    op.create_index("runs_active_speed", "runs", ["learner_id"], unique=True, postgresql_where=speed)
    op.create_index("runs_due", "runs", ["due_at"], postgresql_where=sa.text("due_at IS NOT NULL"))
    op.create_index("runs_learner_id", "runs", ["learner_id", "id"])


def create_run_events() -> None:
    op.create_table(
        "run_events",
        sa.Column("run_id", sa.Uuid, sa.ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("data", JSONB, nullable=False),
        sa.CheckConstraint(
            "kind IN ('state', 'level', 'retry', 'check', 'output', 'verdict', 'end')",
            name=op.f("run_events_kind_check"),
        ),
        sa.CheckConstraint("jsonb_typeof(data) = 'object'", name=op.f("run_events_data_check")),
    )


def downgrade() -> None:
    for table in ("progress", "run_events", "runs", "learners"):
        op.drop_table(table)
