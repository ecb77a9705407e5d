"""Steps of leases.feature: workers that die, stand still, stop, and get in each other's way."""

import threading
import time
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import batched

from pytest_bdd import given, scenarios, then, when

from kata.steps import (
    FaultProxy,
    Inconclusive,
    Instance,
    Reply,
    Request,
    describe_answer,
    describe_stop,
    expect,
)

from .agenda import (
    CONFLICT,
    LATE_SECONDS,
    NO_CONTENT,
    PATIENCE_SECONDS,
    POLL_SECONDS,
    Agenda,
    Json,
    Reminder,
    attempts_of,
    in_doubt,
    moment_of,
    numbers_of,
    soon,
    spelled,
    statuses_of,
)
from .ledger import ROWS_HELD, TABLE_HELD, writers_held
from .receiver import Receiver, attempt_numbers, in_time, once_each, one_key, wait_past

FIRES = "a reminder that is due is posted to its callback"
AGAIN = "a reminder whose worker is gone is delivered again within LEASE_SECONDS and two seconds"
GRACE_SECONDS = 2.0
STOP_SECONDS = 10.0
GONE = 410
SLOW_ONES = 20
SLOW_SECONDS = 6.0
SIGNAL_SECONDS = 0.3  # from a signal until the process has it
AWAY_SECONDS = 2.0
BACK = "what a stopping worker breaks off is given back, and due at once"
ROUNDS = 2
CANCELS = 24  # in each
BEFORE = timedelta(seconds=0.05)

scenarios("leases.feature")


@dataclass(frozen=True)
class Held:
    """A reminder in the hands of one worker, while the other one waits."""

    reminder: Reminder
    holder: Instance
    spare: Instance
    others: tuple[Reminder, ...] = ()


def held(agenda: Agenda, receiver: Receiver, *replies: Reply) -> Held:
    """Have a reminder delivered by one worker; the other stands still, so that it is known which."""
    holder, spare = agenda.service.workers
    spare.pause()
    reminder = receiver.remind(0.2, *replies)
    receiver.wait_for(reminder, 1, FIRES)
    return Held(reminder, holder, spare)


@when("many reminders are due at the same few moments", target_fixture="reminders")
def many_reminders_are_due_at_the_same_few_moments(agenda: Agenda, receiver: Receiver) -> list[Reminder]:
    moments = [soon(0.8 + 0.6 * number) for number in range(3)]
    chosen = [spelled(moments[number % 3]) for number in range(36)]
    reminders = receiver.remind_all(chosen, Reply(delay_seconds=0.1))
    for moment, how in zip(moments, (TABLE_HELD, ROWS_HELD, ROWS_HELD), strict=True):
        # Both workers have begun to claim before either can write.
        wait_past(moment - BEFORE)
        with writers_held(agenda.service, 2, how):
            wait_past(moment)
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


@dataclass
class Stopped:
    """What a worker held that was sent SIGTERM, and how it ended."""

    answered: Reminder
    unanswered: Reminder
    exit_code: int | None = None
    free_at: float = 0.0  # by then it has ended, and another worker runs


@given(
    "reminders that one worker is delivering, to a slow receiver and to one that never answers",
    target_fixture="in_hand",
)
def reminders_that_one_worker_is_delivering(agenda: Agenda, receiver: Receiver) -> Held:
    never = Reply.hang()
    in_hand = held(agenda, receiver, Reply(delay_seconds=SLOW_SECONDS))
    unanswered = receiver.remind(0.0, never, Reply())
    receiver.wait_for(unanswered, 1, FIRES)
    return replace(in_hand, others=(unanswered,))


@when("that worker is sent SIGTERM", target_fixture="stopped")
def that_worker_is_sent_sigterm(agenda: Agenda, receiver: Receiver, in_hand: Held) -> Stopped:
    stopped = Stopped(in_hand.reminder, in_hand.others[0])

    def stop() -> None:
        stopped.exit_code = agenda.stop(in_hand.holder, STOP_SECONDS)

    stopping = threading.Thread(target=stop)
    stopping.start()
    try:
        takes_nothing_new(agenda, receiver, in_hand.spare)
    finally:
        stopping.join()  # or the next check would have a worker that is about to end
    stopped.free_at = time.monotonic()
    return stopped


