"""Steps of keeping.feature: the API, before anything fires."""

import json
import time
from datetime import timedelta
from itertools import batched
from uuid import UUID

from pytest_bdd import given, scenarios, then, when

from kata.steps import Draw, Exchange, Request, World, as_object, describe_answer, expect, is_problem

from .agenda import (
    CONFLICT,
    CREATED,
    INVALID,
    NO_CONTENT,
    OK,
    REMINDERS,
    STALE,
    UNCONDITIONAL,
    Agenda,
    Reminder,
    create_request,
    made,
    moment_of,
    spelled,
)
from .receiver import wait_past
from .refusals import Refusal, refused_changes, with_changes

LARGEST_PAGE = 100
AT_ONCE = 12
SAME_CLOCK_SECONDS = 60.0
PAST_SECONDS = 3  # which is accepted, also if the request takes its time
LONGEST_PAST = timedelta(seconds=5.2)  # beyond what has to be accepted

scenarios("keeping.feature")


@when("a reminder is made", target_fixture="reminder")
def a_reminder_is_made(agenda: Agenda, world: World) -> Reminder:
    message = f"Grüße an {world.draw.word()}: ½ l Tee"
    return agenda.later(message=message)


@then("the answer is a 201 with its Location and ETag")
def the_answer_is_a_201_with_its_location_and_etag(reminder: Reminder) -> None:
    for name in ("location", "etag"):
        expect(bool(reminder.answer.header(name)), expected=name, got="none")
    place = reminder.answer.header("location") or ""
    expect(place.endswith(reminder.at), expected=f"Location: {reminder.at}", got=place)


@then("at its place stands what was asked for, scheduled and without attempts")
def at_its_place_stands_what_was_asked_for(agenda: Agenda, reminder: Reminder) -> None:
    shown = agenda.show(reminder)
    wanted = {"id": reminder.id, "message": reminder.message, "state": "scheduled", "attempts": []}
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
def reminders_with_one_mistake_each_are_asked_for(agenda: Agenda, world: World) -> list[Refusal]:
    refusals = []
    for changes, pointer in refused_changes(world.draw):
        body = with_changes(agenda.body(agenda.far_away(), 7200), changes)
        refusals.append(Refusal(body, pointer, agenda.post(body)))
    return refusals


@then("none of them is in the list")
def none_of_them_is_in_the_list(agenda: Agenda, refusals: list[Refusal]) -> None:
    messages = [refusal.body.get("message") for refusal in refusals]
    found = agenda.named(message for message in messages if isinstance(message, str) and message)
    expect(not found, expected="none of them in the list", got=found)


@when("a reminder for a moment some seconds ago is asked for", target_fixture="reminder")
def a_reminder_for_a_moment_some_seconds_ago_is_asked_for(agenda: Agenda, world: World) -> Reminder:
    return agenda.accepted(agenda.body(agenda.far_away(), -world.draw.integer(1, 3)))


@then("it is accepted as scheduled")
def it_is_accepted_as_scheduled(reminder: Reminder) -> None:
    # As it was answered: where workers run that are not ours, one may have it in hand by now.
    state = as_object(reminder.answer).get("state")
    expect(state == "scheduled", expected='"state": "scheduled"', got=state)


@when("broken JSON and a list are sent", target_fixture="answers")
def broken_json_and_a_list_are_sent(agenda: Agenda, world: World) -> list[Exchange]:
    whole = json.dumps(agenda.body(agenda.far_away(), 7200)).encode()
    headers = {"Content-Type": "application/json"}
    bodies = [whole[: world.draw.integer(1, len(whole) - 1)], b"[" + whole + b"]"]
    return [agenda.http.request("POST", REMINDERS, body=body, headers=headers) for body in bodies]


@then("the answers are problems with status 400 and 422")
def the_answers_are_problems_with_status_400_and_422(answers: list[Exchange]) -> None:
    rule = "a body that is no JSON is refused with 400, one that is no object with 422"
    for answer, status in zip(answers, (400, INVALID), strict=True):
        is_problem(answer, status, rule)


