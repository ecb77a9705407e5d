"""Create the receipts, chained for each learner, and keep when and how a level was last verified."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import TIMESTAMP

revision: str = "0002"
down_revision: str | None = "0001"

MOMENT = TIMESTAMP(timezone=True)


def upgrade() -> None:
    op.add_column("learners", sa.Column("receipt_count", sa.Integer, nullable=False, server_default="0"))
    op.add_column("learners", sa.Column("receipt_head", sa.Text))
    op.create_table(
        "receipts",
        sa.Column("learner_id", sa.Uuid, sa.ForeignKey("learners.id", ondelete="CASCADE"), primary_key=True),
        # Of the learner's own chain the same; of one from another machine the id that the learner has there.
        sa.Column("chain_id", sa.Uuid, primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("run_id", sa.Uuid, nullable=False),
        # The very text that was signed: another form of the same JSON would not fit to the signature.
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("signature", sa.LargeBinary, nullable=False),
    )
    op.create_index("receipts_run_id", "receipts", ["run_id"])
    # What was completed before is of a contract that nobody has kept, and so it is stale.
    op.add_column("progress", sa.Column("verified_at", MOMENT))
    op.add_column("progress", sa.Column("verified_against", sa.Text))
    op.add_column("progress", sa.Column("trust", sa.Text, nullable=False, server_default="local"))
    op.execute("UPDATE progress SET verified_at = completed_at")
    op.alter_column("progress", "verified_at", nullable=False)
    # What a receipt from another machine has shown was shown by no run of this one.
    op.alter_column("progress", "run_id", nullable=True)
    op.create_check_constraint("progress_trust_check", "progress", "trust IN ('local', 'hosted')")


def downgrade() -> None:
    op.execute("DELETE FROM progress WHERE run_id IS NULL")
    op.alter_column("progress", "run_id", nullable=False)
    for column in ("trust", "verified_against", "verified_at"):
        op.drop_column("progress", column)
    op.drop_table("receipts")
    for column in ("receipt_head", "receipt_count"):
        op.drop_column("learners", column)
