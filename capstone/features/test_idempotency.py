"""Steps of idempotency.feature."""

import json
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from pytest_bdd import scenarios, then, when

from kata.steps import (
    Client,
    Exchange,
    Request,
    as_object,
    describe_answer,
    expect,
    is_problem,
    wait_until_ready,
)

from .saas import (
    ACCEPTED,
    CONFLICT,
    CREATED,
    INVALID,
    JSON,
    MISSING,
    Home,
    Json,
    Site,
    objects,
    while_nobody_writes,
)

MALFORMED = 400
MANY = 8
WRITES, SENDERS = 40, 5

scenarios("idempotency.feature")


def projects_of(home: Home) -> list[Json]:
    return objects(as_object(home.http.get(f"{home.path}/projects?limit=100")).get("items"))


@dataclass(frozen=True)
class Sent:
    """What was sent twice, and what is to come of it."""

    pairs: list[tuple[Exchange, Exchange]] = field(default_factory=list)
    independent: list[Exchange] = field(default_factory=list)
    refused: list[tuple[Exchange, int]] = field(default_factory=list)
    projects: list[str] = field(default_factory=list)


@when("projects, actions and invitations are sent twice, with keys and without", target_fixture="sent")
def writes_are_sent_twice(site: Site, home: Home) -> Sent:
    site.switch(is_on=True, organisation=home.id)
    other, colleague = site.home(home.person), site.member(home, "admin")
    project = home.project("of the action")
    names = [site.draw.word() for _ in range(4)]
    key = str(site.draw.uuid())
    # Those of the home: by its owner with two keys and without, and by a colleague.
    sent = Sent(projects=["of the action", *[names[0]] * 3, *[names[1]] * 2, names[3]])

    def send(path: str, body: Json, key: str | None, at: Home = home) -> Exchange:
        headers = {} if key is None else {"Idempotency-Key": key}
        return at.http.request("POST", at.path + path, json=body, headers=headers)

    def quoted() -> str:
        return site.draw.choice([key, f'"{key}"'])

    act = f"/projects/{project['id']}/actions/publish"
    writes: list[tuple[str, Json]] = [
        ("/projects", {"name": names[0]}),
        (act, {"destination": f"http://{site.draw.word()}.example.com/"}),
        ("/invitations", {"email": site.email(), "role": "member"}),
    ]
    for path, body in writes:
        sent.pairs.append((send(path, body, quoted()), send(path, body, quoted())))
    # Without a key, with another one, by somebody else and elsewhere it is another write.
    sent.independent.extend(send("/projects", {"name": names[1]}, None) for _ in range(2))
    sent.independent.append(send("/projects", {"name": names[0]}, f"{key}-2"))
    sent.independent.append(send("/projects", {"name": names[0]}, key, colleague))
    sent.independent.append(send("/projects", {"name": names[0]}, key, other))
    sent.refused.append((send("/projects", {"name": names[2]}, key), INVALID))
    malformed = site.draw.choice(['"open', "a b", "x" * 256])
    sent.refused.append((send("/projects", {"name": names[2]}, malformed), MALFORMED))
    # What was refused has not been done: it is sent again, put right.
    sent.refused.append((send("/projects", {"name": ""}, f"{key}-3"), INVALID))
    missing = f"/projects/{site.draw.uuid()}/actions/publish"
    sent.refused.append((send(missing, writes[1][1], key), MISSING))
    sent.independent.append(send("/projects", {"name": names[3]}, f"{key}-3"))
    return sent


