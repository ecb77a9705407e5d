"""Steps of extensions.feature: what the reference can do beyond the core."""

import base64
import hashlib
import hmac
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from pytest_bdd import scenarios, then, when

from kata.steps import Draw, Exchange, Instance, Reply, World, describe_answer, entries, expect, output_once

from .agenda import (
    PATIENCE_SECONDS,
    Agenda,
    Reminder,
    made,
    moment_of,
    soon,
    spelled,
)
from .receiver import Receiver, content, in_time, one_key, wait_past
from .refusals import Refusal, with_changes

QUICK_SECONDS = 0.2
INTERVAL_SECONDS = 2
# Zones with daylight saving, in which the clocks change on a Sunday between midnight and four.
ZONES = ("Europe/Berlin", "Europe/Lisbon", "America/New_York", "America/Los_Angeles", "Australia/Sydney")

# Files that a system has beside those of the IANA database.
NO_ZONES = ("localtime", "posixrules", "right/Europe/Berlin", "posix/UTC")

scenarios("extensions.feature")


def recurring(receiver: Receiver, agenda: Agenda, start: datetime, count: int) -> Reminder:
    """Have a reminder made that recurs every other second, `count` times within one minute."""
    seconds = ",".join(str(start.second + INTERVAL_SECONDS * number) for number in range(count))
    rule = f"FREQ=DAILY;COUNT={count};BYHOUR={start.hour};BYMINUTE={start.minute};BYSECOND={seconds}"
    changes = {"remind_at": spelled(start), "recurrence": {"rrule": rule, "zone": "UTC"}}
    body = agenda.body(receiver.expects(), 0, **changes)
    return made(body, agenda.post(body))


def whole_second(ahead_seconds: float, room_seconds: int) -> datetime:
    """Return the next whole second that is so far ahead, and so far from the end of its minute."""
    moment = (soon(ahead_seconds) + timedelta(seconds=1)).replace(microsecond=0)
    if moment.second + room_seconds > 59:
        moment = moment.replace(second=0) + timedelta(minutes=1)
    return moment


@when(
    "a reminder is made that recurs two seconds after its first time, and then no more",
    target_fixture="reminder",
)
def a_reminder_is_made_that_recurs_two_seconds_after(agenda: Agenda, receiver: Receiver) -> Reminder:
    return recurring(receiver, agenda, whole_second(0.3, INTERVAL_SECONDS), 2)


@then("it fires at both times, with the occurrences 1 and 2 in its body and its Idempotency-Key")
def it_fires_at_both_times(receiver: Receiver, reminder: Reminder) -> None:
    calls = receiver.wait_for(reminder, 2, patience_seconds=2 * PATIENCE_SECONDS)
    for number, call in enumerate(calls, start=1):
        in_time(reminder, call)
        one_key(reminder, [call], number)
        body = content(call)
        got = (body.get("occurrence"), body.get("attempt"), moment_of(body.get("remind_at")))
        wanted = (number, 1, reminder.remind_at)
        expect(got == wanted, expected=str(wanted), got=body)
        reminder.remind_at += timedelta(seconds=INTERVAL_SECONDS)


@then("it is shown as delivered when its rule has ended")
def it_is_shown_as_delivered_when_its_rule_has_ended(agenda: Agenda, reminder: Reminder) -> None:
    agenda.wait_for_state(reminder, "delivered", "a recurring reminder is delivered when its rule has ended")


@when("recurring reminders with one mistake each are asked for", target_fixture="refusals")
def recurring_reminders_with_one_mistake_each_are_asked_for(agenda: Agenda, world: World) -> list[Refusal]:
    word = world.draw.word()
    rule = "FREQ=DAILY"
    mistakes: list[tuple[dict[str, object], str]] = [
        ({"rrule": rule, "zone": f"Europe/{word.title()}"}, "/recurrence/zone"),
        ({"rrule": rule, "zone": "../etc/passwd"}, "/recurrence/zone"),
        ({"rrule": f"FREQ={word.upper()}", "zone": "UTC"}, "/recurrence/rrule"),
        ({"rrule": "FREQ=SECONDLY", "zone": "UTC"}, "/recurrence/rrule"),
        ({"rrule": "FREQ=MONTHLY;BYMONTH=2;BYMONTHDAY=30", "zone": "UTC"}, "/recurrence/rrule"),
        ({"rrule": f"{rule};{word.upper()}=1", "zone": "UTC"}, "/recurrence/rrule"),
        ({"rrule": rule}, "/recurrence/zone"),
        ({"rrule": rule, "zone": "UTC", word: 1}, f"/recurrence/{word}"),
    ]
    mistakes += [({"rrule": rule, "zone": zone}, "/recurrence/zone") for zone in NO_ZONES]
    refusals = []
    for recurrence, pointer in mistakes:
        body = with_changes(agenda.body(agenda.far_away(), 7200), {"recurrence": recurrence})
        refusals.append(Refusal(body, pointer, agenda.post(body)))
    return refusals


