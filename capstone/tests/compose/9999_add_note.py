"""A migration that a later version might have: it needs the lock for which all others wait."""

import sqlalchemy as sa
from alembic import op

revision: str = "9999"
down_revision: str | None = "0013"


def upgrade() -> None:
    op.add_column("projects", sa.Column("note", sa.Text))
    op.create_index("projects_note_idx", "projects", ["note"])


def downgrade() -> None:
    op.drop_column("projects", "note")