@when("messages of exactly the limit and of one character more are sent", target_fixture="bodies_and_answers")
def messages_of_exactly_the_limit_and_of_one_character(
    agenda: Agenda, world: World, service_settings: dict[str, str]
) -> list[tuple[dict[str, object], Exchange]]:
    limit = int(service_settings["MESSAGE_LIMIT"])
    pairs = []
    for length in (limit, limit + 1):
        # Letters of two bytes each: characters are counted, not bytes.
        body = agenda.body(agenda.far_away(), 7200, message=world.draw.text(length, "äöüßéñ"))
        pairs.append((body, agenda.post(body)))
    return pairs


@then("the first is kept as it was sent, and the second refused")
def the_first_is_kept_as_it_was_sent_and_the_second_refused(
    agenda: Agenda, bodies_and_answers: list[tuple[dict[str, object], Exchange]]
) -> None:
    (body, kept), (_, refused) = bodies_and_answers
    reminder = made(body, kept)
    got = agenda.show(reminder).get("message")
    expect(got == reminder.message, expected=reminder.message, got=got)
    is_problem(refused, INVALID)


@when("a create is sent three times with the same Idempotency-Key", target_fixture="reminders")
def a_create_is_sent_three_times_with_the_same(agenda: Agenda, world: World) -> list[Reminder]:
    body, key = agenda.body(agenda.far_away(), 7200), str(world.draw.uuid())
    return [agenda.accepted(body, key) for _ in range(3)]


@then("the answers are the same reminder, and the list has it once")
def the_answers_are_the_same_reminder(agenda: Agenda, reminders: list[Reminder]) -> None:
    ids = {reminder.id for reminder in reminders}
    expect(len(ids) == 1, expected="the same id", got=ids)
    found = agenda.named([reminders[0].message])
    expect(len(found) == 1, expected="one reminder in the list", got=len(found))


@when(
    "a create for a moment some seconds ago is sent again with its Idempotency-Key when that is too long ago",
    target_fixture="first_and_again",
)
def a_create_for_a_moment_some_seconds_ago(agenda: Agenda, world: World) -> tuple[Reminder, Exchange]:
    body, key = agenda.body(agenda.far_away(), -PAST_SECONDS), str(world.draw.uuid())
    first = agenda.accepted(body, key)
    wait_past(first.remind_at + LONGEST_PAST)
    return first, agenda.post(body, key)


@then("the answer is the reminder that was made first")
def the_answer_is_the_reminder_that_was_made_first(first_and_again: tuple[Reminder, Exchange]) -> None:
    first, again = first_and_again
    got = (
        describe_answer(again) if again.status == CREATED else f"{describe_answer(again)} {again.text[:300]}"
    )
    expect(again.status == CREATED, expected=f"201 with {first.id}", got=got)
    id_again = as_object(again).get("id")
    expect(id_again == first.id, expected=f"201 with {first.id}", got=id_again)


@when("an Idempotency-Key is used again with another message", target_fixture="bodies_and_answers")
def an_idempotency_key_is_used_again_with_another_message(
    agenda: Agenda, world: World
) -> list[tuple[dict[str, object], Exchange]]:
    body, key = agenda.body(agenda.far_away(), 7200), str(world.draw.uuid())
    other = {**body, "message": world.draw.word()}
    return [(body, agenda.post(body, key)), (other, agenda.post(other, key))]


@then("it is refused with 422, and the other message is not in the list")
def it_is_refused_with_422(
    agenda: Agenda, bodies_and_answers: list[tuple[dict[str, object], Exchange]]
) -> None:
    (body, first), (other, second) = bodies_and_answers
    made(body, first)
    is_problem(second, INVALID)
    found = agenda.named([str(other["message"])])
    expect(not found, expected="no such reminder in the list", got=found)


