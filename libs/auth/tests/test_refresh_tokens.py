"""The life of refresh tokens, the same in every store."""

import asyncio
import base64
import hashlib
import hmac
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Protocol

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from auth import (
    InvalidRefreshTokenError,
    IssuedRefreshToken,
    PostgresRefreshTokenStore,
    RefreshPolicy,
    RefreshTokens,
    RefreshTokenStore,
    SettingError,
    TokenReusedError,
)

pytestmark = pytest.mark.anyio

KEY, FORMER_KEY = b"k" * 32, b"f" * 32
POLICY = RefreshPolicy([KEY], lifetime_seconds=1_000, grace_seconds=10)


class StoreInTransactions(Protocol):
    def transaction(self) -> AbstractAsyncContextManager[RefreshTokenStore]: ...

    async def let_pass(self, seconds: float) -> None: ...

    async def get_ready_for_a_crowd(self) -> None: ...


class Client:
    """What a service does: each step in a transaction of its own."""

    def __init__(self, database: StoreInTransactions, policy: RefreshPolicy = POLICY) -> None:
        self.database, self.policy = database, policy
        self.let_pass = database.let_pass

    @asynccontextmanager
    async def tokens(self) -> AsyncIterator[RefreshTokens]:
        async with self.database.transaction() as store:
            yield RefreshTokens(store, self.policy)

    async def login(self, subject: str = "ann") -> IssuedRefreshToken:
        async with self.tokens() as tokens:
            return await tokens.issue(subject)

    async def refresh(self, token: str) -> IssuedRefreshToken:
        async with self.tokens() as tokens:
            rotation = await tokens.rotate(token)
        return rotation.unwrap()

    async def is_live(self, issued: IssuedRefreshToken) -> bool:
        async with self.tokens() as tokens:
            return await tokens.is_live(issued.family.subject, issued.family.id)


@pytest.fixture
def client(refresh_tokens_at: StoreInTransactions) -> Client:
    return Client(refresh_tokens_at)


async def test_each_token_is_exchanged_for_the_next_of_its_family(client: Client) -> None:
    issued = await client.login()
    seen = {issued.token}
    token = issued.token
    for _ in range(5):
        successor = await client.refresh(token)
        assert successor.family == issued.family
        assert len(successor.token) == 43
        token = successor.token
        seen.add(token)

    assert len(seen) == 6
    assert issued.token not in repr(issued)


async def test_twenty_parallel_refreshes_get_the_same_successor(client: Client) -> None:
    issued = await client.login()

    await client.database.get_ready_for_a_crowd()
    successors = await asyncio.gather(*(client.refresh(issued.token) for _ in range(20)))

    assert len({one.token for one in successors}) == 1
    assert await client.is_live(issued)
    assert (await client.refresh(successors[0].token)).token != successors[0].token


async def test_within_the_grace_the_answer_is_the_same_though_the_family_went_on(client: Client) -> None:
    issued = await client.login()
    successor = await client.refresh(issued.token)
    await client.let_pass(5)
    third = await client.refresh(successor.token)
    await client.let_pass(4)

    assert (await client.refresh(issued.token)).token == successor.token
    assert (await client.refresh(successor.token)).token == third.token


async def test_after_the_grace_reuse_ends_the_family(client: Client) -> None:
    """And it stays ended: what is raised behind the transaction does not roll it back."""
    issued, others = await client.login(), await client.login()
    successor = await client.refresh(issued.token)
    await client.let_pass(10)

    with pytest.raises(TokenReusedError):
        await client.refresh(issued.token)
    for token in (issued.token, successor.token):
        with pytest.raises(InvalidRefreshTokenError) as raised:
            await client.refresh(token)
        assert type(raised.value) is InvalidRefreshTokenError
    assert not await client.is_live(issued)
    assert await client.is_live(others)


async def test_twenty_parallel_reuses_end_the_family_once(client: Client) -> None:
    issued = await client.login()
    await client.refresh(issued.token)
    await client.let_pass(10)

    await client.database.get_ready_for_a_crowd()
    outcomes = await asyncio.gather(
        *(client.refresh(issued.token) for _ in range(20)), return_exceptions=True
    )

    assert sum(isinstance(one, TokenReusedError) for one in outcomes) == 1
    assert all(isinstance(one, InvalidRefreshTokenError) for one in outcomes)


async def test_the_end_of_a_family_is_absolute(client: Client) -> None:
    issued = await client.login()
    token = issued.token
    for _ in range(9):
        await client.let_pass(110)
        token = (await client.refresh(token)).token
    await client.let_pass(10)

    with pytest.raises(InvalidRefreshTokenError):
        await client.refresh(token)


@pytest.mark.parametrize("token", ["", "malformed", "A" * 43, "ü" * 43, "A" * 44])
async def test_what_was_never_issued_is_refused(client: Client, token: str) -> None:
    with pytest.raises(InvalidRefreshTokenError):
        await client.refresh(token)
    async with client.tokens() as tokens:
        await tokens.end(token)


