"""The table of mails that are still to be sent."""

from typing import Final

from sqlalchemy import Column, Integer, Table, Text, Uuid, func
from sqlalchemy.dialects.postgresql import JSONB

from core.metadata import METADATA, MOMENT

MAILS: Final = Table(
    "mails",
    METADATA,
    Column("id", Uuid, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("email", Text, nullable=False),
    Column("args", JSONB, nullable=False),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("created_at", MOMENT, nullable=False, server_default=func.now()),
    Column("due_at", MOMENT, nullable=False, server_default=func.now(), index=True),
)
