"""Create sources of webhooks, and the inbox. A request names a source and no tenant: it sees that row."""

import sqlalchemy as sa
from alembic import op

revision: str = "0009"
down_revision: str | None = "0008"

MOMENT = sa.DateTime(timezone=True)
NOW = sa.text("now()")
TABLES = ("sources", "inbox_events")


def upgrade() -> None:
    op.create_table(
        "sources",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("tenant_id", sa.Uuid, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("secret", sa.LargeBinary),
        sa.Column("key_pointer", sa.Text),
        sa.Column("created_at", MOMENT, nullable=False, server_default=NOW),
        sa.PrimaryKeyConstraint("id", name="sources_pkey"),
    )
    op.create_index("sources_tenant_id_id_idx", "sources", ["tenant_id", "id"])
    op.create_table(
        "inbox_events",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("tenant_id", sa.Uuid, nullable=False),
        sa.Column("source_id", sa.Uuid, nullable=False),
        sa.Column("event_id", sa.Text, nullable=False),
        sa.Column("business_key", sa.Text),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.Column("received_at", MOMENT, nullable=False, server_default=NOW),
        sa.Column("handled_at", MOMENT),
        sa.Column("job_id", sa.Uuid, nullable=False),
        sa.PrimaryKeyConstraint("id", name="inbox_events_pkey"),
        sa.UniqueConstraint("source_id", "event_id", name="inbox_events_source_id_event_id_key"),
        sa.UniqueConstraint("source_id", "business_key", name="inbox_events_source_id_business_key_key"),
        *(
            sa.ForeignKeyConstraint(
                [f"{name}_id"], [f"{table}.id"], name=f"inbox_events_{name}_id_fkey", ondelete="CASCADE"
            )
            for name, table in (("source", "sources"), ("job", "jobs"))
        ),
    )
    op.create_index("inbox_events_tenant_id_id_idx", "inbox_events", ["tenant_id", "id"])
    op.create_index("inbox_events_job_id_idx", "inbox_events", ["job_id"])
    for table in TABLES:
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY of_the_tenant ON {table} USING (tenant_id = app_tenant())")
        op.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO capstone_app, capstone_worker")
    op.execute(
        "CREATE POLICY named ON sources FOR SELECT"
        " USING (id = nullif(current_setting('app.source_id', true), '')::uuid)"
    )


def downgrade() -> None:
    for table in reversed(TABLES):
        op.drop_table(table)
