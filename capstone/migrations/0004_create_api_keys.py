"""Create API keys. A request shows a key before it names a tenant: it sees the row whose digest it names."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0004"
down_revision: str | None = "0003"

MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "api_keys",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("tenant_id", sa.Uuid, nullable=False),
        sa.Column("user_id", sa.Uuid, nullable=False),
        sa.Column("digest", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("hint", sa.Text, nullable=False),
        sa.Column("scopes", postgresql.ARRAY(sa.Text), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False, server_default=sa.text("now()")),
        sa.Column("expires_at", MOMENT),
        sa.Column("last_used_at", MOMENT),
        sa.PrimaryKeyConstraint("id", name="api_keys_pkey"),
        sa.UniqueConstraint("digest", name="api_keys_digest_key"),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["organisations.id"], name="api_keys_tenant_id_fkey", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="api_keys_user_id_fkey", ondelete="CASCADE"),
    )
    op.create_index("api_keys_tenant_id_id_idx", "api_keys", ["tenant_id", "id"])
    op.execute("ALTER TABLE api_keys ENABLE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE api_keys FORCE ROW LEVEL SECURITY")
    op.execute("CREATE POLICY of_the_tenant ON api_keys USING (tenant_id = app_tenant())")
    op.execute(
        "CREATE POLICY shown ON api_keys FOR SELECT USING (digest = current_setting('app.key_digest', true))"
    )
    op.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON api_keys TO capstone_app, capstone_worker")


def downgrade() -> None:
    op.drop_table("api_keys")
