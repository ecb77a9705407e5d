"""The table of audit trails: the bytes that were hashed, and what links them."""

from typing import Final

from sqlalchemy import BigInteger, Column, LargeBinary, Table, Uuid

from core.metadata import METADATA

AUDIT_ENTRIES: Final = Table(
    "audit_entries",
    METADATA,
    Column("tenant_id", Uuid, primary_key=True),
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("bytes", LargeBinary, nullable=False),
    Column("prev", LargeBinary, nullable=False),
    Column("hash", LargeBinary, nullable=False),
)
