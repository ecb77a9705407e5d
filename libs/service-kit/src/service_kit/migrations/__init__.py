"""The `release:` line of a service: bring the tables of its database to where its migrations end.

A project has a folder of numbered files, `migrations/0001_create_events.py`, each with `revision`,
`down_revision`, `upgrade` and `downgrade` as Alembic wants them. What else Alembic needs is here. It is
imported when it is used: without it, the other commands of a service start 0.25 s sooner.
"""

# ruff: noqa: PLC0415

import time
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, create_engine
from sqlalchemy.exc import OperationalError

from service_kit.database import BOUNDS, CONNECT_TIMEOUT_SECONDS, PINNED, driver_url, session_options

if TYPE_CHECKING:
    from alembic.config import Config

LATEST = "head"
EMPTY = "base"
LOCK_NOT_AVAILABLE = "55P03"
UNBOUNDED = dict.fromkeys(BOUNDS, "0")
"""A migration takes its time, whatever the role has set for statements."""


def migrate(
    database_url: str,
    folder: Path,
    revision: str = LATEST,
    *,
    lock_timeout_seconds: float = 0.0,
    patience_seconds: float = 30.0,
) -> None:
    """Go forward to the latest revision, or back to an earlier one; nothing happens where it is that already.

    All in one transaction: a migration that fails leaves the database as it was. Of two that run at once, the
    second waits, and then finds nothing left to do.

    Whoever waits for a table keeps all others waiting behind it. With `lock_timeout_seconds`, which is to be
    less than what requests may take, it gives up instead, lets them pass, and begins anew for so long.
    """
    give_up_at = time.monotonic() + patience_seconds
    while True:
        try:
            _migrate(database_url, folder, revision, lock_timeout_seconds)
        except OperationalError as error:
            state = getattr(error.orig, "sqlstate", None)
            if state != LOCK_NOT_AVAILABLE or time.monotonic() > give_up_at:
                raise
            time.sleep(lock_timeout_seconds)
        else:
            return


def _migrate(database_url: str, folder: Path, revision: str, lock_timeout_seconds: float) -> None:
    from alembic import command

    engine = create_engine(
        driver_url(database_url),
        connect_args={
            "connect_timeout": CONNECT_TIMEOUT_SECONDS,
            "options": session_options(PINNED, UNBOUNDED),
        },
    )
    try:
        with engine.connect() as connection:
            config = alembic_config(folder, connection)
            config.attributes["lock_timeout"] = f"{round(lock_timeout_seconds * 1000)}ms"
            if revision == LATEST:
                command.upgrade(config, revision)
            else:
                command.downgrade(config, revision)
            connection.commit()
    finally:
        engine.dispose()


def alembic_config(folder: Path, connection: Connection) -> "Config":
    """Return what Alembic's commands need; env.py takes the connection and the time-out from here."""
    from alembic.config import Config

    config = Config()
    for name, path in (("script_location", Path(__file__).parent), ("version_locations", folder)):
        config.set_main_option(name, str(path).replace("%", "%%"))
    config.set_main_option("path_separator", "newline")
    config.attributes["connection"] = connection
    return config
