"""The tables of flags: what holds for all, and what holds for a tenant."""

from typing import Final

from sqlalchemy import Boolean, Column, ForeignKey, Table, Text

from core.metadata import METADATA

FLAGS: Final = Table(
    "flags",
    METADATA,
    Column("key", Text, primary_key=True),
    Column("is_on", Boolean, nullable=False),
)
FLAG_OVERRIDES: Final = Table(
    "flag_overrides",
    METADATA,
    Column("tenant_id", ForeignKey("organisations.id", ondelete="CASCADE"), primary_key=True),
    Column("flag_key", ForeignKey(FLAGS.c.key, ondelete="CASCADE"), primary_key=True),
    Column("is_on", Boolean, nullable=False),
)
