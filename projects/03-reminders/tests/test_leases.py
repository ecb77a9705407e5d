from collections.abc import AsyncIterator, Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Protocol
from uuid import UUID

import psycopg
import pytest
from sqlalchemy import text

from reminders.domain import Claim, Completion, Lease, Outcome, Result, State
from reminders.leases import Leases, statement
from reminders.worker import KEYS_KEPT
from service_kit.database import Database

LEASE_SECONDS = 100.0
MAX_ATTEMPTS = 3
DELIVERED = Result(Outcome.DELIVERED, 204)

type Connection = psycopg.Connection[tuple[object, ...]]
type LetPass = Callable[[float], None]


class Insert(Protocol):
    def __call__(self, due_in_seconds: float = -1.0) -> UUID: ...


pytestmark = pytest.mark.anyio


@pytest.fixture
def leases(database: Database) -> Leases:
    return Leases(database, "one", LEASE_SECONDS, MAX_ATTEMPTS)


def row(connection: Connection, reminder_id: UUID) -> tuple[object, ...]:
    found = connection.execute(
        "SELECT state, lease_token, occurrence, attempt_count, due_at IS NULL FROM reminders WHERE id = %s",
        (reminder_id,),
    ).fetchone()
    assert found is not None
    return found


def attempts(connection: Connection, reminder_id: UUID) -> Sequence[tuple[object, ...]]:
    return connection.execute(
        "SELECT occurrence, number, outcome, status_code, finished_at IS NULL FROM attempts"
        " WHERE reminder_id = %s ORDER BY occurrence, number",
        (reminder_id,),
    ).fetchall()


async def claim_one(leases: Leases) -> Claim:
    (claim,) = (await leases.claim(10)).claims
    return claim


def delivered(claim: Claim) -> Completion:
    return Completion(claim, DELIVERED, State.DELIVERED)


def failed(claim: Claim, delay_seconds: float) -> Completion:
    return Completion(
        claim, Result(Outcome.FAILED, 500, "no"), State.SCHEDULED, retry_delay_seconds=delay_seconds
    )


async def test_only_what_is_due_is_claimed_oldest_first_and_no_more_than_asked_for(
    leases: Leases, insert: Insert
) -> None:
    insert(5.0)
    newer, oldest, newest = insert(-2.0), insert(-3.0), insert(-1.0)
    assert {claim.reminder.id for claim in (await leases.claim(2)).claims} == {oldest, newer}
    assert [claim.reminder.id for claim in (await leases.claim(2)).claims] == [newest]
    assert (await leases.claim(2)).claims == []


async def test_a_claim_is_written_down_before_its_attempt_is_made(
    leases: Leases, insert: Insert, connection: Connection
) -> None:
    reminder_id = insert()
    claim = await claim_one(leases)
    assert (claim.token, claim.reminder.occurrence, claim.reminder.attempt_count) == (1, 1, 1)
    assert claim.idempotency_key == f"{reminder_id}:1"
    assert row(connection, reminder_id) == ("delivering", 1, 1, 1, False)
    assert attempts(connection, reminder_id) == [(1, 1, None, None, True)]


async def test_a_completion_is_final(leases: Leases, insert: Insert, connection: Connection) -> None:
    reminder_id = insert()
    claim = await claim_one(leases)
    assert await leases.complete([delivered(claim)]) == {(reminder_id, 1): None}
    assert row(connection, reminder_id) == ("delivered", 1, 1, 1, True)
    assert attempts(connection, reminder_id) == [(1, 1, "delivered", 204, False)]
    assert await leases.complete([delivered(claim)]) == {}


async def test_a_retry_is_due_after_its_delay_by_the_clock_of_the_database(
    leases: Leases, insert: Insert, let_pass: LetPass
) -> None:
    reminder_id = insert()
    claim = await claim_one(leases)
    before = datetime.now(UTC)
    due_at = (await leases.complete([failed(claim, 60.0)]))[Lease(reminder_id, 1)]
    assert due_at is not None
    assert before + timedelta(seconds=59) < due_at < before + timedelta(seconds=90)
    let_pass(50)
    assert (await leases.claim(1)).claims == []
    let_pass(50)
    again = await claim_one(leases)
    assert (again.token, again.reminder.occurrence, again.reminder.attempt_count) == (2, 1, 2)
    assert again.idempotency_key == claim.idempotency_key