@when("a daily reminder is made for the days around a change of the clocks", target_fixture="changing")
def a_daily_reminder_is_made_for_the_days_around(agenda: Agenda, world: World) -> tuple[Reminder, ZoneInfo]:
    zone = ZoneInfo(world.draw.choice(ZONES))
    first = day_before_change(zone, world.draw)
    changes = {
        "remind_at": spelled(first.astimezone(UTC)),
        "recurrence": {"rrule": "FREQ=DAILY", "zone": zone.key},
    }
    return agenda.later(**changes), zone


@then("its next times are at the same local time on each day")
def its_next_times_are_at_the_same_local_time_on_each_day(
    agenda: Agenda, changing: tuple[Reminder, ZoneInfo]
) -> None:
    reminder, zone = changing
    shown = agenda.show(reminder).get("upcoming")
    upcoming = [moment_of(text) for text in shown] if isinstance(shown, list) else []
    first = reminder.remind_at.astimezone(zone)
    wanted = [(first + timedelta(days=days)).astimezone(UTC) for days in range(1, len(upcoming) + 1)]
    expect(bool(upcoming), expected="the next times in `upcoming`", got=shown)
    expect(upcoming == wanted, expected=", ".join(map(spelled, wanted)), got=shown)


@then("reminders with such rules show their next times")
def reminders_with_such_rules_show_their_next_times(agenda: Agenda, world: World) -> None:
    zone = ZoneInfo(world.draw.choice(ZONES))
    for rrule, first, following in rules_beyond_days(zone, world.draw):
        recurrence = {"rrule": rrule, "zone": zone.key}
        reminder = agenda.later(remind_at=spelled(first.astimezone(UTC)), recurrence=recurrence)
        shown = agenda.show(reminder).get("upcoming")
        got = [moment_of(text) for text in shown] if isinstance(shown, list) else []
        wanted = [moment.astimezone(UTC) for moment in following[: len(got)]]
        expect(bool(got), expected="the next times in `upcoming`", got=shown)
        expect(got == wanted, expected=f"{', '.join(map(spelled, wanted))} for {rrule}", got=shown)


def rules_beyond_days(zone: ZoneInfo, draw: Draw) -> list[tuple[str, datetime, list[datetime]]]:
    """Return rules with their first time and the next three."""
    leap = 2028 + 4 * draw.integer(0, 10)
    new_year = datetime(leap, 1, 1, draw.integer(7, 20), draw.integer(0, 59), tzinfo=zone)
    weeks, day = draw.integer(2, 9), draw.integer(1, 28)
    every_few_weeks = [new_year + timedelta(weeks=weeks * number) for number in range(4)]
    months = [new_year.replace(month=month, day=day) for month in (2, 3, 4, 5)]
    last_days = [new_year.replace(month=month, day=31) for month in (1, 3, 5, 7)]
    leap_days = [new_year.replace(year=leap + 4 * number, month=2, day=29) for number in range(4)]
    known = [
        (f"FREQ=WEEKLY;INTERVAL={weeks}", every_few_weeks),
        ("FREQ=MONTHLY", months),
        ("FREQ=MONTHLY;BYMONTHDAY=31", last_days),
        ("FREQ=YEARLY", leap_days),
    ]
    return [(rrule, first, following) for rrule, (first, *following) in known]


def day_before_change(zone: ZoneInfo, draw: Draw) -> datetime:
    """Return a local time of day on the last day before the zone's offset changes next."""
    day = datetime.now(zone).replace(
        hour=draw.integer(7, 20), minute=draw.integer(0, 59), second=0, microsecond=0
    )
    day += timedelta(days=2)
    while (day + timedelta(days=1)).utcoffset() == day.utcoffset():
        day += timedelta(days=1)
    return day


@then("its callback gets a signature that is right for its id, its time and its body")
def its_callback_gets_a_signature_that_is_right_for_its_id(
    receiver: Receiver, reminder: Reminder, secret: bytes
) -> None:
    call = receiver.wait_for(reminder, 1, patience_seconds=2 * PATIENCE_SECONDS)[0]
    message_id, timestamp, signature = (
        call.header(f"webhook-{name}") or "" for name in ("id", "timestamp", "signature")
    )
    one_key(reminder, [call])
    expect(
        message_id == call.header("idempotency-key"),
        expected="the Idempotency-Key as webhook-id",
        got=message_id,
    )
    near = timestamp.isdigit() and abs(int(timestamp) - call.received_at.timestamp()) <= PATIENCE_SECONDS
    expect(near, expected="the time in whole seconds as webhook-timestamp", got=timestamp)
    signed = f"{message_id}.{timestamp}.".encode() + call.body
    wanted = "v1," + base64.b64encode(hmac.digest(secret, signed, hashlib.sha256)).decode()
    expect(wanted in signature.split(), expected=f"webhook-signature: {wanted}", got=signature or "none")


