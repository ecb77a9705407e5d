"""The verbs of accounts: register, log in, refresh, log out."""

from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

import structlog

from auth import AccessTokens, PasswordHasher, PasswordPolicy
from core.errors import EmailTakenError, InvalidValueError, NotFoundError, WrongCredentialsError
from core.identity.domain import User, canonical_email
from core.unit_of_work import NOBODY, BeginUnitOfWork

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Tokens:
    """What a login gives: one for each request, and one to get the next of those."""

    access: str
    refresh: str


class IdentityService:
    """Accounts and their tokens. All of it raises StoreUnavailableError."""

    def __init__(
        self,
        begin: BeginUnitOfWork,
        hasher: PasswordHasher,
        policy: PasswordPolicy,
        access_tokens: AccessTokens,
        new_id: Callable[[], UUID],
    ) -> None:
        self._begin = begin
        self._hasher = hasher
        self._policy = policy
        self._access_tokens = access_tokens
        self._new_id = new_id

    async def register(self, email: str, password: str) -> User:
        """Make an account.

        Raises: InvalidValueError, EmailTakenError; PasswordRefusedError and HasherBusyError of libs/auth.
        """
        canonical = canonical_email(email)
        if canonical is None:
            raise InvalidValueError("email", "invalid_email", "is no e-mail address")
        self._policy.check(password, forbidden_words=[canonical.partition("@")[0]])
        user = User(self._new_id(), canonical, is_staff=False, is_disabled=False)
        password_hash = await self._hasher.hash(password)
        async with self._begin(NOBODY) as uow:
            if not await uow.users.add(user.id, canonical, password_hash):
                raise EmailTakenError
            await uow.commit()
        return user

    async def log_in(self, email: str, password: str) -> Tokens:
        """Begin a family of tokens.

        An account that does not exist takes as long as a wrong password.
        Raises: WrongCredentialsError; PasswordRefusedError and HasherBusyError of libs/auth.
        """
        self._policy.check_length(password)
        async with self._begin(NOBODY) as uow:
            stored = await uow.users.by_email(canonical_email(email) or "")
        verified = await self._hasher.verify(stored.password_hash if stored else None, password)
        if stored is None or not verified.ok or stored.user.is_disabled:
            log.info("audit", audit="login_failed", user_id=str(stored.user.id) if stored else None)
            raise WrongCredentialsError
        renewed = await self._hasher.hash(password) if verified.needs_rehash else None
        async with self._begin(NOBODY) as uow:
            if renewed:
                await uow.users.set_password(stored.user.id, renewed)
            issued = await uow.refresh_tokens.issue(str(stored.user.id))
            await uow.commit()
        return self._tokens(issued.family.subject, issued.family.id, issued.token)

    async def refresh(self, token: str) -> Tokens:
        """Exchange a refresh token. Raises: InvalidRefreshTokenError and TokenReusedError of libs/auth."""
        async with self._begin(NOBODY) as uow:
            rotation = await uow.refresh_tokens.rotate(token)
            await uow.commit()  # a family that has ended stays so
        issued = rotation.unwrap()
        return self._tokens(issued.family.subject, issued.family.id, issued.token)

    async def log_out(self, session_id: str) -> None:
        """End the family that an access token names."""
        async with self._begin(NOBODY) as uow:
            await uow.refresh_tokens.end_family(session_id)
            await uow.commit()

    async def show(self, user_id: str) -> User:
        """Raises: NotFoundError."""
        async with self._begin(NOBODY) as uow:
            stored = await uow.users.find(UUID(user_id))
        if stored is None:
            raise NotFoundError("user")
        return stored.user

    async def is_live(self, user_id: str, session_id: str) -> bool:
        """Tell whether the login that an access token comes of has not ended."""
        async with self._begin(NOBODY) as uow:
            return await uow.refresh_tokens.is_live(user_id, session_id)

    async def roles_of(self, user_id: str) -> list[str] | None:
        """Return the roles that an account has on the platform; None for who may not come in."""
        async with self._begin(NOBODY) as uow:
            stored = await uow.users.find(UUID(user_id))
        if stored is None or stored.user.is_disabled:
            return None
        return ["staff"] if stored.user.is_staff else ["user"]

    def _tokens(self, subject: str, session_id: str, refresh: str) -> Tokens:
        return Tokens(self._access_tokens.issue(subject, session_id), refresh)
