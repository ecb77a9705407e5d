"""Steps that the features of the reminder service share."""

import base64
from collections.abc import Iterator

import pytest
from pytest_bdd import given, then, when

from kata.steps import FaultProxy, World, expect

from .agenda import (
    PRINTED_MESSAGE_LIMIT,
    REMINDERS,
    Agenda,
    Reminder,
    draw_patient_times,
    draw_times,
    odd_text,
    pointers_of,
)
from .receiver import Receiver
from .refusals import Refusal

# Far below the time-outs that anybody sets, far above what a race needs to show.
DELAY_SECONDS = 0.01


@pytest.fixture
def service_settings(world: World) -> dict[str, str]:
    """The settings of the service without a worker, so that one process serves all who need no more."""
    limit = world.setting("MESSAGE_LIMIT", 120, 12_000, away_from=[PRINTED_MESSAGE_LIMIT])
    return {"MESSAGE_LIMIT": str(limit)}


@pytest.fixture
def message_limit(service_settings: dict[str, str]) -> int:
    return int(service_settings["MESSAGE_LIMIT"])


@pytest.fixture
def kept(world: World, service_settings: dict[str, str]) -> Agenda:
    """A service without a worker."""
    return Agenda(world.start(service_settings), world.draw)


@pytest.fixture
def crew(world: World) -> Iterator[Agenda]:
    """A service with two workers."""
    world.callback_server()  # first, because without being called nothing can be said of workers
    times = draw_times(world)
    agenda = Agenda(world.start(times.environment(), workers=2), world.draw, times)
    yield agenda
    agenda.make_whole()


@pytest.fixture
def secret(world: World) -> bytes:
    return b"%032x" % world.setting("secret", 0, 2**120)


@pytest.fixture
def patient_crew(world: World, secret: bytes) -> Iterator[Agenda]:
    """A service with two workers that waits longer for everything than a check does, and signs."""
    world.callback_server()
    times = draw_patient_times(world)
    signed = {"SIGNING_SECRET": f"whsec_{base64.b64encode(secret).decode()}"}
    agenda = Agenda(world.start(times.environment() | signed, workers=2), world.draw, times)
    yield agenda
    agenda.make_whole()


@given("a reminder service", target_fixture="agenda")
def a_reminder_service(kept: Agenda) -> Agenda:
    return kept


@given("a reminder service with two workers", target_fixture="agenda")
def a_reminder_service_with_two_workers(crew: Agenda, world: World) -> Agenda:
    Receiver(world.callback_server(), crew, world.draw).everybody_works()
    return crew


@given("a reminder service with two workers and long leases, which signs", target_fixture="agenda")
def a_reminder_service_with_two_workers_and_long_leases(patient_crew: Agenda, world: World) -> Agenda:
    Receiver(world.callback_server(), patient_crew, world.draw).everybody_works()
    return patient_crew


@pytest.fixture
def receiver(world: World, agenda: Agenda) -> Receiver:
    return Receiver(world.callback_server(), agenda, world.draw)


@pytest.fixture
def postgres(agenda: Agenda) -> Iterator[FaultProxy]:
    """The way to PostgreSQL, open again when the check is over."""
    proxy = agenda.service.postgres.proxy
    yield proxy
    proxy.pass_through()


@pytest.fixture
def redis(agenda: Agenda) -> Iterator[FaultProxy]:
    """The way to Redis, open again when the check is over."""
    proxy = agenda.service.redis.proxy
    yield proxy
    proxy.pass_through()


@given("PostgreSQL answers with a delay")
def postgresql_answers_with_a_delay(postgres: FaultProxy) -> None:
    postgres.delay(DELAY_SECONDS)


@given("a second web process")
def a_second_web_process(agenda: Agenda) -> None:
    if len(agenda.service.urls) == 1:
        agenda.service.add("web")


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
def a_reminder_is_due(agenda: Agenda, receiver: Receiver, world: World) -> Reminder:
    url = f"{receiver.expects()}%2F{world.draw.word()}%C3%A4?{world.draw.word()}=%26+a&b=%2525"
    return agenda.accepted(agenda.body(url, 0.3, message=odd_text(world.draw)))


@then("each of them was delivered once")
@then("each of them fires once")
def each_of_them_fires_once(receiver: Receiver, reminders: list[Reminder]) -> None:
    receiver.delivered_once(reminders)


@pytest.fixture
def bad_settings(world: World) -> list[tuple[str, str]]:
    """One bad value for each: of the numbers two are too small, two too large, and one no such number."""
    numbers = {
        "MAX_ATTEMPTS": ("0", "101", "4.5"),
        "BACKOFF_BASE_SECONDS": ("0", "86401", "soon"),
        "LEASE_SECONDS": ("0.49", "3600.5", "soon"),
        "DELIVERY_TIMEOUT_SECONDS": ("-1", "300.5", "1s"),
        "MESSAGE_LIMIT": ("0", "100001", "12.5"),
    }
    kinds = world.draw.shuffle([0, 0, 1, 1, 2])
    urls = [("DATABASE_URL", "nowhere"), ("DATABASE_URL", ""), ("REDIS_URL", "nowhere"), ("REDIS_URL", "")]
    return [
        *((name, values[kind]) for kind, (name, values) in zip(kinds, numbers.items(), strict=True)),
        ("BACKOFF_CAP_SECONDS", "4.9"),  # below the base
        ("ALLOW_PRIVATE_CALLBACKS", world.draw.choice(["maybe", "2"])),
        world.draw.choice(urls),
    ]


@pytest.fixture
def contract_paths() -> list[str]:
    return [REMINDERS, f"{REMINDERS}/{{reminder_id}}", f"{REMINDERS}/{{reminder_id}}/replay"]
