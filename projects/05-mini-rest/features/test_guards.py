"""Steps of guards.feature."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from psycopg import sql
from pytest_bdd import given, scenarios, then, when

from kata.steps import Exchange, Request, World, describe_answer, expect, is_problem, tables

from .office import (
    FORBIDDEN,
    JSON_TYPE,
    MISSING,
    OK,
    ORGANISATIONS,
    PATCH_TYPE,
    UNAUTHENTICATED,
    USERS,
    Member,
    Office,
    Task,
    User,
    requests_to_every_route,
    same,
    send,
)
from .wire import in_lines

scenarios("guards.feature")


@dataclass(frozen=True)
class Guarded:
    """What has to be left as it was, and the answers to each Authorization; "" is none."""

    member: Member
    task: Task
    answers: list[tuple[str, Exchange]]


@when(
    "every route is asked without a token, with a wrong one, with none that can be read and with two",
    target_fixture="guarded",
)
def every_route_is_asked_without_a_token(office: Office, world: World) -> Guarded:
    draw, member = world.draw, office.member()
    task = member.create()
    own = member.user.token
    requests = [
        *requests_to_every_route(member.organisation, task.id, member.user.id),
        Request("POST", USERS, JSON_TYPE, b'{"email": "a@example.com", "name": "x"}'),
        Request("POST", ORGANISATIONS, JSON_TYPE, b'{"name": "x"}'),
        Request("POST", member.tasks, JSON_TYPE, b"{bad"),
        Request("PATCH", task.path, PATCH_TYPE, b"{bad"),
        Request("GET", f"{member.tasks}?limit=x"),
    ]
    wrong = [
        f"Bearer {draw.word()}",
        f"Bearer {own}x",
        f"Bearer {own[:-1]}",
        f"Bearer {own.swapcase()}",
        f"Bearer {own} {own}",
        f"Basic {own}",
        own,
        "Bearer",
        f"Bearer {office.settings['OPERATOR_TOKEN']}x",
        f'Bearer "{own}"',
    ]
    answers = [("", send(office.stranger(), request)) for request in draw.shuffle(requests)]
    sent = [(draw.choice(wrong), request) for request in draw.shuffle(requests)]
    sent += [(text, Request("GET", task.path)) for text in draw.shuffle(wrong)]
    answers += [(text, send(office.stranger(), request, authorization=text)) for text, request in sent]
    for second in (own, draw.word()):
        lines = [f"Bearer {token}" for token in draw.shuffle([own, second])]
        repeated = [("Authorization", line) for line in lines]
        answer = in_lines(office.service, draw, Request("GET", task.path), *repeated)
        answers.append((" and ".join(lines), answer))
    return Guarded(member, task, answers)


@then("each answer is a 401 that says which token is wanted")
def each_answer_is_a_401(guarded: Guarded) -> None:
    for authorization, answer in guarded.answers:
        asked = f" to Authorization: {authorization}" if authorization else " without Authorization"
        if answer.asked.startswith("HEAD"):
            got = describe_answer(answer)
            expect(answer.status == UNAUTHENTICATED, expected=f"401{asked}", got=got, answer=answer)
        else:
            is_problem(answer, UNAUTHENTICATED)
        challenge = answer.header("www-authenticate") or ""
        right = re.match(r'bearer realm="[^"]+"', challenge, re.IGNORECASE) is not None
        wanted = f'WWW-Authenticate: Bearer realm="…"{asked}'
        expect(right, expected=wanted, got=challenge, answer=answer)
        tells = 'error="invalid_token"' in challenge
        wanted = f'{"" if authorization else "no "}error="invalid_token"{asked}'
        expect(tells == bool(authorization), expected=wanted, got=challenge, answer=answer)


@then("nothing has changed")
def nothing_has_changed(guarded: Guarded) -> None:
    shown = guarded.member.show(guarded.task)
    expect(shown == guarded.task, expected=str(guarded.task), got=shown)
    listed = guarded.member.page().ids
    expect(listed == [guarded.task.id], expected="the one task in the list", got=listed)


@dataclass(frozen=True)
class Team:
    """Three members of one organisation."""

    user: Member
    other: Member
    administrator: Member


@given("a user, another user and an administrator of an organisation", target_fixture="team")
def a_user_another_user_and_an_administrator(office: Office) -> Team:
    user = office.member("USER")
    return Team(user, office.member("USER", user.organisation), office.member("ADMIN", user.organisation))


@when("each of them changes, deletes and restores a task of the user's", target_fixture="done")
def each_of_them_changes_a_task(team: Team, world: World) -> dict[str, list[Exchange]]:
    done: dict[str, list[Exchange]] = {}
    task = team.user.create()
    deleted = team.user.create()
    team.user.delete(deleted)
    done["other"] = [
        team.other.patch(task, {"title": world.draw.word()}),
        team.other.patch(task, {"title": world.draw.word()}, "*"),
        team.other.patch(task, {"title": None}, '"stale"'),
        team.other.patch(task, {"title": world.draw.word()}, ""),
        team.other.delete(task),
        team.other.restore(deleted, "*"),
    ]
    shown = team.other.show(task)
    expect(shown == task, expected=f"{task}, for all to read", got=shown)
    for name, member in (("user", team.user), ("administrator", team.administrator)):
        title = {"title": world.draw.word()}
        changed = member.patch(task, title, "*")
        gone = member.delete(task, "*")
        back = member.restore(task, "*")
        done[name] = [changed, gone, back]
        expect(member.show(task).title == title["title"], expected=str(title), got=member.show(task).document)
    return done


@then("the other user is refused with 403, and the rest is done")
def the_other_user_is_refused_with_403(done: Mapping[str, list[Exchange]]) -> None:
    same(done["other"], FORBIDDEN, "a task is changed by who made it, or by an ADMIN")
    for name in ("user", "administrator"):
        statuses = [answer.status for answer in done[name]]
        expect(statuses == [200, 204, 200], expected=f"200, 204, 200 for the {name}", got=statuses)


@then("a role that is changed or ended counts at the next request")
def a_role_that_is_changed_counts_at_the_next_request(office: Office, team: Team) -> None:
    """Ask the process that was not told, and that knows the members from before."""
    task = team.user.create()
    other, administrator = team.other.at_process(1), team.administrator.at_process(1)
    for member in (other, administrator):
        member.show(task)
    is_problem(other.patch(task, {"notes": "w"}, "*"), FORBIDDEN)
    office.admit(team.user.organisation, other.user, "ADMIN")
    answer = other.patch(task, {"notes": "x"}, "*")
    expect(answer.status == OK, expected="200 for who is ADMIN now", got=describe_answer(answer))
    office.admit(team.user.organisation, administrator.user, "USER")
    is_problem(administrator.patch(task, {"notes": "y"}, "*"), FORBIDDEN)
    office.expel(other)
    for answer in (other.get(task.path), other.get(other.tasks), other.post({"title": "x"})):
        is_problem(answer, MISSING, "who is no member any more finds nothing")
    shown = team.user.show(task).document.get("notes")
    expect(shown == "x", expected="what the ADMIN wrote", got=shown)


@when(
    "users, organisations and members are made with the token of an administrator", target_fixture="answers"
)
def users_are_made_by_an_administrator(office: Office, world: World) -> list[Exchange]:
    member = office.member("ADMIN")
    path = f"{ORGANISATIONS}/{member.organisation}/members/{member.user.id}"
    requests = [
        ("POST", USERS, {"email": office.email(), "name": "x"}),
        ("POST", ORGANISATIONS, {"name": "x"}),
        ("PUT", path, {"role": "ADMIN"}),
        ("DELETE", path, None),
    ]
    found = [member.http.request(method, target, json=body) for method, target, body in requests]
    # A token is a token, whatever the case of the scheme.
    for scheme in world.draw.shuffle(["bearer", "BEARER", "bEARER"]):
        headers = {"Authorization": f"{scheme} {member.user.token}"}
        still = office.stranger().get(member.tasks, headers=headers)
        expect(still.status == OK, expected="200: the membership stays", got=describe_answer(still))
    return found


@then("each answer is a 403")
def each_answer_is_a_403(answers: list[Exchange]) -> None:
    same(answers, FORBIDDEN, "users, organisations and members are made with OPERATOR_TOKEN")


@then("the operator is in no organisation")
def the_operator_is_in_no_organisation(office: Office) -> None:
    member = office.member()
    task = member.create()
    for path in (member.tasks, task.path):
        is_problem(office.operator.get(path), MISSING, "the operator is a member of nothing")


@when("users are made", target_fixture="users")
def users_are_made(office: Office) -> list[User]:
    return [office.user() for _ in range(2)]


@then("their tokens are nowhere in the database, and the service knows them")
def their_tokens_are_nowhere_in_the_database(office: Office, users: list[User]) -> None:
    with office.service.postgres.connect() as connection:
        for table in tables(connection):
            query = sql.SQL("SELECT count(*) FROM {} AS t WHERE strpos(t::text, %s) > 0").format(table)
            for user in users:
                for text in (user.token, user.token.encode().hex()):
                    row = connection.execute(query, [text]).fetchone()
                    expect(row == (0,), expected="a hash of the token alone", got=f"the token, in {table}")
    organisation = office.organisation()
    for user in users:
        office.admit(organisation, user, "USER")
        office.as_member(user, organisation).create()
