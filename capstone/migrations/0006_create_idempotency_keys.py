"""Create what is remembered of writes that may be sent again."""

import sqlalchemy as sa
from alembic import op

revision: str = "0006"
down_revision: str | None = "0005"

MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "idempotency_keys",
        sa.Column("tenant_id", sa.Uuid, nullable=False),
        sa.Column("user_id", sa.Uuid, nullable=False),
        sa.Column("digest", sa.Text, nullable=False),
        sa.Column("fingerprint", sa.Text, nullable=False),
        sa.Column("answer", sa.JSON, nullable=False),
        sa.Column("created_at", MOMENT, nullable=False, server_default=sa.text("now()")),
        sa.PrimaryKeyConstraint("tenant_id", "user_id", "digest", name="idempotency_keys_pkey"),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["organisations.id"], name="idempotency_keys_tenant_id_fkey", ondelete="CASCADE"
        ),
    )
    op.create_index("idempotency_keys_created_at_idx", "idempotency_keys", ["created_at"])
    op.execute("ALTER TABLE idempotency_keys ENABLE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE idempotency_keys FORCE ROW LEVEL SECURITY")
    op.execute("CREATE POLICY of_the_tenant ON idempotency_keys USING (tenant_id = app_tenant())")
    op.execute("CREATE POLICY of_workers ON idempotency_keys TO capstone_worker USING (true)")
    op.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON idempotency_keys TO capstone_app, capstone_worker")


def downgrade() -> None:
    op.drop_table("idempotency_keys")
