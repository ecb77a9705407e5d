"""Steps of permissions.feature."""

from pytest_bdd import given, scenarios, then, when

from kata.steps import Exchange, as_object, describe_answer, expect, is_problem

from .backend import (
    API,
    FORBIDDEN,
    NO_CONTENT,
    NOT_FOUND,
    OK,
    RESOURCES,
    Backend,
    Json,
    Person,
    is_unauthenticated,
    items_of,
    path_of,
)

scenarios("permissions.feature")


@given("two people, one of whom has resources", target_fixture="people")
def two_people(backend: Backend) -> tuple[Person, Person]:
    return backend.log_in(backend.register()), backend.log_in(backend.register())


@when("the other one, and somebody without a token, ask for them in each way", target_fixture="resources")
def the_other_one_asks_for_them(people: tuple[Person, Person]) -> list[Json]:
    owner, _ = people
    resources = [owner.make(content="mine") for _ in range(3)]
    owner.read(resources[0])  # now a cache may have it
    return resources


@then("to the one it is 404, and to the other 401, and nothing has changed")
def to_the_one_it_is_404(backend: Backend, people: tuple[Person, Person], resources: list[Json]) -> None:
    owner, other = people
    for resource in resources[:2]:
        for answer in asked_in_each_way(other, resource):
            is_problem(answer, NOT_FOUND, "a resource of somebody else is 404")
        for answer in asked_in_each_way(Person(backend), resource):
            is_unauthenticated(answer, "without a token it is 401")
        now = as_object(owner.read(resource))
        expect(now == resource, expected=str(resource), got=now)
    for method, path in (("GET", RESOURCES), ("POST", RESOURCES), ("GET", f"{API}/me")):
        body = {"title": "anybody's"} if method == "POST" else None
        is_unauthenticated(Person(backend).ask(method, path, body), "without a token it is 401")


def asked_in_each_way(person: Person, resource: Json) -> list[Exchange]:
    path = path_of(resource)
    return [
        person.ask("GET", path),
        person.ask("PATCH", path, {"title": "taken"}),
        person.ask("DELETE", path),
    ]


@then("a list has what is one's own, and nothing else")
def a_list_has_what_is_ones_own(people: tuple[Person, Person], resources: list[Json]) -> None:
    owner, other = people
    own = other.make()
    for person, wanted in ((owner, [one["id"] for one in resources[::-1]]), (other, [own["id"]])):
        for query in ("", "?limit=100"):
            listed = [item.get("id") for item in items_of(person.ask("GET", RESOURCES + query))]
            expect(listed == wanted, expected=str(wanted), got=listed)


@when("the other one becomes an administrator", target_fixture="resources")
def the_other_one_becomes_an_administrator(people: tuple[Person, Person]) -> list[Json]:
    owner, other = people
    resources = [owner.make() for _ in range(3)]
    for path in ("users", "jobs"):
        for person in people:
            is_problem(person.ask("GET", f"{API}/{path}"), FORBIDDEN)
    other.is_made_admin()
    return resources


@then("they read, change and delete everybody's, and list users")
def they_read_change_and_delete_everybodys(people: tuple[Person, Person], resources: list[Json]) -> None:
    owner, admin = people
    path = path_of(resources[0])
    expect(as_object(admin.ask("GET", path)) == resources[0], expected=str(resources[0]), got="another")
    changed = as_object(admin.ask("PATCH", path, {"title": "by the administrator"}))
    got = [changed.get("title"), changed.get("owner_id")]
    wanted = ["by the administrator", owner.id]
    expect(got == wanted, expected=str(wanted), got=got)
    deleted = admin.ask("DELETE", path_of(resources[1]))
    expect(deleted.status == NO_CONTENT, expected="204", got=describe_answer(deleted))
    is_problem(owner.read(resources[1]), NOT_FOUND)
    listed = {item.get("id") for item in items_of(admin.ask("GET", f"{RESOURCES}?limit=100"))}
    expect(resources[2]["id"] in listed, expected="everybody's resources", got=len(listed))
    answer = admin.ask("GET", f"{API}/users")
    users = {item.get("id"): item for item in items_of(answer)}
    roles = [users.get(person.id, {}).get("role") for person in people]
    expect(roles == ["USER", "ADMIN"], expected="both, with their roles", got=roles, answer=answer)
    expect(
        "$" not in answer.text and "password" not in answer.text, expected="no hash", got=answer.text[:200]
    )
    role = as_object(admin.ask("GET", f"{API}/me")).get("role")
    expect(role == "ADMIN", expected="ADMIN", got=role)


@then("a user does not, and they do not from the moment at which they are none")
def a_user_does_not(backend: Backend, people: tuple[Person, Person], resources: list[Json]) -> None:
    owner, other = people
    is_problem(owner.ask("GET", f"{API}/users"), FORBIDDEN)
    with backend.service.postgres.connect() as connection:
        connection.execute("UPDATE users SET role = 'USER' WHERE email = %s", [other.email])
    is_problem(other.ask("GET", f"{API}/users"), FORBIDDEN, "a role counts as it is at the moment")
    is_problem(other.read(resources[2]), NOT_FOUND, "a role counts as it is at the moment")
    answer = owner.read(resources[2])
    expect(answer.status == OK, expected="200", got=describe_answer(answer))
