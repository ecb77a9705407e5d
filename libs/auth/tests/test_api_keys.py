"""The life of API keys, the same in every store."""

import asyncio
import hashlib
import re
import zlib
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import timedelta
from typing import Protocol

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from auth import (
    ApiKey,
    ApiKeyFormat,
    ApiKeys,
    ApiKeyStore,
    InvalidApiKeyError,
    MemoryApiKeyStore,
    PostgresApiKeyStore,
    SettingError,
)

pytestmark = pytest.mark.anyio

FORMAT = ApiKeyFormat("cap_live")
BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


class StoreInTransactions(Protocol):
    def transaction(self) -> AbstractAsyncContextManager[ApiKeyStore]: ...

    async def let_pass(self, seconds: float) -> None: ...

    async def get_ready_for_a_crowd(self) -> None: ...


class Service:
    """Each step in a transaction of its own."""

    def __init__(self, database: StoreInTransactions) -> None:
        self.database = database
        self.let_pass = database.let_pass

    @asynccontextmanager
    async def keys(self) -> AsyncIterator[ApiKeys]:
        async with self.database.transaction() as store:
            yield ApiKeys(store, FORMAT)

    async def issue(self, subject: str = "acme", lifetime: timedelta | None = None) -> tuple[str, ApiKey]:
        async with self.keys() as keys:
            issued = await keys.issue(subject, "deploy", ["projects", "jobs:read"], lifetime)
        return issued.key, issued.record

    async def authenticate(self, key: str) -> ApiKey:
        async with self.keys() as keys:
            return await keys.authenticate(key)


@pytest.fixture
def service(api_keys_at: StoreInTransactions) -> Service:
    return Service(api_keys_at)


async def test_a_key_authenticates_its_owner_with_its_scopes(service: Service) -> None:
    key, record = await service.issue()
    found = await service.authenticate(key)

    assert (found.id, found.subject, found.name) == (record.id, "acme", "deploy")
    assert found.scopes == {"projects", "jobs:read"}
    assert found.hint == f"cap_live_…{key[-4:]}"
    assert (record.expires_at, record.revoked_at, record.last_used_at) == (None, None, None)


async def test_the_form_of_a_key(service: Service) -> None:
    key, _ = await service.issue()
    body, check = key[:-6], key[-6:]
    crc = sum(BASE62.index(digit) * 62**place for place, digit in enumerate(reversed(check)))

    assert re.fullmatch(r"cap_live_[0-9A-Za-z]{49}", key)
    assert crc == zlib.crc32(body.encode())


class NoStore(MemoryApiKeyStore):
    """A store that must not be asked."""

    async def use(self, digest: str, interval: timedelta) -> ApiKey | None:
        raise AssertionError(digest, interval)


@given(place=st.integers(0, 57), digit=st.sampled_from(BASE62))
def test_one_wrong_character_is_told_without_the_store(place: int, digit: str) -> None:
    key = FORMAT.new()
    wrong = key[:place] + digit + key[place + 1 :]
    if wrong != key:
        with pytest.raises(InvalidApiKeyError):
            asyncio.run(ApiKeys(NoStore(), FORMAT).authenticate(wrong))


@pytest.mark.parametrize(
    "spoilt",
    [
        lambda _: "",
        lambda _: "cap_live_",
        lambda _: "cap_live_" + "0" * 49,
        lambda _: ApiKeyFormat("cap_test").new(),
        lambda key: key + "\n",
        lambda key: key[:-1],
        lambda key: key.replace("cap_live", "cap_test"),
        lambda key: key[:20] + "é" + key[21:],
    ],
    ids=["empty", "prefix", "zeros", "of-test", "newline", "cut", "renamed", "not-ascii"],
)
async def test_what_is_malformed_is_told_without_the_store(spoilt: Callable[[str], str]) -> None:
    key = spoilt(FORMAT.new())
    with pytest.raises(InvalidApiKeyError):
        await ApiKeys(NoStore(), FORMAT).authenticate(key)


