"""The verbs of accounts: ask for one, make it, forget its password and choose another one.

Whoever asks for a mail learns nothing: each address gets the same answer, and the mail says what is the case.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from auth import PasswordHasher, PasswordPolicy
from core.budgets import Budget
from core.errors import EmailTakenError, InvalidValueError, NotFoundError, WrongPasswordError
from core.identity.domain import TokenKind, User, canonical_email, digest_of, new_token
from core.identity.service import Guesses
from core.jobs.queue import JobQueue
from core.mail.domain import MailKind
from core.unit_of_work import NOBODY, BeginUnitOfWork


@dataclass(frozen=True, slots=True)
class AccountService:
    """Accounts and their passwords. All of it raises StoreUnavailableError."""

    begin: BeginUnitOfWork
    queue: JobQueue
    hasher: PasswordHasher
    policy: PasswordPolicy
    guesses: Guesses
    mails: Budget
    token_life: timedelta
    new_id: Callable[[], UUID]

    async def ask_for_account(self, email: str) -> None:
        """Have a mail sent that leads to an account, or says that there is one. Raises: InvalidValueError."""
        await self._promise(MailKind.REGISTRATION, email)

    async def forgot_password(self, email: str) -> None:
        """Have a mail sent that leads to another password. Raises: InvalidValueError."""
        await self._promise(MailKind.RESET, email)

    async def admit(self, email: str) -> str:
        """Return a token that leads to an account, for the operator to hand over.

        Raises: InvalidValueError, EmailTakenError.
        """
        canonical = _checked(email)
        token = new_token()
        async with self.begin(NOBODY) as uow:
            if await uow.users.by_email(canonical) is not None:
                raise EmailTakenError
            await uow.email_tokens.add(digest_of(token), TokenKind.REGISTRATION, canonical, self.token_life)
            await uow.commit()
        return token

    async def create(self, token: str, password: str) -> User:
        """Make the account of the address that a token was sent to.

        Raises: InvalidValueError; PasswordRefusedError and HasherBusyError of libs/auth.
        """
        email, password_hash = await self._judged(token, TokenKind.REGISTRATION, password)
        user = User(self.new_id(), email, is_staff=False, is_disabled=False)
        async with self.begin(NOBODY) as uow:
            is_good = await uow.email_tokens.take(digest_of(token), TokenKind.REGISTRATION, email)
            if not is_good or not await uow.users.add(user.id, email, password_hash):
                raise _no_token()
            await uow.commit()
        return user

    async def reset_password(self, token: str, password: str) -> None:
        """Choose another password, which ends all logins. Raises what `create` does."""
        email, password_hash = await self._judged(token, TokenKind.RESET, password)
        async with self.begin(NOBODY) as uow:
            stored = await uow.users.by_email(email)
            is_good = await uow.email_tokens.take(digest_of(token), TokenKind.RESET, email)
            if stored is None or not is_good:
                raise _no_token()
            await uow.users.set_password(stored.user.id, password_hash)
            await uow.login_guesses.forget(digest_of(email))
            await uow.refresh_tokens.end_all(str(stored.user.id))
            await uow.commit()

    async def change_password(
        self, user_id: str, session_id: str, current: str, password: str, address: str
    ) -> None:
        """Choose another password by the current one, which ends all other logins.

        Raises: WrongPasswordError, LockedError; PasswordRefusedError and HasherBusyError of libs/auth.
        """
        self.policy.check_length(current)
        async with self.begin(NOBODY) as uow:
            stored = await uow.users.find(UUID(user_id))
        if stored is None:
            raise NotFoundError("user")
        self._check(password, stored.user.email)
        guess = await self.guesses.judge(stored.user.email, current, address)
        if guess is None:
            raise WrongPasswordError
        password_hash = await self.hasher.hash(password)
        async with self.begin(NOBODY) as uow:
            if not await uow.users.has_password(stored.user.id, guess.stored.password_hash):
                raise WrongPasswordError  # it was changed while this one was looked at
            await uow.login_guesses.forget(guess.counter)
            await uow.users.set_password(stored.user.id, password_hash)
            await uow.refresh_tokens.end_all(user_id, but=session_id)
            await uow.commit()

    async def _promise(self, kind: MailKind, email: str) -> None:
        """Write a row, the same for every address. Who has been sent enough gets no more, unseen."""
        canonical = _checked(email)
        if await self.mails.spend(canonical) is not None:
            return
        async with self.begin(NOBODY) as uow:
            await uow.mails.promise(self.new_id(), kind, canonical)
            await self.queue.wake(uow.connection)
            await uow.commit()

    async def _judged(self, token: str, kind: TokenKind, password: str) -> tuple[str, str]:
        """Return whose token it is, and the hash: a password that is refused costs no token."""
        async with self.begin(NOBODY) as uow:
            email = await uow.email_tokens.find(digest_of(token), kind)
        if email is None:
            raise _no_token()
        self._check(password, email)
        return email, await self.hasher.hash(password)

    def _check(self, password: str, email: str) -> None:
        self.policy.check(password, forbidden_words=[email.partition("@")[0]])


def _checked(email: str) -> str:
    canonical = canonical_email(email)
    if canonical is None:
        raise InvalidValueError("email", "invalid_email", "is no e-mail address")
    return canonical


def _no_token() -> InvalidValueError:
    return InvalidValueError("token", "invalid_token", "was not sent by us, is used or too old")
