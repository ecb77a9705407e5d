"""Create endpoints, events and deliveries; and lines, in which jobs wait for each other.

Nothing here refers to organisations: a row that is added behind the lock of the audit trail would wait for
whoever changes the organisation's members, and they for the trail.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0008"
down_revision: str | None = "0007"

MOMENT = sa.DateTime(timezone=True)
NOW = sa.text("now()")
TABLES = ("endpoints", "events", "deliveries")


def upgrade() -> None:
    op.add_column("jobs", sa.Column("line", sa.Text))
    op.add_column("jobs", sa.Column("position", sa.BigInteger))
    op.create_index(
        "jobs_line_idx",
        "jobs",
        ["line", "position"],
        postgresql_where=sa.text("line IS NOT NULL AND state IN ('queued', 'running')"),
    )
    op.create_table(
        "endpoints",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("tenant_id", sa.Uuid, nullable=False),
        sa.Column("url", sa.Text, nullable=False),
        sa.Column("event_types", postgresql.ARRAY(sa.Text), nullable=False),
        sa.Column("is_ordered", sa.Boolean, nullable=False),
        sa.Column("secret", sa.LargeBinary, nullable=False),
        sa.Column("previous_secret", sa.LargeBinary),
        sa.Column("previous_until", MOMENT),
        sa.Column("state", sa.Text, nullable=False, server_default="enabled"),
        sa.Column("disabled_reason", sa.Text),
        sa.Column("failures", sa.Integer, nullable=False, server_default="0"),
        sa.Column("failing_since", MOMENT),
        sa.Column("slow_until", MOMENT),
        sa.Column("created_at", MOMENT, nullable=False, server_default=NOW),
        sa.PrimaryKeyConstraint("id", name="endpoints_pkey"),
        sa.CheckConstraint("state IN ('enabled', 'disabled')", name="endpoints_state_check"),
    )
    op.create_index("endpoints_tenant_id_id_idx", "endpoints", ["tenant_id", "id"])
    op.create_table(
        "events",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("tenant_id", sa.Uuid, nullable=False),
        sa.Column("type", sa.Text, nullable=False),
        sa.Column("position", sa.BigInteger),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.Column("created_at", MOMENT, nullable=False, server_default=NOW),
        sa.PrimaryKeyConstraint("id", name="events_pkey"),
    )
    op.create_index("events_tenant_id_created_at_idx", "events", ["tenant_id", "created_at"])
    op.create_index("events_created_at_idx", "events", ["created_at"])
    op.create_table(
        "deliveries",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("tenant_id", sa.Uuid, nullable=False),
        sa.Column("endpoint_id", sa.Uuid, nullable=False),
        sa.Column("event_id", sa.Uuid, nullable=False),
        sa.Column("job_id", sa.Uuid, nullable=False),
        sa.PrimaryKeyConstraint("id", name="deliveries_pkey"),
        sa.UniqueConstraint("endpoint_id", "event_id", name="deliveries_endpoint_id_event_id_key"),
        *(
            sa.ForeignKeyConstraint(
                [f"{name}_id"], [f"{table}.id"], name=f"deliveries_{name}_id_fkey", ondelete="CASCADE"
            )
            for name, table in (("endpoint", "endpoints"), ("event", "events"), ("job", "jobs"))
        ),
    )
    op.create_index("deliveries_tenant_id_id_idx", "deliveries", ["tenant_id", "id"])
    op.create_index("deliveries_event_id_idx", "deliveries", ["event_id"])
    for table in TABLES:
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY of_the_tenant ON {table} USING (tenant_id = app_tenant())")
        op.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO capstone_app, capstone_worker")
    op.execute("CREATE POLICY of_workers ON events TO capstone_worker USING (true)")


def downgrade() -> None:
    for table in reversed(TABLES):
        op.drop_table(table)
    op.drop_index("jobs_line_idx", "jobs")
    for column in ("position", "line"):
        op.drop_column("jobs", column)