async def test_a_key_that_was_never_issued_is_refused(service: Service) -> None:
    with pytest.raises(InvalidApiKeyError):
        await service.authenticate(FORMAT.new())


async def test_a_key_expires(service: Service) -> None:
    key, record = await service.issue(lifetime=timedelta(hours=1))
    assert record.expires_at == record.created_at + timedelta(hours=1)
    await service.let_pass(3_590)
    assert (await service.authenticate(key)).id == record.id
    await service.let_pass(10)
    with pytest.raises(InvalidApiKeyError):
        await service.authenticate(key)


async def test_a_revoked_key_is_refused_at_once_and_others_are_not(service: Service) -> None:
    key, record = await service.issue()
    other, kept = await service.issue()
    async with service.keys() as keys:
        assert not await keys.revoke("another", record.id)
        assert not await keys.revoke("acme", "unknown")
        assert await keys.revoke("acme", record.id)
        assert not await keys.revoke("acme", record.id)

    with pytest.raises(InvalidApiKeyError):
        await service.authenticate(key)
    assert (await service.authenticate(other)).id == kept.id


async def test_all_keys_of_an_owner_are_revoked(service: Service) -> None:
    issued = [await service.issue("acme"), await service.issue("acme"), await service.issue("another")]
    async with service.keys() as keys:
        assert await keys.revoke_all("acme") == 2
        assert await keys.revoke_all("acme") == 0
        assert await keys.list("acme") == []
        assert [one.id for one in await keys.list("another")] == [issued[2][1].id]
    for key, record in issued:
        if record.subject == "acme":
            with pytest.raises(InvalidApiKeyError):
                await service.authenticate(key)
    assert (await service.authenticate(issued[2][0])).subject == "another"


async def test_the_list_is_newest_first_and_shows_no_key(service: Service) -> None:
    first, _ = await service.issue()
    await service.let_pass(1)
    second, _ = await service.issue()
    async with service.keys() as keys:
        listed = await keys.list("acme")

    assert [one.hint[-4:] for one in listed] == [second[-4:], first[-4:]]
    assert first not in repr(listed)


async def test_use_is_noted_at_most_once_a_minute(service: Service) -> None:
    """Told by the age of the note: where time passes by making all older, the note itself moves."""

    async def age_of_note() -> float:
        used = await service.authenticate(key)
        assert used.last_used_at is not None
        return (used.last_used_at - used.created_at).total_seconds()

    key, _ = await service.issue()
    first = await age_of_note()
    await service.let_pass(59)
    assert await age_of_note() == first
    await service.let_pass(1)
    assert await age_of_note() - first >= 60


async def test_of_twenty_uses_at_once_one_is_noted(service: Service) -> None:
    key, _ = await service.issue()
    await service.database.get_ready_for_a_crowd()

    used = await asyncio.gather(*(service.authenticate(key) for _ in range(20)))

    noted = (await service.authenticate(key)).last_used_at
    assert {one.last_used_at for one in used} - {None} == {noted}


async def test_postgres_never_sees_a_key(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        issued = await ApiKeys(PostgresApiKeyStore(connection), FORMAT).issue("acme", "deploy", ["jobs"])
        stored = repr((await connection.execute(text("SELECT * FROM api_keys"))).all())

    assert hashlib.sha256(issued.key.encode()).hexdigest() in stored
    assert issued.key not in stored
    assert issued.key not in repr(issued)


@pytest.mark.parametrize("prefix", ["", "Cap", "cap_", "cap-live", "1cap", "cap__live", "cap.*"])
def test_a_prefix_that_cannot_be_is_refused(prefix: str) -> None:
    with pytest.raises(SettingError):
        ApiKeyFormat(prefix)


async def test_a_key_that_is_dead_at_birth_is_refused(service: Service) -> None:
    with pytest.raises(SettingError):
        await service.issue(lifetime=timedelta(0))
