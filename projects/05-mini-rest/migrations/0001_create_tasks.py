"""Create users, organisations, who belongs where, tasks, and the idempotency keys."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision: str = "0001"
down_revision: str | None = None

NOW = sa.text("now()")
MOMENT = sa.TIMESTAMP(timezone=True)


def upgrade() -> None:
    op.create_table(
        "users",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("email", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("token_hash", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("id", name="users_pkey"),
        sa.UniqueConstraint("email", name="users_email_key"),
        sa.UniqueConstraint("token_hash", name="users_token_hash_key"),
    )
    op.create_table(
        "organisations",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name="organisations_pkey"),
    )
    op.create_table(
        "memberships",
        sa.Column("organisation_id", sa.Uuid, nullable=False),
        sa.Column("user_id", sa.Uuid, nullable=False),
        sa.Column("role", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("organisation_id", "user_id", name="memberships_pkey"),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisations.id"], name="memberships_organisation_id_fkey"
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="memberships_user_id_fkey"),
        sa.CheckConstraint("role IN ('USER', 'ADMIN')", name="memberships_role_check"),
    )
    op.create_table(
        "tasks",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("organisation_id", sa.Uuid, nullable=False),
        sa.Column("owner_id", sa.Uuid, nullable=False),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("notes", sa.Text),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("due_at", MOMENT),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("created_at", MOMENT, nullable=False, server_default=NOW),
        sa.Column("updated_at", MOMENT, nullable=False, server_default=NOW),
        sa.Column("is_deleted", sa.Boolean, nullable=False),
        sa.PrimaryKeyConstraint("id", name="tasks_pkey"),
        sa.ForeignKeyConstraint(["organisation_id"], ["organisations.id"], name="tasks_organisation_id_fkey"),
        sa.ForeignKeyConstraint(["owner_id"], ["users.id"], name="tasks_owner_id_fkey"),
        sa.CheckConstraint("status IN ('open', 'done')", name="tasks_status_check"),
    )
    # One index for each order of a list. That by creation serves both directions, read backwards. Those by
    # due time cannot: what has none comes last in both, as the end of time or as its beginning.
    for name, key in (
        ("tasks_by_creation", "created_at"),
        ("tasks_by_due_time", "coalesce(due_at, 'infinity'::timestamptz)"),
        ("tasks_by_due_time_descending", "coalesce(due_at, '-infinity'::timestamptz)"),
    ):
        op.execute(f"CREATE INDEX {name} ON tasks (organisation_id, ({key}), id) WHERE NOT is_deleted")
    op.create_table(
        "idempotency_keys",
        sa.Column("user_id", sa.Uuid, nullable=False),
        sa.Column("target", sa.Text, nullable=False),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("fingerprint", sa.LargeBinary, nullable=False),
        sa.Column("answer", JSONB, nullable=False),
        sa.Column("expires_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("user_id", "target", "key", name="idempotency_keys_pkey"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="idempotency_keys_user_id_fkey"),
    )


def downgrade() -> None:
    for name in ("idempotency_keys", "tasks", "memberships", "organisations", "users"):
        op.drop_table(name)
