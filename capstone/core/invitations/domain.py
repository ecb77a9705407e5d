"""Invitations: an address that may become a member."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from core.tenancy.domain import Role


@dataclass(frozen=True, slots=True)
class Invitation:
    """An offer to an address, which counts until it expires."""

    id: UUID
    email: str
    role: Role
    invited_by: UUID
    created_at: datetime
    expires_at: datetime
