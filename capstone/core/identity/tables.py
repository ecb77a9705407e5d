"""The tables of accounts. Those of refresh tokens are libs/auth's."""

from typing import Final

from sqlalchemy import Boolean, Column, ForeignKeyConstraint, Index, Integer, Table, Text, Uuid, func

from auth import metadata
from core.metadata import METADATA, MOMENT

EMAIL_CONSTRAINT: Final = "users_email_key"
FAMILIES: Final = metadata.tables["refresh_token_families"]
USERS: Final = Table(
    "users",
    METADATA,
    Column("id", Uuid, primary_key=True),
    Column("email", Text, nullable=False, unique=True),
    Column("password_hash", Text, nullable=False),
    Column("is_staff", Boolean, nullable=False, server_default="false"),
    Column("created_at", MOMENT, nullable=False, server_default=func.now()),
    Column("disabled_at", MOMENT),
)
EMAIL_TOKENS: Final = Table(
    "email_tokens",
    METADATA,
    Column("digest", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("email", Text, nullable=False, index=True),
    Column("expires_at", MOMENT, nullable=False),
)
LOGIN_GUESSES: Final = Table(
    "login_guesses",
    METADATA,
    Column("key", Text, primary_key=True),
    Column("failures", Integer, nullable=False),
    Column("locked_until", MOMENT),
    Column("guessed_at", MOMENT, nullable=False),
)
LOGINS: Final = Table(
    "logins",
    METADATA,
    Column("family_id", Text, primary_key=True),
    Column("user_id", Uuid, nullable=False),
    Column("address", Text, nullable=False),
    Column("agent", Text, nullable=False),
    ForeignKeyConstraint(["family_id"], [FAMILIES.c.id], name="logins_family_id_fkey", ondelete="CASCADE"),
    ForeignKeyConstraint(["user_id"], [USERS.c.id], name="logins_user_id_fkey", ondelete="CASCADE"),
    Index("logins_user_id_address_idx", "user_id", "address"),
)
"""From where a login came. It lives as long as the family of its tokens is known."""
