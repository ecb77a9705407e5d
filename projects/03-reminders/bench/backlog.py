"""What a claim costs while more and more reminders wait that are not due."""

import asyncio
import statistics
import time
from dataclasses import dataclass

import psycopg
from contestants import CONCURRENCY, Ours
from sqlalchemy import text

from reminders.app import SESSION_SETTINGS
from reminders.errors import DatabaseUnavailableError
from reminders.leases import Leases, statement
from service_kit.database import Database

DAY_SECONDS = 86_400
WARM_UP = 5
LEASE_SECONDS = 3600.0  # none comes back while this lasts
MAX_ATTEMPTS = 8


@dataclass(frozen=True)
class Cost:
    claim_seconds: list[float]
    plan: list[str]


def backlog(ours: Ours, database_url: str, sizes: list[int], repeats: int) -> dict[int, Cost]:
    """Grow the backlog from size to size; at each claim a hundred that are due, again and again."""
    ours.empty()
    costs = {}
    waiting = 0
    for size in sizes:
        ours.insert(size - waiting, time.time() + DAY_SECONDS, 30 * DAY_SECONDS)
        waiting = size
        with psycopg.connect(database_url, autocommit=True) as connection:
            connection.execute(
                "VACUUM ANALYZE reminders, attempts"
            )  # else autovacuum would, at some moment of these
            connection.execute("CHECKPOINT")
        costs[size] = asyncio.run(measure(ours, database_url, repeats))
    return costs


async def measure(ours: Ours, database_url: str, repeats: int) -> Cost:
    """Claim as a worker does: the same statement, on a connection with the same settings."""
    database = Database(
        database_url, "bench", DatabaseUnavailableError, pool_size=1, session_settings=SESSION_SETTINGS
    )
    leases = Leases(database, "bench", LEASE_SECONDS, MAX_ATTEMPTS)
    seconds = []
    for number in range(WARM_UP + repeats):
        ours.insert(CONCURRENCY, time.time(), 0)
        began = time.perf_counter()
        claimed = await leases.claim(CONCURRENCY)
        if number >= WARM_UP:
            seconds.append(time.perf_counter() - began)
        assert len(claimed.claims) == CONCURRENCY
    ours.insert(CONCURRENCY, time.time(), 0)
    plan = await explain(database)
    await database.close()
    return Cost(seconds, plan)


async def explain(database: Database) -> list[str]:
    """Return what PostgreSQL did for the claim; it is rolled back."""
    explain_claim = text(
        f"EXPLAIN (ANALYZE, BUFFERS, COSTS OFF, TIMING OFF, SUMMARY OFF) {statement('claim').text}"
    )
    parameters = {
        "batch": CONCURRENCY,
        "lease_seconds": LEASE_SECONDS,
        "max_attempts": MAX_ATTEMPTS,
        "worker": "bench",
    }
    async with database.transaction() as connection:
        lines = (await connection.execute(explain_claim, parameters)).scalars().all()
    return [str(line) for line in lines]


def median_ms(cost: Cost) -> float:
    return statistics.median(cost.claim_seconds) * 1000
