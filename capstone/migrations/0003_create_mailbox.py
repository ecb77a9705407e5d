"""Create what logins are protected by, and what mails are sent from."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0003"
down_revision: str | None = "0002"

MOMENT = sa.DateTime(timezone=True)
NOW = sa.text("now()")
TABLES = ("email_tokens", "mails", "login_guesses", "logins")


def upgrade() -> None:
    op.create_table(
        "email_tokens",
        sa.Column("digest", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("email", sa.Text, nullable=False),
        sa.Column("expires_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("digest", name="email_tokens_pkey"),
    )
    op.create_index("email_tokens_email_idx", "email_tokens", ["email"])
    op.create_table(
        "mails",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("email", sa.Text, nullable=False),
        sa.Column("args", postgresql.JSONB, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),
        sa.Column("created_at", MOMENT, nullable=False, server_default=NOW),
        sa.Column("due_at", MOMENT, nullable=False, server_default=NOW),
        sa.PrimaryKeyConstraint("id", name="mails_pkey"),
    )
    op.create_index("mails_due_at_idx", "mails", ["due_at"])
    op.create_table(
        "login_guesses",
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("failures", sa.Integer, nullable=False),
        sa.Column("locked_until", MOMENT),
        sa.Column("guessed_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("key", name="login_guesses_pkey"),
    )
    op.create_table(
        "logins",
        sa.Column("family_id", sa.Text, nullable=False),
        sa.Column("user_id", sa.Uuid, nullable=False),
        sa.Column("address", sa.Text, nullable=False),
        sa.Column("agent", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("family_id", name="logins_pkey"),
        sa.ForeignKeyConstraint(
            ["family_id"], ["refresh_token_families.id"], name="logins_family_id_fkey", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="logins_user_id_fkey", ondelete="CASCADE"),
    )
    op.create_index("logins_user_id_address_idx", "logins", ["user_id", "address"])
    op.execute(
        f"GRANT SELECT, INSERT, UPDATE, DELETE ON {', '.join(TABLES)} TO capstone_app, capstone_worker"
    )


def downgrade() -> None:
    for table in TABLES:
        op.drop_table(table)
