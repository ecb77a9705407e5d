"""Steps of cache.feature."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass

from pytest_bdd import scenarios, then, when

from kata.steps import Exchange, as_object, describe_answer, expect, is_problem

from .saas import (
    FORBIDDEN,
    LONGEST_ANSWER_SECONDS,
    MISSING,
    OK,
    UNAUTHENTICATED,
    Home,
    Json,
    Site,
    made,
)

NOT_MODIFIED = 304
HIT, MISS = "capstone; hit", "capstone; fwd=miss"

scenarios("cache.feature")


@dataclass(frozen=True)
class Reader:
    """An organisation with a project and a member, read in each of two processes."""

    site: Site
    homes: list[Home]
    project: Json
    member: Home

    @property
    def paths(self) -> list[str]:
        return ["", "/members", "/projects", "/projects?limit=1", f"/projects/{self.project['id']}"]

    def read(self, path: str, process: int, headers: Mapping[str, str] | None = None) -> Exchange:
        home = self.homes[process]
        answer = home.http.get(home.path + path, headers=headers)
        if headers is None:
            expect(answer.status == OK, expected=f"200 for {path or 'it'}", got=describe_answer(answer))
        return answer

    def change(self, method: str, path: str, body: Json | None, process: int) -> None:
        answer = self.homes[process].http.request(method, self.homes[process].path + path, json=body)
        expect(answer.status // 100 == 2, expected="a change", got=describe_answer(answer))

    def rename(self, process: int) -> str:
        """Give the project another name."""
        name = str(self.site.draw.uuid())
        self.change("PATCH", f"/projects/{self.project['id']}", {"name": name}, process)
        return name


def reader(site: Site, home: Home) -> Reader:
    projects = [home.project(site.draw.word()) for _ in range(3)]
    member = site.member(home, "member")
    homes = [home.of(site.elsewhere(home.person, process)) for process in (0, 1)]
    return Reader(site, homes, projects[0], member)


@dataclass(frozen=True)
class Looked:
    """What was changed, and what each path was before and afterwards."""

    what: str
    path: str
    before: list[Exchange]
    after: list[Exchange]
    is_changed: bool


@when("what is read is read again, changed, and read in both processes", target_fixture="looked")
def what_is_read(site: Site, home: Home) -> list[Looked]:
    one = reader(site, home)
    extra = as_object(one.read("/projects", 0))["items"]
    last = extra[-1]["id"] if isinstance(extra, list) else ""
    place = f"/projects/{one.project['id']}"
    changes: list[tuple[str, str, Json | None, list[str]]] = [
        ("PATCH", place, {"name": str(site.draw.uuid())}, ["/projects", "/projects?limit=1", place]),
        ("POST", "/projects", {"name": "more"}, ["/projects"]),
        ("DELETE", f"/projects/{last}", None, ["/projects"]),
        ("PATCH", "", {"name": str(site.draw.uuid())}, [""]),
        ("PATCH", f"/members/{one.member.person.id}", {"role": "admin"}, ["/members"]),
        ("DELETE", f"/members/{one.member.person.id}", None, ["/members"]),
    ]
    looked = []
    for method, path, body, changed in changes:
        here = site.draw.integer(0, 1)
        before = {each: [one.read(each, at) for at in (here, here, 1 - here)] for each in one.paths}
        one.change(method, path, body, 1 - here)
        for each in one.paths:
            after = [one.read(each, at) for at in (here, 1 - here, here)]
            looked.append(Looked(f"{method} {path}", each, before[each], after, each in changed))
    return looked


@then("it comes from the cache while nothing is changed, and never as it was before")
def it_comes_from_the_cache(looked: list[Looked]) -> None:
    same = {one.before[1].header("cache-status") for one in looked}
    other = {answer.header("cache-status") for one in looked for answer in (one.before[2], one.after[1])}
    expect(HIT in same, expected="answers from the cache", got=same)
    expect(HIT in other, expected="answers from the cache that another process has put there", got=other)
    for one in looked:
        where = f"{one.path or 'the organisation'} around {one.what}"
        has_changed, got = one.before[0].text != one.after[0].text, one.after[0].text
        expect(has_changed == one.is_changed, expected=f"changed: {one.is_changed} for {where}", got=got)
        for answers in (one.before, one.after):
            texts = {answer.text for answer in answers}
            expect(len(texts) == 1, expected=f"the same answer for {where}", got=texts)
    for one in looked:
        for answers in (one.before, one.after):
            told = [answer.header("cache-status") for answer in answers]
            wanted = [MISS if answers is one.after else told[0], HIT, HIT]
            expect(told == wanted, expected=f"Cache-Status {wanted} for {one.path}", got=told, timing=True)


type Fault = Callable[[], AbstractContextManager[object]]


@when("Redis is refused, silent or emptied, and things are changed meanwhile", target_fixture="survived")
def redis_is_away(site: Site, home: Home) -> list[tuple[str, str, Exchange]]:
    one, proxy = reader(site, home), site.service.redis.proxy
    place = f"/projects/{one.project['id']}"

    @contextmanager
    def emptied() -> Iterator[None]:
        site.service.redis.client.flushdb()
        yield

    faults: dict[str, Fault] = {"refused": proxy.cut, "silent": proxy.black_hole, "emptied": emptied}
    seen = []
    for what, fault in site.draw.shuffle(sorted(faults.items())):
        for process in (0, 1, 0, 1):
            one.read(place, process)
        with fault():
            name = one.rename(site.draw.integer(0, 1))
            seen += [(f"while it is {what}", name, one.read(place, process)) for process in (0, 1, 0, 1)]
        seen += [(f"after it was {what}", name, one.read(place, process)) for process in (0, 1)]
    return seen


@then("each read is answered in time, as things are, and again when Redis is back")
def each_read_is_answered(survived: list[tuple[str, str, Exchange]]) -> None:
    for what, name, answer in survived:
        got = as_object(answer).get("name")
        expect(got == name, expected=f"the name that was given, {what}", got=got)
        took = answer.received - answer.sent
        expect(
            took < LONGEST_ANSWER_SECONDS,
            expected=f"an answer within {LONGEST_ANSWER_SECONDS:g} s, {what}",
            got=f"{took:.2f} s",
            timing=True,
        )


@dataclass(frozen=True)
class Asked:
    """An answer that is kept, its tag, and what others hear who ask for it."""

    first: Exchange
    tagged: list[tuple[str, Exchange]]
    stale: list[Exchange]
    others: list[tuple[str, Exchange, int]]


@when("answers that are kept are asked for by their tags, and by others", target_fixture="asked")
def answers_are_asked_for(site: Site, home: Home) -> list[Asked]:
    one, stranger, colleague = reader(site, home), site.home(), site.member(home, "member")
    body = {"name": "x", "scopes": ["jobs"]}
    key = made(home.http.request("POST", f"{home.path}/keys", json=body))["key"]
    paths = site.draw.shuffle(one.paths)
    first = {path: [one.read(path, 0), one.read(path, 1)][0] for path in paths}
    tagged: dict[str, list[tuple[str, Exchange]]] = {path: [] for path in paths}
    for path in paths:
        tag = first[path].header("etag") or ""
        for seen in (tag, f"W/{tag}", f'"x", {tag}', "*"):
            tagged[path].append((seen, one.read(path, site.draw.integer(0, 1), {"If-None-Match": seen})))
    others = {path: strangers(site, home, path, first[path], stranger, str(key)) for path in paths}
    home.http.request("DELETE", f"{home.path}/members/{colleague.person.id}")
    for path in paths:
        removed = colleague.http.get(colleague.path + path, headers=has(first[path]))
        others[path].append(("who was removed", removed, MISSING))
    for path in ("", f"/projects/{one.project['id']}"):
        one.change("PATCH", path, {"name": str(site.draw.uuid())}, 0)
    stale = {path: [one.read(path, at, has(first[path])) for at in (0, 1)] for path in paths}
    return [Asked(first[path], tagged[path], stale[path], others[path]) for path in paths]


def has(answer: Exchange) -> Mapping[str, str]:
    """Say that one has this answer."""
    return {"If-None-Match": answer.header("etag") or ""}


def strangers(
    site: Site, home: Home, path: str, first: Exchange, stranger: Home, key: str
) -> list[tuple[str, Exchange, int]]:
    seen = has(first)
    by_key = {**seen, "Authorization": f"Bearer {key}"}
    nobody = site.service.client()
    return [
        ("of another organisation", stranger.http.get(home.path + path, headers=seen), MISSING),
        ("a key of another scope", nobody.get(home.path + path, headers=by_key), FORBIDDEN),
        ("nobody", nobody.get(home.path + path, headers=seen), UNAUTHENTICATED),
    ]


@then("a tag that holds gets 304, and who may not ask hears what they hear without a cache")
def a_tag_that_holds(asked: list[Asked]) -> None:
    for one in asked:
        tag, where = one.first.header("etag") or "none", one.first.asked
        policy = one.first.header("cache-control") or ""
        expect(policy == "no-store", expected=f"Cache-Control: no-store for {where}", got=policy)
        varies = (one.first.header("vary") or "").lower()
        expect("authorization" in varies, expected=f"Vary: Authorization for {where}", got=varies)
        for seen, answer in one.tagged:
            right = answer.status == NOT_MODIFIED and not answer.body and answer.header("etag") == tag
            expect(right, expected=f"304 with ETag {tag} for {seen} of {where}", got=describe_answer(answer))
        for answer in one.stale:
            expect(
                answer.status == OK, expected=f"200 after a change of {where}", got=describe_answer(answer)
            )
        for who, answer, status in one.others:
            is_problem(answer, status, f"who asks counts before what is kept: {who}")
