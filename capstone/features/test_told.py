"""Steps of told.feature."""

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

from pytest_bdd import scenarios, then, when

from kata.steps import CallbackServer, Client, Instance, Received, expect, wait_until_ready

from .hooks import Hook, data_of, hook, id_of, targets_of
from .saas import ACCEPTED, CREATED, JSON, Home, Site
from .senders import Source, inbox_of, payload, send, source
from .trail import entries_of

WRITES, SENDERS = 60, 6
LISTENERS = 3
SLOW_SECONDS = 0.005
"""So long each way to PostgreSQL takes while a process is killed: it is killed waiting, wherever it is."""
TOLD_SECONDS = 15.0
RECEIVED = ["inbox.received"]

scenarios("told.feature")


def make(client: Client, home: Home, name: str) -> int:
    headers = {**JSON, **home.person.authorization}
    body = json.dumps({"name": name}).encode()
    return client.request("POST", f"{home.path}/projects", headers=headers, body=body).status


def keep_making(client: Client, home: Home, begin: float, done: list[str]) -> None:
    """Make projects from a moment on, until nobody is there any more."""
    time.sleep(max(0.0, begin - time.monotonic()))
    while status := make(client, home, f"{home.id} {len(done)}"):
        if status == CREATED:
            done.append(home.id)


@dataclass(frozen=True)
class Told:
    """The endpoints of each organisation, and how many changes were answered."""

    hooks: list[list[Hook]]
    answered: int


@when("its process is killed while much is changed that an endpoint is to be told of", target_fixture="told")
def its_process_is_killed(site: Site, home: Home, sink: CallbackServer) -> Told:
    # An organisation for each sender: in one, a change waits for the other, and few are under way at a time.
    homes = [home, *(site.home(home.person) for _ in range(SENDERS - 1))]
    hooks = [[hook(site, each, sink) for _ in range(LISTENERS)] for each in homes]
    enough = site.draw.integer(SENDERS, 2 * SENDERS)
    done: list[str] = []
    with site.service.postgres.proxy.delay(SLOW_SECONDS), ThreadPoolExecutor(SENDERS) as pool:
        began = time.monotonic()
        make(site.service.client(), home, site.draw.word())
        # One behind the other, so that at each instant some are at each place of a change.
        step = (time.monotonic() - began) / SENDERS
        for sender, each in enumerate(homes):
            begin = time.monotonic() + sender * step
            pool.submit(keep_making, site.service.client(), each, begin, done)
        deadline = time.monotonic() + TOLD_SECONDS
        while len(done) < enough and time.monotonic() < deadline:
            time.sleep(0.002)
        time.sleep(site.draw.integer(0, 100) / 100 * step)
        instance = site.service.start_web_again({})
    wait_until_ready(instance)
    return Told(hooks, len(done))


@then("the endpoint is told of each change that is there, and of no other")
def the_endpoint_is_told_of_each(site: Site, home: Home, told: Told) -> None:
    person, found = site.elsewhere(home.person, 0), 0
    for hooks in told.hooks:
        here = hooks[0].home.of(person)
        entries = entries_of(here, 50)
        made = {entry.get("target") for entry in entries if entry.get("action") == "project.created"}
        for one in hooks:
            # A delivery is of the change's transaction: that it is there is no question of time.
            sent = len(
                [
                    each
                    for each in replace(one, home=here).deliveries()
                    if each.get("type") == "project.created"
                ]
            )
            expect(sent == len(made), expected=f"{len(made)} deliveries", got=sent)
            targets = set(targets_of(one.calls(len(made), TOLD_SECONDS)))
            expect(
                targets == made,
                expected=f"{len(made)} projects",
                got=f"{len(targets & made)} of them, {targets - made}",
            )
        found += len(made)
    expect(found >= told.answered, expected=f"the {told.answered} that were answered", got=found)


def keep_sending(client: Client, to: Source, names: Iterator[str], body: bytes, done: list[str]) -> None:
    """Send events, until nobody is there any more."""
    for name in names:
        if send(client, to, name, body).status != ACCEPTED:
            return
        done.append(name)


@dataclass(frozen=True)
class Killed:
    """What was acknowledged before a web process was killed, and the worker that was."""

    hook: Hook
    done: list[str]
    worker: Instance


@when("its processes are killed while webhooks come in", target_fixture="kept")
def its_processes_are_killed(site: Site, home: Home, sink: CallbackServer) -> Killed:
    listener, one, body = hook(site, home, sink, types=RECEIVED), source(site, home), payload(site)
    enough = site.draw.integer(SENDERS, WRITES // 3)
    done: list[str] = []
    with ThreadPoolExecutor(SENDERS) as pool:
        sending = []
        for sender in range(SENDERS):
            names = iter([f"msg_{number}" for number in range(sender, WRITES, SENDERS)])
            sending.append(pool.submit(keep_sending, site.service.client(), one, names, body, done))
        while len(done) < enough // 2 and not all(it.done() for it in sending):
            time.sleep(0.002)
        killed = site.draw.choice(site.service.workers)
        killed.kill()
        while len(done) < enough and not all(it.done() for it in sending):
            time.sleep(0.002)
        instance = site.service.start_web_again({})
    wait_until_ready(instance)
    return Killed(listener, done, killed)


@then("each that was acknowledged is in the inbox, and told under one id")
def each_that_was_acknowledged(site: Site, home: Home, kept: Killed) -> None:
    listener, done = kept.hook, kept.done
    here = home.of(site.elsewhere(home.person, 0))
    found = {str(one["event_id"]): str(one["id"]) for one in inbox_of(here)}
    lost = sorted(set(done) - set(found))
    expect(not lost, expected="all that was acknowledged", got=f"without {lost}")
    calls = listener.calls(len(found), TOLD_SECONDS)
    deadline = time.monotonic() + TOLD_SECONDS
    while ids_of(calls).keys() != set(found.values()) and time.monotonic() < deadline:
        time.sleep(0.1)
        calls = listener.calls(0)
    told = ids_of(calls)
    missing = sorted(set(found.values()) - told.keys())
    expect(not missing, expected="each of the inbox told", got=f"without {missing}", timing=True)
    twice = {name: ids for name, ids in told.items() if len(ids) > 1}
    expect(not twice, expected="each under one webhook-id", got=twice)
    site.service.replace(kept.worker)


def ids_of(calls: list[Received]) -> dict[str, set[str]]:
    """Return under which ids each event of the inbox was told."""
    told: dict[str, set[str]] = {}
    for call in calls:
        told.setdefault(str(data_of(call).get("id")), set()).add(id_of(call))
    return told
