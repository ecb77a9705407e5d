"""The documents, the changes that made them, changes that wait for their time, and the version of all."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "ruleset",
        sa.Column("id", sa.SmallInteger, server_default=sa.text("1"), nullable=False),
        sa.Column("epoch", sa.Text, server_default=sa.text("left(uuidv4()::text, 8)"), nullable=False),
        sa.Column("version", sa.BigInteger, server_default=sa.text("0"), nullable=False),
        sa.Column("kill_revision", sa.BigInteger, server_default=sa.text("0"), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name="ruleset_pkey"),
        sa.CheckConstraint("id = 1", name="ruleset_is_one"),
    )
    op.execute("INSERT INTO ruleset DEFAULT VALUES")
    op.create_table(
        "documents",
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Column("document", sa.JSON, nullable=False),
        sa.PrimaryKeyConstraint("kind", "key", name="documents_pkey"),
    )
    op.create_table(
        "changes",
        sa.Column("version", sa.BigInteger, autoincrement=False, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor", sa.Text, nullable=False),
        sa.Column("action", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("before", sa.JSON),
        sa.Column("after", sa.JSON, nullable=False),
        sa.Column("kill_id", sa.Uuid),
        sa.Column("note", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("version", name="changes_pkey"),
        sa.UniqueConstraint("kill_id", name="changes_kill_id_key"),
    )
    op.create_index("changes_kind_key_version_idx", "changes", ["kind", "key", "version"])
    op.create_index("changes_at_idx", "changes", ["at"])
    op.create_table(
        "scheduled_changes",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("flag", sa.Text, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("base_version", sa.BigInteger, nullable=False),
        sa.Column("change", sa.JSON, nullable=False),
        sa.Column("actor", sa.Text, nullable=False),
        sa.Column("state", sa.Text, server_default=sa.text("'pending'"), nullable=False),
        sa.Column("detail", sa.Text, server_default=sa.text("''"), nullable=False),
        sa.PrimaryKeyConstraint("id", name="scheduled_changes_pkey"),
    )
    op.create_index(
        "scheduled_changes_due_idx",
        "scheduled_changes",
        ["at"],
        postgresql_where=sa.text("state = 'pending'"),
    )


def downgrade() -> None:
    for table in ("scheduled_changes", "changes", "documents", "ruleset"):
        op.drop_table(table)
