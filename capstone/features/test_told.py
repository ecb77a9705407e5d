"""Steps of told.feature."""

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

from pytest_bdd import scenarios, then, when

from kata.steps import CallbackServer, Client, expect, wait_until_ready

from .hooks import Hook, hook, targets_of
from .saas import CREATED, JSON, Home, Site
from .trail import entries_of

WRITES, SENDERS = 60, 6
TOLD_SECONDS = 12.0

scenarios("told.feature")


def keep_sending(client: Client, home: Home, numbers: Iterator[int], done: list[int]) -> None:
    """Make projects, until nobody is there any more."""
    for number in numbers:
        body = json.dumps({"name": f"{number}"}).encode()
        headers = {**JSON, **home.person.authorization}
        answer = client.request("POST", f"{home.path}/projects", headers=headers, body=body)
        if answer.status != CREATED:
            return
        done.append(number)


@when("its process is killed while much is changed that an endpoint is to be told of", target_fixture="told")
def its_process_is_killed(site: Site, home: Home, sink: CallbackServer) -> tuple[Hook, int]:
    one = hook(site, home, sink)
    enough = site.draw.integer(SENDERS, WRITES // 3)
    done: list[int] = []
    with ThreadPoolExecutor(SENDERS) as pool:
        sending = []
        for sender in range(SENDERS):
            numbers = iter(range(sender, WRITES, SENDERS))
            sending.append(pool.submit(keep_sending, site.service.client(), home, numbers, done))
        while len(done) < enough and not all(it.done() for it in sending):
            time.sleep(0.002)
        instance = site.service.start_web_again({})
    wait_until_ready(instance)
    return one, len(done)


@then("the endpoint is told of each change that is there, and of no other")
def the_endpoint_is_told_of_each(site: Site, home: Home, told: tuple[Hook, int]) -> None:
    one, answered = told
    here = home.of(site.elsewhere(home.person, 0))
    entries = entries_of(here, 50)
    made = {entry.get("target") for entry in entries if entry.get("action") == "project.created"}
    expect(len(made) >= answered, expected=f"the {answered} that were answered", got=len(made))
    calls = one.calls(len(made), TOLD_SECONDS)
    targets = set(targets_of(calls))
    expect(
        targets == made,
        expected=f"{len(made)} projects",
        got=f"{len(targets & made)} of them, {targets - made}",
    )
