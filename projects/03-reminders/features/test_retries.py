"""Steps of retries.feature: failures, and what follows them."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from itertools import pairwise
from urllib.parse import urlsplit

from pytest_bdd import given, scenarios, then, when

from kata.steps import Received, Reply, World, describe_answer, expect, is_problem

from .agenda import (
    CONFLICT,
    LATE_SECONDS,
    NO_CONTENT,
    OK,
    PATIENCE_SECONDS,
    Agenda,
    Reminder,
    numbers_of,
    soon,
    spelled,
    statuses_of,
)
from .receiver import Receiver, attempt_numbers, gap_seconds, moments, one_key

BOUNDED = "the wait after attempt n is at most min(cap, base * 2 ** (n - 1))"
RETRIED = "an attempt that failed is made again, until MAX_ATTEMPTS were made"
# With so many, and two waits or more of each beyond the first, a right service fails a statistic below with
# less than one chance in a million: 96 / 6 * (5/6) ** 95 + (5/6) ** 96 is the largest.
MANY = 48
GONE = 410
MOMENT_SECONDS = 0.05  # between an answer that leaves here and the note that it did

scenarios("retries.feature")


@when("many reminders fail all their attempts", target_fixture="failures")
def many_reminders_fail_all_their_attempts(
    agenda: Agenda, receiver: Receiver, world: World
) -> list[list[Received]]:
    failure = Reply(world.draw.choice([400, 404, 429, 500, 502, 503]))
    reminders = receiver.remind_all([spelled(soon(0.6))] * MANY, failure)
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
    cap = agenda.times.cap_seconds
    waits = later_waits(failures)
    spread = max(waits) - min(waits)
    rule = "full jitter: a wait is drawn from the whole span between nothing and its bound"
    expect(
        spread > 0.25 * cap,
        expected=f"{len(waits)} waits more than {0.25 * cap:.3f} s apart",
        got=f"all between {min(waits):.3f} s and {max(waits):.3f} s",
        rule=rule,
    )
    expect(
        min(waits) < 0.6 * cap,
        expected=f"one of {len(waits)} waits below {0.6 * cap:.3f} s",
        got=f"{min(waits):.3f} s at least",
        rule=rule,
        timing=True,
    )


@dataclass(frozen=True)
class Patient:
    """A reminder whose receiver asks for time: what it says, and when its next call may come."""

    reminder: Reminder
    retry_after: str
    earliest: Callable[[list[Received]], datetime]


@when("receivers ask for patience, one in seconds and one with a date", target_fixture="patients")
def receivers_ask_for_patience(receiver: Receiver, world: World) -> list[Patient]:
    seconds = world.draw.integer(1, 2)
    date = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=3)

    def counted(calls: list[Received]) -> datetime:
        took = (calls[0].finished or calls[0].received) - calls[0].received
        return calls[0].received_at + timedelta(seconds=took + seconds - MOMENT_SECONDS)

    asked = [(503, str(seconds), counted), (429, format_datetime(date, usegmt=True), lambda _: date)]
    return [
        Patient(receiver.remind(0.2, Reply(status, {"Retry-After": value}), Reply()), value, earliest)
        for status, value, earliest in asked
    ]


@then("each is called again once that time is over")
def each_is_called_again_once_that_time_is_over(
    agenda: Agenda, receiver: Receiver, patients: list[Patient]
) -> None:
    bound = agenda.times.longest_wait_seconds(1)
    for patient in patients:
        sent = f"after Retry-After: {patient.retry_after}, and the backoff is {bound:.3f} s at most"
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
    "one receiver never answers, one breaks off, and one refuses the connection", target_fixture="unanswered"
)
def one_receiver_never_answers(
    agenda: Agenda, receiver: Receiver, world: World
) -> tuple[Reminder, Reminder, Reminder]:
    host = urlsplit(receiver.sink.url("/")).hostname
    closed = f"http://{host}:{world.draw.port()}/{world.draw.word()}"
    return (
        receiver.remind(0.2, Reply.hang(), Reply()),
        receiver.remind(0.2, Reply.reset(), Reply()),
        agenda.accepted(agenda.body(closed, 0.2)),
    )


@then("each attempt is given up after DELIVERY_TIMEOUT_SECONDS at the latest, and made again")
def each_attempt_is_given_up_after_delivery_timeout_seconds(
    agenda: Agenda, receiver: Receiver, unanswered: tuple[Reminder, Reminder, Reminder]
) -> None:
    silent, broken, refused = unanswered
    timeout = agenda.times.timeout_seconds
    rule = "no answer within DELIVERY_TIMEOUT_SECONDS is a failed attempt"
    first = receiver.wait_for(silent, 2, rule, timeout + PATIENCE_SECONDS)[0]
    took = (first.finished or first.received) - first.received
    expect(
        timeout - 0.2 <= took <= timeout + LATE_SECONDS,
        expected=f"the connection is closed after {timeout:.3f} s",
        got=f"{took:.3f} s",
        rule=rule,
        timing=True,
    )
    for reminder in (silent, broken):
        one_key(reminder, receiver.wait_for(reminder, 2, RETRIED))
        agenda.wait_for_state(reminder, "delivered", RETRIED)
    agenda.wait_for_state(refused, "dead", RETRIED, longest_life_seconds(agenda))


@then("the attempts without an answer have no status")
def the_attempts_without_an_answer_have_no_status(
    agenda: Agenda, unanswered: tuple[Reminder, Reminder, Reminder]
) -> None:
    silent, broken, refused = unanswered
    rule = "status_code is that of the receiver's answer, and null if there was none"
    without = [None] * agenda.times.max_attempts
    for reminder, wanted in ((silent, [None, 204]), (broken, [None, 204]), (refused, without)):
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


@then("it is listed as dead")
def it_is_listed_as_dead(agenda: Agenda, reminder: Reminder) -> None:
    ids = [item.get("id") for item in agenda.listed(50, state="dead")]
    rule = "dead reminders can be listed"
    expect(ids.count(reminder.id) == 1, expected="it, among the dead", got=f"{len(ids)} others", rule=rule)


@when("it is replayed, and its receiver fails once more")
def it_is_replayed_and_its_receiver_fails_once_more(agenda: Agenda, reminder: Reminder) -> None:
    answer = agenda.http.request("POST", f"{reminder.at}/replay")
    expect(answer.status == OK, expected="200", got=describe_answer(answer))


@then("it is delivered")
def it_is_delivered(agenda: Agenda, receiver: Receiver, reminder: Reminder) -> None:
    shown = agenda.wait_for_state(reminder, "delivered")
    calls = receiver.calls(reminder)[agenda.times.max_attempts :]
    one_key(reminder, calls, occurrence=2)
    expect(attempt_numbers(calls) == [1, 2], expected="[1, 2]", got=attempt_numbers(calls))
    last = statuses_of(shown)[-2:]
    expect(last == [503, NO_CONTENT], expected="503, then 204", got=shown.get("attempts"))


@then("it cannot be replayed again")
def it_cannot_be_replayed_again(agenda: Agenda, reminder: Reminder) -> None:
    answer = agenda.http.request("POST", f"{reminder.at}/replay")
    is_problem(answer, CONFLICT, "only a dead reminder can be replayed")


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
