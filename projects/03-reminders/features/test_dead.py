"""Steps of dead.feature."""

from dataclasses import dataclass

from pytest_bdd import given, scenarios, then, when

from kata.steps import Inconclusive, Reply, World, as_object, describe_answer, expect, is_problem

from .agenda import (
    LATE_SECONDS,
    NO_CONTENT,
    OK,
    PATIENCE_SECONDS,
    STALE,
    Agenda,
    Json,
    Reminder,
    numbers_of,
    soon,
    spelled,
    statuses_of,
)
from .attempts import RETRIED, every_attempt
from .receiver import Receiver, attempt_numbers, content, in_time, one_key

GONE = 410
WAIT_SECONDS = 2
MOMENT_SECONDS = 0.05  # between an answer that leaves here and the note that it did

scenarios("dead.feature")


@when("a reminder of a service with a drawn MAX_ATTEMPTS fails all its attempts", target_fixture="drawn")
def a_reminder_of_a_service_with_a_drawn_max_attempts(agenda: Agenda, world: World) -> tuple[int, int, Json]:
    most = world.draw.integer(11, 14)
    quick = {"MAX_ATTEMPTS": str(most), "BACKOFF_BASE_SECONDS": "0.02", "BACKOFF_CAP_SECONDS": "0.02"}
    service = world.start_alone(agenda.times.environment() | quick, workers=1)
    other = Agenda(service, world.draw, agenda.times)
    receiver = Receiver(world.callback_server(), other, world.draw)
    reminder = receiver.remind(0.2, Reply(500))
    shown = other.wait_for_state(
        reminder, "dead", "after MAX_ATTEMPTS attempts it is dead", PATIENCE_SECONDS + most * LATE_SECONDS
    )
    return most, len(receiver.calls(reminder)), shown


@then("it is dead after exactly as many")
def it_is_dead_after_exactly_as_many(drawn: tuple[int, int, Json]) -> None:
    most, calls, shown = drawn
    expect(calls == most, expected=f"{most} calls", got=calls)
    got = shown.get("attempt_count")
    expect(got == most, expected=f"attempt_count {most}", got=got)


@given("a reminder that has failed all its attempts", target_fixture="reminder")
def a_reminder_that_has_failed_all_its_attempts(agenda: Agenda, receiver: Receiver) -> Reminder:
    failures = [Reply(500)] * agenda.times.max_attempts
    # One failure more for the replay: it has all its attempts.
    reminder = receiver.remind(0.2, *failures, Reply(503), Reply())
    every_attempt(agenda, receiver, reminder)
    agenda.wait_for_state(reminder, "dead", "a reminder whose attempts are exhausted is dead")
    return reminder


@then("it was attempted as often as MAX_ATTEMPTS says, and each attempt is shown")
def it_was_attempted_as_often_as_max_attempts_says(
    agenda: Agenda, receiver: Receiver, reminder: Reminder
) -> None:
    receiver.everybody_works()
    wanted = list(range(1, agenda.times.max_attempts + 1))
    numbers = attempt_numbers(receiver.calls(reminder))
    expect(numbers == wanted, expected=f"calls with the attempts {wanted}", got=numbers, rule=RETRIED)
    one_key(reminder, receiver.calls(reminder))
    shown = agenda.show(reminder)
    got = (numbers_of(shown), statuses_of(shown))
    expect(
        got == (wanted, [500] * len(wanted)),
        expected=f"attempts {wanted}, each with status 500",
        got=shown.get("attempts"),
        rule="each attempt is shown with its number and its status",
    )


@then("it is listed as dead, and can neither be changed nor cancelled")
def it_is_listed_as_dead(agenda: Agenda, reminder: Reminder) -> None:
    agenda.refuses(reminder, ["PATCH", "DELETE"], "a dead reminder can neither be changed nor cancelled")
    ids = [item.get("id") for item in agenda.listed(50, state="dead")]
    rule = "dead reminders can be listed"
    expect(ids.count(reminder.id) == 1, expected="it, among the dead", got=f"{len(ids)} others", rule=rule)


@given("one that was gone, and is gone the second time, too", target_fixture="gone")
def one_that_was_gone(agenda: Agenda, receiver: Receiver) -> Reminder:
    gone = receiver.remind(0.2, Reply(GONE), Reply(GONE), Reply())
    for occurrence in (1, 2):
        receiver.wait_for(gone, occurrence)
        agenda.wait_for_state(gone, "dead", "a reminder whose receiver answers 410 is dead")
        replayed(agenda, gone)
    return gone


@when("it is replayed, and its receiver fails once more")
def it_is_replayed_and_its_receiver_fails_once_more(agenda: Agenda, reminder: Reminder) -> None:
    is_problem(agenda.replay(reminder, '"never"'), STALE, "a replay under another ETag is refused with 412")
    replayed(agenda, reminder)


