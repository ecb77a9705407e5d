"""Steps of stopping.feature."""

import threading
import time
from dataclasses import dataclass, replace
from datetime import timedelta

from pytest_bdd import given, scenarios, then, when

from kata.steps import (
    FaultProxy,
    Inconclusive,
    Instance,
    Reply,
    describe_stop,
    expect,
)

from .agenda import (
    LATE_SECONDS,
    NO_CONTENT,
    Agenda,
    Reminder,
    statuses_of,
)
from .held import FIRES, Held, held
from .receiver import Receiver, one_key, wait_past

STOP_SECONDS = 10.0
SLOW_SECONDS = 6.0
SIGNAL_SECONDS = 0.3  # from a signal until the process has it
AWAY_SECONDS = 2.0
BACK = "what a stopping worker breaks off is given back, and due at once"

scenarios("stopping.feature")


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
