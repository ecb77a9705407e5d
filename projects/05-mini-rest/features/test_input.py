"""Steps of input.feature."""

from dataclasses import dataclass, field

from pytest_bdd import parsers, scenarios, then, when

from kata.steps import Draw, Exchange, World, as_object, describe_answer, expect, is_problem

from .office import (
    BAD,
    CREATED,
    INVALID,
    JSON_TYPE,
    OK,
    ORGANISATIONS,
    PATCH_TYPE,
    UNSUPPORTED,
    USERS,
    Json,
    Member,
    Office,
    pointers_of,
    same,
)
from .refusals import (
    Refusal,
    are_refused,
    no_objects,
    other_types,
    refused_changes,
    unreadable,
    without_omitted,
)

AT_ONCE, ADDRESSES = 15, 4
LONGEST_NOTES = 10_000

scenarios("input.feature")


@dataclass
class Titles:
    """Titles and notes that had to be kept, with the answers, and answers that had to be 422 for a field."""

    kept: list[tuple[str, Exchange]] = field(default_factory=list)
    kept_notes: list[tuple[str, Exchange]] = field(default_factory=list)
    refused: list[tuple[str, Exchange]] = field(default_factory=list)


@when(
    "titles of one character, of as many as the limit and of one more are sent, and notes, in a change too",
    target_fixture="titles",
)
def titles_of_several_lengths_are_sent(office: Office, member: Member, world: World) -> Titles:
    characters = ["x", "é", "漢", "\U0001d11e"]
    longest = [world.draw.choice(characters) * office.title_limit for _ in range(2)]
    titles = Titles()
    for title in [world.draw.choice(characters), *longest]:
        titles.kept.append((title, member.post({"title": title})))
        titles.kept.append((title, member.patch(member.create(), {"title": title})))
        longer = {"title": title.ljust(office.title_limit + 1, "y")}
        titles.refused += [("title", member.post(longer)), ("title", member.patch(member.create(), longer))]
    for character in characters[1:]:
        notes = member.body(notes=character * LONGEST_NOTES)
        titles.kept_notes.append((str(notes["notes"]), member.post(notes)))
    longer = {"notes": world.draw.choice(characters) * (LONGEST_NOTES + 1)}
    titles.refused += [("notes", member.post(member.body(**longer)))]
    titles.refused += [("notes", member.patch(member.create(), longer))]
    return titles


@when(
    "titles with as many characters as the default limit and with one more are sent", target_fixture="titles"
)
def titles_as_long_as_the_default_limit_are_sent(office: Office) -> Titles:
    member, title = office.member(), "x" * office.title_limit
    titles = Titles([(title, member.post({"title": title}))])
    titles.refused.append(("title", member.post({"title": f"{title}y"})))
    return titles


@then("those up to the limit are kept as they were sent, and the others are refused with 422")
def those_up_to_the_limit_are_kept(titles: Titles) -> None:
    for name, kept in (("title", titles.kept), ("notes", titles.kept_notes)):
        for text, answer in kept:
            got = as_object(answer).get(name) if answer.status in {OK, CREATED} else describe_answer(answer)
            expect(
                got == text,
                expected=f"{name} {text[:20]}… ({len(text)} characters)",
                got=str(got)[:60],
                answer=answer,
            )
    for name, answer in titles.refused:
        pointers = pointers_of(answer, f"{name} above the limit is refused with 422")
        expect(f"/{name}" in pointers, expected=f"a pointer to /{name}", got=pointers, answer=answer)


@when("tasks are asked for with one mistake at a time", target_fixture="refusals")
def tasks_are_asked_for_with_one_mistake_at_a_time(member: Member, world: World) -> list[Refusal]:
    found = []
    for changes, pointer in world.draw.shuffle(refused_changes(world.draw)):
        body = without_omitted(member.body(**changes))
        found.append(Refusal(body, pointer, member.post(body)))
    return found


@then("each is refused with a pointer to its mistake")
def each_is_refused_with_a_pointer_to_its_mistake(refusals: list[Refusal]) -> None:
    are_refused(refusals)


@then("none of them is in the list")
def none_of_them_is_in_the_list(member: Member) -> None:
    found = member.page().items
    rule = "what was refused is not stored"
    expect(not found, expected="an empty list", got=found[:2], rule=rule)


@dataclass(frozen=True)
class Bodies:
    """Answers to what is no JSON, and to what is JSON and no object."""

    unreadable: list[Exchange]
    no_objects: list[Exchange]


