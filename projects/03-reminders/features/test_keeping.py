"""Steps of keeping.feature: the API, before anything fires."""

import json
import time
from urllib.parse import quote
from uuid import UUID

from pytest_bdd import scenarios, then, when

from kata.steps import (
    Draw,
    Exchange,
    Inconclusive,
    World,
    as_object,
    describe_answer,
    expect,
    is_problem,
)

from .agenda import (
    INVALID,
    LONGEST_URL,
    OK,
    REMINDERS,
    Agenda,
    Reminder,
    made,
    moment_of,
    odd_spelling,
    odd_text,
    soon,
    spelled,
)
from .refusals import Refusal, long_url, refused_changes, with_changes

SAME_CLOCK_SECONDS = 60.0
PAST_SECONDS = 4.6  # which is accepted, if the request does not take its time
LONGEST_PAST_SECONDS = 5.0

scenarios("keeping.feature")


@when("a reminder is made", target_fixture="reminder")
def a_reminder_is_made(agenda: Agenda, world: World) -> Reminder:
    draw = world.draw
    year = draw.integer(2039, 2400)  # beyond what 32 bits count in seconds, some of them also if unsigned
    moment = soon(draw.integer(7200, 90_000)).replace(year=year, day=draw.integer(1, 28))
    return agenda.later(
        message=odd_text(draw),
        callback_url=long_url(draw, LONGEST_URL),
        remind_at=odd_spelling(draw, moment).lower(),
    )


@then("the answer is a 201 with its Location and ETag")
def the_answer_is_a_201_with_its_location_and_etag(reminder: Reminder) -> None:
    for name in ("location", "etag"):
        expect(bool(reminder.answer.header(name)), expected=name, got="none")
    place = reminder.answer.header("location") or ""
    expect(place.endswith(reminder.at), expected=f"Location: {reminder.at}", got=place)


@then("at its place stands what was asked for, scheduled and without attempts")
def at_its_place_stands_what_was_asked_for(agenda: Agenda, reminder: Reminder) -> None:
    shown = agenda.show(reminder)
    wanted = {
        "id": reminder.id,
        "message": reminder.message,
        "callback_url": reminder.callback_url,
        "state": "scheduled",
        "attempt_count": 0,
        "attempts": [],
    }
    got = {name: shown.get(name) for name in wanted}
    expect(got == wanted, expected=str(wanted), got=got)
    expect(
        moment_of(shown.get("remind_at")) == reminder.remind_at,
        expected=f"the moment {spelled(reminder.remind_at)}",
        got=shown.get("remind_at"),
    )
    tag = agenda.entity_tag(reminder)
    expect(tag == reminder.answer.header("etag"), expected="the same ETag", got=tag)
    sent = as_object(reminder.answer)
    expect(sent == shown, expected=f"what POST answered: {sent}", got=shown)


@when("several reminders are made, one after the other", target_fixture="reminders")
def several_reminders_are_made_one_after_the_other(agenda: Agenda) -> list[Reminder]:
    made_so_far = []
    for _ in range(4):
        made_so_far.append(agenda.later())
        time.sleep(0.002)  # two ids of the same millisecond need not be in order
    return made_so_far


@then("their ids are UUIDs of version 7 in ascending order")
def their_ids_are_uuids_of_version_7_in_ascending_order(reminders: list[Reminder]) -> None:
    rule = "ids are UUIDs of version 7 (RFC 9562): the first 48 bits are the time in milliseconds"
    ids = [reminder.id for reminder in reminders]
    for text in ids:
        known = version_7(text)
        expect(known is not None, expected="a UUID of version 7", got=text, rule=rule)
        seconds = (known.int >> 80) / 1000 if known else 0.0
        expect(
            abs(seconds - time.time()) < SAME_CLOCK_SECONDS,
            expected=f"the time {time.time():.3f} in its first 48 bits",
            got=f"{seconds:.3f} in {text}",
            rule=rule,
        )
    expect(ids == sorted(ids), expected="ascending ids", got=ids)


