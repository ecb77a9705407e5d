"""The verbs of logins: log in, refresh, log out, and what is signed in now."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

import structlog

from auth import AccessTokens, PasswordHasher, PasswordPolicy
from core.errors import LockedError, NotFoundError, WrongCredentialsError
from core.identity.domain import GuessRules, Login, Origin, StoredUser, User, canonical_email, digest_of
from core.unit_of_work import NOBODY, BeginUnitOfWork

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Tokens:
    """What a login gives: one for each request, and one to get the next of those."""

    access: str
    refresh: str


@dataclass(frozen=True, slots=True)
class Guess:
    """A password that was right, and the counter in which it stands as wrong until it is taken back."""

    stored: StoredUser
    counter: str
    needs_rehash: bool


class Guesses:
    """Looks at passwords, and at how often that was done. All of it raises StoreUnavailableError."""

    def __init__(self, begin: BeginUnitOfWork, hasher: PasswordHasher, rules: GuessRules) -> None:
        self._begin = begin
        self._hasher = hasher
        self._rules = rules

    async def judge(self, email: str, password: str, address: str) -> Guess | None:
        """Count a guess as wrong, and look at it; None if it is wrong.

        An account that does not exist is locked like any other, and takes as long as a wrong password.
        From an address where somebody has signed in to the account before, guesses have a count of their own:
        a stranger locks nobody out.
        Raises: LockedError; HasherBusyError of libs/auth.
        """
        async with self._begin(NOBODY) as uow:
            stored = await uow.users.by_email(email)
            is_known = await uow.logins.is_known(email, address)
            counter = digest_of(email, address) if is_known else digest_of(email)
            wait = await uow.login_guesses.begin(counter, self._rules)
            await uow.commit()
        if wait is not None:
            raise LockedError(wait.total_seconds())
        verified = await self._hasher.verify(stored.password_hash if stored else None, password)
        if stored is None or not verified.ok or stored.user.is_disabled:
            log.info("audit", audit="login_failed", user_id=str(stored.user.id) if stored else None)
            return None
        return Guess(stored, counter, verified.needs_rehash)


class IdentityService:
    """Logins and their tokens. All of it raises StoreUnavailableError."""

    def __init__(
        self,
        begin: BeginUnitOfWork,
        hasher: PasswordHasher,
        policy: PasswordPolicy,
        access_tokens: AccessTokens,
        guesses: Guesses,
    ) -> None:
        self._begin = begin
        self._hasher = hasher
        self._policy = policy
        self._access_tokens = access_tokens
        self._guesses = guesses

    async def log_in(self, email: str, password: str, origin: Origin) -> Tokens:
        """Begin a family of tokens.

        Raises: WrongCredentialsError, LockedError; PasswordRefusedError and HasherBusyError of libs/auth.
        """
        self._policy.check_length(password)
        guess = await self._guesses.judge(canonical_email(email) or "", password, origin.address)
        if guess is None:
            raise WrongCredentialsError
        user, old_hash = guess.stored.user, guess.stored.password_hash
        renewed = await self._hasher.hash(password) if guess.needs_rehash else None
        async with self._begin(NOBODY) as uow:
            if not await uow.users.has_password(user.id, old_hash):
                raise WrongCredentialsError  # it was changed while this one was looked at
            await uow.login_guesses.forget(guess.counter)
            if renewed:
                await uow.users.set_password(user.id, renewed)
            issued = await uow.refresh_tokens.issue(str(user.id))
            await uow.logins.add(issued.family.id, user.id, origin)
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

    async def logins(self, user_id: str, before: str | None, limit: int) -> Sequence[Login]:
        """List what is signed in, the newest first, and one more than asked for if there is a next page."""
        async with self._begin(NOBODY) as uow:
            families = await uow.refresh_tokens.families_of(user_id, before, limit + 1)
            origins = await uow.logins.origins([family.id for family in families])
        unknown = Origin("", "")
        return [Login(one.id, one.created_at, origins.get(one.id, unknown)) for one in families]

    async def end_login(self, user_id: str, session_id: str) -> None:
        """End one of a user's own logins. Raises: NotFoundError."""
        async with self._begin(NOBODY) as uow:
            own = {family.id for family in await uow.refresh_tokens.families_of(user_id)}
            if session_id not in own:
                raise NotFoundError("session")
            await uow.refresh_tokens.end_family(session_id)
            await uow.commit()

    async def end_logins(self, user_id: str) -> None:
        """Sign a user out everywhere."""
        async with self._begin(NOBODY) as uow:
            await uow.refresh_tokens.end_all(user_id)
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
