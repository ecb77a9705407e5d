"""What Alembic runs: all pending migrations in one transaction, by one process at a time."""

from alembic import context
from sqlalchemy import Connection, text

from reminders.models import Base

LOCK = 0x72656D696E64  # "remind"


def run(connection: Connection) -> None:
    context.configure(connection=connection, target_metadata=Base.metadata)
    with context.begin_transaction():
        # Two releases at once: the second waits, and then finds nothing left to do.
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
        context.run_migrations()


run(context.config.attributes["connection"])
