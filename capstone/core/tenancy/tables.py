"""The tables of organisations and of who is in them."""

from typing import Final

from sqlalchemy import CheckConstraint, Column, ForeignKey, Table, Text, Uuid, func

from core.metadata import METADATA, MOMENT

ORGANISATIONS: Final = Table(
    "organisations",
    METADATA,
    Column("id", Uuid, primary_key=True),
    Column("name", Text, nullable=False),
    Column("created_at", MOMENT, nullable=False, server_default=func.now()),
    Column("suspended_at", MOMENT),
)
MEMBERSHIPS: Final = Table(
    "memberships",
    METADATA,
    Column("tenant_id", ForeignKey(ORGANISATIONS.c.id, ondelete="CASCADE"), primary_key=True),
    Column("user_id", ForeignKey("users.id", ondelete="CASCADE"), primary_key=True, index=True),
    Column("role", Text, nullable=False),
    Column("created_at", MOMENT, nullable=False, server_default=func.now()),
    CheckConstraint("role IN ('member', 'admin', 'owner')", name="memberships_role_check"),
)
