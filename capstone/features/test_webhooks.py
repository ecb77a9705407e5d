"""Steps of webhooks.feature."""

import base64
import re
import time
from dataclasses import dataclass

from pytest_bdd import scenarios, then, when

from kata.steps import (
    CallbackServer,
    Exchange,
    Received,
    Reply,
    as_object,
    describe_answer,
    expect,
    is_problem,
)

from .hooks import Hook, data_of, hook, id_of, is_by, signature_by, signatures, targets_of
from .saas import (
    CONFLICT,
    MISSING,
    NO_CONTENT,
    OK,
    Home,
    Json,
    Site,
    as_json,
    attempts_of,
    is_refused,
    objects,
    outcomes_of,
)

QUIET_SECONDS = 1.5
LATE_SECONDS = 1.5
SHOWN = {"id", "url", "event_types", "is_ordered", "state", "disabled_reason", "failing_since", "created_at"}

scenarios("webhooks.feature")


@dataclass(frozen=True)
class Managed:
    """What has become of endpoints."""

    hook: Hook
    changed: Json
    removed: list[Exchange]
    refused: list[tuple[Exchange, str]]


@when("endpoints are made, changed and removed, and some that are none", target_fixture="managed")
def endpoints_are_made(site: Site, home: Home, sink: CallbackServer) -> Managed:
    one = hook(
        site, home, sink, types=["project.created", "job.queued"], is_ordered=site.draw.choice([True, False])
    )
    other = hook(site, home, sink)
    url = sink.url(f"/{site.draw.uuid()}")
    change = {"url": url, "event_types": [], "is_ordered": not one.shown["is_ordered"]}
    answer = home.http.request("PATCH", one.place, json=change)
    expect(answer.status == OK, expected="200 for a change", got=describe_answer(answer))
    removed = [
        home.http.request("DELETE", other.place),
        home.http.get(other.place),
        home.http.request("DELETE", other.place),
    ]
    endpoints = f"{home.path}/endpoints"
    refused = [
        (home.http.request("POST", endpoints, json=body), pointer)
        for body, pointer in (
            ({"url": f"ftp://{site.draw.word()}.example.com/"}, "/url"),
            ({"url": f"http://me:secret@{site.draw.word()}.example.com/"}, "/url"),
            ({"url": url, "event_types": ["nothing.happened"]}, "/event_types/0"),
            ({"event_types": []}, "/url"),
        )
    ]
    refused.append((home.http.request("PATCH", one.place, json={"url": "/hook"}), "/url"))
    return Managed(one, as_object(answer), removed, refused)


@then("each is shown as it is, without its secret, and PostgreSQL has none")
def each_is_shown(site: Site, home: Home, managed: Managed) -> None:
    one = managed.hook
    made = {"state": "enabled", "disabled_reason": None, "failing_since": None, "url": one.url}
    got = {name: one.shown.get(name) for name in made}
    expect(got == made, expected=str(made), got=one.shown)
    expect(managed.changed.keys() == SHOWN, expected=str(sorted(SHOWN)), got=managed.changed)
    expect(managed.changed.get("event_types") == [], expected="no types", got=managed.changed)
    flipped = managed.changed.get("is_ordered") is not one.shown.get("is_ordered")
    expect(flipped, expected="another order", got=managed.changed)
    listed = objects(as_object(home.http.get(f"{home.path}/endpoints")).get("items"))
    expect(listed == [managed.changed], expected=str([managed.changed]), got=listed)
    expect(one.show() == managed.changed, expected=str(managed.changed), got=one.show())
    statuses = [answer.status for answer in managed.removed]
    expect(statuses == [NO_CONTENT, MISSING, MISSING], expected="204, and 404 then", got=statuses)
    for answer, pointer in managed.refused:
        is_refused(answer, pointer)
    right = re.fullmatch(r"whsec_[A-Za-z0-9+/]{43}=", one.secret)
    expect(right is not None, expected="whsec_ and 32 bytes in base64", got=one.secret)
    raw = base64.b64decode(one.secret.removeprefix("whsec_"))
    forms = [one.secret.removeprefix("whsec_"), raw.hex()]
    with site.service.postgres.connect() as connection:
        rows = connection.execute("SELECT row_to_json(endpoints)::text FROM endpoints").fetchall()
    found = [str(row) for (row,) in rows if any(form in str(row) for form in forms)]
    expect(bool(rows) and not found, expected="rows of endpoints without the secret", got=found or rows)


@then("an organisation has so many at most")
def an_organisation_has_so_many_at_most(site: Site, home: Home, sink: CallbackServer) -> None:
    for _ in range(int(site.settings["ENDPOINTS_PER_ORGANISATION"]) - 1):
        hook(site, home, sink)
    one_more = {"url": sink.url("/")}
    is_problem(home.http.request("POST", f"{home.path}/endpoints", json=one_more), CONFLICT)


@dataclass(frozen=True)
class Told:
    """Endpoints, and what was changed."""

    hooks: dict[str, Hook]
    failures: int
    projects: list[str]
    others: list[str]


