"""Accounts, the tokens of mails, and the mails that are to be sent."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "users",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("email", sa.Text, nullable=False),
        sa.Column("password_hash", sa.Text, nullable=False),
        sa.Column("is_disabled", sa.Boolean, server_default=sa.text("false"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name="users_pkey"),
        sa.UniqueConstraint("email", name="users_email_key"),
    )
    op.create_table(
        "tokens",
        sa.Column("hash", sa.LargeBinary, nullable=False),
        sa.Column("email", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("user_id", sa.Uuid),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("hash", name="tokens_pkey"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="tokens_user_id_fkey", ondelete="CASCADE"),
    )
    op.create_index("tokens_email_idx", "tokens", ["email"])
    op.create_table(
        "mails",
        sa.Column("id", sa.BigInteger, sa.Identity(always=True), nullable=False),
        sa.Column("email", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("user_id", sa.Uuid),
        sa.Column("attempts", sa.Integer, server_default=sa.text("0"), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name="mails_pkey"),
        sa.UniqueConstraint(
            "email",
            "kind",
            "user_id",
            name="mails_email_kind_user_id_key",
            postgresql_nulls_not_distinct=True,
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="mails_user_id_fkey", ondelete="CASCADE"),
    )
    op.create_index("mails_due_at_idx", "mails", ["due_at"])


def downgrade() -> None:
    op.drop_table("mails")
    op.drop_table("tokens")
    op.drop_table("users")
