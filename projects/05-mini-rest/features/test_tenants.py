"""Steps of tenants.feature."""

import json
import re
from dataclasses import dataclass

from pytest_bdd import given, scenarios, then, when

from kata.steps import Client, Exchange, World, describe_answer, expect, is_problem

from .office import (
    INVALID,
    JSON_TYPE,
    MISSING,
    PATCH_TYPE,
    STALE,
    UNAUTHENTICATED,
    UNCONDITIONAL,
    Member,
    Office,
    Task,
    requests_to_every_route,
    send,
)

scenarios("tenants.feature")


@dataclass(frozen=True)
class Neighbours:
    """Members of two organisations, with a task each, one of which is deleted."""

    ours: Member
    theirs: Member
    task: Task
    deleted: Task


@given("members of two organisations", target_fixture="neighbours")
def members_of_two_organisations(office: Office) -> Neighbours:
    ours, theirs = office.member("ADMIN"), office.member()
    ours.create()
    task, deleted = theirs.create(), theirs.create()
    theirs.delete(deleted)
    return Neighbours(ours, theirs, task, deleted)


@when(
    "every route is asked with the ids of the other organisation, and with ids that do not exist",
    target_fixture="pairs",
)
def every_route_is_asked_with_the_ids_of_the_other(
    neighbours: Neighbours, world: World
) -> list[tuple[Exchange, Exchange]]:
    client, somebody = neighbours.ours.http, neighbours.theirs.user.id
    mine, theirs = neighbours.ours.organisation, neighbours.theirs.organisation
    pairs = []
    for task_id in (neighbours.task.id, neighbours.deleted.id):
        for organisation, known, unknown in (
            (theirs, task_id, task_id),
            (str(world.draw.uuid()), task_id, task_id),
            (mine, task_id, str(world.draw.uuid())),
        ):
            one = requests_to_every_route(organisation, known, somebody)[:8]
            elsewhere = organisation if organisation == mine else str(world.draw.uuid())
            two = requests_to_every_route(elsewhere, unknown, somebody)[:8]
            if organisation == mine:
                one, two = one[3:], two[3:]  # the first three are about the list, which is there
            pairs += [(send(client, left), send(client, right)) for left, right in zip(one, two, strict=True)]
    return pairs


@then("the answers are alike in status, headers and body")
def the_answers_are_alike(pairs: list[tuple[Exchange, Exchange]]) -> None:
    for one, other in pairs:
        expect(one.status == MISSING, expected=f"404 from {one.asked}", got=describe_answer(one))
        expect(bare(one) == bare(other), expected=str(bare(other)), got=bare(one))


def bare(answer: Exchange) -> tuple[int, list[tuple[str, str]], str]:
    """Return an answer without what is different for each request: the ids, the path and the time."""
    left_out = {"x-request-id", "date", "content-length", "connection"}
    headers = sorted((name.lower(), value) for name, value in answer.headers if name.lower() not in left_out)
    body = answer.text
    if body:
        document = json.loads(body)
        body = json.dumps({name: value for name, value in document.items() if name != "request_id"})
    return answer.status, headers, re.sub(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "ID", body)


@then("nothing has changed in the other organisation")
def nothing_has_changed_elsewhere(neighbours: Neighbours) -> None:
    shown = neighbours.theirs.show(neighbours.task)
    expect(shown == neighbours.task, expected=str(neighbours.task), got=shown)
    listed = neighbours.theirs.page().ids
    expect(listed == [neighbours.task.id], expected="the one task in their list", got=listed)


@when("changes are asked for with several things wrong at once", target_fixture="ordered")
def changes_are_asked_for_with_several_things_wrong(
    office: Office, world: World
) -> list[tuple[int, Exchange]]:
    member, stranger = office.member("ADMIN"), office.stranger()
    outsider, task = office.member("ADMIN"), member.create()
    gone = Task(f"{member.tasks}/{world.draw.uuid()}", task.etag, {})
    unreadable, unacceptable = b"{bad", b'{"title": null}'
    stale = '"stale"'

    def patch(client: Client, at: Task, body: bytes, if_match: str | None) -> Exchange:
        headers = PATCH_TYPE | ({"If-Match": if_match} if if_match else {})
        return client.request("PATCH", at.path, headers=headers, body=body)

    found = []
    for body in (unreadable, unacceptable):
        found += [
            (UNAUTHENTICATED, patch(stranger, task, body, world.draw.choice([stale, None]))),
            (UNAUTHENTICATED, patch(stranger, gone, body, stale)),
            (MISSING, patch(outsider.http, task, body, world.draw.choice([stale, None]))),
            (MISSING, patch(member.http, gone, body, world.draw.choice([stale, None]))),
            (UNCONDITIONAL, patch(member.http, task, body, None)),
            (STALE, patch(member.http, task, body, stale)),
        ]
    found += [
        (INVALID, patch(member.http, task, unacceptable, "*")),
        (UNAUTHENTICATED, stranger.request("POST", member.tasks, headers=JSON_TYPE, body=unreadable)),
        (MISSING, outsider.http.request("POST", member.tasks, headers=JSON_TYPE, body=unreadable)),
        (
            MISSING,
            outsider.http.request("POST", member.tasks, headers={"Content-Type": "text/plain"}, body=b"x"),
        ),
    ]
    return found


@then("each is refused for the first of them")
def each_is_refused_for_the_first_of_them(ordered: list[tuple[int, Exchange]]) -> None:
    rule = "refusals come in the order: token, tenant, precondition, body"
    for status, answer in ordered:
        is_problem(answer, status, rule)
