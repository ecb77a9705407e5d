"""Steps of changes.feature: who may change what, and in which version."""

import json
from dataclasses import dataclass, field

from pytest_bdd import scenarios, then, when

from kata.steps import Exchange, Request, World, as_object, describe_answer, expect, is_problem

from .agenda import (
    NO_CONTENT,
    OK,
    STALE,
    UNCONDITIONAL,
    Agenda,
    Reminder,
    in_doubt,
    moment_of,
    odd_spelling,
    odd_text,
    soon,
)
from .refusals import Refusal, refused_changes

AT_ONCE = 12
CHANGED = "a change is answered with 200 and the new ETag"

scenarios("changes.feature")


@when("it is cancelled under a stale ETag, and then twice", target_fixture="answers")
def it_is_cancelled_under_a_stale_etag(agenda: Agenda, world: World, reminder: Reminder) -> list[Exchange]:
    agenda.refuses(reminder, ["replay"], "only a dead reminder can be replayed")
    stale = agenda.entity_tag(reminder)
    was_changed(agenda.revise(reminder, {"message": world.draw.word()}))
    present = agenda.entity_tag(reminder)
    rule = "DELETE with an If-Match that does not name the present ETag is refused with 412"
    for tag in (stale, f"W/{present}"):
        is_problem(agenda.cancel(reminder, tag), STALE, rule)
    state = agenda.show(reminder).get("state")
    expect(state == "scheduled", expected="scheduled after a 412", got=state, rule=rule)
    tags = world.draw.choice(["", "*", f"{stale}, {present}"])
    return [agenda.cancel(reminder, tags), agenda.cancel(reminder)]


@then("both answers are 204, and it is shown as cancelled")
def both_answers_are_204_and_it_is_shown_as_cancelled(
    agenda: Agenda, reminder: Reminder, answers: list[Exchange]
) -> None:
    for answer in answers:
        expect(answer.status == NO_CONTENT, expected="204", got=describe_answer(answer))
    state = agenda.show(reminder).get("state")
    expect(state == "cancelled", expected='"state": "cancelled"', got=state)


@then("to change it, or to replay it, is refused with 409")
def to_change_it_or_to_replay_it_is_refused_with_409(agenda: Agenda, reminder: Reminder) -> None:
    agenda.refuses(reminder, ["PATCH", "replay"], "a cancelled reminder can neither be changed nor replayed")


@dataclass
class Revised:
    """What was refused, with the status that it had to get; what was changed, and what is wanted now."""

    wanted: dict[str, object]
    refused: list[tuple[Exchange, int]] = field(default_factory=list)
    changed: list[Exchange] = field(default_factory=list)


@when(
    "its fields are changed in turn, without If-Match, with a stale ETag, and with its own",
    target_fixture="revised",
)
def its_fields_are_changed_in_turn(agenda: Agenda, world: World, reminder: Reminder) -> Revised:
    changes: list[dict[str, object]] = [
        {"message": odd_text(world.draw)},
        {"callback_url": agenda.far_away()},
        {"remind_at": odd_spelling(world.draw, soon(world.draw.integer(100_000, 200_000)))},
    ]
    document = as_object(reminder.answer)
    revised = Revised({name: document.get(name) for name in ("message", "callback_url", "remind_at")})
    stale = '"never"'
    forms = world.draw.shuffle(["{present}", "*", world.draw.choice(['"x", {present}', '{present},"x"'])])
    for form, change in zip(forms, world.draw.shuffle(changes), strict=True):
        present = agenda.entity_tag(reminder)
        wrong = {"message": world.draw.word()}
        for tag, status in (("", UNCONDITIONAL), (stale, STALE), (f"W/{present}", STALE)):
            revised.refused.append((agenda.revise(reminder, wrong, tag), status))
        revised.changed.append(agenda.revise(reminder, change, form.format(present=present)))
        revised.wanted |= change
        stale = present
    return revised


@then("the answers are 428, 412, and 200 with a new ETag")
def the_answers_are_428_412_and_200_with_a_new_etag(reminder: Reminder, revised: Revised) -> None:
    for answer, status in revised.refused:
        is_problem(answer, status, "PATCH without If-Match gets 428, with another than the present ETag 412")
    tags = [reminder.answer.header("etag")]
    for answer in revised.changed:
        was_changed(answer)
        tag = answer.header("etag")
        expect(bool(tag) and tag not in tags, expected=f"another ETag than {tags}", got=tag, rule=CHANGED)
        tags.append(tag)


@then("it is as the last changes made it")
def it_is_as_the_last_changes_made_it(agenda: Agenda, reminder: Reminder, revised: Revised) -> None:
    shown = agenda.show(reminder)
    rule = "a refused change changes nothing, and a change only the fields that it names"
    last = as_object(revised.changed[-1])
    expect(shown == last, expected=f"what the last PATCH answered: {last}", got=shown, rule=rule)
    wanted = revised.wanted | {"remind_at": moment_of(str(revised.wanted["remind_at"]).upper())}
    got = {name: shown.get(name) for name in wanted} | {"remind_at": moment_of(shown.get("remind_at"))}
    expect(got == wanted, expected=str(wanted), got=got, rule=rule)


@when("it is changed many times at the same instant under the same ETag", target_fixture="changes")
def it_is_changed_many_times_at_the_same_instant(
    agenda: Agenda, world: World, reminder: Reminder
) -> list[tuple[str, Exchange]]:
    shown_by_all(agenda, reminder, reminder.message)  # whoever remembers what it has shown remembers this
    words = [world.draw.word() for _ in range(AT_ONCE)]
    headers = {"If-Match": agenda.entity_tag(reminder), "Content-Type": "application/json"}
    requests = [
        Request("PATCH", reminder.at, headers, json.dumps({"message": word}).encode()) for word in words
    ]
    return list(zip(words, agenda.burst_at_all(requests), strict=True))


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
    shown_by_all(agenda, reminder, won[0])
    was_changed(agenda.revise(reminder, {"message": won[0][::-1]}))  # at one of them
    shown_by_all(agenda, reminder, won[0][::-1])


@when("it is changed with one mistake at a time", target_fixture="refusals")
def it_is_changed_with_one_mistake_at_a_time(
    agenda: Agenda, world: World, reminder: Reminder, message_limit: int
) -> list[Refusal]:
    tag = agenda.entity_tag(reminder)
    return [
        Refusal(changes, pointer, agenda.revise(reminder, changes, tag))
        for changes, pointer in refused_changes(world.draw, message_limit)
        if ... not in changes.values()
    ]


@then("it is as it was")
def it_is_as_it_was(agenda: Agenda, reminder: Reminder) -> None:
    shown = agenda.show(reminder)
    before = as_object(reminder.answer)
    expect(shown == before, expected=str(before), got=shown)


def shown_by_all(agenda: Agenda, reminder: Reminder, message: str) -> None:
    """Demand that each web process shows the reminder with this message."""
    rule = "what one web process has acknowledged all of them show"
    for number in range(len(agenda.service.urls)):
        got = as_object(agenda.service.client(process=number).get(reminder.at), rule).get("message")
        expect(got == message, expected=message, got=got, rule=rule)


def was_changed(answer: Exchange) -> None:
    got = describe_answer(answer) if answer.status == OK else f"{describe_answer(answer)} {answer.text[:300]}"
    expect(answer.status == OK, expected="200", got=got, rule=CHANGED, timing=in_doubt(answer))