async def test_a_logout_ends_the_family_by_any_of_its_tokens(client: Client) -> None:
    issued = await client.login()
    successor = await client.refresh(issued.token)
    async with client.tokens() as tokens:
        await tokens.end(issued.token)

    assert not await client.is_live(issued)
    with pytest.raises(InvalidRefreshTokenError):
        await client.refresh(successor.token)


async def test_families_end_by_id_and_by_subject(client: Client) -> None:
    first, second, third, bobs = [await client.login(name) for name in ("ann", "ann", "ann", "bob")]
    async with client.tokens() as tokens:
        assert await tokens.end_family(first.family.id)
        assert not await tokens.end_family(first.family.id)
        assert not await tokens.end_family("unknown")
        assert await tokens.end_all("ann") == 2
        assert await tokens.end_all("ann") == 0

    assert [await client.is_live(one) for one in (first, second, third, bobs)] == [False, False, False, True]


async def test_the_live_families_of_a_subject_are_listed_and_all_but_one_can_be_ended(client: Client) -> None:
    first, second, third, bobs = [await client.login(name) for name in ("ann", "ann", "ann", "bob")]
    async with client.tokens() as tokens:
        await tokens.end_family(first.family.id)
        newest, oldest = await tokens.families_of("ann")
        assert {newest.id, oldest.id} == {second.family.id, third.family.id}
        assert await tokens.families_of("ann", limit=1) == [newest]
        assert await tokens.families_of("ann", newest.id, 1) == [oldest]
        assert await tokens.families_of("ann", oldest.id) == []
        assert await tokens.end_all("ann", but=third.family.id) == 1
        assert [one.id for one in await tokens.families_of("ann")] == [third.family.id]

    await client.let_pass(1_000)
    async with client.tokens() as tokens:
        assert await tokens.families_of("ann") == []
    assert not await client.is_live(second)
    assert bobs.family.subject == "bob"


async def test_a_family_is_live_for_its_own_subject_alone(client: Client) -> None:
    issued = await client.login("ann")
    async with client.tokens() as tokens:
        assert await tokens.is_live("ann", issued.family.id)
        assert not await tokens.is_live("bob", issued.family.id)
        assert not await tokens.is_live("ann", "unknown")


async def test_what_has_expired_can_be_forgotten(client: Client) -> None:
    old = await client.login()
    await client.refresh(old.token)
    await client.let_pass(990)
    young = await client.login()
    await client.let_pass(10)
    async with client.tokens() as tokens:
        assert await tokens.purge() == 1
        assert await tokens.purge() == 0
    with pytest.raises(InvalidRefreshTokenError):
        await client.refresh(old.token)
    assert (await client.refresh(young.token)).family.id == young.family.id


async def test_the_key_is_changed_without_signing_anybody_out(refresh_tokens_at: StoreInTransactions) -> None:
    before = Client(refresh_tokens_at, RefreshPolicy([FORMER_KEY]))
    after = Client(refresh_tokens_at, RefreshPolicy([KEY, FORMER_KEY]))
    issued = await before.login()
    successor = await before.refresh(issued.token)

    assert await after.refresh(issued.token) == successor
    third = await after.refresh(successor.token)
    assert await after.refresh(successor.token) == third
    assert third.token != (await before.refresh(third.token)).token


async def test_without_the_former_key_a_repeat_is_refused_and_ends_nothing(
    refresh_tokens_at: StoreInTransactions,
) -> None:
    before = Client(refresh_tokens_at, RefreshPolicy([FORMER_KEY]))
    after = Client(refresh_tokens_at, RefreshPolicy([KEY]))
    issued = await before.login()
    await before.refresh(issued.token)

    with pytest.raises(InvalidRefreshTokenError):
        await after.refresh(issued.token)
    assert await after.is_live(issued)


async def test_postgres_never_sees_a_token(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        tokens = RefreshTokens(PostgresRefreshTokenStore(connection), POLICY)
        issued = await tokens.issue("ann")
        successor = (await tokens.rotate(issued.token)).unwrap()
        rows = (await connection.execute(text("SELECT * FROM refresh_tokens"))).all()

    stored = repr(rows)
    assert hashlib.sha256(successor.token.encode()).hexdigest() in stored
    assert issued.token not in stored
    assert successor.token not in stored


async def test_who_lacks_the_key_cannot_derive_the_successor(refresh_tokens_at: StoreInTransactions) -> None:
    issued = await Client(refresh_tokens_at).login()
    other = Client(refresh_tokens_at, RefreshPolicy([FORMER_KEY]))

    derived = hmac.digest(KEY, b"refresh\0" + issued.token.encode(), "sha256")
    expected = base64.urlsafe_b64encode(derived).decode().rstrip("=")
    assert (await other.refresh(issued.token)).token != expected


@pytest.mark.parametrize(
    ("keys", "lifetime", "grace"), [([], 10, 1), ([b"short"], 10, 1), ([KEY], 10, 10), ([KEY], 10, -1)]
)
def test_a_policy_that_cannot_be_is_refused(keys: list[bytes], lifetime: float, grace: float) -> None:
    with pytest.raises(SettingError):
        RefreshPolicy(keys, lifetime, grace)
    assert "k" * 5 not in repr(POLICY)