def takes_nothing_new(agenda: Agenda, receiver: Receiver, spare: Instance) -> None:
    """Demand that what is due now waits until the other worker goes on."""
    time.sleep(SIGNAL_SECONDS)
    late = receiver.remind(0.0)
    time.sleep(1.0)
    count = len(receiver.calls(late))
    rule = "a worker that was told to stop takes nothing new"
    expect(count == 0, expected="no call", got=count, rule=rule, timing=True)
    spare.resume()
    agenda.wait_for_state(late, "delivered", "what is due is delivered by whoever runs")


@then("it ends with exit code 0 within 10 seconds")
def it_ends_with_exit_code_0_within_10_seconds(stopped: Stopped) -> None:
    expect(
        stopped.exit_code == 0,
        expected=f"exit code 0 within {STOP_SECONDS:.0f} s of SIGTERM",
        got=describe_stop(stopped.exit_code),
        timing=stopped.exit_code is None,
    )


@then("what was answered is not delivered again, and what was broken off is, at once")
def what_was_answered_is_not_delivered_again(agenda: Agenda, receiver: Receiver, stopped: Stopped) -> None:
    second = receiver.wait_for(stopped.unanswered, 2, BACK)[1]
    late = second.started - stopped.free_at
    expect(
        late <= LATE_SECONDS,
        expected="the next attempt at once",
        got=f"{late:.3f} s later",
        rule=BACK,
        timing=True,
    )
    for reminder in (stopped.answered, stopped.unanswered):
        agenda.wait_for_state(reminder, "delivered")
    first, *others = receiver.calls(stopped.answered)
    answered = first.finished is not None and first.finished - first.received >= SLOW_SECONDS
    expect(
        bool(others) != answered,
        expected="one call if it was answered, else another",
        got=f"the first was {'answered' if answered else 'broken off'}, and {len(others)} followed",
        timing=True,
    )


@given(
    "a reminder that one worker is delivering, to a receiver that takes its time", target_fixture="in_hand"
)
def a_reminder_in_the_hands_of_one_worker_for_a_while(agenda: Agenda, receiver: Receiver) -> Held:
    return held(agenda, receiver, Reply(delay_seconds=1.5))


@given("a reminder whose next attempt is to come", target_fixture="waiting")
def a_reminder_whose_next_attempt_is_to_come(agenda: Agenda, receiver: Receiver) -> Reminder:
    reminder = receiver.remind(0.0, Reply(503, {"Retry-After": "2"}), Reply())
    receiver.wait_for(reminder, 1, FIRES)
    agenda.wait_for_state(reminder, "scheduled", "a reminder that waits for its next attempt is scheduled")
    return reminder


@when(
    "the time of some reminders comes and goes, and the workers are started while nothing else is there",
    target_fixture="reminders",
)
def the_time_of_some_reminders_comes_and_goes(
    agenda: Agenda, receiver: Receiver, postgres: FaultProxy, redis: FaultProxy, waiting: Reminder
) -> list[Reminder]:
    if len(receiver.calls(waiting)) > 1:
        raise Inconclusive("the wait was over before the workers were down")
    reminders = [receiver.remind(0.3) for _ in range(4)]
    wait_past(reminders[-1].remind_at + timedelta(seconds=0.2))
    for reminder in reminders:
        state = agenda.show(reminder).get("state")
        expect(state == "scheduled", expected='"state": "scheduled"', got=state)
    for proxy in (postgres, redis):
        proxy.cut()
    for worker in agenda.service.workers:
        worker.restart()
    time.sleep(AWAY_SECONDS)
    for proxy in (postgres, redis):
        proxy.pass_through()
    receiver.everybody_works()  # a process takes its time to start
    return reminders


@then("so is the one that waited, by its next attempt")
def so_is_the_one_that_waited(agenda: Agenda, receiver: Receiver, waiting: Reminder) -> None:
    rule = "a wait outlives the worker that has failed"
    shown = agenda.wait_for_state(waiting, "delivered", rule)
    expect(
        statuses_of(shown) == [503, NO_CONTENT],
        expected="503, then 204",
        got=shown.get("attempts"),
        rule=rule,
    )
    one_key(waiting, receiver.calls(waiting))


