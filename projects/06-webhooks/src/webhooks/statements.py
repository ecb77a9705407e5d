"""Runs the statements in sql/: each atomic by itself."""

from collections.abc import Sequence
from functools import cache
from importlib.resources import files

from sqlalchemy import RowMapping, TextClause, text
from sqlalchemy.ext.asyncio import AsyncConnection


@cache
def statement(name: str) -> TextClause:
    """Read sql/NAME.sql."""
    return text((files("webhooks") / "sql" / f"{name}.sql").read_text())


async def run(connection: AsyncConnection, name: str, **parameters: object) -> Sequence[RowMapping]:
    result = await connection.execute(statement(name), parameters)
    return result.mappings().all() if result.returns_rows else []
