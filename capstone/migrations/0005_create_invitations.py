"""Create invitations. Whoever has the address sees theirs, and the organisation's name, before being in."""

import sqlalchemy as sa
from alembic import op

revision: str = "0005"
down_revision: str | None = "0004"

MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "invitations",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("tenant_id", sa.Uuid, nullable=False),
        sa.Column("email", sa.Text, nullable=False),
        sa.Column("role", sa.Text, nullable=False),
        sa.Column("invited_by", sa.Uuid, nullable=False),
        sa.Column("created_at", MOMENT, nullable=False, server_default=sa.text("now()")),
        sa.Column("expires_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="invitations_pkey"),
        sa.UniqueConstraint("tenant_id", "email", name="invitations_tenant_id_email_key"),
        sa.CheckConstraint("role IN ('member', 'admin', 'owner')", name="invitations_role_check"),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["organisations.id"], name="invitations_tenant_id_fkey", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["invited_by"], ["users.id"], name="invitations_invited_by_fkey", ondelete="CASCADE"
        ),
    )
    op.create_index("invitations_email_idx", "invitations", ["email"])
    op.execute("ALTER TABLE invitations ENABLE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE invitations FORCE ROW LEVEL SECURITY")
    op.execute("CREATE POLICY of_the_tenant ON invitations USING (tenant_id = app_tenant())")
    op.execute(
        "CREATE POLICY ones_own ON invitations FOR SELECT USING (EXISTS (SELECT FROM users"
        " WHERE users.id = app_user() AND users.email = invitations.email))"
    )
    op.execute(
        "CREATE POLICY invited ON organisations FOR SELECT USING (EXISTS (SELECT FROM invitations"
        " JOIN users ON users.email = invitations.email"
        " WHERE invitations.tenant_id = organisations.id AND users.id = app_user()))"
    )
    op.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON invitations TO capstone_app, capstone_worker")


def downgrade() -> None:
    op.execute("DROP POLICY invited ON organisations")
    op.drop_table("invitations")
