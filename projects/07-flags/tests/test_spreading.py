"""Two nodes with a real PostgreSQL and a real Redis: a change made at one is served by the other."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
import redis

from flags.__main__ import MIGRATIONS
from flags.documents import FlagFields
from flags.errors import PreconditionFailedError, StoreUnavailableError
from flags.explaining import Explaining
from flags.kill_switch import KillSwitch
from flags.management import Management
from flags.node import Node
from flags.repository import Reader, unit_of_work
from flags.shared import Shared
from flags.snapshots import SnapshotFile
from flags.spreading import Spreading
from service_kit.database import Database
from service_kit.migrations import migrate

pytestmark = pytest.mark.anyio

PATIENCE_SECONDS = 5.0
NOWHERE = "postgresql://a:b@127.0.0.1:9/c"
TEA = FlagFields.model_validate(
    {
        "key": "tea",
        "type": "boolean",
        "variants": {"on": True, "off": False},
        "off_variant": "off",
        "default": {"variant": "on"},
    }
)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def migrated_url(postgres_url: str) -> str:
    migrate(postgres_url, MIGRATIONS)
    return postgres_url


@dataclass
class Running:
    """What one process has, without its routes."""

    node: Node
    management: Management
    kill_switch: KillSwitch
    explaining: Explaining

    def serves(self, variant: str) -> bool:
        ruleset = self.node.ruleset
        flag = ruleset.by_key.get("tea") if ruleset is not None else None
        return flag is not None and flag.decide({}, 0.0, {}).variant == variant


@asynccontextmanager
async def running(database_url: str, redis_url: str, folder: Path) -> AsyncIterator[Running]:
    database, node, shared = Database(database_url, "flags", StoreUnavailableError), Node(), Shared(redis_url)
    begin, reader = partial(unit_of_work, database), Reader(database)
    spreading = Spreading(node, reader, shared, SnapshotFile(folder))
    kill_switch = KillSwitch(begin, node, shared, spreading, uuid4)

    async def chore(_: bool) -> None:
        await kill_switch.reconcile_all()

    await spreading.start(chore)
    try:
        yield Running(node, Management(begin, reader, spreading, uuid4), kill_switch, Explaining(reader))
    finally:
        await spreading.stop()
        await shared.close()
        await database.close()


async def soon(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not holds():  # noqa: ASYNC110 - what changes knows no event
            await asyncio.sleep(0.01)


async def test_a_change_is_served_by_each(migrated_url: str, redis_url: str, tmp_path: Path) -> None:
    async with running(migrated_url, redis_url, tmp_path / "1") as one:
        made = await one.management.create_flag("ann", TEA)
        assert one.serves("on")
        async with running(migrated_url, redis_url, tmp_path / "2") as other:
            await soon(lambda: other.serves("on"))
            await one.management.change_flag("bob", "tea", {"enabled": False}, frozenset({made.version}))
            await soon(lambda: other.serves("off"))
            with pytest.raises(PreconditionFailedError):
                await other.management.change_flag("eve", "tea", {"enabled": True}, frozenset({made.version}))
        explained = await one.explaining.explain("tea", {}, None, made.version)
        assert (explained.outcome.variant, explained.changed_by and explained.changed_by.actor) == (
            "on",
            "ann",
        )


async def test_a_process_without_postgresql_has_the_snapshot_of_redis(
    migrated_url: str, redis_url: str, tmp_path: Path
) -> None:
    async with running(migrated_url, redis_url, tmp_path / "1") as one:
        await one.management.create_flag("ann", TEA)
        async with running(NOWHERE, redis_url, tmp_path / "2") as other:
            await soon(lambda: other.serves("on"))
            assert await other.kill_switch.kill("bob", "tea") is None
            assert other.serves("off")
            await soon(lambda: one.serves("off"))
            audit = await one.management.audit(5, None, None)
            async with asyncio.timeout(PATIENCE_SECONDS):
                while audit[0].action != "kill":
                    await asyncio.sleep(0.02)
                    audit = await one.management.audit(5, None, None)
            assert [entry.action for entry in audit] == ["kill", "create"]
            await one.kill_switch.lift("ann", "tea", frozenset({audit[0].version}))
            await soon(lambda: one.serves("on"))
            await soon(lambda: other.serves("on"))


async def test_an_empty_redis_is_filled_again(migrated_url: str, redis_url: str, tmp_path: Path) -> None:
    async with running(migrated_url, redis_url, tmp_path) as one:
        await one.management.create_flag("ann", TEA)
        with redis.Redis.from_url(redis_url) as connection:
            connection.flushall()
            await soon(lambda: connection.hget("flags:snapshot", "version") == b"1")


async def test_a_start_without_stores_serves_the_last_ruleset(
    migrated_url: str, redis_url: str, tmp_path: Path
) -> None:
    async with running(migrated_url, redis_url, tmp_path) as one:
        await one.management.create_flag("ann", TEA)
        await soon(lambda: version_on_disk(tmp_path) == one.node.state[1])
    async with running(NOWHERE, "redis://127.0.0.1:9/0", tmp_path) as cold:
        assert cold.serves("on")
        assert cold.node.stale_seconds >= 2.0


def version_on_disk(folder: Path) -> int | None:
    kept = SnapshotFile(folder).load()
    return kept[0].version if kept else None


async def test_a_new_epoch_replaces_what_was_known(migrated_url: str, redis_url: str, tmp_path: Path) -> None:
    async with running(migrated_url, redis_url, tmp_path) as one:
        await one.management.create_flag("ann", TEA)
        epoch = one.node.state[0]
        with psycopg.connect(migrated_url) as connection:
            connection.execute("UPDATE ruleset SET epoch = 'ffffffff', version = 0")
            connection.execute("DELETE FROM documents")
        await soon(lambda: one.node.state[0] == "ffffffff")
        assert epoch != "ffffffff"
        assert one.node.ruleset is not None
        assert one.node.ruleset.flags == []
