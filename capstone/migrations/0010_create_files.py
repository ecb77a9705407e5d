"""Create files. Workers see those of all tenants, for they sweep what is left."""

import sqlalchemy as sa
from alembic import op

revision: str = "0010"
down_revision: str | None = "0009"

MOMENT = sa.DateTime(timezone=True)
NOW = sa.text("now()")


def upgrade() -> None:
    op.create_table(
        "files",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("tenant_id", sa.Uuid, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("size_bytes", sa.BigInteger, nullable=False),
        sa.Column("state", sa.Text, nullable=False, server_default="waiting"),
        sa.Column("type", sa.Text),
        sa.Column("sha256", sa.Text),
        sa.Column("created_by", sa.Uuid, nullable=False),
        sa.Column("key_id", sa.Uuid),
        sa.Column("created_at", MOMENT, nullable=False, server_default=NOW),
        sa.Column("expires_at", MOMENT, nullable=False),
        sa.Column("stored_at", MOMENT),
        sa.PrimaryKeyConstraint("id", name="files_pkey"),
        sa.CheckConstraint("state IN ('waiting', 'stored', 'deleted')", name="files_state_check"),
        sa.ForeignKeyConstraint(["tenant_id"], ["organisations.id"], name="files_tenant_id_fkey"),
    )
    op.create_index("files_tenant_id_id_idx", "files", ["tenant_id", "id"])
    op.create_index(
        "files_unstored_idx", "files", ["expires_at"], postgresql_where=sa.text("state <> 'stored'")
    )
    op.execute("ALTER TABLE files ENABLE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE files FORCE ROW LEVEL SECURITY")
    op.execute("CREATE POLICY of_the_tenant ON files USING (tenant_id = app_tenant())")
    op.execute("CREATE POLICY of_workers ON files TO capstone_worker USING (true)")
    op.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON files TO capstone_app, capstone_worker")


def downgrade() -> None:
    op.drop_table("files")
