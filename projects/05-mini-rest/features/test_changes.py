"""Steps of changes.feature."""

import json
from dataclasses import dataclass, field

from pytest_bdd import scenarios, then, when

from kata.steps import Exchange, Request, World, as_object, burst, describe_answer, expect, is_problem

from .office import (
    NO_CONTENT,
    OK,
    PATCH_TYPE,
    STALE,
    UNCONDITIONAL,
    Member,
    Office,
    Task,
    in_doubt,
    succeeded,
)
from .refusals import Refusal, are_refused, odd_text, refused_changes

AT_ONCE = 12

scenarios("changes.feature")


@dataclass
class Revised:
    """The task, what was refused with the status that it had to get, the tags, and what is wanted now."""

    task: Task
    refused: list[tuple[Exchange, int]] = field(default_factory=list)
    tags: list[str] = field(default_factory=list)
    wanted: dict[str, object] = field(default_factory=dict)


@when(
    "a task is changed, deleted and restored without If-Match, with stale and weak tags, and with its own",
    target_fixture="revised",
)
def a_task_is_changed_deleted_and_restored(member: Member, world: World) -> Revised:
    draw = world.draw
    revised = Revised(member.create())
    task, stale = revised.task, '"never"'
    revised.tags.append(task.etag)
    forms = ["{tag}", "*", draw.choice(['"x", {tag}', '{tag},"x"', 'W/"x", {tag} ,"y"'])]
    for form in draw.shuffle(forms):
        present, wrong = revised.tags[-1], {"title": draw.word()}
        for tag, status in wrong_tags(draw.shuffle([stale, present.strip('"'), '"x", "y"', ""]), present):
            revised.refused.append((member.patch(task, wrong, tag), status))
            revised.refused.append((member.delete(task, tag), status))
        change = {"title": draw.word(), "notes": draw.word()}
        answer = member.patch(task, change, form.format(tag=present))
        succeeded(answer, OK)
        revised.wanted = {**as_object(answer), **change}
        stale = present
        revised.tags.append(answer.header("etag") or "")
    change = {"title": draw.word(), "notes": draw.word()}
    lists = draw.choice([('"x"', revised.tags[-1]), ('W/"y", "x"', f'"z", {revised.tags[-1]}')])
    lines = [("If-Match", text) for text in lists]
    answer = member.in_lines("PATCH", task.path, *lines, body=json.dumps(change).encode())
    succeeded(answer, OK)
    revised.wanted = {**as_object(answer), **change}
    revised.tags.append(answer.header("etag") or "")
    deleted = member.delete(task, revised.tags[-1])
    succeeded(deleted, NO_CONTENT)
    revised.tags.append(deleted.header("etag") or "")
    for tag, status in wrong_tags([stale, ""], revised.tags[-1]):
        revised.refused.append((member.restore(task, tag), status))
    restored = member.restore(task, revised.tags[-1])
    succeeded(restored, OK)
    revised.tags.append(restored.header("etag") or "")
    return revised


def wrong_tags(tags: list[str], present: str) -> list[tuple[str, int]]:
    """Return values of If-Match that do not name the present ETag, with what they get; "" is none."""
    return [*((tag, STALE if tag else UNCONDITIONAL) for tag in tags), (f"W/{present}", STALE)]


@then("the answers are 428, 412, and a success with a new ETag")
def the_answers_are_428_412_and_a_success(revised: Revised) -> None:
    for answer, status in revised.refused:
        is_problem(
            answer, status, "without If-Match 428; with another than the present ETag, or a weak one, 412"
        )
    got = revised.tags
    new = len(set(got)) == len(got) and all(got)
    expect(new, expected="a new ETag from each change", got=got)


@then("it is as the last changes made it")
def it_is_as_the_last_changes_made_it(member: Member, revised: Revised) -> None:
    shown = member.show(revised.task)
    got = {name: value for name, value in shown.document.items() if name != "updated_at"}
    wanted = {name: value for name, value in revised.wanted.items() if name != "updated_at"}
    rule = "a refused change changes nothing, and a change only what it names"
    expect(got == wanted, expected=str(wanted), got=got, rule=rule)
    expect(shown.etag == revised.tags[-1], expected=revised.tags[-1], got=shown.etag)


