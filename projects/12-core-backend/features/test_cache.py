"""Steps of cache.feature."""

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_bdd import scenarios, then, when

from kata.steps import (
    Exchange,
    Inconclusive,
    Instance,
    as_object,
    describe_answer,
    expect,
    is_problem,
    output_once,
    wait_until,
    wait_until_ready,
)

from .backend import (
    AUTH,
    CREATED,
    NO_CONTENT,
    NOT_FOUND,
    OK,
    RESOURCES,
    Backend,
    Json,
    Person,
    path_of,
    wait_for,
)

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

WITHOUT_REDIS_SECONDS = 2.0
PG_DELAY_SECONDS = 0.03
MOMENTS_MILLISECONDS = range(40, 190, 20)

scenarios("cache.feature")


def change_behind(backend: Backend, resource: Json, title: str) -> None:
    with backend.service.postgres.connect() as connection:
        connection.execute("UPDATE resources SET title = %s WHERE id = %s", [title, resource["id"]])


def title_of(answer: Exchange) -> object:
    expect(answer.status == OK, expected="200", got=describe_answer(answer))
    return as_object(answer).get("title")


@dataclass(frozen=True)
class Cached:
    """A resource that was read, and what it is called behind the backend's back."""

    resource: Json
    filled: Exchange
    behind: str


@when("a resource is read, and then changed behind the backend's back", target_fixture="cached")
def a_resource_is_read_and_changed_behind(backend: Backend, person: Person) -> Cached:
    resource = person.make()
    filled = person.read(resource)
    behind = backend.text(15)
    change_behind(backend, resource, behind)
    return Cached(resource, filled, behind)


@then("each process answers with what was read, until CACHE_SECONDS are over")
def each_process_answers_with_what_was_read(backend: Backend, person: Person, cached: Cached) -> None:
    seconds = int(backend.settings["CACHE_SECONDS"])
    for process in (0, 1):
        answer = person.read(cached.resource, process)
        if answer.received > cached.filled.sent + seconds:
            raise Inconclusive("CACHE_SECONDS are over already")
        got = title_of(answer)
        wanted = cached.resource["title"]
        expect(got == wanted, expected=f"{wanted}, from the cache", got=got, answer=answer, timing=True)
    wait_until(cached.filled.received + seconds + 0.3)
    for process in (0, 1):
        answer = person.read(cached.resource, process)
        got = title_of(answer)
        expect(got == cached.behind, expected=f"{cached.behind}, {seconds} s later", got=got, answer=answer)


@then("without the entry it is read anew, and no entry stays for ever")
def without_the_entry_it_is_read_anew(backend: Backend, person: Person) -> None:
    resource, behind = person.make(), backend.text(15)
    person.read(resource)
    redis = backend.service.redis.client
    lasting = [key for key in redis.scan_iter() if redis.ttl(key) == -1]
    expect(not lasting, expected="a time to live for each key in Redis", got=lasting[:3])
    change_behind(backend, resource, behind)
    redis.flushdb()
    for process in (0, 1):
        answer = person.read(resource, process)
        got = title_of(answer)
        expect(got == behind, expected=f"{behind}, as Redis is empty", got=got, answer=answer)


@dataclass(frozen=True)
class Changed:
    """A resource, and its title as it was answered last."""

    resource: Json
    title: str


@when("resources are changed and deleted, while readers stand still amid a read", target_fixture="changes")
def resources_are_changed_while_readers_stand_still(backend: Backend, person: Person) -> list[Changed]:
    changes = [plainly_changed(backend, person)]
    web, proxy = backend.service.web, backend.service.postgres.proxy
    with ThreadPoolExecutor(1) as pool:
        for milliseconds in MOMENTS_MILLISECONDS:
            resource = person.make()
            with proxy.delay(PG_DELAY_SECONDS):
                reading = pool.submit(person.read, resource)
                time.sleep(milliseconds / 1000)
                web.pause()
                try:
                    title = backend.text(15)
                    changed = person.ask("PATCH", path_of(resource), {"title": title}, process=1)
                finally:
                    web.resume()
                expect(changed.status == OK, expected="200", got=describe_answer(changed), timing=True)
                reading.result()
            changes.append(Changed(resource, title))
    return changes


def plainly_changed(backend: Backend, person: Person) -> Changed:
    """Change what both processes have read, at one of them after the other."""
    resource, title = person.make(), ""
    for process in (0, 1, 0):
        person.read(resource, 0)
        person.read(resource, 1)
        title = backend.text(15)
        person.ask("PATCH", path_of(resource), {"title": title}, process=process)
        for other in (1, 0):
            answer = person.read(resource, other)
            got = title_of(answer)
            expect(got == title, expected=f"{title}, as it was changed", got=got, answer=answer, timing=True)
    return Changed(resource, title)