@when(
    "a create is sent many times at the same instant with the same Idempotency-Key",
    target_fixture="sent_together",
)
def a_create_is_sent_many_times_at_the_same(
    agenda: Agenda, world: World
) -> tuple[dict[str, object], list[Exchange]]:
    body = agenda.body(agenda.far_away(), 7200)
    request = create_request(body, str(world.draw.uuid()))
    return body, agenda.burst([request] * AT_ONCE)


@then("the list has it once, and each 201 names it")
def the_list_has_it_once_and_each_201_names_it(
    agenda: Agenda, sent_together: tuple[dict[str, object], list[Exchange]]
) -> None:
    body, answers = sent_together
    found = agenda.named([str(body["message"])])
    expect(len(found) == 1, expected="one reminder in the list", got=len(found), exchanges=answers)
    ids = {as_object(answer).get("id") for answer in answers if answer.status == CREATED}
    expect(ids == {found[0].get("id")}, expected=f"201 with {found[0].get('id')}", got=ids)
    # Whoever comes while the first is under way may be told to come again.
    others = {answer.status for answer in answers} - {CREATED, OK, CONFLICT}
    expect(not others, expected="201 or 409", got=sorted(others), exchanges=answers)


@given("several reminders", target_fixture="reminders")
def several_reminders(agenda: Agenda, world: World) -> list[Reminder]:
    return [agenda.later() for _ in range(world.draw.integer(9, 13))]


@when(
    "the scheduled ones are listed page by page, and others come and go between the pages",
    target_fixture="met",
)
def the_scheduled_ones_are_listed_page_by_page(
    agenda: Agenda, world: World, reminders: list[Reminder]
) -> list[object]:
    limit = world.draw.integer(2, 4)
    met: list[object] = []
    cursor = ""
    while not met or cursor:
        page, cursor = agenda.page(limit, cursor, state="scheduled")
        met += [item.get("id") for item in page]
        if len({reminder.id for reminder in reminders}.intersection(map(str, met))) == len(reminders):
            break  # what lies behind them is others'
        gone = next(
            (reminder for reminder in reminders if reminder.id in met and not reminder.cancelled), None
        )
        if gone is not None:
            gone.cancelled = agenda.cancel(gone)
        # Two come where one goes, so that a counted offset is wrong at whichever end they come.
        for _ in range(2):
            agenda.later()
    return met


@then("each that stayed was met exactly once")
def each_that_stayed_was_met_exactly_once(reminders: list[Reminder], met: list[object]) -> None:
    for number, reminder in enumerate(reminders, start=1):
        times = met.count(reminder.id)
        expect(
            times == 1,
            expected=f"reminder {number} of {len(reminders)} once in the walk",
            got=f"{times} times",
        )


@given("several reminders, some of them cancelled", target_fixture="reminders")
def several_reminders_some_of_them_cancelled(agenda: Agenda, world: World) -> list[Reminder]:
    reminders = [agenda.later() for _ in range(6)]
    for reminder in world.draw.shuffle(reminders)[: world.draw.integer(2, 4)]:
        reminder.cancelled = agenda.cancel(reminder)
    return reminders


@then("the cancelled ones are listed as cancelled, the others as scheduled, and none as both")
def the_cancelled_ones_are_listed_as_cancelled(agenda: Agenda, reminders: list[Reminder]) -> None:
    ids = {reminder.id for reminder in reminders}
    gone = {reminder.id for reminder in reminders if reminder.cancelled}
    for state, wanted in (("cancelled", gone), ("scheduled", ids - gone), ("dead", set[str]())):
        items = agenda.listed(50, state=state)
        strangers = {str(item.get("state")) for item in items} - {state}
        expect(not strangers, expected=f"only {state} ones", got=strangers)
        found = {str(item.get("id")) for item in items} & ids
        expect(found == wanted, expected=f"{state}: {sorted(wanted)}", got=sorted(found))


