"""The table of files. A row is there as long as bytes may be."""

from typing import Final

from sqlalchemy import BigInteger, CheckConstraint, Column, ForeignKey, Index, Table, Text, Uuid, func, text

from core.metadata import METADATA, MOMENT

FILES: Final = Table(
    "files",
    METADATA,
    Column("id", Uuid, primary_key=True),
    Column("tenant_id", ForeignKey("organisations.id"), nullable=False),
    Column("name", Text, nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Column("state", Text, nullable=False, server_default="waiting"),
    Column("type", Text),
    Column("sha256", Text),
    Column("created_by", Uuid, nullable=False),
    Column("key_id", Uuid),
    Column("created_at", MOMENT, nullable=False, server_default=func.now()),
    Column("expires_at", MOMENT, nullable=False),
    Column("stored_at", MOMENT),
    CheckConstraint("state IN ('waiting', 'stored', 'deleted')", name="files_state_check"),
    Index("files_tenant_id_id_idx", "tenant_id", "id"),
    Index("files_unstored_idx", "expires_at", postgresql_where=text("state <> 'stored'")),
)
"""An organisation cannot go before its files: their bytes would be nobody's."""
