"""Steps of leases.feature."""

import time
from datetime import timedelta

from pytest_bdd import given, scenarios, then, when

from kata.steps import ROWS_HELD, TABLE_HELD, Inconclusive, Reply, expect, writers_held

from .agenda import (
    NO_CONTENT,
    PATIENCE_SECONDS,
    POLL_SECONDS,
    Agenda,
    Json,
    Reminder,
    attempts_of,
    moment_of,
    numbers_of,
    soon,
    spelled,
    statuses_of,
)
from .held import FIRES, Held, held
from .receiver import Receiver, attempt_numbers, in_time, one_key, wait_past

AGAIN = "a reminder whose worker is gone is delivered again within LEASE_SECONDS and two seconds"
GRACE_SECONDS = 2.0
GONE = 410
SLOW_ONES = 20
BEFORE = timedelta(seconds=0.05)
LONGEST_HOLD_SECONDS = 0.35  # a third of the shortest lease: nobody loses one by it

scenarios("leases.feature")


@when("many reminders are due at the same few moments", target_fixture="reminders")
def many_reminders_are_due_at_the_same_few_moments(agenda: Agenda, receiver: Receiver) -> list[Reminder]:
    moments = [soon(0.8 + 0.6 * number) for number in range(3)]
    chosen = [spelled(moments[number % 3]) for number in range(36)]
    reminders = receiver.remind_all(chosen, Reply(delay_seconds=0.1))
    for moment, how in zip(moments, (TABLE_HELD, ROWS_HELD, ROWS_HELD), strict=True):
        # Both workers have begun to claim before either can write.
        wait_past(moment - BEFORE)
        with writers_held(agenda.service.postgres, how) as onlooker:
            wait_past(moment)
            onlooker.wait_for(2, LONGEST_HOLD_SECONDS)
    return reminders


@when("the receivers of many reminders take longer than a lease to answer", target_fixture="reminders")
def the_receivers_of_many_reminders_take_longer_than_a_lease(
    agenda: Agenda, receiver: Receiver
) -> list[Reminder]:
    # Below the time-out of a delivery, which is half as long again as the longest lease.
    slow = Reply(delay_seconds=1.4 * agenda.times.lease_seconds)
    return receiver.remind_all([spelled(soon(0.5))] * SLOW_ONES, slow)


@then("another one, due meanwhile, fires in time")
def another_one_due_meanwhile_fires_in_time(receiver: Receiver, reminders: list[Reminder]) -> None:
    receiver.wait_for(reminders[-1], 1, FIRES)
    other = receiver.remind(0.1)
    in_time(other, receiver.wait_for(other, 1, "receivers that take their time hold up nobody else")[0])


@given("a reminder that one worker is delivering", target_fixture="in_hand")
def a_reminder_that_one_worker_is_delivering(agenda: Agenda, receiver: Receiver) -> Held:
    return held(agenda, receiver, Reply.hang(), Reply())


@when("that worker is killed, while the other one is busy", target_fixture="killed_at")
def that_worker_is_killed(agenda: Agenda, receiver: Receiver, in_hand: Held) -> float:
    in_hand.holder.pause()  # the other one is to be busy, and not this one
    in_hand.spare.resume()
    # Longer than a lease and two seconds.
    receiver.wait_for(receiver.remind(0.0, Reply.hang(), Reply.hang(), Reply()), 1, FIRES)
    agenda.kill(in_hand.holder)
    return time.monotonic()


@then("it is delivered again within the lease and two seconds, with the same Idempotency-Key")
def it_is_delivered_again_within_the_lease_and_two_seconds(
    agenda: Agenda, receiver: Receiver, in_hand: Held, killed_at: float
) -> None:
    most = agenda.times.lease_seconds + GRACE_SECONDS
    calls = receiver.wait_for(in_hand.reminder, 2, AGAIN, most + PATIENCE_SECONDS)
    took = calls[1].started - killed_at
    expect(took <= most, expected=f"within {most:.1f} s", got=f"{took:.3f} s", rule=AGAIN, timing=True)
    one_key(in_hand.reminder, calls)


@then("both attempts are counted")
def both_attempts_are_counted(agenda: Agenda, receiver: Receiver, in_hand: Held) -> None:
    rule = "an attempt counts from when it is begun, also if its worker dies"
    shown = agenda.wait_for_state(in_hand.reminder, "delivered", rule)
    expect(numbers_of(shown) == [1, 2], expected="attempts 1 and 2", got=shown.get("attempts"), rule=rule)
    expect(shown.get("attempt_count") == 2, expected="2", got=shown.get("attempt_count"), rule=rule)
    numbers = attempt_numbers(receiver.calls(in_hand.reminder))
    expect(numbers == [1, 2], expected="attempt 1 and 2 in the calls", got=numbers, rule=rule)
    lost_attempt(shown)


