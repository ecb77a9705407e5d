"""Run by Alembic, by path, for each of its commands."""

from alembic import context
from sqlalchemy import Connection, text

# Any number will do that nobody else takes in the same database.
LOCK = 0x6D6967726174


def run(connection: Connection) -> None:
    context.configure(connection=connection)
    with context.begin_transaction():
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
        context.run_migrations()


run(context.config.attributes["connection"])
