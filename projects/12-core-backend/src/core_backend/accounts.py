"""Who somebody is: registration, login, and tokens that are renewed."""

from collections.abc import Callable
from datetime import datetime
from uuid import UUID

from core_backend.domain import Role, Tokens, User
from core_backend.errors import UnauthenticatedError, WrongCredentialsError
from core_backend.passwords import Passwords
from core_backend.repository import Repository
from core_backend.tokens import AccessTokens, digest_of, new_refresh_token


class Accounts:
    """Users and the tokens that they are known by."""

    def __init__(
        self,
        repository: Repository,
        passwords: Passwords,
        access_tokens: AccessTokens,
        refresh_seconds: int,
        new_id: Callable[[], UUID],
        clock: Callable[[], datetime],
    ) -> None:
        self._repository = repository
        self._passwords = passwords
        self._access_tokens = access_tokens
        self._refresh_seconds = refresh_seconds
        self._new_id = new_id
        self._clock = clock

    async def register(self, email: str, password: str) -> User:
        """Make a user, and with them the job to welcome them. Raises: EmailTakenError."""
        user = User(self._new_id(), email.lower(), Role.USER, self._clock())
        await self._repository.add_user(user, await self._passwords.hash(password), self._new_id())
        return user

    async def log_in(self, email: str, password: str) -> Tokens:
        """Raises: WrongCredentialsError."""
        found = await self._repository.find_login(email.lower())
        stored = None if found is None else found[1]
        if not await self._passwords.is_right(password, stored) or found is None:
            raise WrongCredentialsError
        user, _ = found
        refresh_token = new_refresh_token()
        await self._repository.add_token(
            self._new_id(), self._new_id(), user.id, digest_of(refresh_token), self._refresh_seconds
        )
        return self._tokens(user.id, refresh_token)

    async def refresh(self, refresh_token: str) -> Tokens:
        """Give new tokens for a refresh token, once. Raises: UnauthenticatedError."""
        successor = new_refresh_token()
        user_id = await self._repository.replace_token(
            digest_of(refresh_token), self._new_id(), digest_of(successor), self._refresh_seconds
        )
        if user_id is None:
            raise UnauthenticatedError
        return self._tokens(user_id, successor)

    async def user_of(self, access_token: str) -> User:
        """Return who asks, with the role of this moment. Raises: UnauthenticatedError."""
        user = await self._repository.find_user(self._access_tokens.user_id(access_token))
        if user is None:
            raise UnauthenticatedError
        return user

    def _tokens(self, user_id: UUID, refresh_token: str) -> Tokens:
        tokens = self._access_tokens
        return Tokens(tokens.make(user_id), refresh_token, tokens.lifetime_seconds)