async def test_many_completions_are_written_at_once_each_to_its_own(
    leases: Leases, insert: Insert, connection: Connection
) -> None:
    ids = [insert(-10.0 + index) for index in range(4)]
    by_id = {claim.reminder.id: claim for claim in (await leases.claim(10)).claims}
    following = datetime(2030, 1, 1, tzinfo=UTC)
    accepted = await leases.complete(
        [
            delivered(by_id[ids[0]]),
            failed(by_id[ids[1]], 60.0),
            Completion(by_id[ids[2]], Result(Outcome.GONE, 410, "gone"), State.DEAD),
            Completion(by_id[ids[3]], DELIVERED, State.SCHEDULED, next_remind_at=following),
        ]
    )
    assert {key[0] for key in accepted} == set(ids)
    assert accepted[Lease(ids[3], 1)] == following
    assert [row(connection, reminder_id) for reminder_id in ids] == [
        ("delivered", 1, 1, 1, True),
        ("scheduled", 1, 1, 1, False),
        ("dead", 1, 1, 1, True),
        ("scheduled", 1, 2, 0, False),
    ]
    assert [attempts(connection, reminder_id)[0][2] for reminder_id in ids] == [
        "delivered",
        "failed",
        "gone",
        "delivered",
    ]


async def test_a_lease_that_ended_is_claimed_by_another_and_its_attempt_has_counted(
    leases: Leases, database: Database, insert: Insert, let_pass: LetPass, connection: Connection
) -> None:
    reminder_id = insert()
    await claim_one(leases)
    let_pass(LEASE_SECONDS - 10)
    other = Leases(database, "two", LEASE_SECONDS, MAX_ATTEMPTS)
    assert (await other.claim(1)).claims == []
    let_pass(20)
    assert (await claim_one(other)).reminder.attempt_count == 2
    assert attempts(connection, reminder_id) == [(1, 1, "lost", None, False), (1, 2, None, None, True)]


async def test_a_stale_worker_can_neither_complete_nor_renew_nor_release(
    leases: Leases, insert: Insert, let_pass: LetPass, connection: Connection
) -> None:
    reminder_id = insert()
    stale = await claim_one(leases)
    let_pass(LEASE_SECONDS + 1)
    fresh = await claim_one(leases)
    assert await leases.complete([delivered(stale)]) == {}
    assert await leases.renew([stale.lease]) == set()
    assert await leases.release([stale.lease]) == set()
    assert not await leases.roll_forward(stale.lease, datetime.now(UTC))
    assert row(connection, reminder_id) == ("delivering", 2, 1, 2, False)
    assert await leases.complete([delivered(fresh)]) == {(reminder_id, 2): None}


async def test_a_worker_that_is_late_but_alone_may_still_complete(
    leases: Leases, insert: Insert, let_pass: LetPass
) -> None:
    reminder_id = insert()
    claim = await claim_one(leases)
    let_pass(LEASE_SECONDS + 1)
    assert await leases.complete([delivered(claim)]) == {(reminder_id, 1): None}


async def test_a_renewal_puts_off_the_end_of_the_lease(
    leases: Leases, insert: Insert, let_pass: LetPass
) -> None:
    reminder_id = insert()
    claim = await claim_one(leases)
    for _ in range(3):
        let_pass(LEASE_SECONDS - 10)
        assert await leases.renew([claim.lease]) == {(reminder_id, 1)}
    assert (await leases.claim(1)).claims == []


async def test_a_reminder_that_kills_its_workers_ends_in_dead(
    leases: Leases, insert: Insert, let_pass: LetPass, connection: Connection
) -> None:
    reminder_id = insert()
    for attempt in range(1, MAX_ATTEMPTS + 1):
        assert (await claim_one(leases)).reminder.attempt_count == attempt
        let_pass(LEASE_SECONDS + 1)
    claimed = await leases.claim(10)
    assert (claimed.claims, claimed.dead) == ([], [reminder_id])
    assert row(connection, reminder_id) == ("dead", 4, 1, MAX_ATTEMPTS, True)
    assert [attempt[2] for attempt in attempts(connection, reminder_id)] == ["lost"] * MAX_ATTEMPTS


