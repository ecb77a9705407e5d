"""A recurring reminder whose times were missed, in a worker of the test's own."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Protocol
from uuid import UUID

import psycopg
import pytest
from sqlalchemy import RowMapping

from kata.servers.valkey import EmbeddedValkey
from reminders.domain import Channel, Claim, Outcome, Result
from reminders.due_index import DueIndex
from reminders.errors import DatabaseUnavailableError
from reminders.leases import Leases
from reminders.lifecycle import RetryPolicy
from reminders.settings import WorkerSettings
from reminders.worker import Worker
from service_kit.database import Database

DAY_SECONDS = 86_400.0

type Connection = psycopg.Connection[tuple[object, ...]]

pytestmark = pytest.mark.anyio


class Insert(Protocol):
    def __call__(self, due_in_seconds: float = -1.0, *, rrule: str | None = None) -> UUID: ...


class LeasesInAnOutage(Leases):
    """PostgreSQL is away when a reminder is to be moved on, for so many tries."""

    outages = 2

    async def _run(self, name: str, **parameters: object) -> Sequence[RowMapping]:
        if name == "roll_forward" and self.outages:
            self.outages -= 1
            raise DatabaseUnavailableError("away")
        return await super()._run(name, **parameters)


class KeptInMemory:
    """A channel that keeps what it was given."""

    def __init__(self) -> None:
        self.claims: asyncio.Queue[Claim] = asyncio.Queue()

    async def deliver(self, claim: Claim, sent_at: datetime) -> Result:
        assert sent_at >= claim.reminder.remind_at
        self.claims.put_nowait(claim)
        return Result(Outcome.DELIVERED)


async def test_an_outage_while_it_is_moved_on_costs_no_attempt(
    database: Database,
    migrated_url: str,
    redis_server: EmbeddedValkey,
    connection: Connection,
    insert: Insert,
) -> None:
    """The only attempt that it has is made, once PostgreSQL is back, and for the latest of its times."""
    reminder_id = insert(-3 * DAY_SECONDS - 60, rrule="FREQ=DAILY")
    settings = WorkerSettings.model_validate(
        {"database_url": migrated_url, "redis_url": redis_server.url, "max_attempts": 1}
    )
    index = DueIndex(redis_server.url)
    leases = LeasesInAnOutage(database, "one", settings.lease_seconds, settings.max_attempts)
    channel = KeptInMemory()
    policy = RetryPolicy(1, 5.0, 5.0, 5.0, lambda low, _high: low)
    worker = Worker(leases, index, {Channel.LOG: channel}, policy, settings)
    running = asyncio.create_task(worker.run())
    async with asyncio.timeout(10):
        claim = await channel.claims.get()
    worker.stop(asyncio.get_running_loop().time() + 10)
    await running
    await index.close()
    assert leases.outages == 0
    assert claim.reminder.id == reminder_id
    # A day, and an hour or so where the clocks change.
    assert datetime.now(UTC) - claim.reminder.remind_at < timedelta(hours=26)
    assert connection.execute("SELECT number, outcome FROM attempts").fetchall() == [(1, "delivered")]
