"""The tables of webhooks that come in."""

from typing import Final

from sqlalchemy import Column, ForeignKey, Index, LargeBinary, Table, Text, UniqueConstraint, Uuid, func

from core.metadata import METADATA, MOMENT

SOURCES: Final = Table(
    "sources",
    METADATA,
    Column("id", Uuid, primary_key=True),
    Column("tenant_id", Uuid, nullable=False),
    Column("name", Text, nullable=False),
    Column("secret", LargeBinary),
    Column("key_pointer", Text),
    Column("created_at", MOMENT, nullable=False, server_default=func.now()),
    Index("sources_tenant_id_id_idx", "tenant_id", "id"),
)
INBOX_EVENTS: Final = Table(
    "inbox_events",
    METADATA,
    Column("id", Uuid, primary_key=True),
    Column("tenant_id", Uuid, nullable=False),
    Column("source_id", ForeignKey(SOURCES.c.id, ondelete="CASCADE"), nullable=False),
    Column("event_id", Text, nullable=False),
    Column("business_key", Text),
    Column("body", LargeBinary, nullable=False),
    Column("received_at", MOMENT, nullable=False, server_default=func.now()),
    Column("handled_at", MOMENT),
    Column("job_id", ForeignKey("jobs.id", ondelete="CASCADE"), nullable=False, index=True),
    UniqueConstraint("source_id", "event_id", name="inbox_events_source_id_event_id_key"),
    UniqueConstraint("source_id", "business_key", name="inbox_events_source_id_business_key_key"),
    Index("inbox_events_tenant_id_id_idx", "tenant_id", "id"),
)