@when("bodies are sent that are no JSON, and such as are no object", target_fixture="bodies")
def bodies_are_sent_that_are_no_json(member: Member, world: World) -> Bodies:
    def post(body: bytes) -> Exchange:
        return member.http.request("POST", member.tasks, headers=JSON_TYPE, body=body)

    return Bodies(
        [post(body) for body in unreadable(world.draw)], [post(body) for body in no_objects(world.draw)]
    )


@then("the first are refused with 400, the others with 422")
def the_first_are_refused_with_400(bodies: Bodies) -> None:
    same(bodies.unreadable, BAD, "a body that is no JSON is refused with 400")
    same(bodies.no_objects, INVALID, "JSON that is no object is refused with 422")


@when(
    "bodies of other types, of none and in other charsets are sent, as a task and as a change",
    target_fixture="answers",
)
def bodies_of_other_types_are_sent(office: Office, world: World) -> list[tuple[str, Exchange]]:
    other = office.member()
    task = other.create()
    body = b'{"title": "x"}'
    found = []
    for right, method, path in (
        ("application/json", "POST", other.tasks),
        ("application/merge-patch+json", "PATCH", task.path),
    ):
        for kind in world.draw.shuffle(other_types(right)):
            headers = {"If-Match": task.etag} | ({"Content-Type": kind} if kind else {})
            found.append((method, other.http.request(method, path, headers=headers, body=body)))
        headers = {"Content-Type": right, "If-Match": task.etag, "Content-Encoding": "gzip"}
        found.append((method, other.http.request(method, path, headers=headers, body=body)))
    shown = other.show(task)
    expect(shown == task, expected=str(task), got=shown, rule="what was refused changes nothing")
    return found


@then("each is refused with 415, and a change is told what it may be")
def each_is_refused_with_415(answers: list[tuple[str, Exchange]]) -> None:
    for method, answer in answers:
        is_problem(answer, UNSUPPORTED, "a body of another type is refused with 415")
        if method == "PATCH":
            accepted = answer.header("accept-patch")
            wanted = PATCH_TYPE["Content-Type"]
            expect(accepted == wanted, expected=f"Accept-Patch: {wanted}", got=accepted)


@when("users, organisations and members are asked for with one mistake at a time", target_fixture="refusals")
def users_are_asked_for_with_one_mistake_at_a_time(
    office: Office, member: Member, world: World
) -> list[Refusal]:
    draw = world.draw
    long = "x" * draw.integer(201, 400)
    mistakes: list[tuple[str, str, Json, str]] = [
        *(
            ("POST", USERS, {"email": email, "name": "x"}, "/email")
            for email in (draw.word(), "", None, 7, f"{draw.word()}@", f"@{draw.word()}", *bad_emails(draw))
        ),
        *(
            ("POST", USERS, {"email": office.email(), "name": name}, "/name")
            for name in ("", None, 7, long, "\0")
        ),
        ("POST", USERS, {"name": "x"}, "/email"),
        ("POST", USERS, {"email": office.email(), "name": "x", "token": draw.word()}, "/token"),
        *(("POST", ORGANISATIONS, {"name": name}, "/name") for name in ("", None, 7, long)),
        ("POST", ORGANISATIONS, {}, "/name"),
    ]
    place = f"{ORGANISATIONS}/{member.organisation}/members/{member.user.id}"
    mistakes += [("PUT", place, {"role": role}, "/role") for role in ("user", "OWNER", None, 1)]
    return [
        Refusal(body, pointer, office.operator.request(method, path, json=body))
        for method, path, body, pointer in draw.shuffle(mistakes)
    ]


def bad_emails(draw: Draw) -> list[str]:
    return [f"a b@{draw.word()}.example.com", f"a@b@{draw.word()}", f"{draw.word()}@{draw.word()} "]


@then(parsers.parse("a member of nothing, or who is nobody, is refused with {status:d}"))
def a_member_of_nothing_is_refused(office: Office, member: Member, world: World, status: int) -> None:
    unknown = world.draw.uuid()
    for organisation, user in (
        (unknown, member.user.id),
        (member.organisation, unknown),
        ("x", member.user.id),
    ):
        path = f"{ORGANISATIONS}/{organisation}/members/{user}"
        is_problem(office.operator.request("PUT", path, json={"role": "USER"}), status)
