"""Claim, renew, complete, release, cancel and the passing of time, in any order, against a small model."""

import asyncio
from collections import Counter
from dataclasses import dataclass
from functools import partial
from typing import Protocol
from uuid import UUID

import psycopg
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)

from reminders.admission import Admission
from reminders.app import new_id
from reminders.domain import Claim, Completion, Outcome, Result, State
from reminders.due_index import DueIndex
from reminders.errors import DatabaseUnavailableError, DeliveryInProgressError, ReminderFinishedError
from reminders.leases import Leases
from reminders.repository import unit_of_work
from reminders.service import ReminderService
from service_kit.database import Database
from service_kit.egress import EgressGuard

type Connection = psycopg.Connection[tuple[object, ...]]

# Time passes in the model only, in strides so long that the seconds which the test takes do not matter.
STRIDE_SECONDS = 1000
LEASE_SECONDS = 1.5 * STRIDE_SECONDS
MAX_ATTEMPTS = 3


class Insert(Protocol):
    def __call__(self, due_in_seconds: float = -1.0) -> UUID: ...


@dataclass
class Expected:
    """What the model knows of a reminder. `due_at` is in seconds of the model's time."""

    due_at: float | None
    state: State = State.SCHEDULED
    token: int = 0
    attempts: int = 0


