"""Steps of projects.feature."""

from dataclasses import dataclass

from pytest_bdd import scenarios, then, when

from kata.steps import Exchange, as_object, describe_answer, expect, is_problem

from .saas import CREATED, INVALID, MISSING, NO_CONTENT, OK, STALE, Home, Json, Site, made, objects

BAD = 400
JSON = {"Content-Type": "application/json"}

scenarios("projects.feature")


@when("a project is made, changed twice and deleted", target_fixture="answers")
def a_project_is_made(site: Site, home: Home) -> list[Exchange]:
    name, other, text = (
        site.draw.word(),
        f"{site.draw.word()} é 漢",
        f"{site.draw.word()}\n{site.draw.word()}",
    )
    first = home.http.request("POST", f"{home.path}/projects", json={"name": name, "description": text})
    path = f"{home.path}/projects/{made(first)['id']}"
    return [
        first,
        home.http.get(path),
        home.http.request("PATCH", path, json={"name": other}),
        home.http.request("PATCH", path, json={"description": ""}, headers={"If-Match": "*"}),
        home.http.request("DELETE", path),
        home.http.get(path),
        home.http.request("PATCH", path, json={"name": name}),
        home.http.request("DELETE", path),
    ]


@then("each answer shows it as it is then, with a version that counts, and in the end it is gone")
def each_answer_shows_it(answers: list[Exchange]) -> None:
    first, shown, renamed, emptied, deleted, *gone = answers
    expect(first.status == CREATED, expected="201", got=describe_answer(first))
    one = as_object(first)
    members = {"id", "name", "description", "version", "created_at", "updated_at"}
    expect(one.keys() >= members, expected=str(members), got=one)
    for answer, version in ((first, 1), (shown, 1), (renamed, 2), (emptied, 3)):
        document = as_object(answer)
        expect(document.get("version") == version, expected=f"version {version}", got=document)
        tag = answer.header("etag")
        expect(tag == f'"{version}"', expected=f'ETag "{version}"', got=tag)
    expect(as_object(shown) == one, expected=str(one), got=as_object(shown))
    after = as_object(renamed)
    expect(
        after["description"] == one["description"] and after["name"] != one["name"],
        expected="only its name changed",
        got=after,
    )
    expect(as_object(emptied)["description"] == "", expected="no description", got=as_object(emptied))
    expect(as_object(emptied)["name"] == after["name"], expected="the name as it was", got=as_object(emptied))
    expect(str(after["updated_at"]) >= str(one["created_at"]), expected="a later updated_at", got=after)
    expect(deleted.status == NO_CONTENT, expected="204", got=describe_answer(deleted))
    for answer in gone:
        is_problem(answer, MISSING)


@dataclass(frozen=True)
class Raced:
    """Two changes under one version, and the project behind them."""

    answers: list[Exchange]
    shown: Json
    name: str


@when("two change a project that both have seen, and each says which version", target_fixture="raced")
def two_change_a_project(site: Site, home: Home) -> Raced:
    project = home.project(site.draw.word())
    path = f"{home.path}/projects/{project['id']}"
    name = site.draw.word()
    first = home.http.request("PATCH", path, json={"name": name}, headers={"If-Match": '"1"'})
    others = [
        home.http.request("PATCH", path, json={"name": site.draw.word()}, headers={"If-Match": tag})
        for tag in ('"1"', '"3"')
    ]
    return Raced([first, *others], as_object(home.http.get(path)), name)


@then("the second gets 412, and the project is as the first has made it")
def the_second_gets_412(raced: Raced) -> None:
    first, *others = raced.answers
    expect(first.status == OK, expected="200", got=describe_answer(first))
    for answer in others:
        is_problem(answer, STALE)
    right = raced.shown.get("name") == raced.name and raced.shown.get("version") == 2
    expect(right, expected=f"{raced.name} at version 2", got=raced.shown)


@dataclass(frozen=True)
class Walked:
    """What was there all the time, and what was listed."""

    lasting: list[object]
    listed: list[object]
    sizes: list[int]
    limit: int


@when("projects are listed in pages, while others are made and deleted", target_fixture="walked")
def projects_are_listed(site: Site, home: Home) -> Walked:
    limit = site.draw.integer(2, 5)
    projects = [home.project(site.draw.word()) for _ in range(3 * limit + 1)]
    doomed = projects[site.draw.choice([1, limit, 2 * limit])]
    listed: list[object] = []
    sizes = []
    cursor = ""
    while True:
        query = f"?limit={limit}" + (f"&cursor={cursor}" if cursor else "")
        answer = home.http.get(f"{home.path}/projects{query}")
        expect(answer.status == OK, expected="200", got=describe_answer(answer))
        items = objects(as_object(answer).get("items"))
        listed += [item.get("id") for item in items]
        sizes.append(len(items))
        if not cursor:
            home.http.request("DELETE", f"{home.path}/projects/{doomed['id']}")
            home.project(site.draw.word())
        cursor = str(as_object(answer).get("next_cursor") or "")
        if not cursor:
            break
        expect(len(sizes) < 20, expected="an end of the list", got=f"{len(sizes)} pages")
    return Walked([one["id"] for one in projects if one is not doomed], listed, sizes, limit)


@then("each that was there all the time is listed once, in the order in which they were made")
def each_is_listed_once(walked: Walked) -> None:
    kept = [one for one in walked.listed if one in walked.lasting]
    expect(kept == walked.lasting, expected=str(walked.lasting), got=walked.listed)
    full = all(size == walked.limit for size in walked.sizes[:-1])
    expect(full, expected=f"{walked.limit} on each page but the last", got=walked.sizes)


@when("projects are sent that are none", target_fixture="refused")
def projects_are_sent_that_are_none(site: Site, home: Home) -> list[tuple[Exchange, int, str]]:
    word = site.draw.word()
    sent: list[tuple[object, int, str]] = [
        ({}, INVALID, "/name"),
        ({"name": ""}, INVALID, "/name"),
        ({"name": "x" * 201}, INVALID, "/name"),
        ({"name": 7}, INVALID, "/name"),
        ({"name": word, "description": "x" * 10_001}, INVALID, "/description"),
        ({"name": word, "colour": "red"}, INVALID, "/colour"),
        ({"name": f"{word}\u0000"}, INVALID, "/name"),
        ([], INVALID, ""),
    ]
    answers = [
        (home.http.request("POST", f"{home.path}/projects", json=body), status, place)
        for body, status, place in site.draw.shuffle(sent)
    ]
    broken = home.http.request("POST", f"{home.path}/projects", headers=JSON, body=b'{"name": ')
    unknown = home.http.get(f"{home.path}/projects?colour=red")
    return [*answers, (broken, BAD, ""), (unknown, BAD, "")]


@then("each is refused with 400 or 422, and where there are places they are told")
def each_is_refused(refused: list[tuple[Exchange, int, str]], home: Home) -> None:
    for answer, status, place in refused:
        problem = is_problem(answer, status)
        if place:
            pointers = [str(one.get("pointer")).removeprefix("#") for one in objects(problem.get("errors"))]
            expect(place in pointers, expected=f"errors[] with {place}", got=problem)
    listed = objects(as_object(home.http.get(f"{home.path}/projects")).get("items"))
    expect(listed == [], expected="no project", got=listed)
