"""Steps of resources.feature."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from pytest_bdd import scenarios, then, when

from kata.steps import Exchange, as_object, describe_answer, expect, is_problem

from .backend import (
    API,
    CONTENT_LIMIT,
    CREATED,
    INVALID,
    MALFORMED,
    NO_CONTENT,
    NOT_FOUND,
    OK,
    RESOURCES,
    TITLE_LIMIT,
    UNSUPPORTED,
    Backend,
    Json,
    Person,
    is_refused,
    items_of,
    path_of,
)

CLOCK = timedelta(seconds=10)

scenarios("resources.feature")


@when("it is asked for paths that nobody has made, with several methods", target_fixture="answers")
def it_is_asked_for_paths_that_nobody_has_made(backend: Backend) -> list[Exchange]:
    draw, client = backend.draw, backend.service.client()
    paths = [f"/{draw.word()}", f"{API}/{draw.word()}", f"/health/{draw.word()}", f"/{draw.word()}.php?a=b"]
    return [
        client.request(method, path) for path in paths for method in draw.shuffle(["GET", "POST", "DELETE"])
    ]


@then("each answer is 404")
def each_answer_is_404(answers: list[Exchange]) -> None:
    for answer in answers:
        none = answer.status == 0
        expect(answer.status == NOT_FOUND, expected="404", got=describe_answer(answer), timing=none)


@dataclass(frozen=True)
class Shown:
    """What was sent, and what came back."""

    sent: Json
    answer: Exchange


@when("they make a resource, and change one member of it after the other", target_fixture="shown")
def they_make_a_resource_and_change_it(backend: Backend, person: Person) -> list[Shown]:
    sent: dict[str, object] = {"title": backend.text(30), "content": backend.text(300)}
    if backend.draw.choice([True, False]):
        del sent["content"]
    made = person.ask("POST", RESOURCES, sent)
    expect(made.status == CREATED, expected="201", got=describe_answer(made))
    path = path_of(as_object(made))
    location = made.header("location") or "none"
    expect(location.endswith(path), expected=f"Location: {path}", got=location, answer=made)
    now: dict[str, object] = {"content": "", **sent}
    shown = [Shown(dict(now), made), Shown(dict(now), person.ask("GET", path))]
    first, second = backend.draw.shuffle(["title", "content"])
    for name in (first, second, first):  # by the third change neither is empty
        now[name] = backend.text(40)
        shown.append(Shown(dict(now), person.ask("PATCH", path, {name: now[name]})))
        shown.append(Shown(dict(now), person.ask("GET", path)))
    return shown


@then("each answer shows it as it is then, and only what was sent has changed")
def each_answer_shows_it(shown: list[Shown]) -> None:
    first = as_object(shown[0].answer)
    text = str(first.get("id"))
    expect(is_uuid(text), expected="a UUID as id", got=text, answer=shown[0].answer)
    created = moment_of(first.get("created_at"))
    expect(
        created is not None and abs(created - datetime.now(UTC)) < CLOCK,
        expected="created_at, the time in UTC",
        got=first.get("created_at"),
        answer=shown[0].answer,
    )
    last = created
    for number, each in enumerate(shown):
        body = as_object(each.answer)
        if number:
            expect(each.answer.status == OK, expected="200", got=describe_answer(each.answer))
        got = {name: body.get(name) for name in ("id", "created_at", *each.sent)}
        wanted = {"id": first["id"], "created_at": first["created_at"], **each.sent}
        expect(got == wanted, expected=str(wanted)[:300], got=str(got)[:300], answer=each.answer)
        updated = moment_of(body.get("updated_at"))
        right = updated is not None and last is not None
        changed = number >= 2 and number % 2 == 0
        if right and updated and last:
            right = updated > last if changed else updated == last
        expect(
            right,
            expected="updated_at, later with each change and only then",
            got=body.get("updated_at"),
            answer=each.answer,
        )
        last = updated


@then("when it is deleted it is gone")
def when_it_is_deleted_it_is_gone(person: Person, shown: list[Shown]) -> None:
    path = path_of(as_object(shown[0].answer))
    deleted = person.ask("DELETE", path)
    expect(deleted.status == NO_CONTENT, expected="204", got=describe_answer(deleted))
    for method, body in (("GET", None), ("PATCH", {"title": "again"}), ("DELETE", None)):
        is_problem(person.ask(method, path, body), NOT_FOUND)
    listed = [item.get("id") for item in items_of(person.ask("GET", f"{RESOURCES}?limit=100"))]
    expect(as_object(shown[0].answer)["id"] not in listed, expected="a list without it", got=listed)


@when(
    "they make some resources, and walk the list in small parts, while others are made",
    target_fixture="walked",
)
def they_make_some_and_walk_the_list(backend: Backend, person: Person) -> tuple[list[str], list[str]]:
    draw = backend.draw
    made = [str(person.make()["id"]) for _ in range(draw.integer(7, 12))]
    limit = draw.integer(2, 4)
    walked: list[str] = []
    cursor: object = None
    for _ in range(200):
        query = f"?limit={limit}" + (f"&cursor={cursor}" if cursor else "")
        answer = person.ask("GET", RESOURCES + query)
        items = items_of(answer)
        expect(len(items) <= limit, expected=f"at most {limit}", got=len(items), answer=answer)
        walked += [str(item.get("id")) for item in items]
        body = as_object(answer)
        expect("next_cursor" in body, expected="next_cursor", got=sorted(body), answer=answer)
        cursor = body["next_cursor"]
        if cursor is None or set(made) <= set(walked):
            break
        person.make()
    return made, walked


@then("each of the first ones comes once, the newest first")
def each_comes_once_the_newest_first(walked: tuple[list[str], list[str]], person: Person) -> None:
    made, found = walked
    own = [one for one in found if one in made]
    expect(own == made[::-1], expected="each once, the newest first", got=[made.index(one) for one in own])
    default = items_of(person.ask("GET", RESOURCES))
    expect(len(default) <= 20, expected="at most 20 without a limit", got=len(default))


@dataclass(frozen=True)
class Refusal:
    """What was sent, the mistake in it, and the answer."""

    body: object
    pointer: str
    answer: Exchange


@when("they send what is not acceptable, to make a resource and to change one", target_fixture="refusals")
def they_send_what_is_not_acceptable(backend: Backend, person: Person) -> list[Refusal]:
    resource = person.make(content="as it was")
    title = backend.text(10)
    bodies: list[tuple[object, str]] = [
        ({"title": ""}, "#/title"),
        ({"title": backend.text(TITLE_LIMIT + 1)}, "#/title"),
        ({"title": backend.draw.choice([7, None, True, ["x"], {}])}, "#/title"),
        ({"title": f"{title}\0"}, "#/title"),
        ({"title": title, "content": backend.text(CONTENT_LIMIT + 1)}, "#/content"),
        ({"title": title, "content": backend.draw.choice([7, None, ["x"]])}, "#/content"),
        ({"title": title, backend.draw.word(): 1}, ""),
        ({"title": title, "id": str(backend.draw.uuid())}, "#/id"),
        ({"title": title, "owner_id": str(backend.draw.uuid())}, "#/owner_id"),
        ([title], "#"),
    ]
    refusals = [Refusal(body, pointer, person.ask("POST", RESOURCES, body)) for body, pointer in bodies]
    refusals.append(Refusal({}, "#/title", person.ask("POST", RESOURCES, {})))
    refusals += [
        Refusal(body, pointer, person.ask("PATCH", path_of(resource), body)) for body, pointer in bodies
    ]
    refusals.append(Refusal({}, "#", person.ask("PATCH", path_of(resource), {})))
    now = as_object(person.read(resource))
    expect(now == resource, expected=f"the resource as it was: {str(resource)[:200]}", got=str(now)[:200])
    return refusals


@then("each is refused with a pointer to its mistake")
def each_is_refused_with_a_pointer(refusals: list[Refusal]) -> None:
    for refusal in refusals:
        unknown = (
            [f"#/{name}" for name in refusal.body if name != "title"]
            if isinstance(refusal.body, dict)
            else []
        )
        is_refused(refusal.answer, refusal.pointer or unknown[0], refusal.body)


@then("what cannot be read is 400, and what is no JSON is 415")
def what_cannot_be_read_is_400(backend: Backend, person: Person) -> None:
    client = backend.service.client(person.headers)
    kind = {"Content-Type": "application/json"}
    for body in (b'{"title": ', b'{"title": "a"} x', b'{"title": NaN}', b'{"title": "\xff"}'):
        is_problem(client.request("POST", RESOURCES, headers=kind, body=body), MALFORMED)
    odd = client.request("POST", RESOURCES, headers={"Content-Type": "text/plain"}, body=b'{"title": "a"}')
    is_problem(odd, UNSUPPORTED)
    for query in ("limit=0", "limit=101", "cursor=nowhere"):
        is_problem(client.get(f"{RESOURCES}?{query}"), INVALID)


@then("an id that was never given out is 404, however it is spelled")
def an_id_that_was_never_given_out_is_404(backend: Backend, person: Person) -> None:
    known = str(person.make()["id"])
    other = [str(backend.draw.uuid()), backend.draw.word(), f"{known}0", known.replace("-", ""), "%00", "1"]
    for unknown in other:
        for method, body in (("GET", None), ("PATCH", {"title": "new"}), ("DELETE", None)):
            is_problem(person.ask(method, f"{RESOURCES}/{unknown}", body), NOT_FOUND)


@then("what lies on the bounds is accepted")
def what_lies_on_the_bounds_is_accepted(backend: Backend, person: Person) -> None:
    for title, content in ((TITLE_LIMIT, CONTENT_LIMIT), (1, 0)):
        body = {"title": backend.text(title), "content": backend.text(content) if content else ""}
        answer = person.ask("POST", RESOURCES, body)
        expect(answer.status == CREATED, expected="201", got=describe_answer(answer), answer=answer)
        got = {name: as_object(answer).get(name) for name in body}
        expect(got == body, expected="the same texts", got=str(got)[:200], answer=answer)


@then("nothing else has changed")
def nothing_else_has_changed(person: Person, refusals: list[Refusal]) -> None:
    titles = [item.get("title") for item in items_of(person.ask("GET", f"{RESOURCES}?limit=100"))]
    sent = [refusal.body.get("title") for refusal in refusals if isinstance(refusal.body, dict)]
    expect(
        not set(map(repr, titles)) & set(map(repr, sent)),
        expected="nothing of what was refused",
        got=titles[:5],
    )


def is_uuid(text: str) -> bool:
    try:
        return str(UUID(text)) == text
    except ValueError:
        return False


def moment_of(value: object) -> datetime | None:
    try:
        moment = datetime.fromisoformat(str(value))
    except ValueError:
        return None
    return moment if moment.tzinfo is not None else None
