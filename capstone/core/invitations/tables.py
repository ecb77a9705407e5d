"""The table of invitations that are open. One that is taken or revoked is gone."""

from typing import Final

from sqlalchemy import CheckConstraint, Column, ForeignKey, Table, Text, UniqueConstraint, Uuid, func

from core.metadata import METADATA, MOMENT

INVITATIONS: Final = Table(
    "invitations",
    METADATA,
    Column("id", Uuid, primary_key=True),
    Column("tenant_id", ForeignKey("organisations.id", ondelete="CASCADE"), nullable=False),
    Column("email", Text, nullable=False, index=True),
    Column("role", Text, nullable=False),
    Column("invited_by", ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
    Column("created_at", MOMENT, nullable=False, server_default=func.now()),
    Column("expires_at", MOMENT, nullable=False),
    UniqueConstraint("tenant_id", "email", name="invitations_tenant_id_email_key"),
    CheckConstraint("role IN ('member', 'admin', 'owner')", name="invitations_role_check"),
)
