"""The statements by themselves: who holds a run may speak of it, and nobody else."""

import json
from uuid import UUID

import pytest

from levels.app import new_id
from levels.domain import Claim, Kind, News, Run, RunKind, Stage, State, Trust
from levels.leases import MOST_CLAIMS, LeaseLostError, Leases
from levels.report import report_of
from levels.repository import Repository
from levels.verdicts import Outcome
from service_kit.database import Database

pytestmark = pytest.mark.anyio

LONG, OVER = 60.0, -1.0
STALE_AFTER_DAYS = 90.0
NEWS = News(Kind.OUTPUT, {"level_id": "tea.1", "text": "hello\n"})


async def queued(database: Database, target: str = "/tea") -> Run:
    repository = Repository(database, STALE_AFTER_DAYS)
    learner = await repository.local_learner()
    run = await repository.enqueue(
        run_id=new_id(),
        kind=RunKind.LEVEL,
        learner_id=learner.id,
        level_id="tea.1",
        track_id="tea",
        target=target,
        seed="5eed",
        stages=[Stage("tea.1", "tea", 1)],
    )
    assert run is not None
    return run


async def claimed(database: Database, lease_seconds: float = LONG) -> tuple[Leases, Claim]:
    leases = Leases(database, "tester", lease_seconds)
    claim = await leases.claim()
    assert claim is not None
    return leases, claim


async def state_of(database: Database, run_id: UUID) -> State:
    repository = Repository(database, STALE_AFTER_DAYS)
    run = await repository.run(RunKind.LEVEL, (await repository.local_learner()).id, run_id)
    assert run is not None
    return run.state


async def test_who_is_claimed_is_not_claimed_again_before_the_lease_is_over(database: Database) -> None:
    run = await queued(database)
    leases, claim = await claimed(database)
    assert (claim.run.id, claim.run.state) == (run.id, State.RUNNING)
    assert await leases.claim() is None


async def test_the_one_that_has_waited_longest_is_claimed_first(database: Database) -> None:
    first, second = await queued(database, "/one"), await queued(database, "/two")
    assert [(await claimed(database))[1].run.id for _ in range(2)] == [first.id, second.id]


async def test_whose_lease_was_lost_changes_nothing(database: Database) -> None:
    run = await queued(database)
    late, lost = await claimed(database, OVER)
    heir, held = await claimed(database)
    assert held.token > lost.token
    for speak in (late.renew(lost.lease), late.tell(lost.lease, lost.run.event_count + 1, NEWS)):
        with pytest.raises(LeaseLostError):
            await speak
    assert not await late.finish(lost.lease, Outcome(State.PASSED), Trust.LOCAL)
    await late.release(lost.lease)
    assert await state_of(database, run.id) is State.RUNNING
    repository = Repository(database, STALE_AFTER_DAYS)
    learner = await repository.local_learner()
    assert await repository.completed(learner.id) == {}
    assert await heir.finish(held.lease, Outcome(State.PASSED), Trust.LOCAL)
    assert set(await repository.completed(learner.id)) == {"tea.1"}


async def test_what_was_said_before_a_second_claim_is_not_in_the_report(database: Database) -> None:
    run = await queued(database)
    leases, lost = await claimed(database, OVER)
    await leases.tell(lost.lease, lost.run.event_count + 1, NEWS)
    _, held = await claimed(database)
    events = await Repository(database, STALE_AFTER_DAYS).events(run.id, 0, 100)
    assert [event.number for event in events] == [1, 2, 3, 4]
    assert report_of(held.run, events[:3]).output.text == "hello\n"
    assert report_of(held.run, events).output.text == ""


async def test_what_is_told_again_because_nobody_answered_is_kept_once(database: Database) -> None:
    run = await queued(database)
    leases, claim = await claimed(database)
    number = claim.run.event_count + 1
    for _ in range(2):
        await leases.tell(claim.lease, number, NEWS)
    await leases.tell(claim.lease, number + 1, NEWS)
    events = await Repository(database, STALE_AFTER_DAYS).events(run.id, 0, 100)
    assert [event.number for event in events] == [1, 2, 3, 4]
    with pytest.raises(LeaseLostError):
        await leases.tell(claim.lease, number + 3, NEWS)


async def test_a_run_that_takes_its_workers_with_it_ends(database: Database) -> None:
    run = await queued(database)
    for _ in range(MOST_CLAIMS):
        leases, claim = await claimed(database, OVER)
    ended = await leases.claim()
    assert ended is not None
    assert (ended.run.id, ended.run.state) == (claim.run.id, State.ERRORED)
    assert await state_of(database, run.id) is State.ERRORED
    assert await leases.claim() is None


async def test_one_that_is_given_back_is_due_at_once_and_has_lost_nothing(database: Database) -> None:
    await queued(database)
    leases, claim = await claimed(database)
    await leases.release(claim.lease)
    _, again = await claimed(database)
    assert (again.run.id, again.run.attempt_count) == (claim.run.id, 1)


async def test_one_that_is_cancelled_while_it_runs_is_told_so_and_ends_if_nobody_hears(
    database: Database,
) -> None:
    run = await queued(database)
    leases, claim = await claimed(database, OVER)
    repository = Repository(database, STALE_AFTER_DAYS)
    cancelled = await repository.cancel(RunKind.LEVEL, run.learner_id, run.id)
    assert cancelled is not None
    assert cancelled.state is State.RUNNING
    assert await leases.renew(claim.lease) is True
    ended = await leases.claim()
    assert ended is not None
    assert ended.run.state is State.CANCELLED
    last = (await repository.events(run.id, 0, 100))[-1]
    assert (last.kind, json.dumps(last.data["state"])) == (Kind.END, '"cancelled"')
