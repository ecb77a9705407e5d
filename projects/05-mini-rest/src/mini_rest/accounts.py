"""What the operator does: users, organisations, and who belongs where. And how a token is recognised."""

import hashlib
import secrets
from collections.abc import Callable
from uuid import UUID

from mini_rest.account_repository import AccountRepository
from mini_rest.domain import Caller, Organisation, Role, User


class AccountService:
    """Knows tokens by their hashes alone: who reads the database cannot act for a user."""

    def __init__(self, accounts: AccountRepository, operator_token: str, new_id: Callable[[], UUID]) -> None:
        self._accounts = accounts
        self._operator_hash = hash_of(operator_token)
        self._new_id = new_id

    def is_operator(self, token: str) -> bool:
        return secrets.compare_digest(hash_of(token), self._operator_hash)

    async def identify(self, token: str, organisation_id: UUID | None) -> Caller | None:
        """Find who has the token, and what they are in the organisation."""
        return await self._accounts.caller_of(hash_of(token), organisation_id)

    async def register(self, email: str, name: str) -> tuple[User, str]:
        """Make a user and a token, which is told this once. Raises: EmailTakenError."""
        user, token = User(self._new_id(), email, name), secrets.token_urlsafe(32)
        await self._accounts.add_user(user, hash_of(token))
        return user, token

    async def found(self, name: str) -> Organisation:
        """Make an organisation, without members."""
        organisation = Organisation(self._new_id(), name)
        await self._accounts.add_organisation(organisation)
        return organisation

    async def admit(self, organisation_id: UUID, user_id: UUID, role: Role) -> None:
        """Make a user a member, or give a member another role. Raises: NotFoundError."""
        await self._accounts.set_role(organisation_id, user_id, role)

    async def expel(self, organisation_id: UUID, user_id: UUID) -> None:
        """End a membership, if there is one. What the user owns stays."""
        await self._accounts.remove_role(organisation_id, user_id)


def hash_of(token: str) -> bytes:
    """Hash a token. It is random and long, so a fast hash will do: there is nothing to guess."""
    return hashlib.sha256(token.encode()).digest()
