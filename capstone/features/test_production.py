"""Steps of production.feature."""

import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from urllib.parse import urlsplit

import pytest
from psycopg import sql
from pytest_bdd import given, scenarios, then, when

from kata.steps import (
    CallbackServer,
    Client,
    Exchange,
    Instance,
    World,
    as_object,
    describe_answer,
    describe_stop,
    expect,
    wait_until_ready,
)

from .saas import API, CREATED, OK, Home, Person, Site, made, objects

DRAIN_MILLISECONDS = (1500, 2500)
STOP_SECONDS = 10.0
SEEN_SECONDS = 0.5  # so long a stop may take to be heard
UNSURE_SECONDS = 0.3  # before it ends, on a machine that is busy
START_SECONDS = 20.0
UNAVAILABLE = 503
ROLES = {"web": "capstone_app", "worker": "capstone_worker"}

scenarios("production.feature")


@given("an organisation of the platform", target_fixture="home")
def an_organisation_of_the_platform(
    world: World, production_settings: Mapping[str, str], sink: CallbackServer
) -> Home:
    del sink  # first, because without being called nothing can be said of workers
    site = Site(world.start(production_settings), world.draw, production_settings)
    home = site.home()
    site.switch(is_on=True, organisation=home.id)
    return home


@pytest.fixture
def production_settings(job_settings: dict[str, str]) -> dict[str, str]:
    return job_settings | {"DRAIN_SECONDS": "0"}


@pytest.fixture
def site(world: World, production_settings: dict[str, str]) -> Site:
    return Site(world.start(production_settings), world.draw, production_settings)


def started(
    world: World, settings: Mapping[str, str], home: Home, process_type: str = "web"
) -> tuple[Instance, Home]:
    """Start a process of its own, and return it and the organisation as it is seen there."""
    process = world.start_unready(settings, process_type)
    if process.url is None:
        return process, home
    wait_until_ready(process, timeout_seconds=START_SECONDS)
    person = home.person
    client = Client(process.url, headers=person.authorization)
    return process, home.of(
        Person(person.email, person.password, person.id, person.tokens, client, person.authorization)
    )


@dataclass(frozen=True)
class Drain:
    """What a process answered after SIGTERM, when it ended, and how."""

    seconds: float
    asked_at: float
    ended_at: float
    exit_code: int | None
    answers: tuple[tuple[float, Exchange, Exchange], ...]


@when("a process is told to stop that goes on for a while", target_fixture="drain")
def a_process_is_told_to_stop(world: World, site: Site, home: Home) -> Drain:
    seconds = site.draw.integer(*DRAIN_MILLISECONDS) / 1000
    theirs = {"DATABASE_URL": site.service.postgres.url, "DRAIN_SECONDS": f"{seconds:g}"}
    process, there = started(world, {**site.settings, **theirs}, home)
    url = str(process.url)
    before = there.http.get("/ready")
    expect(before.status == OK, expected="200 from /ready before SIGTERM", got=describe_answer(before))
    answers = []
    with ThreadPoolExecutor(1) as pool:
        asked_at = time.monotonic()
        ending = pool.submit(lambda: (process.terminate(STOP_SECONDS), time.monotonic()))
        while time.monotonic() < asked_at + seconds - UNSURE_SECONDS and not ending.done():
            sent = time.monotonic()
            asked = site.draw.choice(["/health", "/ready"])
            told = Client(url).get(asked)  # by a connection of its own
            name = {"name": site.draw.word()}
            kept = there.http.request("POST", f"{there.path}/projects", json=name)
            answers.append((sent, told, kept))
            time.sleep(0.1)
        exit_code, ended_at = ending.result()
    return Drain(seconds, asked_at, ended_at, exit_code, tuple(answers))


@then("it says so, and takes what comes, until it ends with exit code 0")
def it_says_so(drain: Drain) -> None:
    looked = 0
    for sent, told, kept in drain.answers:
        after = sent - drain.asked_at
        if kept.received - drain.asked_at > drain.seconds - UNSURE_SECONDS / 2:
            continue  # this machine is too busy to say that it was in time
        expect(
            kept.status == CREATED,
            expected=f"201 for a project {after:.2f} s after SIGTERM, with DRAIN_SECONDS={drain.seconds:g}",
            got=describe_answer(kept),
            answer=kept,
            timing=True,
        )
        if after < SEEN_SECONDS:
            continue
        looked += 1
        expect(
            told.status == UNAVAILABLE,
            expected=f"503 from /health and /ready {after:.2f} s after SIGTERM",
            got=describe_answer(told),
            answer=told,
            timing=True,
        )
    lasted = drain.ended_at - drain.asked_at
    expect(
        lasted >= drain.seconds - UNSURE_SECONDS,
        expected=f"no end before DRAIN_SECONDS={drain.seconds:g} are over",
        got=f"{lasted:.2f} s",
    )
    expect(looked > 0, expected="time to look", got=f"{len(drain.answers)} answers", timing=True)
    got = describe_stop(drain.exit_code)
    expect(drain.exit_code == 0, expected=f"exit code 0 within {STOP_SECONDS:g} s of SIGTERM", got=got)


@when("a web process and a worker log in as the roles that they ask as", target_fixture="there")
def they_log_in_as_their_roles(world: World, site: Site, home: Home) -> Home:
    password = site.draw.text(24, "abcdefghijkmnopqrstuvwxyz0123456789")
    with site.service.postgres.connect() as connection:
        for role in ROLES.values():
            statement = sql.SQL("ALTER ROLE {} LOGIN PASSWORD {}")
            connection.execute(statement.format(sql.Identifier(role), sql.Literal(password)))
    there = home
    address = urlsplit(site.service.postgres.url)
    for process_type, role in ROLES.items():
        url = address._replace(netloc=f"{role}:{password}@{address.hostname}:{address.port}").geturl()
        _, there = started(world, {**site.settings, "DATABASE_URL": url}, there, process_type)
    return there


@then("what somebody asks of the one is done by the other")
def what_is_asked_is_done(there: Home, sink: CallbackServer) -> None:
    project = there.project("Woven")
    hook = {"url": sink.url(f"/{there.id}/hook"), "event_types": ["project.created"]}
    made(there.http.request("POST", f"{there.path}/endpoints", json=hook))
    there.project("Told")
    answer = there.act(project, sink.url(f"/{there.id}/published"))
    job = there.ended(as_object(answer))
    expect(job.get("state") == "succeeded", expected="a job that succeeds", got=job)
    told = sink.wait_for(f"/{there.id}/hook", 1, START_SECONDS)
    expect(len(told) == 1, expected="one webhook", got=len(told))
    trail = there.http.get(f"{there.path}/audit")
    expect(trail.status == OK, expected="200 for the audit trail", got=describe_answer(trail))
    entries = objects(as_object(trail).get("items"))
    expect(len(entries) > 0, expected="entries of the audit trail", got=entries)
    mine = there.http.get(f"{API}/me/sessions")
    expect(mine.status == OK, expected="200 for one's logins", got=describe_answer(mine))
