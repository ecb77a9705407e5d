"""Steps of in_delivery.feature."""

import threading
from datetime import timedelta
from itertools import batched

from pytest_bdd import given, scenarios, then, when

from kata.steps import (
    FaultProxy,
    Inconclusive,
    Reply,
    Request,
    describe_answer,
    expect,
)

from .agenda import (
    CONFLICT,
    NO_CONTENT,
    Agenda,
    Json,
    Reminder,
    attempts_of,
    in_doubt,
    moment_of,
    soon,
    spelled,
)
from .held import Held, held
from .receiver import Receiver, once_each, wait_past

ROUNDS = 2
CANCELS = 24  # in each

scenarios("in_delivery.feature")


@given(
    "a reminder that one worker is delivering, to a receiver that takes its time", target_fixture="in_hand"
)
def a_reminder_in_the_hands_of_one_worker_for_a_while(agenda: Agenda, receiver: Receiver) -> Held:
    return held(agenda, receiver, Reply(delay_seconds=1.5))


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
