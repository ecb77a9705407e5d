"""Steps of limits.feature."""

from dataclasses import dataclass

from pytest_bdd import given, scenarios, then, when

from kata.steps import Exchange, World, describe_answer, expect, is_problem

from .saas import ACCEPTED, API, LIMITED, Home, Site, retry_after

scenarios("limits.feature")


@given("a platform that allows little", target_fixture="site")
def a_platform_that_allows_little(world: World, service_settings: dict[str, str]) -> Site:
    settings = service_settings | {
        "ACTIONS_PER_MINUTE": str(world.setting("ACTIONS_PER_MINUTE", 3, 9)),
        "ATTEMPTS_PER_MINUTE": str(world.setting("ATTEMPTS_PER_MINUTE", 6, 14)),
        "TRUSTED_HOPS": "1",
    }
    return Site(world.start(settings), world.draw, settings)


@when("an address attempts more than that, at routes that anybody may ask", target_fixture="attempts")
def an_address_attempts(site: Site) -> tuple[list[Exchange], list[Exchange], list[Exchange]]:
    address = site.draw.address()
    bodies: list[tuple[str, dict[str, str]]] = [
        ("/auth/login", {"email": site.email(), "password": site.password()}),
        ("/auth/register", {"email": site.email()}),
        ("/auth/accounts", {"token": "x", "password": site.password()}),
        ("/auth/password/forgot", {"email": site.email()}),
        ("/auth/password/reset", {"token": "x", "password": site.password()}),
    ]

    def attempt(number: int, shown: str) -> Exchange:
        path, body = bodies[number % len(bodies)]
        client = site.service.client({"X-Forwarded-For": shown}, process=number % 2)
        return client.request("POST", f"{API}{path}", json=body)

    limit = int(site.settings["ATTEMPTS_PER_MINUTE"])
    allowed = [attempt(number, address) for number in range(limit)]
    # What stands left of the last entry was written by anybody.
    refused = [
        attempt(number, f"{site.draw.address()}, {address}" if number % 2 else address)
        for number in range(2 * len(bodies))
    ]
    return allowed, refused, [attempt(number, site.draw.address()) for number in range(len(bodies))]


@then("it is refused with Retry-After, whatever it says of itself, and another one is not")
def it_is_refused(attempts: tuple[list[Exchange], list[Exchange], list[Exchange]]) -> None:
    allowed, refused, others = attempts
    for answer in (*allowed, *others):
        expect(answer.status != LIMITED, expected="no 429 yet", got=describe_answer(answer))
    for answer in refused:
        is_problem(answer, LIMITED)
        told = retry_after(answer)
        expect(told <= 60, expected="Retry-After: 60 at most", got=told)


@dataclass(frozen=True)
class Crowd:
    """What an organisation got that triggers too much, and what another one got."""

    answers: list[Exchange]
    other: Exchange
    home: Home
    limit: int


@when("an organisation triggers more than that, and another one triggers one", target_fixture="crowd")
def an_organisation_triggers_more(site: Site) -> Crowd:
    site.switch(is_on=True)
    limit = int(site.settings["ACTIONS_PER_MINUTE"])
    home, other = site.home(), site.home()
    both = [home.of(site.elsewhere(home.person, process)) for process in (0, 1)]
    project = home.project(site.draw.word())
    url = f"http://{site.draw.word()}.example.com/"
    answers = [both[number % 2].act(project, url) for number in range(limit + 3)]
    return Crowd(answers, other.act(other.project(site.draw.word()), url), home, limit)


@then("the limit is kept, with Retry-After, and the other one is not concerned")
def the_limit_is_kept(crowd: Crowd) -> None:
    statuses = [answer.status for answer in crowd.answers]
    wanted = [ACCEPTED] * crowd.limit + [LIMITED] * 3
    expect(statuses == wanted, expected=f"{crowd.limit} times 202, then 429", got=statuses)
    for answer in crowd.answers[crowd.limit :]:
        is_problem(answer, LIMITED)
        expect(retry_after(answer) <= 60, expected="Retry-After: 60 at most", got=retry_after(answer))
    expect(crowd.other.status == ACCEPTED, expected="202 for the other one", got=describe_answer(crowd.other))
    listed = len(crowd.home.jobs("?limit=100"))
    expect(listed == crowd.limit, expected=f"{crowd.limit} jobs", got=listed)
