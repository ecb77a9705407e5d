"""Steps of manners.feature."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from pytest_bdd import scenarios, then, when

from kata.steps import Client, Exchange, as_object, describe_answer, expect, is_problem

from .saas import API, INVALID, LIMITED, OK, Home, Json, Site, as_json, made, objects, retry_after
from .trail import entries_of

BAD = 400
METHODS = {"DELETE", "GET", "PATCH", "POST", "PUT"}
READABLE = {"etag", "location", "retry-after", "x-request-id", "idempotency-replayed"}
SENDABLE = {"authorization", "content-type", "idempotency-key", "if-match", "if-none-match"}

scenarios("manners.feature")


@dataclass(frozen=True)
class Crossed:
    """What a page of an origin was answered, and whether it may read that."""

    origin: str | None
    is_named: bool
    answer: Exchange
    is_preflight: bool


@when("pages of several origins ask, before a request and with it", target_fixture="crossed")
def pages_of_several_origins(site: Site, home: Home) -> list[Crossed]:
    named = [site.settings["PUBLIC_ORIGIN"], *site.settings["ALLOWED_ORIGINS"].split(",")]
    one = site.draw.choice(named)
    others = [
        f"{one}.example",
        one.replace("https:", "http:"),
        f"{one}1",
        "null",
        "*",
        one[:-1],
        f"{one}, {one}",
    ]
    crossed = []
    for origin in site.draw.shuffle([*named, *others, None]):
        sent: Mapping[str, str] = {"Origin": origin} if origin else {}
        before = {**sent, "Access-Control-Request-Method": "PATCH"}
        anybody = site.service.client()
        answers = [
            home.http.get(f"{home.path}/projects", headers=sent),
            home.http.request("POST", f"{home.path}/projects", json={"name": ""}, headers=sent),
            anybody.get(f"{home.path}/projects", headers=sent),
            anybody.get("/nowhere", headers=sent),
        ]
        preflight = anybody.request("OPTIONS", f"{home.path}/members/{home.person.id}", headers=before)
        crossed += [Crossed(origin, origin in named, answer, is_preflight=False) for answer in answers]
        crossed.append(Crossed(origin, origin in named, preflight, is_preflight=True))
    return crossed


@then("those that are named read all answers, refusals, too, and no other reads any")
def those_that_are_named(crossed: list[Crossed]) -> None:
    for one in crossed:
        allowed = one.answer.header("access-control-allow-origin")
        wanted = one.origin if one.is_named else None
        what = f"{one.answer.asked} from {one.origin}"
        expect(allowed == wanted, expected=f"Access-Control-Allow-Origin {wanted} for {what}", got=allowed)
        credentials = one.answer.header("access-control-allow-credentials")
        expect(credentials is None, expected=f"no credentials for {what}", got=credentials)
        expect("origin" in words(one.answer, "vary"), expected="Vary: Origin", got=one.answer.header("vary"))
        if not one.is_named:
            continue
        if one.is_preflight:
            expect(one.answer.status == 204, expected="204", got=describe_answer(one.answer))
            methods = {name.upper() for name in words(one.answer, "access-control-allow-methods")} & METHODS
            expect(methods == {"PATCH", "DELETE"}, expected="the methods that are there", got=methods)
            sendable = words(one.answer, "access-control-allow-headers")
            expect(sendable >= SENDABLE, expected=str(sorted(SENDABLE)), got=sorted(sendable))
        else:
            readable = words(one.answer, "access-control-expose-headers")
            expect(readable >= READABLE, expected=str(sorted(READABLE)), got=sorted(readable))


def words(answer: Exchange, name: str) -> set[str]:
    return {word.strip().lower() for word in (answer.header(name) or "").split(",")}


@dataclass(frozen=True)
class Paged:
    """A list: what was there, in its order, what was listed, and what was refused."""

    path: str
    wanted: list[object]
    listed: list[object]
    sizes: list[int]
    refused: list[Exchange]
    limit: int


def walked(
    client: Client, path: str, limit: int, key: str, grow: Callable[[], object]
) -> tuple[list[object], list[int]]:
    """Read a list page by page; behind the first one something is added to it."""
    listed: list[object] = []
    sizes: list[int] = []
    cursor = ""
    while len(sizes) < 20:
        answer = client.get(f"{path}?limit={limit}{cursor}")
        expect(answer.status == OK, expected="200 for a page", got=describe_answer(answer))
        items = objects(as_object(answer).get("items"))
        listed += [item.get(key) for item in items]
        sizes.append(len(items))
        if len(sizes) == 1:
            grow()
        following = as_object(answer).get("next_cursor")
        if following is None:
            break
        cursor = f"&cursor={following}"
    return listed, sizes


@when("what can grow is read in pages, while more of it is made", target_fixture="paged")
def what_can_grow(site: Site, home: Home) -> list[Paged]:
    limit, count = site.draw.integer(1, 3), site.draw.integer(4, 6)
    person = home.person

    def organisation() -> object:
        return site.home(person).id

    def member() -> object:
        return site.member(home, "member").person.id

    def invitation() -> object:
        body = {"email": site.email(), "role": "member"}
        return made(home.http.request("POST", f"{home.path}/invitations", json=body))["id"]

    def key() -> object:
        body = {"name": site.draw.word(), "scopes": ["jobs"]}
        return made(home.http.request("POST", f"{home.path}/keys", json=body))["id"]

    def file() -> object:
        body = {"name": site.draw.word(), "size_bytes": 4}
        shown = made(home.http.request("POST", f"{home.path}/files", json=body))
        link = str(shown["upload_url"]).partition(API)[2]
        site.service.client().request("PUT", f"{API}{link}", body=b"text")
        return shown["id"]

    invited = site.person()

    def offer() -> object:
        at = site.home(person)
        body = {"email": invited.email, "role": "member"}
        return made(at.http.request("POST", f"{at.path}/invitations", json=body))["id"]

    def login() -> object:
        site.login(person.email, person.password)
        answer = person.http.get(f"{API}/me/sessions?limit=1")
        newest = objects(as_object(answer).get("items"))
        expect(len(newest) == 1, expected="a page of one login", got=describe_answer(answer))
        return newest[0].get("id")

    lists: list[tuple[str, Callable[[], object], str, bool, list[object]]] = [
        (f"{API}/organisations", organisation, "id", True, [home.id]),
        (f"{home.path}/members", member, "user_id", True, [person.id]),
        (f"{home.path}/invitations", invitation, "id", False, []),
        (f"{home.path}/keys", key, "id", False, []),
        (f"{home.path}/files", file, "id", False, []),
        (f"{API}/me/invitations", offer, "id", False, []),
        (f"{API}/me/sessions", login, "id", False, []),
    ]
    paged = []
    for path, make, name, is_oldest_first, there in lists:
        client = invited.http if path == f"{API}/me/invitations" else home.http
        wanted = [*there, *(make() for _ in range(count))]
        listed, sizes = walked(client, path, limit, name, make)
        refused = [client.get(f"{path}?{query}") for query in ("limit=0", "limit=101", "cursor=x")]
        paged.append(Paged(path, wanted if is_oldest_first else wanted[::-1], listed, sizes, refused, limit))
    return paged


@then("each that was there is listed once, in its order, and what is no page is refused")
def each_that_was_there(paged: list[Paged]) -> None:
    for one in paged:
        kept = [each for each in one.listed if each in one.wanted]
        expect(kept == one.wanted, expected=f"{one.wanted} at {one.path}", got=one.listed)
        full = all(size == one.limit for size in one.sizes[:-1])
        expect(full, expected=f"{one.limit} on each page of {one.path} but the last", got=one.sizes)
        for answer in one.refused:
            right = answer.status in {BAD, INVALID}
            expect(right, expected=f"400 or 422 from {one.path}", got=describe_answer(answer))


@dataclass(frozen=True)
class Read:
    """What somebody got who reads much, and who reads beside them."""

    allowed: list[Exchange]
    refused: list[Exchange]
    others: list[Exchange]
    exports: list[Exchange]
    reader: Home
    projects: list[Json]


@when("somebody reads more one by one than a person does, and asks for all of it", target_fixture="read")
def somebody_reads_much(site: Site, home: Home) -> Read:
    projects = [home.project(site.draw.word()) for _ in range(3)]
    reader, other = site.member(home, "member"), site.member(home, "member")
    both = [home.of(site.elsewhere(reader.person, process)) for process in (0, 1)]
    limit, exports = int(site.settings["READS_PER_MINUTE"]), int(site.settings["EXPORTS_PER_HOUR"])

    def read(number: int, query: str = "") -> Exchange:
        at = both[number % 2]
        path = query or f"/projects/{projects[number % 3]['id']}"
        return at.http.get(at.path + path)

    half = limit // 2
    allowed = [read(0, f"/projects?limit={half}"), *(read(number) for number in range(limit - half))]
    refused = [read(number) for number in range(4)] + [read(0, "/projects"), read(1, "/files")]
    others = [
        other.http.get(f"{home.path}/projects/{projects[0]['id']}"),
        *(at.http.get(f"{home.path}/jobs") for at in both),
    ]
    exported = [both[number % 2].http.get(f"{home.path}/exports/projects") for number in range(exports + 2)]
    return Read(allowed, refused, others, exported, reader, projects)


@then("they are slowed down, in all processes, and written down, and the export has all, so many times")
def they_are_slowed_down(site: Site, home: Home, read: Read) -> None:
    for answer in (*read.allowed, *read.others):
        expect(answer.status == OK, expected="200", got=f"{describe_answer(answer)} {answer.asked}")
    for answer in read.refused:
        code = is_problem(answer, LIMITED).get("code")
        expect(code == "too_many_reads", expected="the code too_many_reads", got=code)
        expect(retry_after(answer) <= 60, expected="Retry-After: 60 at most", got=retry_after(answer))
    count = int(site.settings["EXPORTS_PER_HOUR"])
    for answer in read.exports[:count]:
        expect(answer.status == OK, expected="200 for an export", got=describe_answer(answer))
        kind = (answer.header("content-type") or "").partition(";")[0]
        expect(kind == "application/x-ndjson", expected="application/x-ndjson", got=kind)
        lines = [as_json(line.encode()) for line in answer.text.splitlines()]
        expect(lines == read.projects, expected=f"{len(read.projects)} projects, one on each line", got=lines)
    for answer in read.exports[count:]:
        is_problem(answer, LIMITED)
        expect(retry_after(answer) <= 3600, expected="Retry-After: 3600 at most", got=retry_after(answer))
    told = [(one.get("action"), one.get("target")) for one in entries_of(home, 100)]
    throttled = told.count(("reads.throttled", read.reader.person.id))
    expect(throttled == 1, expected="one entry reads.throttled", got=told)
    exported = told.count(("projects.exported", home.id))
    expect(exported == count, expected=f"{count} entries projects.exported", got=told)
