"""The table of writes that were done with a key."""

from typing import Final

from sqlalchemy import JSON, Column, ForeignKey, Table, Text, Uuid, func

from core.metadata import METADATA, MOMENT

IDEMPOTENCY_KEYS: Final = Table(
    "idempotency_keys",
    METADATA,
    Column("tenant_id", ForeignKey("organisations.id", ondelete="CASCADE"), primary_key=True),
    Column("user_id", Uuid, primary_key=True),
    Column("digest", Text, primary_key=True),
    Column("fingerprint", Text, nullable=False),
    Column("answer", JSON, nullable=False),
    Column("created_at", MOMENT, nullable=False, server_default=func.now(), index=True),
)
"""The answer is JSON and not JSONB: a replay has its members in the order of the first."""