@when("reminders with one mistake each are asked for", target_fixture="refusals")
def reminders_with_one_mistake_each_are_asked_for(
    agenda: Agenda, world: World, message_limit: int
) -> list[Refusal]:
    refusals = []
    for changes, pointer in refused_changes(world.draw, message_limit):
        body = with_changes(agenda.body(agenda.far_away(), 7200), changes)
        refusals.append(Refusal(body, pointer, agenda.post(body)))
    return refusals


@then("none of them is in the list")
def none_of_them_is_in_the_list(agenda: Agenda, refusals: list[Refusal]) -> None:
    messages = [refusal.body.get("message") for refusal in refusals]
    found = agenda.named(message for message in messages if isinstance(message, str) and message)
    expect(not found, expected="none of them in the list", got=found)


@when("a reminder for a moment some seconds ago is asked for", target_fixture="reminder")
def a_reminder_for_a_moment_some_seconds_ago_is_asked_for(agenda: Agenda) -> Reminder:
    body = agenda.body(agenda.far_away(), -PAST_SECONDS)
    answer = agenda.post(body)
    # The moment was drawn a little before the request was sent.
    late = answer.received - answer.sent > 0.8 * (LONGEST_PAST_SECONDS - PAST_SECONDS)
    if answer.status == INVALID and late:
        raise Inconclusive("the request took so long that its time may have been too long ago")
    return made(body, answer)


@then("it is accepted as scheduled")
def it_is_accepted_as_scheduled(reminder: Reminder) -> None:
    # As it was answered: where workers run that are not ours, one may have it in hand by now.
    state = as_object(reminder.answer).get("state")
    expect(state == "scheduled", expected='"state": "scheduled"', got=state)


@when(
    "broken JSON, and JSON that is no object, are sent, to make a reminder and to change one",
    target_fixture="answers",
)
def broken_json_and_json_that_is_no_object_are_sent(
    agenda: Agenda, world: World
) -> list[tuple[Exchange, int]]:
    whole = json.dumps(agenda.body(agenda.far_away(), 7200)).encode()
    broken = [whole[: world.draw.integer(0, len(whole) - 1)], b"", b"{'message': 1}", whole + b"}"]
    no_objects = [b"[" + whole + b"]", b'"text"', b"17", b"true", b"null"]
    reminder = agenda.later()
    headers = {"Content-Type": "application/json"}
    changing = headers | {"If-Match": agenda.entity_tag(reminder)}
    asks = [("POST", REMINDERS, headers, body) for body in (*broken, *no_objects)]
    asks += [("PATCH", reminder.at, changing, body) for body in (*broken, *no_objects, b"{}")]
    return [
        (agenda.http.request(method, path, headers=fields, body=body), 400 if body in broken else INVALID)
        for method, path, fields, body in asks
    ]


@when("a body is sent that says it is a form", target_fixture="form")
def a_body_is_sent_that_says_it_is_a_form(agenda: Agenda) -> Exchange:
    body = json.dumps(agenda.body(agenda.far_away(), 7200)).encode()
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    return agenda.http.request("POST", REMINDERS, headers=headers, body=body)


@then("that is refused, too")
def that_is_refused_too(form: Exchange) -> None:
    rule = "a body that says that it is something else than JSON, as curl -d does by itself, gets a 4xx"
    expect(
        form.status in {400, 415, INVALID}, expected="400, 415 or 422", got=describe_answer(form), rule=rule
    )
    is_problem(form, form.status, rule)


@then("the answers are problems with status 400 and 422")
def the_answers_are_problems_with_status_400_and_422(answers: list[tuple[Exchange, int]]) -> None:
    rule = "a body that is no JSON gets 400, and one that is no object, or changes nothing, 422"
    for answer, status in answers:
        is_problem(answer, status, rule)