@when("a task is changed many times at the same instant under the same ETag", target_fixture="together")
def a_task_is_changed_many_times(
    office: Office, member: Member, world: World
) -> tuple[Task, list[tuple[str, Exchange]]]:
    task = member.create()
    titles = [world.draw.word() for _ in range(AT_ONCE)]
    headers = PATCH_TYPE | member.authorization | {"If-Match": task.etag}
    requests = [
        Request("PATCH", task.path, headers, json.dumps({"title": title}).encode()) for title in titles
    ]
    answers = burst(world.draw.choice(office.service.urls), requests)
    return task, list(zip(titles, answers, strict=True))


@then("one answer is 200, the others are 412, and the one change was made")
def one_answer_is_200(
    office: Office, member: Member, together: tuple[Task, list[tuple[str, Exchange]]]
) -> None:
    task, changes = together
    answers = [answer for _, answer in changes]
    won = [title for title, answer in changes if answer.status == OK]
    lost = [answer for answer in answers if answer.status == STALE]
    got = ", ".join(sorted(map(describe_answer, answers)))
    right = (len(won), len(lost)) == (1, AT_ONCE - 1)
    doubtful = any(map(in_doubt, answers))
    expect(right, expected=f"1 x 200, {AT_ONCE - 1} x 412", got=got, exchanges=answers, timing=doubtful)
    for number in range(len(office.service.urls)):
        client = office.service.client(member.authorization, process=number)
        title = as_object(client.get(task.path)).get("title")
        rule = "what one process has answered all of them show"
        expect(title == won[0], expected=won[0], got=title, rule=rule)


@when("fields are changed, cleared, and named in an empty patch", target_fixture="patched")
def fields_are_changed_cleared_and_named(member: Member, world: World) -> list[tuple[str, object, object]]:
    draw = world.draw
    task = member.create(notes=odd_text(draw), due_at=f"{draw.integer(2030, 2090)}-05-06T07:08:09Z")
    document = dict(task.document)
    patches: list[dict[str, object]] = draw.shuffle(
        [
            {"title": odd_text(draw)},
            {"notes": None},
            {"due_at": None},
            {"status": "done"},
            {"title": draw.word(), "notes": odd_text(draw)},
        ]
    )
    found: list[tuple[str, object, object]] = []
    etag, tags = task.etag, {task.etag}
    for patch in patches:
        document |= patch
        answer = member.patch(task, patch, etag)
        got = as_object(answer)
        etag = answer.header("etag") or ""
        found.append((f"{patch}", "a new ETag", f"{etag} again" if etag in tags else "a new ETag"))
        tags.add(etag)
        document["updated_at"] = got.get("updated_at")
        found.append((f"{patch}", document.copy(), got))
        empty = member.patch(task, {}, etag)
        found.append(("{}", (OK, etag, got), (empty.status, empty.header("etag"), as_object(empty))))
    return found


@then("each is what the patch says, the others are as they were, and an empty patch keeps the ETag")
def each_is_what_the_patch_says(patched: list[tuple[str, object, object]]) -> None:
    for patch, wanted, got in patched:
        expect(got == wanted, expected=f"{wanted} after {patch}", got=got)


@when("a task is changed with one mistake at a time", target_fixture="tried")
def a_task_is_changed_with_one_mistake_at_a_time(member: Member, world: World) -> tuple[Task, list[Refusal]]:
    task = member.create(notes=world.draw.word())
    mistakes = [(change, at) for change, at in refused_changes(world.draw) if ... not in change.values()]
    right = {"title": world.draw.word()}
    return task, [
        Refusal(change, at, member.patch(task, right | change, world.draw.choice([task.etag, "*"])))
        for change, at in world.draw.shuffle(mistakes)
    ]


@then("each change is refused with a pointer to its mistake")
def each_change_is_refused(tried: tuple[Task, list[Refusal]]) -> None:
    are_refused(tried[1])


@then("the task is as it was")
def the_task_is_as_it_was(member: Member, tried: tuple[Task, list[Refusal]]) -> None:
    shown = member.show(tried[0])
    expect(shown == tried[0], expected=str(tried[0]), got=shown)
