"""Run by Alembic, by path, for each of its commands."""

from alembic import context
from sqlalchemy import Connection, text

# Any number will do that nobody else takes in the same database.
LOCK = 0x6D6967726174


def run(connection: Connection, lock_timeout: str) -> None:
    context.configure(connection=connection)
    with context.begin_transaction():
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
        # From here on: for whoever migrates at the same time it waits as long as that takes.
        connection.execute(text("SELECT set_config('lock_timeout', :it, true)"), {"it": lock_timeout})
        context.run_migrations()


run(context.config.attributes["connection"], context.config.attributes.get("lock_timeout", "0"))