@when("it is looked at, cancelled, changed and replayed meanwhile", target_fixture="shown")
def it_is_looked_at_cancelled_changed_and_replayed_meanwhile(
    agenda: Agenda, receiver: Receiver, in_hand: Held
) -> Json:
    in_hand.spare.resume()
    reminder = in_hand.reminder
    shown = agenda.show(reminder)
    listed = {
        state: {item.get("id") for item in agenda.listed(100, state=state)}
        for state in ("delivering", "scheduled")
    }
    try:
        agenda.refuses(reminder, ["DELETE", "PATCH", "replay"], "what is being delivered is refused with 409")
        right = reminder.id in listed["delivering"] and reminder.id not in listed["scheduled"]
        expect(right, expected="it, in the list of those being delivered, and no other", got=listed)
    finally:
        finished = receiver.calls(reminder)[0].finished
        if finished is not None:
            raise Inconclusive("the delivery was over before the answers were there")
    return shown


@then("the answers are 409, and it is shown as being delivered, with an attempt that runs")
def the_answers_are_409_and_it_is_shown_as_being_delivered(shown: Json) -> None:
    attempt = attempts_of(shown)[0] if attempts_of(shown) else {}
    got = [shown.get("state"), shown.get("attempt_count"), len(attempts_of(shown))]
    got += [attempt.get(name) for name in ("number", "status_code", "finished_at")]
    wanted = ["delivering", 1, 1, 1, None, None]
    expect(got == wanted, expected="delivering, with attempt 1, which has not ended", got=shown)
    started = moment_of(attempt.get("started_at"))
    expect(started is not None, expected="started_at with an offset", got=attempt)


@then("when it was delivered, they are 409 too")
def when_it_was_delivered_they_are_409_too(agenda: Agenda, in_hand: Held) -> None:
    agenda.wait_for_state(in_hand.reminder, "delivered", "what is being delivered cannot be cancelled")
    agenda.refuses(in_hand.reminder, ["DELETE", "PATCH", "replay"], "what was delivered is refused with 409")


@then("it was delivered once")
def it_was_delivered_once(receiver: Receiver, in_hand: Held) -> None:
    receiver.everybody_works()
    once_each(receiver, [in_hand.reminder], "a cancel that comes too late changes nothing")


@when("many reminders are cancelled at the very moment at which they are due", target_fixture="reminders")
def many_reminders_are_cancelled_at_the_very_moment(
    agenda: Agenda, receiver: Receiver, postgres: FaultProxy
) -> list[Reminder]:
    moments = [soon(1.0 + 0.5 * number) for number in range(ROUNDS)]
    chosen = [spelled(moment) for moment in moments for _ in range(CANCELS)]
    reminders = receiver.remind_all(chosen, Reply(delay_seconds=0.2))

    def cancel(pair: tuple[Reminder, ...]) -> None:
        answers = agenda.burst([Request("DELETE", reminder.at) for reminder in pair])
        for reminder, answer in zip(pair, answers, strict=True):
            reminder.cancelled = answer

    cancellers = [
        threading.Thread(target=cancel, args=(pair,)) for pair in batched(reminders, 2, strict=True)
    ]
    # A cancel reads and writes some 40 ms apart: with one pair each 10 ms, some do so around the claim.
    postgres.delay(0.01)
    for due, some in zip(moments, batched(cancellers, CANCELS // 2, strict=True), strict=True):
        for number, canceller in enumerate(some):
            wait_past(due + timedelta(milliseconds=10 * number - 80))
            canceller.start()
    for canceller in cancellers:
        canceller.join()
    postgres.pass_through()
    return reminders


@then("those that were cancelled never fire, and the others fire once")
def those_that_were_cancelled_never_fire(
    agenda: Agenda, receiver: Receiver, reminders: list[Reminder]
) -> None:
    for reminder in reminders:
        answer = reminder.cancelled
        status = answer.status if answer else 0
        got = describe_answer(answer) if answer else "none"
        doubtful = answer is None or in_doubt(answer)
        expect(status in {NO_CONTENT, CONFLICT}, expected="204 or 409", got=got, timing=doubtful)
        wanted = "cancelled" if status == NO_CONTENT else "delivered"
        agenda.wait_for_state(
            reminder,
            wanted,
            f"after a 204 a reminder never fires, after a 409 it does (the answer was {status})",
        )
    receiver.everybody_works()
    for reminder in reminders:
        status = reminder.cancelled.status if reminder.cancelled else 0
        count = len(receiver.calls(reminder))
        wanted_calls = 0 if status == NO_CONTENT else 1
        expect(
            count == wanted_calls,
            expected=f"{wanted_calls} calls after a {status}",
            got=str(count),
        )