class LeaseMachine(RuleBasedStateMachine):
    claims = Bundle("claims")
    reminders = Bundle("reminders")

    def __init__(self, url: str, connection: Connection, insert: Insert) -> None:
        super().__init__()
        self.connection = connection
        self.insert = insert
        self.runner = asyncio.Runner()
        self.database = Database(url, "model", DatabaseUnavailableError)
        self.leases = Leases(self.database, "model", LEASE_SECONDS, MAX_ATTEMPTS)
        self.service = ReminderService(
            partial(unit_of_work, self.database),
            DueIndex("redis://127.0.0.1:1/0"),
            Admission(EgressGuard(allow_private=True), message_limit=100),
            new_id,
        )
        self.now = 0.0
        self.expected: dict[UUID, Expected] = {}

    @initialize(target=reminders, strides=st.lists(st.integers(-2, 1), min_size=1, max_size=3))
    def begin(self, strides: list[int]) -> object:
        self.connection.execute("TRUNCATE reminders, attempts")
        return multiple(*(self.create_one(number) for number in strides))

    @rule(target=reminders, strides=st.integers(-2, 2))
    def create(self, strides: int) -> UUID:
        return self.create_one(strides)

    def create_one(self, strides: int) -> UUID:
        # Half a stride off every moment that the model can stop at, and no two at the same time.
        due_in = (strides + 0.5) * STRIDE_SECONDS + len(self.expected)
        reminder_id = self.insert(due_in)
        self.expected[reminder_id] = Expected(self.now + due_in)
        return reminder_id

    def let_time_pass(self, strides: int) -> None:
        self.now += strides * STRIDE_SECONDS
        self.connection.execute(
            "UPDATE reminders SET due_at = due_at - %s * interval '1 second'", (strides * STRIDE_SECONDS,)
        )

    @rule(target=claims, strides=st.integers(0, 3), batch=st.integers(1, 4))
    def claim(self, strides: int, batch: int) -> object:
        """Claim after some time; two strides are longer than a lease."""
        self.let_time_pass(strides)
        due = [
            known for known in self.expected.values() if known.due_at is not None and known.due_at < self.now
        ]
        moments = sorted(known.due_at for known in due if known.due_at is not None)
        claimed = self.runner.run(self.leases.claim(batch))
        taken = {claim.reminder.id for claim in claimed.claims} | set(claimed.dead)
        assert len(taken) == min(batch, len(moments))
        assert sorted(self.expected[one].due_at or 0.0 for one in taken) == moments[:batch]
        for reminder_id in claimed.dead:
            known = self.expected[reminder_id]
            assert (known.state, known.attempts) == (State.DELIVERING, MAX_ATTEMPTS)
            known.state, known.due_at = State.DEAD, None
            known.token += 1
        for claim in claimed.claims:
            known = self.expected[claim.reminder.id]
            assert known.attempts < MAX_ATTEMPTS
            known.state, known.due_at = State.DELIVERING, self.now + LEASE_SECONDS
            known.token += 1
            known.attempts += 1
            assert (claim.token, claim.reminder.attempt_count) == (known.token, known.attempts)
        return multiple(*claimed.claims)

    @rule(claim=claims)
    def renew(self, claim: Claim) -> None:
        renewed = self.runner.run(self.leases.renew([claim.lease]))
        assert bool(renewed) == self.is_held(claim)
        if renewed:
            self.expected[claim.reminder.id].due_at = self.now + LEASE_SECONDS

    @rule(claim=claims, fails=st.booleans(), strides=st.integers(0, 2))
    def complete(self, claim: Claim, *, fails: bool, strides: int) -> None:
        if fails and claim.reminder.attempt_count < MAX_ATTEMPTS:
            delay = (strides + 0.5) * STRIDE_SECONDS
            completion = Completion(claim, Result(Outcome.FAILED), State.SCHEDULED, retry_delay_seconds=delay)
            due_at: float | None = self.now + delay
        else:
            due_at = None
            state = State.DEAD if fails else State.DELIVERED
            completion = Completion(claim, Result(Outcome.FAILED if fails else Outcome.DELIVERED), state)
        accepted = self.runner.run(self.leases.complete([completion]))
        assert bool(accepted) == self.is_held(claim)
        if accepted:
            known = self.expected[claim.reminder.id]
            known.state, known.due_at = completion.state, due_at

    @rule(claim=consumes(claims))
    def give_back(self, claim: Claim) -> None:
        released = self.runner.run(self.leases.release([claim.lease]))
        assert bool(released) == self.is_held(claim)
        if released:
            known = self.expected[claim.reminder.id]
            known.state, known.due_at = State.SCHEDULED, self.now - 1
            known.token += 1
            known.attempts -= 1

    @rule(reminder_id=reminders)
    def cancel(self, reminder_id: UUID) -> None:
        known = self.expected[reminder_id]
        try:
            self.runner.run(self.service.cancel(reminder_id, None))
        except DeliveryInProgressError:
            assert known.state is State.DELIVERING
        except ReminderFinishedError:
            assert known.state in {State.DELIVERED, State.DEAD}
        else:
            assert known.state in {State.SCHEDULED, State.CANCELLED}
            known.state, known.due_at = State.CANCELLED, None

    @invariant()
    def database_and_model_agree(self) -> None:
        rows = self.connection.execute(
            "SELECT id, state, lease_token, attempt_count, due_at IS NULL FROM reminders"
        )
        found = {row[0]: row[1:] for row in rows}
        assert found == {
            reminder_id: (str(known.state), known.token, known.attempts, known.due_at is None)
            for reminder_id, known in self.expected.items()
        }

    @invariant()
    def an_attempt_is_open_while_its_reminder_is_being_delivered_and_only_then(self) -> None:
        rows = self.connection.execute("SELECT reminder_id FROM attempts WHERE finished_at IS NULL")
        delivering = [one for one, known in self.expected.items() if known.state is State.DELIVERING]
        assert Counter(row[0] for row in rows) == Counter(delivering)

    def is_held(self, claim: Claim) -> bool:
        known = self.expected[claim.reminder.id]
        return known.state is State.DELIVERING and known.token == claim.token

    def teardown(self) -> None:
        self.runner.run(self.database.close())
        self.runner.close()


def test_leases_do_what_the_model_does(migrated_url: str, connection: Connection, insert: Insert) -> None:
    class Machine(LeaseMachine):
        def __init__(self) -> None:
            super().__init__(migrated_url, connection, insert)

    run_state_machine_as_test(
        Machine,
        settings=settings(
            max_examples=30,
            stateful_step_count=25,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