@when(
    "messages of one character, of exactly the limit and of one more are sent, and in changes",
    target_fixture="kept_and_refused",
)
def messages_of_one_character_of_exactly_the_limit_and_of_one_more(
    agenda: Agenda, world: World, message_limit: int
) -> tuple[list[tuple[Reminder, str]], list[Exchange]]:
    def message(length: int) -> str:
        # Characters of two to four bytes, and of one or two UTF-16 units: what is counted is none of these.
        return "𝄞" + world.draw.text(length - 1, "äöüßéñ€😀𝄞")

    short, longest = (agenda.later(message=message(length)) for length in (1, message_limit))
    changed, text = agenda.later(), message(message_limit)
    answer = agenda.revise(changed, {"message": text})
    expect(answer.status == OK, expected="200", got=describe_answer(answer))
    too_long = message(message_limit + 1)
    refused = [
        agenda.post(agenda.body(agenda.far_away(), 7200, message=too_long)),
        agenda.revise(changed, {"message": too_long}),
    ]
    return [(short, short.message), (longest, longest.message), (changed, text)], refused


@then("all but the last are kept as they were sent, and that is refused")
def all_but_the_last_are_kept_as_they_were_sent(
    agenda: Agenda, kept_and_refused: tuple[list[tuple[Reminder, str]], list[Exchange]]
) -> None:
    kept, refused = kept_and_refused
    for reminder, message in kept:
        got = agenda.show(reminder).get("message")
        expect(got == message, expected=message, got=got)
    for answer in refused:
        is_problem(answer, INVALID)


@when(
    "reminders that nobody made are shown, changed, cancelled and replayed, by ids that are almost right",
    target_fixture="answers",
)
def reminders_that_nobody_made_are_shown(agenda: Agenda, world: World) -> list[Exchange]:
    known = agenda.later()
    ids = [
        str(unused_id(world.draw)),
        known.id[:-1] + ("1" if known.id[-1] == "0" else "0"),
        known.id[:-1],
        f"{known.id}0",
        f"{known.id[:-1]}g",
        known.id.upper(),
        known.id.replace("-", ""),
        f"{{{known.id}}}",
        f"{known.id}/",
        world.draw.word(),
        str(world.draw.integer(1, 9)),
    ]
    answers = []
    for place in (f"{REMINDERS}/{unknown}" for unknown in (*map(quote, ids), f"{known.id}%2F", "a%2Fb")):
        answers += [
            agenda.http.get(place),
            agenda.http.request("PATCH", place, json={"message": "x"}, headers={"If-Match": "*"}),
            agenda.http.request("DELETE", place),
            agenda.http.request("POST", f"{place}/replay"),
        ]
    shown = agenda.show(known)
    expect(shown == as_object(known.answer), expected="the one that exists as it was", got=shown)
    return answers


@then("each answer is a problem with status 404")
def each_answer_is_a_problem_with_status_404(answers: list[Exchange]) -> None:
    for answer in answers:
        is_problem(answer, 404, "an id that no reminder has gets 404, whatever it looks like")


@then("a method that a path does not have is refused with 405")
def a_method_that_a_path_does_not_have_is_refused_with_405(agenda: Agenda, world: World) -> None:
    place = f"{REMINDERS}/{unused_id(world.draw)}"
    asks = [("PUT", place), ("DELETE", REMINDERS), ("GET", f"{place}/replay"), ("POST", "/health")]
    for method, path in asks:
        answer = agenda.http.request(method, path)
        is_problem(answer, 405, f"a method that a path does not have gets 405 ({method} {path})")
        expect(bool(answer.header("allow")), expected="Allow", got="none")


def version_7(text: str) -> UUID | None:
    """Read a UUID of version 7."""
    try:
        known = UUID(text)
    except ValueError:
        return None
    return known if known.version == 7 else None


def unused_id(draw: Draw) -> UUID:
    """Return a UUID of version 7 that no service has made: its time is to come."""
    milliseconds = int((time.time() + draw.integer(7200, 90_000)) * 1000)
    rest = draw.uuid().int & (2**80 - 1)
    return UUID(int=milliseconds << 80 | rest & ~(0xF << 76) | 7 << 76)
