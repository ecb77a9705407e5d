"""Steps of sessions.feature."""

from dataclasses import dataclass

from pytest_bdd import scenarios, then, when

from kata.steps import Exchange, as_object, describe_answer, expect, is_problem

from .saas import (
    API,
    FORBIDDEN,
    MISSING,
    NO_CONTENT,
    OK,
    UNAUTHENTICATED,
    Json,
    Person,
    Site,
    bare,
    is_refused,
    objects,
    posted,
)

scenarios("sessions.feature")


@dataclass(frozen=True)
class Ended:
    """Logins of one person, what was listed of them, and what they could do afterwards."""

    people: list[Person]
    agents: list[str]
    listed: list[Json]
    foreign: tuple[Exchange, Exchange]
    after_one: list[list[Exchange]]
    after_all: list[list[Exchange]]


def seen_by_both(site: Site, people: list[Person]) -> list[list[Exchange]]:
    """Ask both processes who each of them is."""
    return [[site.elsewhere(one, process).http.get(f"{API}/me") for process in (0, 1)] for one in people]


def again(site: Site, person: Person, agent: str) -> Person:
    answer = site.guess(person.email, person.password, {"User-Agent": agent})
    expect(answer.status == OK, expected="200", got=describe_answer(answer))
    return site.signed_in(person.email, person.password, person.id, as_object(answer))


@when("they sign in twice more, and end one login, and then all", target_fixture="ended")
def they_end_logins(site: Site, person: Person) -> Ended:
    agents = [f"{site.draw.word()}/{site.draw.integer(1, 99)}" for _ in range(2)]
    people = [person, *(again(site, person, agent) for agent in agents)]
    asking = people[1]
    listed = objects(as_object(asking.http.get(f"{API}/me/sessions")).get("items"))
    stranger = site.person()
    own = objects(as_object(stranger.http.get(f"{API}/me/sessions")).get("items"))
    foreign = [
        asking.http.request("DELETE", f"{API}/me/sessions/{one}") for one in (own[0]["id"], site.draw.uuid())
    ]
    asking.http.request("DELETE", f"{API}/me/sessions/{listed[0]['id']}")  # the newest, which is the third
    after_one = seen_by_both(site, [*people, stranger])
    out = asking.http.request("DELETE", f"{API}/me/sessions")
    expect(out.status == NO_CONTENT, expected="204", got=describe_answer(out))
    return Ended(
        people, agents, listed, (foreign[0], foreign[1]), after_one, seen_by_both(site, [*people, stranger])
    )


@then("each login is listed with where it came from, and ends at the next request, in every process")
def each_login_is_listed(site: Site, ended: Ended) -> None:
    agents = [item.get("agent") for item in ended.listed]
    expect(agents[:2] == ended.agents[::-1], expected="three logins, the newest first", got=ended.listed)
    expect(len(agents) == len(ended.people), expected="three logins", got=ended.listed)
    current = [item.get("is_current") for item in ended.listed]
    expect(current == [False, True, False], expected="the second to be the one that asks", got=ended.listed)
    expect(all(item.get("address") for item in ended.listed), expected="an address", got=ended.listed)
    theirs, nobodys = ended.foreign
    is_problem(theirs, MISSING, "another one's login is as if it did not exist")
    expect(bare(theirs) == bare(nobodys), expected=str(bare(nobodys)), got=bare(theirs))
    for answers, wanted in (
        (ended.after_one, [OK, OK, UNAUTHENTICATED, OK]),
        (ended.after_all, [*[UNAUTHENTICATED] * 3, OK]),
    ):
        got = [[answer.status for answer in both] for both in answers]
        expect(got == [[status] * 2 for status in wanted], expected=str(wanted), got=got)
    refreshed = [
        site.service.burst([posted("/auth/refresh", {"refresh_token": one.tokens["refresh_token"]})])[0]
        for one in ended.people
    ]
    for answer in refreshed:
        is_problem(answer, UNAUTHENTICATED, "a refresh token ends with its login")


@dataclass(frozen=True)
class Changed:
    """Answers to changes of a password, and who gets in afterwards."""

    refused: list[Exchange]
    done: Exchange
    own: list[Exchange]
    other: list[Exchange]
    refresh: Exchange
    old: Exchange
    new: Exchange


@when(
    "they sign in once more, and choose another password with a wrong one, and with the right one",
    target_fixture="changed",
)
def they_choose_another_password(site: Site, person: Person) -> Changed:
    other = again(site, person, site.draw.word())
    password, path = site.password(), f"{API}/me/password"

    def change(current: str, wanted: str) -> Exchange:
        return person.http.request("PUT", path, json={"current_password": current, "password": wanted})

    refused = [change(site.password(), password), change(person.password, password[:14])]
    before = site.guess(person.email, person.password)
    expect(before.status == OK, expected="the old password to count still", got=describe_answer(before))
    done = change(person.password, password)
    own, others = seen_by_both(site, [person, other])
    (refresh,) = site.service.burst(
        [posted("/auth/refresh", {"refresh_token": other.tokens["refresh_token"]})]
    )
    old, new = (site.guess(person.email, one) for one in (person.password, password))
    return Changed(refused, done, own, others, refresh, old, new)


@then("only the right one changes it, and only the login that has asked goes on")
def only_the_right_one_changes_it(changed: Changed) -> None:
    wrong, short = changed.refused
    code = is_problem(wrong, FORBIDDEN).get("code")
    expect(code == "wrong_password", expected="wrong_password", got=code)
    is_refused(short, "/password")
    expect(changed.done.status == NO_CONTENT, expected="204", got=describe_answer(changed.done))
    for answer in changed.own:
        expect(answer.status == OK, expected="200 for who has asked", got=describe_answer(answer))
    for answer in (*changed.other, changed.refresh, changed.old):
        is_problem(answer, UNAUTHENTICATED)
    expect(changed.new.status == OK, expected="200 with the new one", got=describe_answer(changed.new))