@when(
    "much is changed in two organisations that have endpoints, some of which fail at first",
    target_fixture="told",
)
def much_is_changed_in_two(site: Site, home: Home, sink: CallbackServer) -> Told:
    other = site.home()
    failures = site.draw.integer(2, 3)
    failing = site.draw.shuffle([Reply(500), Reply(404), Reply.redirect("/elsewhere"), Reply.reset()])
    hooks = {
        "of projects": hook(site, home, sink),
        "of all": hook(site, home, sink, types=[]),
        "of none": hook(site, home, sink, types=["key.revoked"]),
        "that fails": hook(site, home, sink, *failing[:failures], Reply(200)),
        "of another": hook(site, other, sink),
    }
    projects = [str(home.project(site.draw.word())["id"]) for _ in range(2)]
    home.http.request("PATCH", f"{home.path}/projects/{projects[0]}", json={"description": "x"})
    return Told(hooks, failures, projects, [str(other.project(site.draw.word())["id"])])


@then("each endpoint gets what it wants of its own, signed by its secret, in each attempt")
def each_endpoint_gets_what_it_wants(told: Told) -> None:
    wanted = {
        "of projects": ["project.created"] * 2,
        "of all": ["project.changed", "project.created", "project.created"],
        "that fails": ["project.created"] * (2 + told.failures),
        "of another": ["project.created"],
    }
    for name, types in wanted.items():
        one = told.hooks[name]
        calls = one.calls(len(types))
        for call in calls:
            is_by(call, one.secret)
            is_payload(call, one.home)
        got = sorted(str(as_json(call.body).get("type")) for call in calls)
        expect(got == types, expected=f"{types} ({name})", got=got)
        targets = set(targets_of(calls))
        ids = set(told.others if name == "of another" else told.projects)
        expect(targets == ids, expected=f"{ids} ({name})", got=targets)
    time.sleep(QUIET_SECONDS)
    calls = told.hooks["of none"].calls(0)
    expect(not calls, expected="no call that nobody wants", got=len(calls))
    again = told.hooks["that fails"].calls(0)
    by_id: dict[str, list[Received]] = {}
    for call in again:
        by_id.setdefault(id_of(call), []).append(call)
    expect(len(by_id) == 2, expected="a webhook-id for each event, the same in each attempt", got=list(by_id))
    bodies = {name: {call.body for call in calls} for name, calls in by_id.items()}
    expect(all(len(them) == 1 for them in bodies.values()), expected="the same bytes", got=bodies)
    expect(len(again) == 2 + told.failures, expected="no call after it was taken", got=len(again))


def is_payload(call: Received, home: Home) -> None:
    """Demand what an event says of a change."""
    document = as_json(call.body)
    expect(document.keys() == {"type", "timestamp", "data"}, expected="type, timestamp, data", got=document)
    data = data_of(call)
    actor = {"type": "user", "id": home.person.id, "key_id": None}
    right = data.get("tenant") == home.id and data.get("actor") == actor and "seq" in data and "hash" in data
    expect(right, expected=f"the entry of the trail, by {actor}", got=data)
    kind = call.header("content-type")
    expect(kind == "application/json", expected="application/json", got=kind)


@then("each delivery is listed with its attempts")
def each_delivery_is_listed(told: Told, home: Home) -> None:
    one = told.hooks["that fails"]
    deliveries = one.settled(2)
    expect(len(one.deliveries()) == 2, expected="two deliveries", got=one.deliveries())
    tried = []
    for delivery in deliveries:
        answer = home.http.get(f"{home.path}/deliveries/{delivery['id']}")
        shown = as_object(answer)
        tried += outcomes_of(shown)
        alike = {name: shown.get(name) for name in delivery} == dict(delivery)
        expect(alike, expected=str(delivery), got=shown)
        expect(len(attempts_of(shown)) == shown.get("attempt"), expected="all attempts", got=shown)
    wanted = [*["failed"] * told.failures, *["succeeded"] * 2]
    expect(sorted(map(str, tried)) == wanted, expected=str(wanted), got=tried)


@when("a secret is replaced, and something changes soon and later", target_fixture="rotated")
def a_secret_is_replaced(site: Site, home: Home, sink: CallbackServer) -> tuple[Hook, str, list[Received]]:
    one = hook(site, home, sink)
    home.project(site.draw.word())
    one.calls(1)
    answer = home.http.request("POST", f"{one.place}/rotate-secret")
    expect(answer.status == OK, expected="200 for another secret", got=describe_answer(answer))
    secret = str(as_object(answer).get("secret"))
    home.project(site.draw.word())
    one.calls(2)
    seconds = float(site.settings["ROTATION_SECONDS"])
    time.sleep(max(0.0, answer.received + seconds + 0.3 - time.monotonic()))
    home.project(site.draw.word())
    return one, secret, one.calls(3)


@then("at first both secrets sign, and then only the new one")
def at_first_both_sign(site: Site, rotated: tuple[Hook, str, list[Received]]) -> None:
    one, secret, calls = rotated
    is_by(calls[0], one.secret)
    late = calls[1].received - calls[0].received > float(site.settings["ROTATION_SECONDS"])
    both = sorted(signature_by(it, calls[1]) for it in (one.secret, secret))
    expect(sorted(signatures(calls[1])) == both, expected=str(both), got=signatures(calls[1]), timing=late)
    is_by(calls[2], secret)
