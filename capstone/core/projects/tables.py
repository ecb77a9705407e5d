"""The table of projects. A project that is deleted keeps its row: what refers to it can still be read."""

from typing import Final

from sqlalchemy import Column, ForeignKey, Index, Integer, Table, Text, Uuid, func

from core.metadata import METADATA, MOMENT

PROJECTS: Final = Table(
    "projects",
    METADATA,
    Column("id", Uuid, primary_key=True),
    Column("tenant_id", ForeignKey("organisations.id", ondelete="CASCADE"), nullable=False),
    Column("name", Text, nullable=False),
    Column("description", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("created_at", MOMENT, nullable=False, server_default=func.now()),
    Column("updated_at", MOMENT, nullable=False, server_default=func.now()),
    Column("deleted_at", MOMENT),
    Index("projects_tenant_id_id_idx", "tenant_id", "id"),
)
