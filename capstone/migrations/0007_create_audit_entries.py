"""Create the trail of each tenant's changes. Who serves requests may add to it and read it, and nothing else.

It has no foreign key: a trail is there longer than what it tells of.
"""

import sqlalchemy as sa
from alembic import op

revision: str = "0007"
down_revision: str | None = "0006"


def upgrade() -> None:
    op.create_table(
        "audit_entries",
        sa.Column("tenant_id", sa.Uuid, nullable=False),
        sa.Column("seq", sa.BigInteger, nullable=False),
        sa.Column("bytes", sa.LargeBinary, nullable=False),
        sa.Column("prev", sa.LargeBinary, nullable=False),
        sa.Column("hash", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "seq", name="audit_entries_pkey"),
    )
    op.execute("ALTER TABLE audit_entries ENABLE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE audit_entries FORCE ROW LEVEL SECURITY")
    op.execute("CREATE POLICY of_the_tenant ON audit_entries USING (tenant_id = app_tenant())")
    op.execute("GRANT SELECT, INSERT ON audit_entries TO capstone_app, capstone_worker")


def downgrade() -> None:
    op.drop_table("audit_entries")
