"""Steps of retries.feature."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from itertools import pairwise
from statistics import fmean
from urllib.parse import urlsplit

from pytest_bdd import scenarios, then, when

from kata.steps import Received, Reply, World, expect

from .agenda import (
    LATE_SECONDS,
    NO_CONTENT,
    PATIENCE_SECONDS,
    Agenda,
    Reminder,
    soon,
    spelled,
    statuses_of,
)
from .attempts import BOUNDED, RETRIED, every_attempt, longest_life_seconds, no_wait_too_long
from .receiver import Receiver, gap_seconds, one_key

# With so many first waits, and twice as many later ones, a right service fails a statistic below with less
# than one chance in a million: an average that is 0.21 of the bound off is five standard deviations away.
MANY = 48
FAILURES = (400, 401, 403, 404, 405, 408, 409, 422, 425, 429, 500, 501, 502, 503, 504)
NO_TIME = ("soon", "-1", "1.5e3", "Thu, 01 Jan 1970 00:00:00 GMT", "2, 3")
GONE = 410
QUICK_SECONDS = 0.1
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
    """A reminder whose receiver asks for time: what it says, and when its next call may come; None: never."""

    reminder: Reminder
    retry_after: str
    earliest: Callable[[list[Received]], datetime] | None


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
    endless = draw.choice(["9" * 12, "9" * 24])
    return [
        Patient(receiver.remind(0.2, Reply(503, {"Retry-After": endless})), endless, None),
        *(
            Patient(receiver.remind(0.2, reply, Reply()), str(dict(reply.headers)), earliest)
            for reply, earliest in asked
        ),
    ]


@then("each is called again once that time is over")
def each_is_called_again_once_that_time_is_over(
    agenda: Agenda, receiver: Receiver, patients: list[Patient]
) -> None:
    bound = agenda.times.longest_wait_seconds(1)
    for patient in sorted(patients, key=lambda one: one.earliest is None):
        if patient.earliest is None:
            statuses = statuses_of(agenda.show(patient.reminder))
            sent = f"a first attempt with 503, after Retry-After: {patient.retry_after}"
            expect(statuses[:1] == [503], expected=sent, got=statuses)
            continue
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


def later_waits(failures: list[list[Received]]) -> list[float]:
    """Return all waits but the first of each reminder."""
    return [gap_seconds(*pair) for calls in failures for pair in list(pairwise(calls))[1:]]