@then("each key is done once and answered alike, and whatever differs is another write or refused")
def each_key_is_done_once(home: Home, sent: Sent) -> None:
    for first, second in sent.pairs:
        expect(first.status in {CREATED, ACCEPTED}, expected="201 or 202", got=describe_answer(first))
        mark = second.header("idempotency-replayed")
        expect(mark == "true", expected="Idempotency-Replayed: true", got=mark)
        expect(first.header("idempotency-replayed") is None, expected="none at first", got=mark)
        alike = first.status == second.status and as_object(first) == as_object(second)
        expect(alike, expected=first.text, got=second.text)
        for name in ("etag", "location"):
            wanted, got = first.header(name), second.header(name)
            expect(wanted == got, expected=f"{name}: {wanted}", got=got)
    for answer in sent.independent:
        expect(answer.status == CREATED, expected="201", got=describe_answer(answer))
        expect(answer.header("idempotency-replayed") is None, expected="no replay", got="one")
    for answer, status in sent.refused:
        is_problem(answer, status)
    names = sorted(str(one.get("name")) for one in projects_of(home))
    expect(names == sorted(sent.projects), expected=str(sorted(sent.projects)), got=names)
    jobs = home.jobs()
    expect(len(jobs) == 1, expected="one job", got=jobs)


@when("one write is sent many times at the same instant", target_fixture="answers")
def one_write_is_sent_many_times(site: Site, home: Home) -> list[Exchange]:
    request = keyed(home, str(site.draw.uuid()), site.draw.word())
    together = while_nobody_writes(site, [request] * MANY)
    return [*together, *site.service.burst([request])]


def keyed(home: Home, key: str, name: str) -> Request:
    headers = {**JSON, **home.person.authorization, "Idempotency-Key": key}
    return Request("POST", f"{home.path}/projects", headers, json.dumps({"name": name}).encode())


@then("one is done, and each other hears the same, or that it is being done")
def one_is_done(home: Home, answers: list[Exchange]) -> None:
    *together, late = answers
    for answer in together:
        if answer.status != CREATED:
            is_problem(answer, CONFLICT)
            expect(answer.header("retry-after") is not None, expected="Retry-After", got="none")
    first = [answer for answer in together if answer.status == CREATED]
    expect(bool(first), expected="a 201", got=[answer.status for answer in together], timing=True)
    ids = {str(as_object(answer).get("id")) for answer in (*first, late)}
    expect(late.status == CREATED, expected="201 behind them", got=describe_answer(late))
    expect(len(ids) == 1, expected="one project for all", got=ids)
    expect(len(projects_of(home)) == 1, expected="one project", got=projects_of(home))


def keep_sending(client: Client, requests: list[Request], answered: list[Exchange]) -> None:
    """Send one after the other, until nobody is there any more."""
    for one in requests:
        answer = client.request(one.method, one.path, headers=one.headers, body=one.body)
        if not answer.status:
            return
        answered.append(answer)


@when(
    "its process is killed while it is sent writes with keys, and all are sent again", target_fixture="again"
)
def its_process_is_killed(site: Site, home: Home) -> tuple[list[str], list[Exchange]]:
    names = [f"{site.draw.word()} {number}" for number in range(WRITES)]
    requests = [keyed(home, str(site.draw.uuid()), name) for name in names]
    enough = site.draw.integer(SENDERS, WRITES // 3)
    clients = [site.service.client() for _ in range(SENDERS)]
    answered: list[Exchange] = []
    with ThreadPoolExecutor(SENDERS) as pool:
        sending = [
            pool.submit(keep_sending, client, requests[number::SENDERS], answered)
            for number, client in enumerate(clients)
        ]
        while len(answered) < enough and not all(one.done() for one in sending):
            time.sleep(0.002)
        instance = site.service.start_web_again({})
        for one in sending:
            one.result()
    wait_until_ready(instance)
    half = WRITES // 2
    return names, [*site.service.burst(requests[:half]), *site.service.burst(requests[half:])]


@then("each is done once")
def each_is_done_once(site: Site, home: Home, again: tuple[list[str], list[Exchange]]) -> None:
    names, answers = again
    for answer in answers:
        expect(answer.status == CREATED, expected="201", got=describe_answer(answer), timing=True)
    here = home.of(site.elsewhere(home.person, 0))
    found = sorted(str(one.get("name")) for one in projects_of(here))
    expect(found == sorted(names), expected=f"each of {WRITES} once", got=found)
