"""The table of users. Those of refresh tokens are libs/auth's."""

from typing import Final

from sqlalchemy import Boolean, Column, Table, Text, Uuid, func

from core.metadata import METADATA, MOMENT

EMAIL_CONSTRAINT: Final = "users_email_key"
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