@when("a reminder for the log is due", target_fixture="logged")
def a_reminder_for_the_log_is_due(agenda: Agenda, world: World) -> str:
    message = world.draw.word()
    body = {"message": message, "remind_at": spelled(soon(0.2)), "channel": "log"}
    answer = agenda.post(body)
    expect(answer.status == 201, expected="201", got=answer.text[:300])
    return message


@then("a line of a worker's output is a JSON object with its message")
def a_line_of_a_workers_output_is_a_json(agenda: Agenda, logged: str) -> None:
    workers = agenda.service.workers
    output_once(workers[0], lambda _: bool(lines_with(logged, workers)))
    found = entries(lines_with(logged, workers))
    wanted = f'one line, with "message": "{logged}"'
    expect([entry.get("message") for entry in found] == [logged], expected=wanted, got=found)


def lines_with(text: str, workers: Sequence[Instance]) -> list[str]:
    return [line for worker in workers for line in worker.output() if text in line]


@when("reminders are made at odd moments, each shortly before it is due", target_fixture="reminders")
def reminders_are_made_at_odd_moments(receiver: Receiver, world: World) -> list[Reminder]:
    reminders = []
    for _ in range(5):
        reminders.append(receiver.remind(world.draw.integer(100, 300) / 1000))
        receiver.wait_for(reminders[-1], 1, "what is due fires")
        time.sleep(world.draw.integer(50, 350) / 1000)
    return reminders


@then("each of them fires within a fifth of a second")
def each_of_them_fires_within_a_fifth_of_a_second(receiver: Receiver, reminders: list[Reminder]) -> None:
    for reminder in reminders:
        call = receiver.calls(reminder)[0]
        in_time(reminder, call)
        late = (call.received_at - reminder.remind_at).total_seconds()
        expect(
            late <= QUICK_SECONDS,
            expected=f"at most {QUICK_SECONDS:.3f} s after its time",
            got=f"{late:.3f} s",
            timing=True,
        )


@when(
    "several times of a recurring reminder are missed, and the workers are started again",
    target_fixture="reminder",
)
def several_times_of_a_recurring_reminder_are_missed(agenda: Agenda, receiver: Receiver) -> Reminder:
    # Three times that are missed, and then again an hour later.
    start = whole_second(0.2, 2)
    hours = f"{start.hour},{(start.hour + 1) % 24}"
    seconds = f"{start.second},{start.second + 1},{start.second + 2}"
    rule = f"FREQ=DAILY;COUNT=6;BYHOUR={hours};BYMINUTE={start.minute};BYSECOND={seconds}"
    body = agenda.body(
        receiver.expects(Reply()), 0, remind_at=spelled(start), recurrence={"rrule": rule, "zone": "UTC"}
    )
    reminder = made(body, agenda.post(body))
    wait_past(start + timedelta(seconds=2.2))
    for worker in agenda.service.workers:
        worker.restart()
    return reminder


@then("the latest of them fires once, and thereafter the ones to come")
def the_latest_of_them_fires_once(agenda: Agenda, receiver: Receiver, reminder: Reminder) -> None:
    calls = receiver.wait_for(reminder, 1, patience_seconds=2 * PATIENCE_SECONDS)
    latest = reminder.remind_at + timedelta(seconds=2)
    got = moment_of(content(calls[0]).get("remind_at"))
    expect(got == latest, expected=spelled(latest), got=content(calls[0]))
    shown = agenda.wait_for_state(reminder, "scheduled")
    following = moment_of(shown.get("remind_at"))
    wanted = reminder.remind_at + timedelta(hours=1)
    expect(following == wanted, expected=f"{spelled(wanted)} next", got=shown)
    receiver.everybody_works()
    count = len(receiver.calls(reminder))
    expect(count == 1, expected="one call", got=count)


@when("a reminder with markup in its message is soon due, and the page is looked at", target_fixture="seen")
def a_reminder_with_markup_in_its_message_is_soon_due(agenda: Agenda, world: World) -> tuple[str, Exchange]:
    word = world.draw.word()
    agenda.accepted(agenda.body(agenda.far_away(), 40, message=f"<s>{word}</s>"))
    return word, agenda.http.get("/")


@then("the page is HTML with that message, and without its markup")
def the_page_is_html_with_that_message(seen: tuple[str, Exchange]) -> None:
    word, page = seen
    kind = (page.header("content-type") or "none").partition(";")[0]
    got = f"{describe_answer(page)} {kind}"
    expect((page.status, kind) == (200, "text/html"), expected="200 text/html", got=got)
    expect(word in page.text, expected=f"{word} on the page", got="not there")
    marked = f"<s>{word}" in page.text
    expect(not marked, expected=f"&lt;s&gt;{word}", got=f"<s>{word}")
