"""Steps of changes.feature: versions, merge patches, deletion, and answers that are left out."""

import json
from dataclasses import dataclass, field

from pytest_bdd import scenarios, then, when

from kata.steps import Exchange, Request, World, as_object, burst, describe_answer, expect, is_problem

from .office import (
    CONFLICT,
    CREATED,
    MISSING,
    NO_CONTENT,
    NOT_MODIFIED,
    OK,
    PATCH_TYPE,
    STALE,
    UNCONDITIONAL,
    Member,
    Office,
    Task,
    in_doubt,
    target_of,
)
from .refusals import Refusal, are_refused, odd_text, refused_changes

AT_ONCE = 12
MINIMAL = "return=minimal"

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


def succeeded(answer: Exchange, status: int) -> None:
    got = f"{describe_answer(answer)} {answer.text[:200]}"
    rule = "a change under the present ETag is made"
    expect(answer.status == status, expected=str(status), got=got, rule=rule, timing=in_doubt(answer))


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


@dataclass(frozen=True)
class Deleted:
    """A task, the ETags of its deletion and of its restoration, and what came in between."""

    task: Task
    kept: Task
    refused: list[tuple[int, Exchange]]
    listed: list[str]
    listed_as_deleted: list[str]
    restored: Exchange
    again: Exchange


@when("a task is deleted, asked for in every way, and restored", target_fixture="deleted")
def a_task_is_deleted(member: Member, world: World) -> Deleted:
    task, kept = member.create(notes=world.draw.word()), member.create()
    answer = member.delete(task)
    succeeded(answer, NO_CONTENT)
    tag = answer.header("etag") or ""
    refused = [
        (MISSING, member.get(task.path)),
        (MISSING, member.patch(task, {"title": "x"}, "*")),
        (MISSING, member.delete(task, "*")),
        (MISSING, member.patch(task, {"title": "x"}, "")),
        (CONFLICT, member.restore(kept, "*")),
    ]
    listed, deleted = member.page().ids, member.page(deleted="true").ids
    restored = member.restore(task, world.draw.choice([tag, "*"]))
    return Deleted(task, kept, refused, listed, deleted, restored, member.restore(task, "*"))


@then("it was gone but for the list of the deleted, and is back as it was")
def it_was_gone(member: Member, deleted: Deleted) -> None:
    for status, answer in deleted.refused:
        is_problem(answer, status, "what is deleted is not found, and only that can be restored")
    lists = (deleted.listed, deleted.listed_as_deleted)
    wanted = ([deleted.kept.id], [deleted.task.id])
    expect(lists == wanted, expected=f"lists with {wanted}", got=lists)
    succeeded(deleted.restored, OK)
    is_problem(deleted.again, CONFLICT, "what is not deleted cannot be restored")
    shown = member.show(deleted.task)
    expect(
        as_object(deleted.restored) == shown.document, expected=str(shown.document), got=deleted.restored.text
    )
    got = {name: value for name, value in shown.document.items() if name != "updated_at"}
    before = {name: value for name, value in deleted.task.document.items() if name != "updated_at"}
    expect(got == before, expected=str(before), got=got)
    ids = (set(member.page().ids), member.page(deleted="true").ids)
    expect(ids == ({deleted.task.id, deleted.kept.id}, []), expected="both in the list", got=ids)


@when(
    "a task is asked for with its ETag, weak, in a list and as a star, and after a change",
    target_fixture="conditional",
)
def a_task_is_asked_for_with_its_etag(
    member: Member, world: World
) -> tuple[Exchange, list[Exchange], list[Exchange]]:
    task = member.create()
    usual, tag = member.get(task.path), task.etag
    forms = [tag, f"W/{tag}", f'"x", {tag}', f'W/"x" , W/{tag}', "*"]
    known = [member.get(task.path, if_none_match=form) for form in world.draw.shuffle(forms)]
    known.append(member.http.request("HEAD", task.path, headers={"If-None-Match": tag}))
    known.append(member.in_lines("GET", task.path, ("If-None-Match", '"x"'), ("If-None-Match", tag)))
    fresh = [member.get(task.path, if_none_match=form) for form in ('"x"', 'W/"x", "y"', tag.strip('"'))]
    succeeded(member.patch(task, {"notes": world.draw.word()}, "*"), OK)
    fresh += [member.get(task.path, if_none_match=form) for form in (tag, f"W/{tag}")]
    return usual, known, fresh


@then("the answers are 304 with the headers of the 200, and the task again once it has changed")
def the_answers_are_304(conditional: tuple[Exchange, list[Exchange], list[Exchange]]) -> None:
    usual, known, fresh = conditional
    expect(bool(usual.header("cache-control")), expected="a Cache-Control", got=usual.header("cache-control"))
    for answer in known:
        got = describe_answer(answer)
        expect(answer.status == NOT_MODIFIED and not answer.body, expected="304 without a body", got=got)
        for name in ("etag", "cache-control", "vary"):
            wanted = usual.header(name)
            expect(answer.header(name) == wanted, expected=f"{name}: {wanted}", got=answer.header(name))
    for answer in fresh:
        expect(answer.status == OK and bool(answer.body), expected="200", got=describe_answer(answer))


@dataclass
class Preferred:
    """Answers to who prefers them minimal, with their status, and to who does not."""

    task: Task
    minimal: list[tuple[int, Exchange]]
    whole: list[Exchange]


@when(
    "a task is made, changed and restored with Prefer: return=minimal, and otherwise",
    target_fixture="preferred",
)
def a_task_is_made_with_prefer(member: Member, world: World) -> Preferred:
    draw = world.draw
    task = member.create()
    minimal = draw.choice([MINIMAL, "Return=minimal", f"respond-async, {MINIMAL}", f"wait=9, {MINIMAL}; foo"])
    other = draw.choice(["return=representation", f"{draw.word()}=minimal", f"{draw.word()}"])
    body = member.body()
    answers = [
        (CREATED, member.post(body, {"Prefer": minimal})),
        (OK, member.patch(task, {"title": draw.word()}, "*", prefer=minimal)),
    ]
    whole = [
        member.post(body, {"Prefer": other}),
        member.patch(task, {"title": draw.word()}, "*", prefer=other),
    ]
    member.delete(task, "*")
    answers.append((OK, member.restore(task, "*", prefer=minimal)))
    return Preferred(task, answers, whole)


@then("the answers are empty and say so, with Location and ETag, and otherwise have the task")
def the_answers_are_empty_and_say_so(member: Member, preferred: Preferred) -> None:
    for status, answer in preferred.minimal:
        allowed = {status} if status == CREATED else {status, NO_CONTENT}
        right = answer.status in allowed and not answer.body
        expect(
            right, expected=f"{status} without a body", got=f"{describe_answer(answer)} {answer.text[:80]}"
        )
        applied = (answer.header("preference-applied") or "").lower()
        expect(applied == MINIMAL, expected=f"Preference-Applied: {MINIMAL}", got=applied)
        expect(bool(answer.header("etag")), expected="an ETag", got=answer.header("etag"))
    location = target_of(preferred.minimal[0][1].header("location") or "")
    expect(location.startswith("/"), expected="Location", got=location or "none")
    made = member.get(location)
    expect(made.status == OK, expected=f"200 from {location}", got=describe_answer(made))
    last = preferred.minimal[-1][1].header("etag")
    shown = member.show(preferred.task)
    expect(shown.etag == last, expected=f"ETag {last}", got=shown.etag)
    for answer in preferred.whole:
        has_it = "title" in as_object(answer) and answer.header("preference-applied") != MINIMAL
        expect(has_it, expected="the task", got=answer.text[:80])
