"""Steps of returns.feature."""

from dataclasses import dataclass

from pytest_bdd import scenarios, then, when

from kata.steps import Exchange, World, as_object, describe_answer, expect, is_problem

from .office import (
    CONFLICT,
    CREATED,
    MISSING,
    NO_CONTENT,
    NOT_MODIFIED,
    OK,
    Member,
    Task,
    succeeded,
    target_of,
)

MINIMAL = "return=minimal"

scenarios("returns.feature")


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
