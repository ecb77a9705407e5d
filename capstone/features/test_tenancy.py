"""Steps of tenancy.feature."""

from dataclasses import dataclass
from uuid import uuid4

from psycopg import Connection, sql
from pytest_bdd import scenarios, then, when

from kata.steps import Client, Exchange, Request, as_object, describe_answer, expect, is_problem

from .saas import (
    API,
    CONFLICT,
    CREATED,
    FORBIDDEN,
    MISSING,
    NO_CONTENT,
    OK,
    Home,
    Person,
    Site,
    bare,
    objects,
    while_nobody_writes,
)

JSON = {"Content-Type": "application/json"}
ROLE = "capstone_app"

scenarios("tenancy.feature")


@when("somebody makes organisations, and somebody else makes another", target_fixture="people")
def somebody_makes_organisations(site: Site) -> list[tuple[Person, list[str]]]:
    one, other = site.person(), site.person()
    mine = [site.home(one).id for _ in range(site.draw.integer(2, 4))]
    return [(one, mine), (other, [site.home(other).id])]


@then("each sees theirs, in their order, as owner")
def each_sees_theirs(people: list[tuple[Person, list[str]]]) -> None:
    for person, wanted in people:
        items = objects(as_object(person.http.get(f"{API}/organisations")).get("items"))
        expect([item.get("id") for item in items] == wanted, expected=str(wanted), got=items)
        expect({item.get("role") for item in items} == {"owner"}, expected="owner", got=items)


def requests_to_every_route(organisation: str, user: str) -> list[Request]:
    home = f"{API}/organisations/{organisation}"
    return [
        Request("GET", home),
        Request("PATCH", home, JSON, b'{"name": "ours"}'),
        Request("GET", f"{home}/members"),
        Request("PATCH", f"{home}/members/{user}", JSON, b'{"role": "member"}'),
        Request("DELETE", f"{home}/members/{user}"),
    ]


@when("somebody else asks every route with its ids, and with ids that do not exist", target_fixture="pairs")
def somebody_else_asks_every_route(site: Site, home: Home) -> list[tuple[Exchange, Exchange]]:
    stranger = site.home()
    user = home.person.id
    theirs = requests_to_every_route(home.id, user)
    nobodys = requests_to_every_route(str(uuid4()), user)
    # Their member, asked for in one's own organisation: there is none of this id.
    theirs += requests_to_every_route(stranger.id, user)[3:]
    nobodys += requests_to_every_route(stranger.id, str(uuid4()))[3:]
    client = stranger.http
    return [(sent(client, one), sent(client, other)) for one, other in zip(theirs, nobodys, strict=True)]


def sent(client: Client, request: Request) -> Exchange:
    return client.request(request.method, request.path, headers=request.headers, body=request.body or None)


@then("the answers are alike in status, headers and body")
def the_answers_are_alike(pairs: list[tuple[Exchange, Exchange]]) -> None:
    for one, other in pairs:
        expect(one.status == MISSING, expected=f"404 from {one.asked}", got=describe_answer(one))
        expect(bare(one) == bare(other), expected=str(bare(other)), got=bare(one), answer=one)


@dataclass(frozen=True)
class Tried:
    """A request of somebody with a role, and what is to come of it."""

    role: str
    answer: Exchange
    is_allowed: bool


@when("each of them asks for what only some may do", target_fixture="tries")
def each_of_them_asks(site: Site, home: Home) -> list[Tried]:
    homes = {"owner": home, "admin": site.member(home, "admin"), "member": site.member(home, "member")}
    tries = []
    for role, own in homes.items():
        name = site.draw.word()
        admins = role != "member"
        for is_allowed, (method, path, body) in (
            (True, ("GET", "", None)),
            (True, ("GET", "/members", None)),
            (admins, ("PATCH", "", {"name": name})),
            (admins, ("PATCH", f"/members/{uuid4()}", {"role": "member"})),
            (admins, ("GET", "/invitations", None)),
            (admins, ("POST", "/invitations", {"email": site.email(), "role": "member"})),
        ):
            tries.append(Tried(role, own.http.request(method, own.path + path, json=body), is_allowed))
    return tries


@then("each is let in or refused with 403 as the table says")
def each_is_let_in_or_refused(tries: list[Tried]) -> None:
    for one in tries:
        is_in = one.answer.status in {OK, CREATED, MISSING}  # a member who does not exist is looked for
        right = is_in if one.is_allowed else one.answer.status == FORBIDDEN
        wanted = "let in" if one.is_allowed else "403"
        expect(right, expected=f"{wanted} for a {one.role}", got=describe_answer(one.answer))


