"""Steps of firing.feature: what is due fires, when it is due."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta, timezone

from pytest_bdd import given, scenarios, then, when

from kata.steps import (
    Instance,
    Received,
    Reply,
    World,
    describe_answer,
    expect,
    expect_refused_starts,
    started_with_each,
)

from .agenda import (
    LATE_SECONDS,
    NO_CONTENT,
    OK,
    Agenda,
    Json,
    Reminder,
    attempts_of,
    in_doubt,
    moment_of,
    numbers_of,
    odd_spelling,
    soon,
    spelled,
    statuses_of,
    target_of,
)
from .receiver import Receiver, content, in_time, once_each, one_key, wait_past

FIRES = "a reminder that is due is posted to its callback"
AT_ONCE = "a remind_at that is up to 5 seconds past is due at once"
TARGET = "the call goes to the path and the query of callback_url, as they were sent"
SLOW_SECONDS = 0.5
CLOCK_SECONDS = 0.005  # for a service that rounds its times

scenarios("firing.feature")


@then(
    "its callback gets a POST of JSON with its id, occurrence, attempt, message and time",
    target_fixture="call",
)
def its_callback_gets_a_post_of_json_with_its_id(receiver: Receiver, reminder: Reminder) -> Received:
    rule = "the callback gets a POST of JSON with reminder_id, occurrence, attempt, message and remind_at"
    call = receiver.wait_for(reminder, 1, FIRES)[0]
    body = content(call, rule)
    expect(call.target == target_of(reminder), expected=target_of(reminder), got=call.target, rule=TARGET)
    wanted = {
        "reminder_id": reminder.id,
        "occurrence": 1,
        "attempt": 1,
        "message": reminder.message,
        "remind_at": reminder.remind_at,
    }
    got = {name: body.get(name) for name in wanted} | {"remind_at": moment_of(body.get("remind_at"))}
    expect(got == wanted, expected=str(wanted), got=body, rule=rule)
    return call


@then("the Idempotency-Key is its id and its occurrence")
def the_idempotency_key_is_its_id_and_its_occurrence(reminder: Reminder, call: Received) -> None:
    one_key(reminder, [call])


@when("workers are started with one bad setting at a time", target_fixture="starts")
def workers_are_started_with_one_bad_setting_at_a_time(
    agenda: Agenda, world: World, bad_settings: list[tuple[str, str]]
) -> Iterator[tuple[str, str, Instance]]:
    waits = ("BACKOFF_BASE_SECONDS", "BACKOFF_CAP_SECONDS")  # with their defaults, for the bad cap is near
    usual = {name: value for name, value in agenda.times.environment().items() if name not in waits}
    drawn = world.draw.shuffle(bad_settings)[:3]
    return started_with_each(drawn, lambda name, value: world.start_unready({**usual, name: value}, "worker"))


@then("none of them runs, and each output names the variable")
def none_of_them_runs_and_each_output_names_the_variable(
    starts: Iterator[tuple[str, str, Instance]],
) -> None:
    expect_refused_starts(starts)


@given("a reminder for a moment some seconds ago, and others for years to come", target_fixture="distant")
def a_reminder_for_a_moment_some_seconds_ago(receiver: Receiver, world: World) -> list[Reminder]:
    overdue = receiver.remind(-world.draw.integer(1, 3))
    call = receiver.wait_for(overdue, 1, AT_ONCE)[0]
    late = call.started - overdue.answer.received
    expect(
        late <= LATE_SECONDS,
        expected=f"the call within {LATE_SECONDS:g} s",
        got=f"{late:.3f} s after the 201",
        rule=AT_ONCE,
        timing=True,
    )
    # Beyond 2**31 milliseconds, and beyond what 31 and 32 bits count in seconds.
    return [
        receiver.remind(86_400 * world.draw.integer(low, high))
        for low, high in ((25, 49), (5000, 28_000), (30_000, 90_000))
    ]


@when("reminders are due at drawn moments, in drawn spellings", target_fixture="reminders")
def reminders_are_due_at_drawn_moments(receiver: Receiver, world: World) -> list[Reminder]:
    def moment() -> str:
        return odd_spelling(world.draw, soon(world.draw.integer(250, 1300) / 1000))

    return [receiver.remind(0, remind_at=moment()) for _ in range(12)]


@then("none of the others has fired")
def none_of_the_others_has_fired(agenda: Agenda, receiver: Receiver, distant: list[Reminder]) -> None:
    for reminder in distant:
        count, state = len(receiver.calls(reminder)), agenda.show(reminder).get("state")
        rule = f"a reminder never fires before its time, and this one is for {spelled(reminder.remind_at)}"
        expect(
            (count, state) == (0, "scheduled"),
            expected="scheduled, and no call",
            got=f"{state}, {count} calls",
            rule=rule,
        )


@when("reminders are due at moments written with offsets east and west of UTC", target_fixture="reminders")
def reminders_are_due_at_moments_written_with_offsets_east(
    receiver: Receiver, world: World
) -> list[Reminder]:
    offsets = [world.draw.integer(2, 55) * 15, -world.draw.integer(2, 47) * 15]
    return [
        receiver.remind(0.4, remind_at=spelled(soon(0.4).astimezone(timezone(timedelta(minutes=offset)))))
        for offset in offsets
    ]


@then("each of them fires in time")
def each_of_them_fires_in_time(receiver: Receiver, reminders: list[Reminder]) -> None:
    for reminder in reminders:
        in_time(reminder, receiver.wait_for(reminder, 1, FIRES)[0])


@when(
    "reminders are due, and their receivers answer with drawn 2xx, one of them slowly",
    target_fixture="answered",
)
def reminders_are_due_and_their_receivers_answer_with_drawn_2xx(
    receiver: Receiver, world: World
) -> list[tuple[Reminder, int]]:
    draw = world.draw
    statuses = [draw.integer(200, 204), draw.choice([205, 206, 207, 208, 226]), draw.integer(227, 299)]
    replies = [Reply(status) for status in statuses]
    # The status is there, and what should follow it is not.
    replies += [Reply.stall(draw.choice([200, 201, 202])), Reply(200, delay_seconds=SLOW_SECONDS)]
    return [(receiver.remind(0.3, reply), reply.status) for reply in replies]


@then("each is shown and listed as delivered, with one attempt, that status and its times")
def each_is_shown_and_listed_as_delivered(
    agenda: Agenda, receiver: Receiver, answered: list[tuple[Reminder, int]]
) -> None:
    for reminder, status in answered:
        shown = agenda.wait_for_state(reminder, "delivered")
        got = (numbers_of(shown), statuses_of(shown), shown.get("attempt_count"))
        expect(
            got == ([1], [status], 1),
            expected=f"attempt_count 1, and one attempt with number 1 and status_code {status}",
            got=f"attempt_count {got[2]}, {attempts_of(shown)}",
        )
        in_its_time(attempts_of(shown)[0], receiver.calls(reminder)[0])
    in_order(attempts_of(agenda.show(answered[-1][0]))[0], SLOW_SECONDS - CLOCK_SECONDS)
    listed = {item.get("id") for item in agenda.listed(100, state="delivered")}
    missing = {reminder.id for reminder, _ in answered} - listed
    expect(not missing, expected="all of them in the list of the delivered ones", got=f"not {missing}")


def in_order(attempt: Json, least_seconds: float = 0.0) -> tuple[datetime, datetime]:
    """Demand that an attempt has ended after it started, so much later."""
    started, finished = (moment_of(attempt.get(name)) for name in ("started_at", "finished_at"))
    if started is None or finished is None or (finished - started).total_seconds() < least_seconds:
        wanted = f"started_at, and finished_at {least_seconds:g} s later, each with an offset"
        expect(False, expected=wanted, got=attempt)
        raise AssertionError("it has been said")
    return started, finished


def in_its_time(attempt: Json, call: Received) -> None:
    """Demand that an attempt says when its call was."""
    started, finished = in_order(attempt)
    before = (call.received_at - started).total_seconds()
    after = (finished - call.received_at).total_seconds()
    wanted = f"an attempt around {call.received_at:%H:%M:%S.%f}Z"
    expect(min(before, after) >= -CLOCK_SECONDS, expected=wanted, got=attempt)
    near = before <= LATE_SECONDS and after <= SLOW_SECONDS + LATE_SECONDS
    expect(near, expected=wanted, got=attempt, timing=True)


@given(
    "a reminder that is changed to come earlier, with another message, to another callback",
    target_fixture="earlier",
)
def a_reminder_that_is_changed_to_come_earlier(agenda: Agenda, receiver: Receiver, world: World) -> Reminder:
    reminder = receiver.remind(world.draw.integer(600, 6000))
    url = receiver.expects(Reply())
    reminder.message = world.draw.word()
    reminder.remind_at = soon(0.6)
    reminder.path = target_of(replace(reminder, callback_url=url))
    changes = {"message": reminder.message, "callback_url": url, "remind_at": spelled(reminder.remind_at)}
    answer = agenda.revise(reminder, changes)
    expect(answer.status == OK, expected="200", got=describe_answer(answer), timing=in_doubt(answer))
    return reminder


@given("a reminder that is changed to come later", target_fixture="later")
def a_reminder_that_is_changed_to_come_later(agenda: Agenda, receiver: Receiver) -> Reminder:
    reminder = receiver.remind(0.5)
    reminder.remind_at = soon(1.2)
    answer = agenda.revise(reminder, {"remind_at": spelled(reminder.remind_at)})
    expect(answer.status == OK, expected="200", got=describe_answer(answer), timing=in_doubt(answer))
    return reminder


@then("both fire in time, once, and as they were changed")
def both_fire_in_time_once_and_as_they_were_changed(
    agenda: Agenda, receiver: Receiver, earlier: Reminder, later: Reminder
) -> None:
    for reminder in (earlier, later):
        call = receiver.wait_for(reminder, 1)[0]
        in_time(reminder, call)
        message = content(call).get("message")
        expect(message == reminder.message, expected=reminder.message, got=message)
        agenda.wait_for_state(reminder, "delivered")
    once_each(receiver, [earlier, later])


@given("reminders that are cancelled shortly before they are due", target_fixture="reminders")
def reminders_that_are_cancelled_shortly_before_they_are_due(
    agenda: Agenda, receiver: Receiver
) -> list[Reminder]:
    reminders = [receiver.remind(1.0) for _ in range(4)]
    for reminder in reminders:
        reminder.cancelled = agenda.cancel(reminder)
        got = describe_answer(reminder.cancelled)
        expect(reminder.cancelled.status == NO_CONTENT, expected="204", got=got, timing=True)
    return reminders


@when("their time is over, and both workers have delivered something since")
def their_time_is_over(receiver: Receiver, reminders: list[Reminder]) -> None:
    wait_past(reminders[-1].remind_at + timedelta(seconds=0.1))
    receiver.everybody_works()


@then("none of them has fired")
def none_of_them_has_fired(receiver: Receiver, reminders: list[Reminder]) -> None:
    for reminder in reminders:
        count = len(receiver.calls(reminder))
        expect(count == 0, expected="no call", got=count)
