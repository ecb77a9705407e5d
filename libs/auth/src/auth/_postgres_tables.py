"""The tables in PostgreSQL. Alembic takes `metadata` among its target_metadata."""

from typing import Final

from sqlalchemy import Column, DateTime, ForeignKey, Index, MetaData, Table, Text
from sqlalchemy.dialects.postgresql import ARRAY

metadata: Final = MetaData()
MOMENT: Final = DateTime(timezone=True)

TOKEN_FAMILIES: Final = Table(
    "refresh_token_families",
    metadata,
    Column("id", Text, primary_key=True),
    Column("subject", Text, nullable=False, index=True),
    Column("created_at", MOMENT, nullable=False),
    Column("expires_at", MOMENT, nullable=False, index=True),
    Column("ended_at", MOMENT),
)

REFRESH_TOKENS: Final = Table(
    "refresh_tokens",
    metadata,
    Column("digest", Text, primary_key=True),
    Column("family_id", ForeignKey(TOKEN_FAMILIES.c.id, ondelete="CASCADE"), nullable=False, index=True),
    Column("used_at", MOMENT),
    Column("successor", Text),
)

API_KEYS: Final = Table(
    "api_keys",
    metadata,
    Column("id", Text, primary_key=True),
    Column("digest", Text, nullable=False, unique=True),
    Column("subject", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("hint", Text, nullable=False),
    Column("scopes", ARRAY(Text), nullable=False),
    Column("created_at", MOMENT, nullable=False),
    Column("expires_at", MOMENT),
    Column("revoked_at", MOMENT),
    Column("last_used_at", MOMENT),
    Index("ix_api_keys_subject", "subject", "created_at"),
)