def lost_attempt(shown: Json) -> None:
    """Demand that the first attempt has ended without a status, no later than the second has begun."""
    lost, following = attempts_of(shown)
    ended, began = moment_of(lost.get("finished_at")), moment_of(following.get("started_at"))
    right = ended is not None and began is not None and ended <= began and lost.get("status_code") is None
    rule = "a lost attempt has no status, and its finished_at when the next one begins"
    expect(right, expected="such a first attempt", got=f"{lost}, then {following}", rule=rule)


@given(
    "a reminder that one worker is delivering, to a receiver that will answer 410", target_fixture="in_hand"
)
def a_reminder_that_one_worker_is_delivering_to_a_receiver(agenda: Agenda, receiver: Receiver) -> Held:
    return held(agenda, receiver, Reply(GONE, delay_seconds=0.8), Reply(delay_seconds=0.8))


@when(
    "that worker stands still past its lease, and comes back while the other one delivers",
    target_fixture="states",
)
def that_worker_stands_still_past_its_lease(
    agenda: Agenda, receiver: Receiver, in_hand: Held
) -> list[object]:
    reminder = in_hand.reminder
    in_hand.holder.pause()
    paused_at = time.monotonic()
    in_hand.spare.resume()
    most = agenda.times.lease_seconds + GRACE_SECONDS + PATIENCE_SECONDS
    first = receiver.wait_for(reminder, 2, AGAIN, most)[0]
    if first.finished is None or first.finished < paused_at:
        raise Inconclusive("the first delivery did not end while its worker stood still")
    in_hand.holder.resume()
    states: list[object] = []
    deadline = time.monotonic() + PATIENCE_SECONDS
    while "delivered" not in states and time.monotonic() < deadline:
        states.append(agenda.show(reminder).get("state"))
        time.sleep(POLL_SECONDS)
    receiver.everybody_works()
    return [*states, agenda.show(reminder).get("state")]


@then("the reminder is delivered, as the other worker says, and never was anything else since")
def the_reminder_is_delivered(
    agenda: Agenda, receiver: Receiver, in_hand: Held, states: list[object]
) -> None:
    seen = list(dict.fromkeys(states))
    expect(
        seen in (["delivering", "delivered"], ["delivered"]),
        expected="delivering, then delivered",
        got=", ".join(map(str, seen)),
    )
    shown = agenda.show(in_hand.reminder)
    expect(
        (numbers_of(shown), statuses_of(shown)) == ([1, 2], [None, NO_CONTENT]),
        expected=f"two attempts, the first without a status, the second with {NO_CONTENT}",
        got=shown.get("attempts"),
    )
    lost_attempt(shown)
    calls = receiver.calls(in_hand.reminder)
    expect(len(calls) == 2, expected="two calls", got=len(calls))
    one_key(in_hand.reminder, calls)


@given("a reminder whose receiver never answers", target_fixture="in_hand")
def a_reminder_whose_receiver_never_answers(agenda: Agenda, receiver: Receiver) -> Held:
    return held(agenda, receiver, Reply.hang())


@when("each worker that delivers it is killed")
def each_worker_that_delivers_it_is_killed(agenda: Agenda, receiver: Receiver, in_hand: Held) -> None:
    victim, heir = in_hand.holder, in_hand.spare
    heir.resume()
    most = agenda.times.lease_seconds + GRACE_SECONDS + PATIENCE_SECONDS
    for number in range(1, agenda.times.max_attempts + 1):
        receiver.wait_for(in_hand.reminder, number, AGAIN, most)
        # Only one of them is alive by now, and so it has the reminder.
        agenda.kill(victim)
        if not heir.alive:
            heir.restart()
        victim, heir = heir, victim


@then("it is dead after as many attempts as are allowed")
def it_is_dead_after_as_many_attempts_as_are_allowed(
    agenda: Agenda, receiver: Receiver, in_hand: Held
) -> None:
    most = agenda.times.max_attempts
    shown = agenda.wait_for_state(in_hand.reminder, "dead", patience_seconds=2 * PATIENCE_SECONDS)
    wanted = list(range(1, most + 1))
    expect(numbers_of(shown) == wanted, expected=f"attempts {wanted}", got=shown.get("attempts"))
    numbers = attempt_numbers(receiver.calls(in_hand.reminder))
    expect(numbers == wanted, expected=f"calls with the attempts {wanted}", got=numbers)
