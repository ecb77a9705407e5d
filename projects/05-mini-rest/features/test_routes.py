"""Steps of routes.feature."""

import json
import re
from dataclasses import dataclass
from datetime import datetime

from pytest_bdd import scenarios, then, when

from kata.steps import Exchange, Request, World, describe_answer, expect, is_problem

from .office import (
    CONFLICT,
    CREATED,
    JSON_TYPE,
    MISSING,
    OK,
    ORGANISATIONS,
    PATCH_TYPE,
    UNSUITABLE,
    USERS,
    Json,
    Member,
    Office,
    Task,
    created,
    same,
)
from .refusals import (
    odd_text,
)
from .wire import at_once_everywhere

UUID7 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
AT_ONCE, ADDRESSES = 15, 4

scenarios("routes.feature")


@when("tasks are made with a title alone, and with all members", target_fixture="asked")
def tasks_are_made(member: Member, world: World) -> list[tuple[Json, Task]]:
    draw = world.draw
    moment = f"{draw.integer(2030, 2090)}-0{draw.integer(1, 9)}-1{draw.integer(0, 9)}T23:59:0"
    bodies: list[Json] = [
        {"title": odd_text(draw)},
        {
            "title": odd_text(draw),
            "notes": draw.choice([odd_text(draw), "", None]),
            "status": draw.choice(["open", "done"]),
            "due_at": moment + draw.choice(["7.125+05:45", "7.125-03:30", "7.125Z", "7.125000z"]),
        },
        {"title": draw.word(), "due_at": f"{draw.choice([2000, 2048, 2096])}-02-29T12:00:00Z"},
    ]
    return [(body, created(member.post(body))) for body in bodies]


@then("each is answered as it was asked for, and shown at its place with the same ETag")
def each_is_answered_as_it_was_asked_for(member: Member, asked: list[tuple[Json, Task]]) -> None:
    for body, task in asked:
        wanted = {"notes": None, "status": "open", "due_at": None} | dict(body)
        wanted["due_at"] = moment_of(wanted["due_at"])
        got = {name: task.document.get(name) for name in wanted}
        got["due_at"] = moment_of(got["due_at"])
        expect(got == wanted, expected=str(wanted), got=got, rule="a task is kept as it was sent")
        owner = {"id": member.user.id, "name": member.user.name}
        expect(task.document.get("owner") == owner, expected=f"owner {owner}", got=task.document.get("owner"))
        right = UUID7.fullmatch(task.id) is not None and task.path == f"{member.tasks}/{task.id}"
        expect(right, expected="a UUID of version 7, and Location with it", got=f"{task.id} {task.path}")
        shown = member.show(task)
        expect(shown == task, expected=str(task), got=shown, rule="GET answers with the same task and ETag")


def moment_of(value: object) -> datetime | None:
    """Read a moment in RFC 3339; None if there is none."""
    try:
        return datetime.fromisoformat(str(value).upper())
    except ValueError:
        return None


@when(
    "a task is asked for by clients that take other types, and by clients that take JSON too",
    target_fixture="asked_by",
)
def a_task_is_asked_for_by_several_clients(
    member: Member, world: World
) -> tuple[list[Exchange], list[Exchange]]:
    draw = world.draw
    task = member.create()
    path = draw.choice([task.path, member.tasks])
    unsuitable = [
        "application/xml",
        f"text/html, image/{draw.word()}",
        "application/json;q=0",
        "application/json;q=0.000, text/*",
        "*/*;q=0",
        "*/*, application/json;q=0",
        "application/*;q=0, */*",
    ]
    suitable = [
        "text/html, */*;q=0.1",
        "application/*",
        "APPLICATION/JSON",
        f"text/{draw.word()}, application/json;q=0.001",
        "*/*;q=0, application/json",
        "application/json; charset=utf-8",
    ]
    return (
        [member.get(path, accept=accept) for accept in draw.shuffle(unsuitable)],
        [
            *(member.get(path, accept=accept) for accept in draw.shuffle(suitable)),
            member.in_lines("GET", path, ("Accept", "text/html"), ("Accept", "application/json")),
        ],
    )


@then("the first are refused with 406, and the others get it")
def the_first_are_refused_with_406(asked_by: tuple[list[Exchange], list[Exchange]]) -> None:
    refused, answered = asked_by
    same(refused, UNSUITABLE, "what no client would take is refused with 406, by a problem")
    for answer in answered:
        expect(answer.status == OK, expected="200", got=describe_answer(answer))


@when("what can be read is asked for by HEAD and by GET", target_fixture="pairs")
def what_can_be_read_is_asked_for_by_head_and_by_get(
    member: Member, world: World
) -> list[tuple[Exchange, Exchange]]:
    task = member.create()
    unknown = f"{member.tasks}/{world.draw.uuid()}"
    paths = [task.path, member.tasks, f"{member.tasks}?limit=1", unknown, "/health", "/openapi.json"]
    return [(member.http.request("HEAD", path), member.get(path)) for path in world.draw.shuffle(paths)]


