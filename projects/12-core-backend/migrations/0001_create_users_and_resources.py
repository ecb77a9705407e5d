"""Create users, their resources, their refresh tokens, and the jobs to welcome them."""

import sqlalchemy as sa
from alembic import op

revision: str = "0001"
down_revision: str | None = None

MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "users",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("email", sa.Text, nullable=False),
        sa.Column("password_hash", sa.Text, nullable=False),
        sa.Column("role", sa.Text, nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="users_pkey"),
        sa.UniqueConstraint("email", name="users_email_key"),
        sa.CheckConstraint("role IN ('USER', 'ADMIN')", name="users_role_check"),
    )
    op.create_table(
        "resources",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("owner_id", sa.Uuid, nullable=False),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("content", sa.Text, nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("updated_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="resources_pkey"),
        sa.ForeignKeyConstraint(
            ["owner_id"], ["users.id"], name="resources_owner_id_fkey", ondelete="CASCADE"
        ),
    )
    # PostgreSQL makes no index for a foreign key; this one lists an owner's resources in order, too.
    op.create_index("resources_owner_id_id_idx", "resources", ["owner_id", "id"])
    op.create_table(
        "refresh_tokens",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("family", sa.Uuid, nullable=False),
        sa.Column("user_id", sa.Uuid, nullable=False),
        sa.Column("digest", sa.LargeBinary, nullable=False),
        sa.Column("expires_at", MOMENT, nullable=False),
        sa.Column("used_at", MOMENT),
        sa.PrimaryKeyConstraint("id", name="refresh_tokens_pkey"),
        sa.UniqueConstraint("digest", name="refresh_tokens_digest_key"),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name="refresh_tokens_user_id_fkey", ondelete="CASCADE"
        ),
    )
    op.create_index("refresh_tokens_family_idx", "refresh_tokens", ["family"])
    op.create_index("refresh_tokens_user_id_idx", "refresh_tokens", ["user_id"])
    op.create_table(
        "jobs",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("user_id", sa.Uuid, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("due_at", MOMENT, nullable=False),
        sa.Column("last_error", sa.Text),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="jobs_pkey"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="jobs_user_id_fkey", ondelete="CASCADE"),
        sa.CheckConstraint("state IN ('queued', 'running', 'done', 'dead')", name="jobs_state_check"),
    )
    op.create_index("jobs_user_id_idx", "jobs", ["user_id"])
    op.create_index(
        "jobs_due_at_idx", "jobs", ["due_at"], postgresql_where=sa.text("state IN ('queued', 'running')")
    )


def downgrade() -> None:
    for table in ("jobs", "refresh_tokens", "resources", "users"):
        op.drop_table(table)