async def test_what_is_given_back_is_due_at_once_and_uses_up_no_attempt(
    leases: Leases, insert: Insert, connection: Connection
) -> None:
    reminder_id = insert()
    claim = await claim_one(leases)
    assert await leases.release([claim.lease]) == {reminder_id}
    assert attempts(connection, reminder_id) == []
    assert await leases.complete([delivered(claim)]) == {}
    again = await claim_one(leases)
    assert (again.token, again.reminder.attempt_count) == (3, 1)


async def test_a_claim_passes_by_what_another_transaction_has_locked(
    leases: Leases, insert: Insert, connection: Connection
) -> None:
    locked, free = insert(-2.0), insert(-1.0)
    with connection.transaction():
        connection.execute("SELECT 1 FROM reminders WHERE id = %s FOR UPDATE", (locked,))
        assert [claim.reminder.id for claim in (await leases.claim(2)).claims] == [free]
    assert [claim.reminder.id for claim in (await leases.claim(2)).claims] == [locked]


async def test_due_soon_tells_the_time_and_what_is_due_next(leases: Leases, insert: Insert) -> None:
    assert (await leases.due_soon(timedelta(seconds=60), 2)).due == []
    insert(-1.0)
    insert(90.0)
    later, sooner = insert(40.0), insert(30.0)
    insert(50.0)
    soon = await leases.due_soon(timedelta(seconds=60), 2)
    assert [due.id for due in soon.due] == [sooner, later]
    assert abs(soon.now - datetime.now(UTC)) < timedelta(seconds=5)


async def test_roll_forward_moves_a_claimed_reminder_to_a_later_occurrence(
    leases: Leases, insert: Insert, connection: Connection
) -> None:
    reminder_id = insert()
    claim = await claim_one(leases)
    moment = datetime(2026, 11, 20, 9, tzinfo=UTC)
    assert await leases.roll_forward(claim.lease, moment)
    found = connection.execute("SELECT remind_at FROM reminders WHERE id = %s", (reminder_id,)).fetchone()
    assert found == (moment,)


async def test_idempotency_keys_are_forgotten_when_their_time_is_over(
    leases: Leases, connection: Connection
) -> None:
    connection.execute(
        "INSERT INTO idempotency_keys (key, fingerprint, answer, created_at)"
        " SELECT name, '', '{}', now() - age FROM (VALUES ('old', interval '25 h'), ('new', interval '23 h'))"
        " AS used (name, age)"
    )
    await leases.purge_idempotency_keys(KEYS_KEPT)
    assert connection.execute("SELECT key FROM idempotency_keys").fetchall() == [("new",)]


@pytest.fixture
async def backlog(connection: Connection) -> AsyncIterator[int]:
    """Fifty thousand reminders that wait, and ten that are due."""
    connection.execute(
        "INSERT INTO reminders (id, message, channel, remind_at, state, due_at, created_at, updated_at)"
        " SELECT uuidv7(), 'x', 'log', at, 'scheduled', at, now(), now()"
        " FROM (SELECT now() + (n - 10) * interval '10 seconds' AS at"
        " FROM generate_series(1, 50000) AS n) AS moments"
    )
    connection.execute("ANALYZE reminders")
    yield 50_000
    connection.execute("TRUNCATE reminders, attempts")
    connection.execute("ANALYZE reminders")


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("claim", {"batch": 100, "lease_seconds": 30.0, "max_attempts": 8, "worker": "w"}),
        ("due_soon", {"horizon_seconds": 60.0, "batch": 100}),
    ],
)
async def test_what_workers_ask_all_the_time_reads_the_beginning_of_an_index(
    database: Database, backlog: int, name: str, parameters: dict[str, object]
) -> None:
    explained = text(f"EXPLAIN (ANALYZE, BUFFERS) {statement(name).text}")
    async with database.transaction() as asked:
        plan = "\n".join((await asked.execute(explained, parameters)).scalars())
    assert "Index Scan using reminders_due" in plan
    assert "Seq Scan on reminders" not in plan, plan
    assert backlog == 50_000
