"""The tables. migrations/ makes them, and a test compares."""

from typing import Final

from sqlalchemy import BigInteger, Column, MetaData, Table, Text

METADATA: Final = MetaData(naming_convention={"pk": "%(table_name)s_pkey"})

COUNTS: Final = Table(
    "counts",
    METADATA,
    Column("name", Text, primary_key=True),
    Column("value", BigInteger, nullable=False),
)
