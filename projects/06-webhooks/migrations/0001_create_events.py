"""Create the sources with their secrets, the events with their attempts, and what was rejected."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB, TIMESTAMP

revision: str = "0001"
down_revision: str | None = None

MOMENT = TIMESTAMP(timezone=True)
NOW = sa.text("now()")


def upgrade() -> None:
    create_sources()
    create_events()
    create_what_belongs_to_events()
    create_the_rest()
    # Workers sleep until an event is committed. Once for each batch, and with no round trip of its own.
    op.execute(
        "CREATE FUNCTION tell_workers() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN PERFORM pg_notify('webhooks_due', ''); RETURN NULL; END $$"
    )
    op.execute(
        "CREATE TRIGGER events_come AFTER INSERT ON events FOR EACH STATEMENT EXECUTE FUNCTION tell_workers()"
    )
    # A queue's rows die young: the index of what is due is swept after two thousand of them.
    for table in ("events", "attempts"):
        op.execute(
            f"ALTER TABLE {table} SET"
            " (autovacuum_vacuum_scale_factor = 0.0, autovacuum_vacuum_threshold = 2000)"
        )


def create_sources() -> None:
    op.create_table(
        "sources",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("name", sa.Text, nullable=False, unique=True),
        sa.Column("scheme", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False, server_default="active"),
        sa.Column("destination", sa.Text, nullable=False),
        # What forwarded events are signed with.
        sa.Column("signing_secret", sa.Text, nullable=False),
        sa.Column("hmac", JSONB),
        sa.Column("key_header", sa.Text),
        sa.Column("key_pointers", JSONB, nullable=False),
        sa.Column("ordering_pointer", sa.Text),
        sa.Column("limit_per_minute", sa.Integer),
        sa.Column("created_at", MOMENT, nullable=False, server_default=NOW),
        sa.CheckConstraint("state IN ('active', 'paused', 'retired')", name=op.f("sources_state_check")),
    )
    op.create_table(
        "secrets",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("source_id", sa.Uuid, sa.ForeignKey("sources.id"), nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("key", sa.LargeBinary, nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("not_after", MOMENT),
        sa.Column("created_at", MOMENT, nullable=False, server_default=NOW),
        sa.Column("last_used_at", MOMENT),
        sa.CheckConstraint("kind IN ('hmac', 'ed25519')", name=op.f("secrets_kind_check")),
    )
    op.create_index("secrets_source_id", "secrets", ["source_id"])


def create_events() -> None:
    op.create_table(
        "events",
        sa.Column("id", sa.Uuid, primary_key=True),
        # In which order events came: what is acknowledged has a lower one than what is sent after that.
        sa.Column("sequence", sa.BigInteger, sa.Identity(always=True), nullable=False),
        sa.Column("source_id", sa.Uuid, sa.ForeignKey("sources.id"), nullable=False),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("key_by", sa.Text, nullable=False),
        sa.Column("message_id", sa.Text, nullable=False),
        sa.Column("ordering_key", sa.Text),
        sa.Column("content_type", sa.Text),
        # The payload goes before the row does: a known key outlives what it was the key of.
        sa.Column("body", sa.LargeBinary),
        sa.Column("body_sha256", sa.LargeBinary, nullable=False),
        sa.Column("size_bytes", sa.Integer, nullable=False),
        sa.Column("received_at", MOMENT, nullable=False),
        sa.Column("state", sa.Text, nullable=False, server_default="pending"),
        # The next attempt while pending, the lease's end while forwarding, and nothing when it is over.
        sa.Column("due_at", MOMENT, server_default=NOW),
        sa.Column("round", sa.Integer, nullable=False, server_default="1"),
        sa.Column("attempt_count", sa.Integer, nullable=False, server_default="0"),
        # The fencing token: a worker whose token is not the newest may change nothing.
        sa.Column("lease_token", sa.BigInteger, nullable=False, server_default="0"),
        sa.UniqueConstraint("source_id", "key", name=op.f("events_source_id_key")),
        sa.CheckConstraint(
            "state IN ('pending', 'forwarding', 'forwarded', 'dead')", name=op.f("events_state_check")
        ),
        sa.CheckConstraint(
            "(due_at IS NOT NULL) = (state IN ('pending', 'forwarding'))", name=op.f("events_due_at_check")
        ),
    )
    # It holds no event that is over, however many there are.
    op.create_index("events_due", "events", ["due_at"], postgresql_where=sa.text("due_at IS NOT NULL"))
    op.create_index(
        "events_in_order",
        "events",
        ["source_id", "ordering_key", "sequence"],
        postgresql_where=sa.text("due_at IS NOT NULL AND ordering_key IS NOT NULL"),
    )
    op.create_index("events_state_id", "events", ["state", "id"])


def create_what_belongs_to_events() -> None:
    # An attempt is written down before it is made.
    op.create_table(
        "attempts",
        sa.Column("event_id", sa.Uuid, sa.ForeignKey("events.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("round", sa.Integer, primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("worker", sa.Text, nullable=False),
        sa.Column("started_at", MOMENT, nullable=False),
        sa.Column("finished_at", MOMENT),
        sa.Column("outcome", sa.Text),
        sa.Column("status_code", sa.SmallInteger),
        sa.Column("error", sa.Text),
        sa.CheckConstraint(
            "outcome IN ('forwarded', 'failed', 'gone', 'lost')", name=op.f("attempts_outcome_check")
        ),
    )
    # A known key with another body, once for each other body.
    op.create_table(
        "conflicts",
        sa.Column("event_id", sa.Uuid, sa.ForeignKey("events.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("body_sha256", sa.LargeBinary, primary_key=True),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.Column("received_at", MOMENT, nullable=False),
    )


def create_the_rest() -> None:
    op.create_table(
        "rejected",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("source_id", sa.Uuid, sa.ForeignKey("sources.id"), nullable=False),
        sa.Column("headers", JSONB, nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.Column("received_at", MOMENT, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("cause", sa.Text, nullable=False),
        sa.Column("detail", sa.Text),
    )
    op.create_index("rejected_source_id_id", "rejected", ["source_id", "id"])
    # How many deliveries a source with a limit has had, in each minute.
    op.create_table(
        "minutes",
        sa.Column("source_id", sa.Uuid, sa.ForeignKey("sources.id"), primary_key=True),
        sa.Column("minute", MOMENT, primary_key=True),
        sa.Column("used", sa.Integer, nullable=False),
    )
    op.create_table(
        "idempotency_keys",
        sa.Column("key", sa.Text, primary_key=True),
        sa.Column("fingerprint", sa.LargeBinary, nullable=False),
        sa.Column("answer", JSONB),
        sa.Column("created_at", MOMENT, nullable=False, server_default=NOW),
    )


def downgrade() -> None:
    for table in (
        *("idempotency_keys", "minutes", "rejected", "conflicts", "attempts"),
        *("events", "secrets", "sources"),
    ):
        op.drop_table(table)
    op.execute("DROP FUNCTION tell_workers()")