@when(
    "an admin reaches for the owner's role, and two owners demote each other at the same instant",
    target_fixture="answers",
)
def an_admin_reaches(site: Site, home: Home) -> tuple[list[Exchange], list[Exchange], Home]:
    admin = site.member(home, "admin")
    members = f"{home.path}/members"
    alone = home.http.request("PATCH", f"{members}/{home.person.id}", json={"role": "admin"})
    other = site.member(home, "owner")
    reached = [
        admin.http.request("PATCH", f"{members}/{home.person.id}", json={"role": "member"}),
        admin.http.request("DELETE", f"{members}/{other.person.id}"),
        admin.http.request("PATCH", f"{members}/{admin.person.id}", json={"role": "owner"}),
        admin.http.request("POST", f"{home.path}/invitations", json={"email": site.email(), "role": "owner"}),
    ]
    demotions = [
        Request(
            "PATCH", f"{members}/{whom.person.id}", {**JSON, **who.person.authorization}, b'{"role": "admin"}'
        )
        for who, whom in ((home, other), (other, home))
    ]
    # So that both have looked before either has changed anything.
    return [alone, *reached], while_nobody_writes(site, demotions), home


def tables_of_tenants(connection: Connection[tuple[object, ...]]) -> dict[str, bool]:
    """Return the tables that have a column tenant_id, and whether they force row-level security."""
    found = connection.execute(
        "SELECT c.relname, c.relforcerowsecurity FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid"
        " WHERE a.attname = 'tenant_id' AND c.relkind = 'r' AND NOT a.attisdropped"
    )
    return {str(name): bool(forced) for name, forced in found}


@then("the admin gets 403, and one of the owners stays")
def the_admin_gets_403(answers: tuple[list[Exchange], list[Exchange], Home]) -> None:
    (alone, *reached), demotions, home = answers
    is_problem(alone, CONFLICT, "an organisation keeps an owner")
    for answer in reached:
        is_problem(answer, FORBIDDEN, "nobody gives or takes a role above their own")
    statuses = sorted(answer.status for answer in demotions)
    # The second is an admin by then, or was still an owner when it was let in.
    right = statuses in ([NO_CONTENT, CONFLICT], [NO_CONTENT, FORBIDDEN])
    expect(right, expected="204, and 409 or 403", got=statuses)
    members = objects(as_object(home.http.get(f"{home.path}/members")).get("items"))
    owners = [member for member in members if member.get("role") == "owner"]
    expect(len(owners) == 1, expected="one owner", got=members)


@when("an admin is demoted, and then removed", target_fixture="seen")
def an_admin_is_demoted(site: Site, home: Home) -> list[list[Exchange]]:
    admin = site.member(home, "admin")
    both = [home.of(site.elsewhere(admin.person, process)) for process in site.draw.shuffle([0, 1])]
    member = f"{home.path}/members/{admin.person.id}"

    def ask() -> list[Exchange]:
        return [one.http.request("PATCH", one.path, json={"name": site.draw.word()}) for one in both]

    before = ask()
    home.http.request("PATCH", member, json={"role": "member"})
    demoted = ask()
    home.http.request("DELETE", member)
    return [before, demoted, ask()]


@then("each process refuses what the role allowed before")
def each_process_refuses(seen: list[list[Exchange]]) -> None:
    for answers, status in zip(seen, (OK, FORBIDDEN, MISSING), strict=True):
        got = [answer.status for answer in answers]
        expect(got == [status] * 2, expected=f"{status} from both", got=got)


@dataclass(frozen=True)
class Look:
    """What a role sees of a table."""

    table: str
    rows: int
    own_rows: int
    is_forced: bool


@when("the role of the service looks at all tables of tenants without naming one", target_fixture="looks")
def the_role_looks(site: Site, home: Home) -> tuple[list[Look], tuple[object, ...], Exchange]:
    with site.service.postgres.connect() as connection:
        tables = tables_of_tenants(connection)
        known = connection.execute(
            "SELECT rolsuper, rolbypassrls, EXISTS (SELECT FROM pg_class WHERE relowner = r.oid)"
            " FROM pg_roles r WHERE rolname = %s",
            [ROLE],
        ).fetchone()
        looks = []
        for table, forced in tables.items():
            query = sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(table))
            all_rows = connection.execute(query).fetchone()
            connection.execute(sql.SQL("SET ROLE {}").format(sql.Identifier(ROLE)))
            seen = connection.execute(query).fetchone()
            connection.execute("RESET ROLE")
            looks.append(Look(table, int(str((all_rows or [0])[0])), int(str((seen or [0])[0])), forced))
        # That the service asks as this role: what the role may not, it cannot.
        connection.execute(sql.SQL("REVOKE SELECT ON memberships FROM {}").format(sql.Identifier(ROLE)))
        try:
            refused = home.http.get(home.path)
        finally:
            connection.execute(sql.SQL("GRANT SELECT ON memberships TO {}").format(sql.Identifier(ROLE)))
    return looks, known or (), refused


@then("it sees no row, and may not pass over the policies")
def it_sees_no_row(looks: tuple[list[Look], tuple[object, ...], Exchange]) -> None:
    seen, known, refused = looks
    expect(known == (False, False, False), expected="no superuser, no BYPASSRLS, no owner", got=known)
    expect(any(look.rows for look in seen), expected="tables with a column tenant_id, and rows", got=seen)
    for look in seen:
        expect(look.own_rows == 0, expected=f"no row of {look.table}", got=look)
        expect(look.is_forced, expected=f"FORCE ROW LEVEL SECURITY on {look.table}", got=look)
    rule = f"the service asks as {ROLE}"
    expect(
        refused.status == 503,
        expected="503 without the right to read",
        got=describe_answer(refused),
        rule=rule,
    )
