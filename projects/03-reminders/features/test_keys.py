"""Steps of keys.feature: creates that are sent again."""

import json
from dataclasses import dataclass
from datetime import timedelta

from pytest_bdd import scenarios, then, when

from kata.steps import Draw, Exchange, World, as_object, describe_answer, expect, is_problem

from .agenda import (
    CONFLICT,
    CREATED,
    INVALID,
    MALFORMED,
    OK,
    REMINDERS,
    Agenda,
    Reminder,
    create_request,
    made,
    odd_text,
    soon,
    spelled,
)
from .receiver import wait_past

AT_ONCE = 12
LONGEST_KEY = 255
LONGEST_PAST = timedelta(seconds=5.2)  # beyond what has to be accepted
VISIBLE = "".join(map(chr, range(0x21, 0x7F)))

type Posted = tuple[dict[str, object], Exchange]

scenarios("keys.feature")


def idempotency_key(draw: Draw, length: int = 36) -> str:
    """Return a key of so many visible ASCII characters, which may be written without quotes."""
    return draw.text(1, VISIBLE.replace('"', "")) + draw.text(length - 1, VISIBLE)


def quoted(key: str) -> str:
    """Return a key as structured fields write it."""
    return '"{}"'.format(key.replace("\\", r"\\").replace('"', r"\""))


@when("a create is sent three times with the same Idempotency-Key", target_fixture="reminders")
def a_create_is_sent_three_times_with_the_same(agenda: Agenda, world: World) -> list[Reminder]:
    body = agenda.body(agenda.far_away(), 7200, message=odd_text(world.draw))
    key = idempotency_key(world.draw)
    spellings = world.draw.shuffle([key, quoted(key), world.draw.choice([key, quoted(key)])])
    otherwise = dict(reversed(body.items()))
    written = json.dumps(otherwise, indent=1, ensure_ascii=world.draw.choice([True, False]))
    headers = {"Content-Type": "application/json", "Idempotency-Key": spellings[0]}
    first = agenda.http.request("POST", REMINDERS, body=written.encode(), headers=headers)
    return [made(body, first), *(agenda.accepted(body, again) for again in spellings[1:])]


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
    body, key = agenda.body(agenda.far_away(), -3), idempotency_key(world.draw)
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


@dataclass(frozen=True)
class KeyUse:
    """Creates with one key, with one that differs in its last character, and with what is no key."""

    first: Posted
    others: list[Posted]
    neighbour: Posted
    malformed: list[Posted]


@when(
    "an Idempotency-Key is used again with other bodies, after a first one was refused", target_fixture="use"
)
def an_idempotency_key_is_used_again_with_other_bodies(agenda: Agenda, world: World) -> KeyUse:
    key = idempotency_key(world.draw, LONGEST_KEY)
    body = agenda.body(agenda.far_away(), 7200)

    def post(key: str, **changes: object) -> Posted:
        changed = {**body, **changes}
        return changed, agenda.post(changed, key)

    word = world.draw.word
    malformed = [f"{key}x", quoted(f"{word():x<256}"), f"{word()} {word()}", f"{word()}é", f'"{word()}', '""']
    for changes in ({"message": ""}, {"remind_at": spelled(soon(-90))}):
        is_problem(post(key, **changes)[1], INVALID, "bad input is refused with 422")
    return KeyUse(
        first=post(key),
        others=[
            post(key, message=word()),
            post(key, callback_url=agenda.far_away()),
            post(key, remind_at=spelled(soon(14_400))),
        ],
        neighbour=post(key[:-1] + ("b" if key[-1] == "a" else "a"), message=word()),
        malformed=[post(bad, message=word()) for bad in world.draw.shuffle(malformed)],
    )


@then("the others are refused with 422 and make nothing, and a key of the greatest length counts in full")
def the_others_are_refused_with_422(agenda: Agenda, use: KeyUse) -> None:
    reminder, neighbour = made(*use.first), made(*use.neighbour)
    rule = "another key makes another reminder, and a key that was refused another chance"
    expect(reminder.id != neighbour.id, expected="another id", got=neighbour.id, rule=rule)
    for _, answer in use.others:
        is_problem(answer, INVALID, "a key that is used for another body is refused with 422")
    for _, answer in use.malformed:
        is_problem(answer, MALFORMED, f"a key has 1 to {LONGEST_KEY} visible ASCII characters, or gets 400")
    messages = {str(body["message"]) for body, _ in [*use.others, *use.malformed]} - {reminder.message}
    found = agenda.named(messages)
    expect(not found, expected="no such reminder in the list", got=found)
    shown = agenda.show(reminder)
    expect(shown == as_object(use.first[1]), expected="the reminder as it was made", got=shown)


@when(
    "a create is sent many times at the same instant with the same Idempotency-Key",
    target_fixture="sent_together",
)
def a_create_is_sent_many_times_at_the_same(agenda: Agenda, world: World) -> tuple[Posted, list[Exchange]]:
    body = agenda.body(agenda.far_away(), 7200)
    answers = agenda.burst_at_all([create_request(body, str(world.draw.uuid()))] * AT_ONCE)
    return (body, answers[0]), answers


@then("the list has it once, and each 201 names it")
def the_list_has_it_once_and_each_201_names_it(
    agenda: Agenda, sent_together: tuple[Posted, list[Exchange]]
) -> None:
    (body, _), answers = sent_together
    found = agenda.named([str(body["message"])])
    expect(len(found) == 1, expected="one reminder in the list", got=len(found), exchanges=answers)
    ids = {as_object(answer).get("id") for answer in answers if answer.status == CREATED}
    expect(ids == {found[0].get("id")}, expected=f"201 with {found[0].get('id')}", got=ids)
    # Whoever comes while the first is under way may be told to come again.
    others = {answer.status for answer in answers} - {CREATED, OK, CONFLICT}
    expect(not others, expected="201 or 409", got=sorted(others), exchanges=answers)
