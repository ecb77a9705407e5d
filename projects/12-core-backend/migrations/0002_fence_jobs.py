"""Give each job a fencing token: attempts begin anew when a dead job is retried, and this never does."""

import sqlalchemy as sa
from alembic import op

revision: str = "0002"
down_revision: str | None = "0001"


def upgrade() -> None:
    op.add_column(
        "jobs", sa.Column("lease_token", sa.BigInteger, nullable=False, server_default=sa.text("0"))
    )


def downgrade() -> None:
    op.drop_column("jobs", "lease_token")
