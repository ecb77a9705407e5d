"""The verbs of this service. Whoever calls them knows HTTP; here nobody does."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

import structlog

from sessions.domain import MailKind, User, canonical_email, is_email
from sessions.errors import (
    InvalidEmailError,
    InvalidTokenError,
    NotFoundError,
    NotSignedInError,
    ReauthenticationRequiredError,
    WrongCredentialsError,
    WrongPasswordError,
)
from sessions.hashing_pool import HashingPool
from sessions.lockout import Guess, Lockout
from sessions.outbox import Outbox, hash_of_token
from sessions.passwords import PasswordHasher, PasswordPolicy
from sessions.repository import BeginUnitOfWork
from sessions.sessions import Found, Session, SessionStore

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks: an address, a program, and the secrets of its cookies."""

    address: str
    agent: str
    presented: Sequence[str]


@dataclass(frozen=True, slots=True)
class Tools:
    """What accounts are made of."""

    begin: BeginUnitOfWork
    sessions: SessionStore
    lockout: Lockout
    policy: PasswordPolicy
    hasher: PasswordHasher
    pool: HashingPool
    outbox: Outbox
    new_id: Callable[[], UUID]
    fresh: timedelta


class AccountService:
    """Accounts and who is signed in. All of it raises StoreUnavailableError."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools

    # Making an account

    async def register(self, email: str) -> None:
        """Promise a mail that says how to go on, or that there is an account. Raises: InvalidEmailError."""
        await self._promise_mail(email, MailKind.REGISTRATION)

    async def create_account(self, token: str, password: str) -> User:
        """Make an account for the address that the token was sent to.

        Raises: InvalidTokenError, UnacceptablePasswordError, TooManyLoginsError.
        """
        tools = self._tools
        tools.policy.check_length(password)
        async with tools.begin() as uow:
            found = await uow.find_token(hash_of_token(token), MailKind.REGISTRATION)
        if found is None:
            raise InvalidTokenError
        email, _ = found
        tools.policy.check(password, email)
        async with tools.pool.slot():
            password_hash = await tools.pool.run(tools.hasher.hash, password)
        user = User(tools.new_id(), email, is_disabled=False)
        async with tools.begin() as uow:
            if not await uow.add_user(user.id, email, password_hash):
                raise InvalidTokenError
            await uow.forget_tokens(email)
            await uow.commit()
        return user

    # Signing in

    async def sign_in(self, email: str, password: str, caller: Caller) -> tuple[User, str]:
        """Make a session and return its secret.

        Raises: WrongCredentialsError, LockedError, TooManyLoginsError, UnacceptablePasswordError if it is
        too long to be hashed.
        """
        self._tools.policy.check_length(password)
        user, guess = await self._authenticate(canonical_email(email), password, caller)
        if user is None:
            raise WrongCredentialsError
        secret = await self._tools.sessions.create(
            user, guess.began_ms, caller.agent, caller.address, caller.presented
        )
        if secret is None:
            raise WrongCredentialsError
        return user, secret

    async def _authenticate(self, email: str, password: str, caller: Caller) -> tuple[User | None, Guess]:
        """Return the account if this is its password.

        A guess counts before the hash is read: who began before a password was changed is told so by
        `began_ms`. An account that does not exist takes as long as one that does.
        """
        tools = self._tools
        await tools.lockout.look(email, caller.address)
        async with tools.pool.slot():
            guess = await tools.lockout.begin(email, caller.address)
            async with tools.begin() as uow:
                stored = await uow.by_email(email)
            known = stored.password_hash if stored else tools.hasher.dummy
            is_right = await tools.pool.run(tools.hasher.verify, known, password)
            if stored is None or not is_right or stored.user.is_disabled:
                log.info("audit", audit="login_failed", user_id=str(stored.user.id) if stored else None)
                return None, guess
            if tools.hasher.needs_rehash(stored.password_hash):
                new = await tools.pool.run(tools.hasher.hash, password)
                async with tools.begin() as uow:
                    await uow.set_password(stored.user.id, new, instead_of=stored.password_hash)
                    await uow.commit()
        await tools.lockout.right(guess)
        return stored.user, guess

    async def _confirm(self, found: Found, current_password: str | None, caller: Caller) -> bool:
        """Let pass who has just signed in, or knows the password; tell whether the password was shown.

        Raises: ReauthenticationRequiredError, WrongPasswordError, and what `sign_in` does.
        """
        if current_password is None:
            if found.now - found.session.authenticated_at >= self._tools.fresh:
                raise ReauthenticationRequiredError
            return False
        self._tools.policy.check_length(current_password, "current_password")
        user, _ = await self._authenticate(found.session.email, current_password, caller)
        if user is None or user.id != found.session.user_id:
            raise WrongPasswordError
        return True

    # What only the owner may do

    async def sessions_of(self, user_id: UUID) -> list[Session]:
        """Return the user's live sessions, the one used last first."""
        return await self._tools.sessions.list_of(user_id)

    async def end_session(self, user_id: UUID, session_id: str) -> bool:
        """End one of a user's sessions; tell whether it had this one."""
        return await self._tools.sessions.end(user_id, session_id)

    async def change_password(
        self, found: Found, new_password: str, current_password: str | None, caller: Caller
    ) -> str:
        """Replace the password, end all other sessions, and return this one's new secret.

        Raises: UnacceptablePasswordError, NotSignedInError, and what `_confirm` does.
        """
        tools, session = self._tools, found.session
        tools.policy.check(new_password, session.email, "new_password")
        shown = await self._confirm(found, current_password, caller)
        async with tools.pool.slot():
            password_hash = await tools.pool.run(tools.hasher.hash, new_password)
        async with tools.begin() as uow:
            await uow.set_password(session.user_id, password_hash)
            # Before the commit: without Redis there is no new password. And once more behind it, for who has
            # signed in with the old one meanwhile.
            secret = await self._rotate(found, session.email, shown=shown)
            await uow.commit()
        await tools.sessions.end_all(session.user_id, keep=secret)
        return secret

    async def revoke_others(self, found: Found, current_password: str | None, caller: Caller) -> str:
        """End all other sessions, and return this one's new secret."""
        shown = await self._confirm(found, current_password, caller)
        return await self._rotate(found, found.session.email, shown=shown)

    async def ask_for_email(
        self, found: Found, email: str, current_password: str | None, caller: Caller
    ) -> None:
        """Promise a mail to a new address, which has to be confirmed from there."""
        if not is_email(email):
            raise InvalidEmailError
        await self._confirm(found, current_password, caller)
        await self._promise_mail(email, MailKind.EMAIL_CHANGE, found.session.user_id)

    async def confirm_email(self, found: Found, token: str) -> str:
        """Take the new address, end all other sessions, and return this one's new secret."""
        tools, session = self._tools, found.session
        async with tools.begin() as uow:
            known = await uow.find_token(hash_of_token(token), MailKind.EMAIL_CHANGE)
            if known is None or known[1] != session.user_id:
                raise InvalidTokenError
            if not await uow.set_email(session.user_id, known[0]):
                raise InvalidTokenError
            await uow.forget_tokens(known[0])
            secret = await self._rotate(found, known[0], shown=False)
            await uow.commit()
        await tools.sessions.end_all(session.user_id, keep=secret)
        return secret

    async def _rotate(self, found: Found, email: str, *, shown: bool) -> str:
        secret = await self._tools.sessions.rotate(found.session, email, authenticated=shown)
        if secret is None:  # it was ended while this ran, and stays so
            raise NotSignedInError(had_cookie=True)
        return secret

    async def _promise_mail(self, email: str, kind: MailKind, user_id: UUID | None = None) -> None:
        if not is_email(email):
            raise InvalidEmailError
        async with self._tools.begin() as uow:
            await uow.promise_mail(canonical_email(email), kind, user_id)
            await uow.commit()
        self._tools.outbox.wake()

    # What administrators may do

    async def find_user(self, email: str) -> User | None:
        async with self._tools.begin() as uow:
            stored = await uow.by_email(canonical_email(email))
        return stored.user if stored else None

    async def end_sessions_of(self, user_id: UUID) -> None:
        """End all sessions of a user. Raises: NotFoundError."""
        async with self._tools.begin() as uow:
            if await uow.by_id(user_id) is None:
                raise NotFoundError
        await self._tools.sessions.end_all(user_id)

    async def set_disabled(self, user_id: UUID, *, disabled: bool) -> User:
        """Keep a user out, or let it in again. Raises: NotFoundError."""
        async with self._tools.begin() as uow:
            user = await uow.set_disabled(user_id, disabled=disabled)
            if user is None:
                raise NotFoundError
            if disabled:
                await self._tools.sessions.end_all(user_id)
            await uow.commit()
        if disabled:
            await self._tools.sessions.end_all(user_id)
        return user