@given("101 reminders")
def there_are_101_reminders(agenda: Agenda) -> None:
    requests = [create_request(agenda.body(agenda.far_away(), 7200)) for _ in range(LARGEST_PAGE + 1)]
    for some in batched(requests, 5, strict=False):
        for answer in agenda.burst(some):
            rule = "a reminder in order is answered with 201"
            expect(
                answer.status == CREATED, expected="201", got=describe_answer(answer), rule=rule, timing=True
            )


@when("a page of 1000 is asked for", target_fixture="answer")
def a_page_of_1000_is_asked_for(agenda: Agenda) -> Exchange:
    return agenda.http.get(f"{REMINDERS}?limit=1000")


@then("it is refused with a 4xx, or has at most 100 reminders")
def it_is_refused_with_a_4xx_or_has_at_most_100_reminders(answer: Exchange) -> None:
    rule = f"a page has at most {LARGEST_PAGE} reminders"
    if answer.status != OK:
        refused_as_problem(answer, rule)
        return
    items = as_object(answer, rule).get("items")
    count = len(items) if isinstance(items, list) else None
    fits = count is not None and count <= LARGEST_PAGE
    expect(fits, expected=f"at most {LARGEST_PAGE} items", got=count, rule=rule)


@when(
    "the list is asked with a made-up cursor, with bad limits and with an unknown state",
    target_fixture="answers",
)
def the_list_is_asked_with_a_made_up_cursor(agenda: Agenda, world: World) -> list[Exchange]:
    word = world.draw.word()
    queries = [f"cursor={word}!", f"limit={word}", "limit=0", "limit=-1", f"state={word}"]
    return [agenda.http.get(f"{REMINDERS}?{query}") for query in queries]


@then("each answer is a problem with a 4xx status")
def each_answer_is_a_problem_with_a_4xx_status(answers: list[Exchange]) -> None:
    for answer in answers:
        refused_as_problem(answer, "a query that means nothing is refused")


@when("it is cancelled twice", target_fixture="answers")
def it_is_cancelled_twice(agenda: Agenda, reminder: Reminder) -> list[Exchange]:
    return [agenda.cancel(reminder), agenda.cancel(reminder)]


@then("both answers are 204, and it is shown as cancelled")
def both_answers_are_204_and_it_is_shown_as_cancelled(
    agenda: Agenda, reminder: Reminder, answers: list[Exchange]
) -> None:
    for answer in answers:
        expect(answer.status == NO_CONTENT, expected="204", got=describe_answer(answer))
    state = agenda.show(reminder).get("state")
    expect(state == "cancelled", expected='"state": "cancelled"', got=state)


@then("changing it is refused with 409")
def changing_it_is_refused_with_409(agenda: Agenda, world: World, reminder: Reminder) -> None:
    answer = agenda.revise(reminder, {"message": world.draw.word()})
    is_problem(answer, CONFLICT, "only a scheduled reminder can be changed")


@when("it is changed without If-Match, with a stale ETag, and with its own", target_fixture="answers")
def it_is_changed_without_if_match(agenda: Agenda, world: World, reminder: Reminder) -> list[Exchange]:
    stale = agenda.entity_tag(reminder)
    before = agenda.revise(reminder, {"message": world.draw.word()}, stale)
    expect(
        before.status == OK,
        expected="200",
        got=describe_answer(before),
        rule="PATCH changes a scheduled reminder",
    )
    reminder.message = world.draw.word()
    return [
        agenda.revise(reminder, {"message": world.draw.word()}, ""),
        agenda.revise(reminder, {"message": world.draw.word()}, stale),
        agenda.revise(reminder, {"message": reminder.message}),
    ]


