"""Steps of database.feature."""

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_bdd import scenarios, then, when

from kata.steps import (
    Exchange,
    FaultProxy,
    as_object,
    describe_answer,
    expect,
    is_problem,
    wait_until_ready,
)

from .backend import AUTH, CREATED, OK, RESOURCES, UNAVAILABLE, Backend, Json, Person, path_of, wait_for

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

IN_TIME_SECONDS = 3.0
BACK_SECONDS = 5.0
PAIRS = 12
NO_UUID_KEY = """
    SELECT c.relname FROM pg_class c JOIN pg_index i ON i.indrelid = c.oid AND i.indisprimary
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = ANY (i.indkey)
    WHERE c.relname IN ('users', 'resources') AND c.relnamespace = 'public'::regnamespace
      AND (a.attname <> 'id' OR a.atttypid <> 'uuid'::regtype OR i.indnkeyatts <> 1)
"""
WITHOUT_INDEX = """
    SELECT f.conrelid::regclass::text || '.' || f.conname FROM pg_constraint f
    WHERE f.contype = 'f' AND NOT EXISTS (
        SELECT FROM pg_index i WHERE i.indrelid = f.conrelid AND i.indpred IS NULL AND i.indisvalid
        AND (i.indkey::int2[])[0:cardinality(f.conkey) - 1] @> f.conkey)
"""
TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"

scenarios("database.feature")


@when(
    "they make and change resources, and the process is killed amid more of them, and started again",
    target_fixture="answered",
)
def the_process_is_killed_amid_more_of_them(backend: Backend, person: Person) -> list[Json]:
    kept = [person.make() for _ in range(3)]
    changed = person.ask("PATCH", path_of(kept[0]), {"title": backend.text(12)})
    kept[0] = as_object(changed)
    requests = [person.request("POST", RESOURCES, {"title": backend.text(9)}) for _ in range(30)]
    web = backend.service.web
    with ThreadPoolExecutor(1) as pool:
        asking = pool.submit(backend.service.burst, requests)
        time.sleep(backend.draw.integer(20, 90) / 1000)
        web.kill()
    kept += [as_object(answer) for answer in asking.result() if answer.status == CREATED]
    web.restart()
    wait_until_ready(web)
    return kept


@then("all that was answered is there, in a second process too")
def all_that_was_answered_is_there(backend: Backend, person: Person, answered: list[Json]) -> None:
    backend.second_process({"ACCESS_SECONDS": "2", "REFRESH_SECONDS": "2"})
    for resource in answered:
        for process in (0, 1):
            answer = person.read(resource, process)
            expect(answer.status == OK, expected="200", got=describe_answer(answer))
            expect(as_object(answer) == resource, expected=str(resource), got=answer.text, answer=answer)


@when("they make a resource, and the migrations are run again, twice at once", target_fixture="resource")
def the_migrations_are_run_again(backend: Backend, person: Person) -> Json:
    resource = person.make()
    with ThreadPoolExecutor(2) as pool:
        for run in [pool.submit(backend.service.release) for _ in range(2)]:
            run.result()
    return resource


@then("it is still there")
def it_is_still_there(person: Person, resource: Json) -> None:
    answer = person.read(resource)
    expect(answer.status == OK, expected="200", got=describe_answer(answer))


@then("the tables have UUIDs as keys, and each foreign key has an index")
def the_tables_have_uuids_as_keys(backend: Backend, person: Person) -> None:
    with backend.service.postgres.connect() as connection:
        tables = {str(row[0]) for row in connection.execute(TABLES)}
        wrong = [row[0] for row in connection.execute(NO_UUID_KEY)]
        without = [row[0] for row in connection.execute(WITHOUT_INDEX)]
    wanted = {"resources", "users"} if person.tokens else {"resources"}
    expect(wanted <= tables, expected=f"tables {sorted(wanted)}", got=sorted(tables))
    expect(not wrong, expected="`id uuid` as primary key", got=wrong)
    expect(not without, expected="an index that begins with the columns of each foreign key", got=without)


@dataclass(frozen=True)
class Outage:
    """What was answered in one way of being away, and after the return."""

    mode: str
    answers: list[Exchange]
    health: Exchange
    ready: Exchange
    seconds_back: float | None


