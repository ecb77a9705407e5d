"""The tables. JSON is kept as text: as jsonb, `1e20` would come back as an integer."""

from typing import Final

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    DateTime,
    Index,
    MetaData,
    SmallInteger,
    Table,
    Text,
    Uuid,
    text,
)

METADATA: Final = MetaData()

RULESET: Final = Table(
    "ruleset",
    METADATA,
    Column("id", SmallInteger, primary_key=True, server_default=text("1")),
    Column("epoch", Text, nullable=False, server_default=text("left(uuidv4()::text, 8)")),
    Column("version", BigInteger, nullable=False, server_default=text("0")),
    Column("kill_revision", BigInteger, nullable=False, server_default=text("0")),
    Column("changed_at", DateTime(timezone=True), nullable=False, server_default=text("now()")),
)
DOCUMENTS: Final = Table(
    "documents",
    METADATA,
    Column("kind", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("version", BigInteger, nullable=False),
    Column("document", JSON, nullable=False),
)
CHANGES: Final = Table(
    "changes",
    METADATA,
    Column("version", BigInteger, primary_key=True, autoincrement=False),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("actor", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("before", JSON(none_as_null=True)),
    Column("after", JSON, nullable=False),
    Column("kill_id", Uuid, unique=True),
    Column("note", Text, nullable=False),
    Index("changes_kind_key_version_idx", "kind", "key", "version"),
    Index("changes_at_idx", "at"),
)
SCHEDULED: Final = Table(
    "scheduled_changes",
    METADATA,
    Column("id", Uuid, primary_key=True),
    Column("flag", Text, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("base_version", BigInteger, nullable=False),
    Column("change", JSON, nullable=False),
    Column("actor", Text, nullable=False),
    Column("state", Text, nullable=False, server_default=text("'pending'")),
    Column("detail", Text, nullable=False, server_default=text("''")),
    Index("scheduled_changes_due_idx", "at", postgresql_where=text("state = 'pending'")),
)
