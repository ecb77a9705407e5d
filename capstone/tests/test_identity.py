"""What no check can force from outside: a password that changes while another one is looked at."""

import uuid
from collections.abc import AsyncIterator
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest

import auth
from core.audit.checkpoints import Signer
from core.errors import LockedError, StoreUnavailableError, WrongCredentialsError, WrongPasswordError
from core.identity.accounts import AccountService
from core.identity.domain import GuessRules, Origin, TokenKind, digest_of
from core.identity.service import Guess, Guesses, IdentityService
from core.jobs.procrastinate_queue import ProcrastinateQueue
from core.unit_of_work import NOBODY, BeginUnitOfWork, unit_of_work
from core.webhooks.announcer import Announcer
from service_kit.database import Database
from service_kit.migrations import migrate

pytestmark = pytest.mark.anyio

MIGRATIONS = Path(__file__).parents[1] / "migrations"
KEY = b"k" * 32
EMAIL, OLD, NEW = "ann@example.com", "the password before", "the password behind it"
HOME = Origin("192.0.2.7", "test/1")
ROLE = {"role": "capstone_app"}
RULES = GuessRules(3, timedelta(seconds=30), timedelta(seconds=60))


class Mailbox:
    """A budget that is never used up."""

    async def spend(self, key: str, cost: int = 1) -> float | None:
        del key, cost
        return None


class People:
    """The services of accounts, on a database of their own."""

    def __init__(
        self, begin: BeginUnitOfWork, url: str, guesses: Guesses, hasher: auth.PasswordHasher
    ) -> None:
        policy, life = auth.PasswordPolicy(), timedelta(hours=1)
        tokens = auth.AccessTokens({"1": KEY}, "1", issuer="i", audience="a")
        queue = ProcrastinateQueue(url, "test", ROLE)
        self.begin = begin
        self.logins = IdentityService(begin, hasher, policy, tokens, guesses)
        self.accounts = AccountService(begin, queue, hasher, policy, guesses, Mailbox(), life, uuid.uuid4)


class OvertakenGuesses(Guesses):
    """Another request replaces the hash behind each guess, before its result is used."""

    async def judge(self, email: str, password: str, address: str) -> Guess | None:
        guess = await super().judge(email, password, address)
        if guess is not None:
            async with self._begin(NOBODY) as uow:
                await uow.users.set_password(guess.stored.user.id, await self._hasher.hash(NEW))
                await uow.commit()
        return guess


@pytest.fixture
async def begin(postgres_url: str) -> AsyncIterator[BeginUnitOfWork]:
    migrate(postgres_url, MIGRATIONS)
    database = Database(postgres_url, "test", StoreUnavailableError, session_settings=ROLE)
    announcer = Announcer(ProcrastinateQueue(postgres_url, "test", ROLE), Signer(KEY), uuid.uuid4, 1, 1)
    yield partial(unit_of_work, database, auth.RefreshPolicy([KEY]), announcer)
    await database.close()


@pytest.fixture
def hasher() -> auth.PasswordHasher:
    return auth.PasswordHasher(auth.Parameters(1024, 1))


async def made(people: People) -> str:
    """Make an account, and return its id."""
    user = await people.accounts.create(await people.accounts.admit(EMAIL), OLD)
    return str(user.id)


async def test_a_login_that_was_shown_the_old_password_comes_to_nothing(
    begin: BeginUnitOfWork, postgres_url: str, hasher: auth.PasswordHasher
) -> None:
    overtaken = People(begin, postgres_url, OvertakenGuesses(begin, hasher, RULES), hasher)
    user_id = await made(overtaken)
    with pytest.raises(WrongCredentialsError):
        await overtaken.logins.log_in(EMAIL, OLD, HOME)
    assert await overtaken.logins.logins(user_id, None, 20) == []


async def test_a_change_by_the_old_password_comes_to_nothing(
    begin: BeginUnitOfWork, postgres_url: str, hasher: auth.PasswordHasher
) -> None:
    overtaken = People(begin, postgres_url, OvertakenGuesses(begin, hasher, RULES), hasher)
    user_id = await made(overtaken)
    with pytest.raises(WrongPasswordError):
        await overtaken.accounts.change_password(user_id, "session", OLD, "yet another password", "192.0.2.7")
    plain = People(begin, postgres_url, Guesses(begin, hasher, RULES), hasher)
    await plain.logins.log_in(EMAIL, NEW, HOME)


async def test_a_reset_ends_the_lock_that_strangers_have_caused(
    begin: BeginUnitOfWork, postgres_url: str, hasher: auth.PasswordHasher
) -> None:
    people = People(begin, postgres_url, Guesses(begin, hasher, RULES), hasher)
    await made(people)
    for _ in range(RULES.failures):
        with pytest.raises(WrongCredentialsError):
            await people.logins.log_in(EMAIL, "a guess that is wrong", HOME)
    with pytest.raises(LockedError):
        await people.logins.log_in(EMAIL, OLD, HOME)
    async with begin(NOBODY) as uow:
        await uow.email_tokens.add(digest_of("token"), TokenKind.RESET, EMAIL, timedelta(hours=1))
        await uow.commit()
    await people.accounts.reset_password("token", NEW)
    await people.logins.log_in(EMAIL, NEW, HOME)


async def test_what_has_expired_is_forgotten(begin: BeginUnitOfWork) -> None:
    async with begin(NOBODY) as uow:
        await uow.email_tokens.add("old", TokenKind.RESET, EMAIL, timedelta(seconds=-1))
        await uow.email_tokens.add("new", TokenKind.RESET, EMAIL, timedelta(hours=1))
        await uow.login_guesses.begin("recent", RULES)
        await uow.email_tokens.purge()
        await uow.login_guesses.purge()
        left = await uow.connection.exec_driver_sql("SELECT digest FROM email_tokens")
        guesses = await uow.connection.exec_driver_sql("SELECT key FROM login_guesses")
        assert (left.scalars().all(), guesses.scalars().all()) == (["new"], ["recent"])
