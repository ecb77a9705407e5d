"""Steps of firing.feature: what is due fires, when it is due."""

from datetime import timedelta, timezone

from pytest_bdd import given, scenarios, then, when

from kata.steps import Received, Reply, World, describe_answer, expect

from .agenda import (
    NO_CONTENT,
    OK,
    Agenda,
    Reminder,
    attempts_of,
    moment_of,
    numbers_of,
    soon,
    spelled,
    statuses_of,
)
from .receiver import Receiver, content, in_time, once_each, one_key, wait_past

FIRES = "a reminder that is due is posted to its callback"

scenarios("firing.feature")


@then(
    "its callback gets a POST of JSON with its id, occurrence, attempt, message and time",
    target_fixture="call",
)
def its_callback_gets_a_post_of_json_with_its_id(receiver: Receiver, reminder: Reminder) -> Received:
    rule = "the callback gets a POST of JSON with reminder_id, occurrence, attempt, message and remind_at"
    call = receiver.wait_for(reminder, 1, FIRES)[0]
    body = content(call, rule)
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


@when("reminders are due at drawn moments", target_fixture="reminders")
def reminders_are_due_at_drawn_moments(receiver: Receiver, world: World) -> list[Reminder]:
    return [receiver.remind(world.draw.integer(250, 1300) / 1000) for _ in range(12)]


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


@when("a reminder is due, and its receiver answers with a drawn 2xx", target_fixture="answered")
def a_reminder_is_due(receiver: Receiver, world: World) -> tuple[Reminder, int]:
    status = world.draw.choice([200, 201, 202, 203, 204])
    return receiver.remind(0.3, Reply(status)), status


@then("it is shown as delivered, with one attempt and that status")
def it_is_shown_as_delivered(agenda: Agenda, answered: tuple[Reminder, int]) -> None:
    reminder, status = answered
    shown = agenda.wait_for_state(reminder, "delivered")
    got = (numbers_of(shown), statuses_of(shown), shown.get("attempt_count"))
    expect(
        got == ([1], [status], 1),
        expected=f"attempt_count 1, and one attempt with number 1 and status_code {status}",
        got=f"attempt_count {got[2]}, {attempts_of(shown)}",
    )
    attempt = attempts_of(shown)[0]
    started, finished = (moment_of(attempt.get(name)) for name in ("started_at", "finished_at"))
    in_order = started is not None and finished is not None and started <= finished
    expect(in_order, expected="started_at before finished_at", got=attempt)


@given(
    "a reminder that is changed to come earlier, with another message, to another callback",
    target_fixture="earlier",
)
def a_reminder_that_is_changed_to_come_earlier(agenda: Agenda, receiver: Receiver, world: World) -> Reminder:
    reminder = receiver.remind(world.draw.integer(600, 6000))
    url = receiver.expects(Reply())
    reminder.message = world.draw.word()
    reminder.remind_at = soon(0.6)
    reminder.path = "/" + url.split("/", 3)[3]
    changes = {"message": reminder.message, "callback_url": url, "remind_at": spelled(reminder.remind_at)}
    answer = agenda.revise(reminder, changes)
    expect(
        answer.status == OK,
        expected="200",
        got=describe_answer(answer),
    )
    return reminder


@given("a reminder that is changed to come later", target_fixture="later")
def a_reminder_that_is_changed_to_come_later(agenda: Agenda, receiver: Receiver) -> Reminder:
    reminder = receiver.remind(0.5)
    reminder.remind_at = soon(1.2)
    answer = agenda.revise(reminder, {"remind_at": spelled(reminder.remind_at)})
    expect(
        answer.status == OK,
        expected="200",
        got=describe_answer(answer),
    )
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
