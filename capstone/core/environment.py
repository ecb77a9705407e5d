"""A database remembers of which environment it is: the first release says so, and nothing else is let in."""

from typing import Final

import psycopg
from psycopg.errors import UndefinedTable

TIMEOUT_SECONDS: Final = 2
CLAIM: Final = "INSERT INTO environment (name) VALUES (%s) ON CONFLICT DO NOTHING"
LOOK: Final = "SELECT name FROM environment"


class WrongEnvironmentError(Exception):
    """A database is of another environment."""


def claim(url: str, name: str) -> None:
    """Say of which environment a database is, if nobody has. Raises: WrongEnvironmentError."""
    with psycopg.connect(url, connect_timeout=TIMEOUT_SECONDS) as connection:
        connection.execute(CLAIM, [name])
    check(url, name)


def check(url: str, name: str) -> None:
    """Compare with what was said; a database that is away, or has no tables yet, says nothing.

    Raises: WrongEnvironmentError.
    """
    try:
        with psycopg.connect(url, connect_timeout=TIMEOUT_SECONDS) as connection:
            found = connection.execute(LOOK).fetchone()
    except (psycopg.OperationalError, UndefinedTable):
        return
    if found is not None and found[0] != name:
        raise WrongEnvironmentError(f"ENVIRONMENT is {name}, and DATABASE_URL names a database of {found[0]}")