@then("the answers are 428, 412 and 200 with a new ETag")
def the_answers_are_428_412_and_200_with_a_new_etag(reminder: Reminder, answers: list[Exchange]) -> None:
    unconditional, stale, changed = answers
    is_problem(unconditional, UNCONDITIONAL, "PATCH without If-Match is refused with 428")
    is_problem(stale, STALE, "PATCH with an ETag that is not the present one is refused with 412")
    rule = "a change is answered with 200 and the new ETag"
    expect(changed.status == OK, expected="200", got=describe_answer(changed), rule=rule, exchanges=answers)
    tag = changed.header("etag")
    old = reminder.answer.header("etag")
    expect(bool(tag) and tag != old, expected=f"another ETag than {old}", got=tag, rule=rule)


@then("only the last change was made")
def only_the_last_change_was_made(agenda: Agenda, reminder: Reminder) -> None:
    shown = agenda.show(reminder)
    rule = "a refused change changes nothing, and a change only the fields that it names"
    expect(shown.get("message") == reminder.message, expected=reminder.message, got=shown, rule=rule)
    same = moment_of(shown.get("remind_at")) == reminder.remind_at
    expect(same, expected=spelled(reminder.remind_at), got=shown.get("remind_at"), rule=rule)


@when("it is changed many times at the same instant under the same ETag", target_fixture="changes")
def it_is_changed_many_times_at_the_same_instant(
    agenda: Agenda, world: World, reminder: Reminder
) -> list[tuple[str, Exchange]]:
    words = [world.draw.word() for _ in range(AT_ONCE)]
    headers = {"If-Match": agenda.entity_tag(reminder), "Content-Type": "application/json"}
    requests = [
        Request("PATCH", reminder.at, headers, json.dumps({"message": word}).encode()) for word in words
    ]
    return list(zip(words, agenda.burst(requests), strict=True))


@then("one answer is 200, the others are 412, and the one change was made")
def one_answer_is_200(agenda: Agenda, reminder: Reminder, changes: list[tuple[str, Exchange]]) -> None:
    answers = [answer for _, answer in changes]
    won = [word for word, answer in changes if answer.status == OK]
    lost = [answer for answer in answers if answer.status == STALE]
    expect(
        (len(won), len(lost)) == (1, AT_ONCE - 1),
        expected=f"1 x 200, {AT_ONCE - 1} x 412",
        got=", ".join(sorted(map(describe_answer, answers))),
        exchanges=answers,
    )
    message = agenda.show(reminder).get("message")
    expect(message == won[0], expected=won[0], got=message)


@when("it is changed with one mistake at a time", target_fixture="refusals")
def it_is_changed_with_one_mistake_at_a_time(
    agenda: Agenda, world: World, reminder: Reminder
) -> list[Refusal]:
    return [
        Refusal(changes, pointer, agenda.revise(reminder, changes))
        for changes, pointer in refused_changes(world.draw)
        if ... not in changes.values()
    ]


@then("it is as it was")
def it_is_as_it_was(agenda: Agenda, reminder: Reminder) -> None:
    shown = agenda.show(reminder)
    before = as_object(reminder.answer)
    expect(shown == before, expected=str(before), got=shown)


@when("a reminder that nobody made is shown, changed, cancelled and replayed", target_fixture="answers")
def a_reminder_that_nobody_made_is_shown(agenda: Agenda, world: World) -> list[Exchange]:
    place = f"{REMINDERS}/{unused_id(world.draw)}"
    return [
        agenda.http.get(place),
        agenda.http.request("PATCH", place, json={"message": "x"}, headers={"If-Match": '"1"'}),
        agenda.http.request("DELETE", place),
        agenda.http.request("POST", f"{place}/replay"),
    ]


@then("each answer is a problem with status 404")
def each_answer_is_a_problem_with_status_404(answers: list[Exchange]) -> None:
    for answer in answers:
        is_problem(answer, 404, "an id that no reminder has is answered with 404")


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


def refused_as_problem(answer: Exchange, rule: str | None = None) -> None:
    """Demand a problem with some 4xx."""
    expect(400 <= answer.status < 500, expected="a 4xx", got=describe_answer(answer), rule=rule)
    is_problem(answer, answer.status, rule)
