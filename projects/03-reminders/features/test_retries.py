"""Steps of retries.feature: failures, and what follows them."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from itertools import pairwise
from statistics import fmean
from urllib.parse import urlsplit

from pytest_bdd import given, scenarios, then, when

from kata.steps import Inconclusive, Received, Reply, World, as_object, describe_answer, expect, is_problem

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
from .receiver import Receiver, attempt_numbers, content, gap_seconds, in_time, moments, one_key

BOUNDED = "the wait after attempt n is at most min(cap, base * 2 ** (n - 1))"
RETRIED = "an attempt that failed is made again, until MAX_ATTEMPTS were made"
# With so many first waits, and twice as many later ones, a right service fails a statistic below with less
# than one chance in a million: an average that is 0.21 of the bound off is five standard deviations away.
MANY = 48
FAILURES = (400, 401, 403, 404, 405, 408, 409, 422, 425, 429, 500, 501, 502, 503, 504)
NO_TIME = ("soon", "-1", "1.5e3", "Thu, 01 Jan 1970 00:00:00 GMT", "2, 3")
GONE = 410
QUICK_SECONDS = 0.1
WAIT_SECONDS = 2
FEW = 6
MOMENT_SECONDS = 0.05  # between an answer that leaves here and the note that it did

scenarios("retries.feature")


@when("many reminders fail all their attempts, each in its way", target_fixture="failures")
def many_reminders_fail_all_their_attempts(
    agenda: Agenda, receiver: Receiver, world: World
) -> list[list[Received]]:
    statuses = [*FAILURES, *(world.draw.integer(400, 599) for _ in range(MANY - len(FAILURES)))]
    # Nothing of these is a time to wait for, and so none changes what is drawn.
    empty = [{}, {"Retry-After": "0"}, {"Retry-After": "0"}, {"Retry-After": world.draw.choice(NO_TIME)}]
    replies = [Reply(500 if status == GONE else status, world.draw.choice(empty)) for status in statuses]
    reminders = receiver.remind_each([(spelled(soon(0.6)), [reply]) for reply in replies])
    return [every_attempt(agenda, receiver, reminder) for reminder in reminders]


@then("no wait is longer than its bound")
def no_wait_is_longer_than_its_bound(agenda: Agenda, failures: list[list[Received]]) -> None:
    for calls in failures:
        no_wait_too_long(agenda, calls)


@then("later waits grow beyond the first bound")
def later_waits_grow_beyond_the_first_bound(agenda: Agenda, failures: list[list[Received]]) -> None:
    beyond = 1.25 * agenda.times.base_seconds
    *_, second_longest, longest = sorted(later_waits(failures))  # a busy machine makes one late
    expect(
        second_longest > beyond,
        expected=f"two of {len(later_waits(failures))} waits after the first above {beyond:.3f} s",
        got=f"{second_longest:.3f} s and {longest:.3f} s at most",
        rule="the bound of the wait doubles with each attempt, up to the cap",
    )


@then("the waits are spread out")
def the_waits_are_spread_out(agenda: Agenda, failures: list[list[Received]]) -> None:
    times = agenda.times
    first_waits = [gap_seconds(*calls[:2]) for calls in failures]
    evenly_drawn("first", first_waits, times.base_seconds)
    evenly_drawn("later", later_waits(failures), times.cap_seconds)
    beyond = [f"{wait:.3f} s" for wait in first_waits if wait > times.base_seconds + 1.5 * QUICK_SECONDS]
    expect(
        len(beyond) <= FEW,
        expected=f"at most {FEW} of {len(first_waits)} first waits above {times.base_seconds:.3f} s",
        got=", ".join(beyond),
        rule=BOUNDED,
        timing=True,
    )


def evenly_drawn(which: str, waits: list[float], bound: float) -> None:
    """Demand waits as they are drawn from the whole span between nothing and the bound."""
    rule = "full jitter: a wait is drawn evenly from the whole span between nothing and its bound"
    shown = f"{min(waits):.3f} s to {max(waits):.3f} s, {fmean(waits):.3f} s on average"
    expect(
        max(waits) - min(waits) > 0.25 * bound,
        expected=f"{len(waits)} {which} waits more than {0.25 * bound:.3f} s apart",
        got=shown,
        rule=rule,
    )
    expect(
        min(waits) < 0.35 * bound,
        expected=f"one of {len(waits)} {which} waits below {0.35 * bound:.3f} s",
        got=shown,
        rule=rule,
        timing=True,
    )
    # Lateness adds to each of them: so there is more room above than below.
    expect(
        0.29 * bound <= fmean(waits) <= 0.75 * bound + QUICK_SECONDS,
        expected=f"{bound / 2:.3f} s on average of {len(waits)} {which} waits",
        got=shown,
        rule=rule,
        timing=True,
    )


@dataclass(frozen=True)
class Patient:
    """A reminder whose receiver asks for time: what it says, and when its next call may come."""

    reminder: Reminder
    retry_after: str
    earliest: Callable[[list[Received]], datetime]


@when("receivers ask for patience, in seconds and with a date", target_fixture="patients")
def receivers_ask_for_patience(receiver: Receiver, world: World) -> list[Patient]:
    draw = world.draw
    seconds = draw.integer(1, 2)
    date = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=draw.integer(3, 4))

    def counted(calls: list[Received]) -> datetime:
        took = (calls[0].finished or calls[0].received) - calls[0].received
        return calls[0].received_at + timedelta(seconds=took + seconds - MOMENT_SECONDS)

    usual, others = draw.shuffle([429, 503]), draw.shuffle([302, 307, 400, 404, 408, 423, 500, 502, 504, 599])
    written = format_datetime(date, usegmt=True)
    asked = [
        (Reply(usual[0], {"Retry-After": str(seconds)}), counted),
        (Reply(others[0], {"retry-after": str(seconds)}, delay_seconds=0.6), counted),
        (Reply(usual[1], {"Retry-After": written}), lambda _: date),
        (Reply(others[1], {"RETRY-AFTER": written}), lambda _: date),
    ]
    # What is asked for here is more than anybody waits: it must not be the end of a worker.
    receiver.remind(0.2, Reply(503, {"Retry-After": draw.choice(["9" * 12, "9" * 24])}))
    return [
        Patient(receiver.remind(0.2, reply, Reply()), str(dict(reply.headers)), earliest)
        for reply, earliest in asked
    ]


@then("each is called again once that time is over")
def each_is_called_again_once_that_time_is_over(
    agenda: Agenda, receiver: Receiver, patients: list[Patient]
) -> None:
    bound = agenda.times.longest_wait_seconds(1)
    for patient in patients:
        sent = f"after {patient.retry_after}, and the backoff is {bound:.3f} s at most"
        calls = receiver.wait_for(patient.reminder, 2, f"Retry-After is a lower bound for the wait ({sent})")
        earliest, second = patient.earliest(calls), calls[1].received_at
        late = (second - earliest).total_seconds()
        got = f"one at {second:%H:%M:%S.%f}, {gap_seconds(*calls[:2]):.3f} s after the answer"
        expect(late >= 0, expected=f"no call before {earliest:%H:%M:%S.%f}, {sent}", got=got)
        expect(
            late <= LATE_SECONDS + MOMENT_SECONDS,
            expected=f"a call within {LATE_SECONDS:g} s of {earliest:%H:%M:%S.%f}, {sent}",
            got=got,
            timing=True,
        )


@when(
    "one receiver never answers, one never ends, one breaks off, and one refuses the connection",
    target_fixture="unanswered",
)
def one_receiver_never_answers(agenda: Agenda, receiver: Receiver, world: World) -> list[Reminder]:
    host = urlsplit(receiver.sink.url("/")).hostname
    closed = f"http://{host}:{world.draw.port()}/{world.draw.word()}"
    return [
        receiver.remind(0.2, Reply.hang(), Reply()),
        receiver.remind(0.2, Reply.drip(world.draw.choice([200, 204, 500])), Reply()),
        receiver.remind(0.2, Reply.reset(), Reply()),
        agenda.accepted(agenda.body(closed, 0.2)),
    ]


@then("each attempt is given up after DELIVERY_TIMEOUT_SECONDS at the latest, and made again")
def each_attempt_is_given_up_after_delivery_timeout_seconds(
    agenda: Agenda, receiver: Receiver, unanswered: list[Reminder]
) -> None:
    silent, dripping, broken, refused = unanswered
    timeout = agenda.times.timeout_seconds
    rule = "no answer within DELIVERY_TIMEOUT_SECONDS is a failed attempt"
    for reminder in (silent, dripping):
        first = receiver.wait_for(reminder, 2, rule, timeout + PATIENCE_SECONDS)[0]
        took = (first.finished or first.received) - first.received
        expect(
            timeout - 0.2 <= took <= timeout + LATE_SECONDS,
            expected=f"the connection is closed after {timeout:.3f} s",
            got=f"{took:.3f} s",
            rule=rule,
            timing=True,
        )
    for reminder in (silent, dripping, broken):
        one_key(reminder, receiver.wait_for(reminder, 2, RETRIED))
        agenda.wait_for_state(reminder, "delivered", RETRIED)
    agenda.wait_for_state(refused, "dead", RETRIED, longest_life_seconds(agenda))


@then("the attempts without an answer have no status")
def the_attempts_without_an_answer_have_no_status(agenda: Agenda, unanswered: list[Reminder]) -> None:
    *others, refused = unanswered
    rule = "status_code is that of the receiver's answer, and null if there was none"
    without = [None] * agenda.times.max_attempts
    for reminder, wanted in [*((other, [None, NO_CONTENT]) for other in others), (refused, without)]:
        got = statuses_of(agenda.show(reminder))
        expect(got == wanted, expected=f"status codes {wanted}", got=got, rule=rule)


@when("a receiver answers 410", target_fixture="reminder")
def a_receiver_answers_410(receiver: Receiver) -> Reminder:
    return receiver.remind(0.2, Reply(GONE), Reply())


@then("the reminder is dead after one attempt")
def the_reminder_is_dead_after_one_attempt(agenda: Agenda, receiver: Receiver, reminder: Reminder) -> None:
    receiver.wait_for(reminder, 1)
    shown = agenda.wait_for_state(reminder, "dead")
    expect(statuses_of(shown) == [GONE], expected="one attempt, 410", got=shown.get("attempts"))
    receiver.everybody_works()
    count = len(receiver.calls(reminder))
    expect(count == 1, expected="one call", got=count)


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


def every_attempt(agenda: Agenda, receiver: Receiver, reminder: Reminder) -> list[Received]:
    """Return the calls of a reminder that fails, once all are made; if not all are, say which and why."""
    most, bound = agenda.times.max_attempts, agenda.times.longest_wait_seconds
    receiver.wait_for(reminder, 1, "a reminder that is due is posted to its callback")
    calls = receiver.sink.wait_for(reminder.path, most, longest_life_seconds(agenda))
    if len(calls) < most:
        no_wait_too_long(agenda, calls)
        last = len(calls)
        state = agenda.show(reminder).get("state")
        waited = time.monotonic() - (calls[-1].finished or calls[-1].started)
        expect(
            False,
            expected=f"attempt {last + 1} of {most} at most {bound(last):.3f} s after attempt {last}",
            got=f"none within {waited:.3f} s, and it is {state} ({moments(calls)})",
            rule=RETRIED if state == "dead" else f"{RETRIED}; {BOUNDED}",
        )
    return calls


def no_wait_too_long(agenda: Agenda, calls: list[Received]) -> None:
    """Demand that each attempt comes in time after the one before."""
    for number, (before, after) in enumerate(pairwise(calls), start=1):
        bound = agenda.times.longest_wait_seconds(number)
        gap = gap_seconds(before, after)
        expect(
            gap <= bound + LATE_SECONDS,
            expected=f"attempt {number + 1} at most {bound:.3f} s after attempt {number},"
            f" and {LATE_SECONDS:g} s of lateness",
            got=f"{gap:.3f} s ({moments(calls)})",
            rule=BOUNDED,
            timing=True,
        )


def longest_life_seconds(agenda: Agenda) -> float:
    """Return how long a reminder may take to fail all its attempts."""
    waits = [agenda.times.longest_wait_seconds(number) for number in range(1, agenda.times.max_attempts)]
    return sum(waits) + len(waits) * LATE_SECONDS + PATIENCE_SECONDS


def later_waits(failures: list[list[Received]]) -> list[float]:
    """Return all waits but the first of each reminder."""
    return [gap_seconds(*pair) for calls in failures for pair in list(pairwise(calls))[1:]]