@when("PostgreSQL goes down or falls silent, in each way", target_fixture="outages")
def postgresql_goes_down_or_falls_silent(backend: Backend, person: Person) -> list[Outage]:
    proxy = backend.service.postgres.proxy
    resource = person.make()
    ways = [("refused", proxy.cut), ("silent", proxy.black_hole)]
    return [outage(backend, person, resource, proxy, way) for way in backend.draw.shuffle(ways)]


def outage(
    backend: Backend, person: Person, resource: Json, proxy: FaultProxy, way: tuple[str, object]
) -> Outage:
    mode, begin = way
    assert callable(begin)
    away: AbstractContextManager[object] = begin()
    asked: list[tuple[str, str, object]] = [
        ("POST", RESOURCES, {"title": backend.text(9)}),
        ("GET", f"{RESOURCES}?limit=5", None),
        ("PATCH", path_of(resource), {"title": backend.text(9)}),
        ("DELETE", path_of(resource), None),
    ]
    if person.tokens:
        credentials = {"email": person.email, "password": person.password}
        new = {"email": backend.email(), "password": backend.password()}
        asked += [("POST", f"{AUTH}/login", credentials), ("POST", f"{AUTH}/register", new)]
    with away, ThreadPoolExecutor(len(asked)) as pool:
        answers = list(pool.map(lambda one: person.ask(*one), asked))
        health = backend.service.client().get("/health")
        ready = backend.service.client().get("/ready")
    proxy.pass_through()
    began = time.monotonic()
    back = wait_for(lambda: person.read(resource), lambda answer: answer.status == OK)
    return Outage(mode, answers, health, ready, back.received - began if back.status == OK else None)


@then("requests are 503 within three seconds, and it is alive and not ready")
def requests_are_503_within_three_seconds(outages: list[Outage]) -> None:
    for each in outages:
        for answer in each.answers:
            took = answer.received - answer.sent
            expect(
                took <= IN_TIME_SECONDS,
                expected=f"an answer within {IN_TIME_SECONDS:g} s while PostgreSQL is {each.mode}",
                got=f"{describe_answer(answer)} after {took:.1f} s",
                answer=answer,
                timing=True,
            )
            is_problem(answer, UNAVAILABLE, f"503 while PostgreSQL is {each.mode}")
            expect(
                answer.header("retry-after") is not None, expected="Retry-After", got="none", answer=answer
            )
        expect(each.health.status == OK, expected="200 from /health", got=describe_answer(each.health))
        expect(each.ready.status == UNAVAILABLE, expected="503 from /ready", got=describe_answer(each.ready))


@then("within five seconds of its return all works again")
def within_five_seconds_of_its_return_all_works_again(outages: list[Outage]) -> None:
    for each in outages:
        seconds = each.seconds_back
        expect(
            seconds is not None and seconds <= BACK_SECONDS,
            expected=f"200 within {BACK_SECONDS:g} s after PostgreSQL was {each.mode}",
            got="none" if seconds is None else f"200 after {seconds:.1f} s",
            timing=seconds is not None,
        )


@when("both members of resources are changed at the same instant", target_fixture="changed")
def both_members_are_changed_at_the_same_instant(backend: Backend, person: Person) -> list[tuple[Json, Json]]:
    changed: list[tuple[Json, Json]] = []
    for _ in range(PAIRS):
        resource = person.make()
        new = {"title": backend.text(9), "content": backend.text(9)}
        requests = [person.request("PATCH", path_of(resource), {name: new[name]}) for name in new]
        for answer in backend.service.burst(requests):
            late = answer.status in {0, UNAVAILABLE}
            expect(answer.status == OK, expected="200", got=describe_answer(answer), timing=late)
        changed.append((resource, new))
    return changed


@then("both changes stand")
def both_changes_stand(person: Person, changed: list[tuple[Json, Json]]) -> None:
    for resource, new in changed:
        answer = person.read(resource)
        body = as_object(answer)
        got = {name: body.get(name) for name in new}
        expect(got == new, expected=str(new), got=got, answer=answer)
