"""Runs the statements in sql/, each atomic by itself, and makes of a row what the domain calls it."""

from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from typing import Final

from pydantic import TypeAdapter
from sqlalchemy import RowMapping, TextClause, text

from levels.domain import Best, Completion, Event, Head, Learner, Link, Run
from service_kit.database import Database

RUN: Final = TypeAdapter(Run)
EVENT: Final = TypeAdapter(Event)
LEARNER: Final = TypeAdapter(Learner)
BEST: Final = TypeAdapter(Best)
HEAD: Final = TypeAdapter(Head)
LINK: Final = TypeAdapter(Link)
COMPLETION: Final = TypeAdapter(Completion)


@cache
def statement(name: str) -> TextClause:
    """Read sql/NAME.sql."""
    return text((files("levels") / "sql" / f"{name}.sql").read_text())


class Statements:
    """Runs them, each in a transaction of its own. All raise DatabaseUnavailableError, in bounded time."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def rows(self, name: str, /, **parameters: object) -> Sequence[RowMapping]:
        async with self._database.autocommit() as connection:
            result = await connection.execute(statement(name), parameters)
            return result.mappings().all() if result.returns_rows else []


def run_of(row: RowMapping) -> Run:
    return RUN.validate_python(dict(row))
