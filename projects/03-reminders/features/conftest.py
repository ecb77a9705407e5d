"""Steps that the features of the reminder service share."""

from collections.abc import Iterator

import pytest
from pytest_bdd import given, then, when

from kata.steps import FaultProxy, World, expect, wait_until_ready

from .agenda import (
    PRINTED_MESSAGE_LIMIT,
    REMINDERS,
    Agenda,
    Reminder,
    draw_times,
    pointers_of,
)
from .receiver import Receiver
from .refusals import Refusal

# Far below the time-outs that anybody sets, far above what a race needs to show.
DELAY_SECONDS = 0.01


@pytest.fixture
def service_settings(world: World) -> dict[str, str]:
    """The settings of the service without a worker, so that one process serves all who need no more."""
    limit = world.setting("MESSAGE_LIMIT", 40, 400, away_from=[PRINTED_MESSAGE_LIMIT])
    return {"MESSAGE_LIMIT": str(limit)}


@pytest.fixture
def kept(world: World, service_settings: dict[str, str]) -> Agenda:
    """A service without a worker."""
    return Agenda(world.start(service_settings), world.draw)


@pytest.fixture
def crew(world: World) -> Iterator[Agenda]:
    """A service with two workers."""
    world.callback_server()  # first, because without being called nothing can be said of workers
    times = draw_times(world)
    service = world.start(times.environment(), workers=2)
    agenda = Agenda(service, world.draw, times)
    yield agenda
    for worker in service.workers:
        worker.resume()
    for instance in agenda.ended:  # and no others: what has died by itself is for the world to see
        if not instance.alive:
            instance.restart()
    if service.web in agenda.ended:
        wait_until_ready(service.web)


@given("a reminder service", target_fixture="agenda")
def a_reminder_service(kept: Agenda) -> Agenda:
    return kept


@given("a reminder service with two workers", target_fixture="agenda")
def a_reminder_service_with_two_workers(crew: Agenda, world: World) -> Agenda:
    Receiver(world.callback_server(), crew, world.draw).everybody_works()
    return crew


@pytest.fixture
def receiver(world: World, agenda: Agenda) -> Receiver:
    return Receiver(world.callback_server(), agenda, world.draw)


@pytest.fixture
def postgres(agenda: Agenda) -> Iterator[FaultProxy]:
    """The way to PostgreSQL, open again when the check is over."""
    proxy = agenda.service.postgres.proxy
    yield proxy
    proxy.pass_through()


@given("PostgreSQL answers with a delay")
def postgresql_answers_with_a_delay(postgres: FaultProxy) -> None:
    postgres.delay(DELAY_SECONDS)


@given("all workers are down")
def all_workers_are_down(agenda: Agenda) -> None:
    for worker in agenda.service.workers:
        agenda.kill(worker)


@given("a reminder for later", target_fixture="reminder")
def a_reminder_for_later(agenda: Agenda) -> Reminder:
    return agenda.later()


@then("each is refused with a pointer to its mistake")
def each_is_refused_with_a_pointer_to_its_mistake(refusals: list[Refusal]) -> None:
    for refusal in refusals:
        got = pointers_of(refusal.answer, f"{refusal.rule}: {refusal.body}")
        expect(
            refusal.pointer in got,
            expected=f"a pointer to {refusal.pointer} for {refusal.body}",
            got=refusal.answer.text[:300],
            rule=refusal.rule,
        )


@when("a reminder is due", target_fixture="reminder")
def a_reminder_is_due(receiver: Receiver) -> Reminder:
    return receiver.remind(0.3)


@then("each of them was delivered once")
@then("each of them fires once")
def each_of_them_fires_once(receiver: Receiver, reminders: list[Reminder]) -> None:
    receiver.delivered_once(reminders)


@pytest.fixture
def bad_settings() -> list[tuple[str, str]]:
    return [
        ("MAX_ATTEMPTS", "0"),
        ("BACKOFF_BASE_SECONDS", "-1"),
        ("LEASE_SECONDS", "soon"),
        ("ALLOW_PRIVATE_CALLBACKS", "maybe"),
        ("DATABASE_URL", "nowhere"),
        ("REDIS_URL", "nowhere"),
    ]


@pytest.fixture
def contract_paths() -> list[str]:
    return [REMINDERS, f"{REMINDERS}/{{reminder_id}}", f"{REMINDERS}/{{reminder_id}}/replay"]