@then("each process answers with the last change")
def each_process_answers_with_the_last_change(person: Person, changes: list[Changed]) -> None:
    for change in changes:
        for process in (0, 1):
            answer = person.read(change.resource, process)
            got = title_of(answer)
            wanted = f"{change.title}, as it was changed"
            expect(got == change.title, expected=wanted, got=got, answer=answer, timing=True)


@then("what was deleted is gone")
def what_was_deleted_is_gone(person: Person) -> None:
    for process in (0, 1):
        resource = person.make()
        person.read(resource, 0)
        deleted = person.ask("DELETE", path_of(resource), process=process)
        expect(deleted.status == NO_CONTENT, expected="204", got=describe_answer(deleted))
        for other in (0, 1):
            is_problem(person.read(resource, other), NOT_FOUND)


@dataclass(frozen=True)
class Loss:
    """What was answered in one way of being away, each with the status that is right."""

    mode: str
    answers: list[tuple[int, Exchange]]
    wrong: list[str]
    resource: Json
    changed: str


@when("Redis goes down, falls silent, or comes back empty", target_fixture="losses")
def redis_goes_down(backend: Backend, person: Person) -> list[Loss]:
    server, proxy = backend.service.redis.server, backend.service.redis.proxy
    losses = []
    for mode in backend.draw.shuffle(["refused", "silent", "killed"]):
        resources = [person.make() for _ in range(3)]
        for resource in resources:
            person.read(resource)
        if mode == "killed":
            server.kill()
            losses.append(answered_without(backend, person, mode, resources))
            server.start()
            continue
        away: AbstractContextManager[object] = proxy.cut() if mode == "refused" else proxy.black_hole()
        with away:
            losses.append(answered_without(backend, person, mode, resources))
    return losses


def answered_without(backend: Backend, person: Person, mode: str, resources: list[Json]) -> Loss:
    first, second, third = resources
    title = backend.text(15)
    credentials = {"email": person.email, "password": person.password}
    asked = [
        (OK, person.read(first)),
        (OK, person.ask("PATCH", path_of(second), {"title": title})),
        (OK, person.read(second)),
        (NO_CONTENT, person.ask("DELETE", path_of(third))),
        (NOT_FOUND, person.read(third)),
        (CREATED, person.ask("POST", RESOURCES, {"title": title})),
        (OK, person.ask("GET", RESOURCES)),
        (OK, backend.post(f"{AUTH}/login", credentials)),
        (OK, backend.service.client().get("/ready")),
        (OK, backend.service.client().get("/health")),
    ]
    read = as_object(asked[2][1]).get("title")
    wrong = [] if read == title else [f"{read}, and not {title}"]
    return Loss(mode, asked, wrong, second, title)


@then("each request is answered rightly within two seconds, and it is ready")
def each_request_is_answered_rightly(losses: list[Loss]) -> None:
    for loss in losses:
        for status, answer in loss.answers:
            took = answer.received - answer.sent
            expect(
                answer.status == status,
                expected=f"{status} while Redis is {loss.mode}",
                got=describe_answer(answer),
                answer=answer,
            )
            expect(
                took <= WITHOUT_REDIS_SECONDS,
                expected=f"an answer within {WITHOUT_REDIS_SECONDS:g} s while Redis is {loss.mode}",
                got=f"{took:.1f} s",
                answer=answer,
                timing=True,
            )
        expect(not loss.wrong, expected="what was changed a moment ago", got=loss.wrong)


@then("afterwards Redis is in use again")
def afterwards_redis_is_in_use_again(backend: Backend, person: Person, losses: list[Loss]) -> None:
    def is_used() -> bool:
        resource = person.make()
        before = title_of(person.read(resource))
        change_behind(backend, resource, backend.text(15))
        return title_of(person.read(resource)) == before

    used = wait_for(is_used, bool, 5.0)
    expect(used, expected="reads from the cache within 5 s of its return", got="none", timing=True)
    time.sleep(int(backend.settings["CACHE_SECONDS"]) + 0.3)
    for loss in losses:
        got = title_of(person.read(loss.resource))
        expect(got == loss.changed, expected=f"{loss.changed} once CACHE_SECONDS are over", got=got)


@then("it starts without Redis, and says so")
def it_starts_without_redis(backend: Backend) -> None:
    web: Instance = backend.service.web
    with backend.service.redis.proxy.cut():
        web.kill()
        before = set(web.output())  # of which only the last lines are kept

        def new(lines: Sequence[str]) -> list[str]:
            return [line for line in lines if line not in before]

        web.restart()
        wait_until_ready(web)
        lines = new(output_once(web, lambda lines: any("redis" in line.lower() for line in new(lines))))
    named = any("redis" in line.lower() for line in lines)
    expect(named, expected="a line with redis in its output", got=" / ".join(lines[-3:]) or "none")