def replayed(agenda: Agenda, reminder: Reminder) -> None:
    """Have it replayed, and demand that it is scheduled again without an attempt of its occurrence."""
    answer = agenda.replay(reminder)
    expect(answer.status == OK, expected="200", got=describe_answer(answer))
    now = as_object(answer)
    got = (now.get("state"), now.get("attempt_count"))
    rule = "a replayed reminder is scheduled, and has had no attempt in its new occurrence"
    expect(got == ("scheduled", 0), expected="scheduled, and attempt_count 0", got=got, rule=rule)


@then("it is delivered")
def it_is_delivered(agenda: Agenda, receiver: Receiver, reminder: Reminder) -> None:
    shown = agenda.wait_for_state(reminder, "delivered")
    calls = receiver.calls(reminder)[agenda.times.max_attempts :]
    one_key(reminder, calls, occurrence=2)
    expect(attempt_numbers(calls) == [1, 2], expected="[1, 2]", got=attempt_numbers(calls))
    most = agenda.times.max_attempts
    wanted = ([*range(1, most + 1), 1, 2], [500] * most + [503, NO_CONTENT], 2)
    got = (numbers_of(shown), statuses_of(shown), shown.get("attempt_count"))
    expect(got == wanted, expected=f"attempts {wanted}, the last number being attempt_count", got=got)


@then("the one that was gone is delivered in its third occurrence")
def the_one_that_was_gone_is_delivered_in_its_third_occurrence(
    agenda: Agenda, receiver: Receiver, gone: Reminder
) -> None:
    shown = agenda.wait_for_state(gone, "delivered")
    for occurrence, call in enumerate(receiver.calls(gone), start=1):
        one_key(gone, [call], occurrence)
    expect(
        statuses_of(shown) == [GONE, GONE, NO_CONTENT], expected="410, 410, 204", got=shown.get("attempts")
    )


@then("it cannot be replayed again")
def it_cannot_be_replayed_again(agenda: Agenda, reminder: Reminder) -> None:
    agenda.refuses(reminder, ["replay"], "only a dead reminder can be replayed")


@dataclass(frozen=True)
class Waiting:
    """Reminders that wait for their second attempt when they are cancelled, changed, and put off."""

    cancelled: Reminder
    changed: Reminder
    moved: Reminder


@given("reminders that wait for their next attempt", target_fixture="waiting")
def reminders_that_wait_for_their_next_attempt(agenda: Agenda, receiver: Receiver) -> Waiting:
    failure = Reply(503, {"Retry-After": str(WAIT_SECONDS)})
    reminders = [receiver.remind(0.0, failure, Reply(500), Reply()) for _ in range(3)]
    for reminder in reminders:
        receiver.wait_for(reminder, 1)
        agenda.wait_for_state(
            reminder, "scheduled", "a reminder that waits for its next attempt is scheduled"
        )
    return Waiting(*reminders)


@when("one is cancelled, one gets another message, and one another time")
def one_is_cancelled_one_gets_another_message_and_one_another_time(
    agenda: Agenda, receiver: Receiver, world: World, waiting: Waiting
) -> None:
    waiting.changed.message = world.draw.word()
    waiting.moved.remind_at = soon(0.5)
    answers = [
        agenda.cancel(waiting.cancelled),
        agenda.revise(waiting.changed, {"message": waiting.changed.message}),
        agenda.revise(waiting.moved, {"remind_at": spelled(waiting.moved.remind_at)}),
    ]
    if any(len(receiver.calls(it)) > 1 for it in (waiting.cancelled, waiting.changed)):
        raise Inconclusive("the wait was over before the answers were there")
    got = [answer.status for answer in answers]
    began = receiver.calls(waiting.cancelled)[0].started
    late = answers[-1].received - began > WAIT_SECONDS - MOMENT_SECONDS
    expect(got == [NO_CONTENT, OK, OK], expected="204, 200, 200", got=got, timing=late)
    for answer in answers[1:]:
        count = as_object(answer).get("attempt_count")
        expect(count == 0, expected="attempt_count 0 in the next occurrence", got=count)


@then("the first is not called again, and the others as their next occurrence")
def the_first_is_not_called_again(agenda: Agenda, receiver: Receiver, waiting: Waiting) -> None:
    for reminder in (waiting.changed, waiting.moved):
        shown = agenda.wait_for_state(reminder, "delivered")
        first, *calls = receiver.calls(reminder)
        one_key(reminder, [first])
        one_key(reminder, calls, occurrence=2)
        got = (attempt_numbers(calls), statuses_of(shown), {content(call).get("message") for call in calls})
        wanted = ([1, 2], [503, 500, NO_CONTENT], {reminder.message})
        expect(got == wanted, expected=str(wanted), got=got)
    in_time(waiting.moved, receiver.calls(waiting.moved)[1])
    count = len(receiver.calls(waiting.cancelled))
    state = agenda.show(waiting.cancelled).get("state")
    expect((count, state) == (1, "cancelled"), expected="one call, and cancelled", got=(count, state))
