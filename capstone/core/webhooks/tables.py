"""The tables of webhooks that go out: whom, what, and what became of it."""

from typing import Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    func,
)
from sqlalchemy.dialects.postgresql import ARRAY

from core.metadata import METADATA, MOMENT

ENDPOINTS: Final = Table(
    "endpoints",
    METADATA,
    Column("id", Uuid, primary_key=True),
    Column("tenant_id", Uuid, nullable=False),
    Column("url", Text, nullable=False),
    Column("event_types", ARRAY(Text), nullable=False),
    Column("is_ordered", Boolean, nullable=False),
    Column("secret", LargeBinary, nullable=False),
    Column("previous_secret", LargeBinary),
    Column("previous_until", MOMENT),
    Column("state", Text, nullable=False, server_default="enabled"),
    Column("disabled_reason", Text),
    Column("failures", Integer, nullable=False, server_default="0"),
    Column("failing_since", MOMENT),
    Column("slow_until", MOMENT),
    Column("created_at", MOMENT, nullable=False, server_default=func.now()),
    CheckConstraint("state IN ('enabled', 'disabled')", name="endpoints_state_check"),
    Index("endpoints_tenant_id_id_idx", "tenant_id", "id"),
)
EVENTS: Final = Table(
    "events",
    METADATA,
    Column("id", Uuid, primary_key=True),
    Column("tenant_id", Uuid, nullable=False),
    Column("type", Text, nullable=False),
    Column("position", BigInteger),
    Column("body", LargeBinary, nullable=False),
    Column("created_at", MOMENT, nullable=False, server_default=func.now(), index=True),
    Index("events_tenant_id_created_at_idx", "tenant_id", "created_at"),
)
DELIVERIES: Final = Table(
    "deliveries",
    METADATA,
    Column("id", Uuid, primary_key=True),
    Column("tenant_id", Uuid, nullable=False),
    Column("endpoint_id", ForeignKey(ENDPOINTS.c.id, ondelete="CASCADE"), nullable=False),
    Column("event_id", ForeignKey(EVENTS.c.id, ondelete="CASCADE"), nullable=False, index=True),
    Column("job_id", ForeignKey("jobs.id", ondelete="CASCADE"), nullable=False),
    UniqueConstraint("endpoint_id", "event_id", name="deliveries_endpoint_id_event_id_key"),
    Index("deliveries_tenant_id_id_idx", "tenant_id", "id"),
)
