"""The table of API keys. It has no key, but its digest; one that is revoked is gone."""

from typing import Final

from sqlalchemy import Column, ForeignKey, Index, Table, Text, Uuid, func
from sqlalchemy.dialects.postgresql import ARRAY

from core.metadata import METADATA, MOMENT

API_KEYS: Final = Table(
    "api_keys",
    METADATA,
    Column("id", Uuid, primary_key=True),
    Column("tenant_id", ForeignKey("organisations.id", ondelete="CASCADE"), nullable=False),
    Column("user_id", ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
    Column("digest", Text, nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("hint", Text, nullable=False),
    Column("scopes", ARRAY(Text), nullable=False),
    Column("created_at", MOMENT, nullable=False, server_default=func.now()),
    Column("expires_at", MOMENT),
    Column("last_used_at", MOMENT),
    Index("api_keys_tenant_id_id_idx", "tenant_id", "id"),
)
