"""Create where a database says of which environment it is: one row, at most."""

import sqlalchemy as sa
from alembic import op

revision: str = "0011"
down_revision: str | None = "0010"


def upgrade() -> None:
    op.create_table(
        "environment",
        sa.Column("is_the_one", sa.Boolean, nullable=False, server_default="true"),
        sa.Column("name", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("is_the_one", name="environment_pkey"),
        sa.CheckConstraint("is_the_one", name="environment_is_the_one_check"),
    )


def downgrade() -> None:
    op.drop_table("environment")