@then("the answers are alike in status and headers, and only those to GET have a body")
def the_answers_are_alike_in_status_and_headers(pairs: list[tuple[Exchange, Exchange]]) -> None:
    for head, get in pairs:
        for name in ("etag", "content-type", "link", "cache-control", "vary"):
            got, wanted = head.header(name), get.header(name)
            expect(got == wanted, expected=f"{name}: {wanted} from {head.asked}", got=got)
        expect(
            head.status == get.status, expected=f"{get.status} from {head.asked}", got=describe_answer(head)
        )
        expect(not head.body and get.body != b"", expected="no body to HEAD", got=head.text[:80])


@dataclass(frozen=True)
class Methods:
    """What a path said of its methods, and which it has."""

    path: str
    methods: set[str]
    options: Exchange
    refused: Exchange


@when("each path is asked for its methods, and with a method that it does not have", target_fixture="told")
def each_path_is_asked_for_its_methods(office: Office, member: Member, world: World) -> list[Methods]:
    draw, task = world.draw, f"{member.tasks}/{world.draw.uuid()}"
    paths = {
        USERS: {"POST"},
        ORGANISATIONS: {"POST"},
        f"{ORGANISATIONS}/{member.organisation}/members/{member.user.id}": {"PUT", "DELETE"},
        member.tasks: {"GET", "HEAD", "POST"},
        task: {"GET", "HEAD", "PATCH", "DELETE"},
        f"{task}/restore": {"POST"},
    }
    found = []
    for path, methods in paths.items():
        others = sorted({"GET", "POST", "PUT", "PATCH", "DELETE", "PURGE"} - methods)
        client = draw.choice([member.http, office.stranger()])
        refused = client.request(draw.choice(others), path)
        found.append(Methods(path, methods, office.stranger().request("OPTIONS", path), refused))
    return found


@then("both name all methods, and how a task may be patched")
def both_name_all_methods(told: list[Methods]) -> None:
    for one in told:
        status = one.options.status
        expect(status == 204, expected=f"204 to OPTIONS {one.path}", got=describe_answer(one.options))
        is_problem(one.refused, 405, "a method that a path does not have gets 405")
        for answer in (one.options, one.refused):
            allowed = {method.strip() for method in (answer.header("allow") or "").split(",")}
            wanted = one.methods | {"OPTIONS"}
            expect(
                allowed == wanted, expected=f"Allow: {', '.join(sorted(wanted))}", got=answer.header("allow")
            )
        if "PATCH" in one.methods:
            accepted = one.options.header("accept-patch")
            wanted_type = PATCH_TYPE["Content-Type"]
            expect(accepted == wanted_type, expected=f"Accept-Patch: {wanted_type}", got=accepted)


@when("the paths of a task and of its list are spelled otherwise", target_fixture="respelled")
def the_paths_are_spelled_otherwise(member: Member) -> tuple[Task, list[Exchange]]:
    task = member.create()
    of_the_task = [
        *spellings(task.path, member.organisation),
        task.path.replace(task.id, task.id.upper()),
        task.path.replace(task.id, task.id.replace("-", "")),
        task.path[:-1],
        f"{task.path}0",
        f"{task.path}%00",
    ]
    answers = [member.get(path) for path in [*of_the_task, *spellings(member.tasks, member.organisation)]]
    answers += [member.http.request("DELETE", path, headers={"If-Match": "*"}) for path in of_the_task]
    return task, answers


def spellings(path: str, organisation: str) -> list[str]:
    """Return other spellings of a path that some framework takes for the same."""
    return [
        f"{path}/",
        f"/{path}",
        path.replace("/tasks", "//tasks"),
        path.replace("/api", "/%61pi"),
        path.replace("/tasks", "%2Ftasks"),
        path.replace("tasks", "Tasks"),
        path.replace("/tasks", "/./tasks"),
        path.replace("/tasks", "/x/../tasks"),
        path.replace(organisation, organisation.upper()),
        path.replace(organisation, organisation.replace("-", "")),
    ]


@then("each answer is a 404, and nothing has changed")
def each_answer_is_a_404(member: Member, respelled: tuple[Task, list[Exchange]]) -> None:
    task, answers = respelled
    same(answers, MISSING, "another spelling of a path is another path, which gets 404")
    shown = member.show(task)
    expect(shown == task, expected=str(task), got=shown)


@when(
    "users with the same address are made at the same instant, and one more after that",
    target_fixture="answers",
)
def users_with_the_same_address_are_made(office: Office) -> list[list[Exchange]]:
    """Ask both processes, for several addresses: what one of them keeps for itself does not count."""
    found: list[list[Exchange]] = []
    for _ in range(ADDRESSES):
        body = json.dumps({"email": office.email(), "name": office.draw.word()}).encode()
        request = Request("POST", USERS, JSON_TYPE | office.authorization, body)
        found.append(at_once_everywhere(office.service, [request] * AT_ONCE))
        found[-1].append(office.operator.request("POST", USERS, headers=JSON_TYPE, body=body))
    return found


@then("one is made, and the others are refused with 409")
def one_is_made_and_the_others_are_refused_with_409(answers: list[list[Exchange]]) -> None:
    for some in answers:
        made = [answer for answer in some if answer.status == CREATED]
        got = [answer.status for answer in some]
        expect(len(made) == 1, expected="1 x 201", got=got, exchanges=some)
        same([answer for answer in some if answer.status != CREATED], CONFLICT, "an address has one user")
