"""Steps of webhooks.feature."""

import base64
import re
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

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
    PATIENCE_SECONDS,
    Home,
    Json,
    Site,
    as_json,
    attempts_of,
    is_refused,
    mails_to,
    objects,
    outcomes_of,
)
from .trail import export_of, followed, is_signed, key_of

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
    made = {"state": "enabled", "disabled_reason": None, "failing_since": None, "url": one.sink.url(one.path)}
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


@dataclass(frozen=True)
class Disabled:
    """Endpoints that are to be disabled, since when, and what they miss."""

    since: datetime
    gone: Hook
    failing: Hook
    admins: list[str]
    member: str
    missed: list[str]


@when("an endpoint answers that it is gone, and another one fails for too long", target_fixture="disabled")
def an_endpoint_is_gone(site: Site, home: Home, sink: CallbackServer) -> Disabled:
    since = datetime.now(UTC) - timedelta(seconds=2)
    admins = [home.person.email, site.member(home, "admin").person.email]
    member = site.member(home, "member").person.email
    gone = hook(site, home, sink, Reply(410))
    failing = hook(site, home, sink, site.draw.choice([Reply(500), Reply.reset(), Reply.redirect("/")]))
    missed = [str(home.project(site.draw.word())["id"])]
    reasons = [one.until("disabled").get("disabled_reason") for one in (gone, failing)]
    expect(reasons == ["gone", "failing"], expected="gone and failing", got=reasons)
    missed.append(str(home.project(site.draw.word())["id"]))
    return Disabled(since, gone, failing, admins, member, missed)


@then("both are disabled, nothing more is sent to them, and the admins are told by mail")
def both_are_disabled(site: Site, disabled: Disabled) -> None:
    gone, failing = disabled.gone, disabled.failing
    for email, count in zip(disabled.admins, (2, 3), strict=True):  # an admin was invited, too
        texts = [mail.text for mail in mails_to(site, email, count)]
        for one in (gone, failing):
            told = any(one.sink.url(one.path) in text for text in texts)
            expect(told, expected=f"a mail to {email} about {one.path}", got=texts)
    time.sleep(QUIET_SECONDS)
    expect(len(gone.calls(0)) == 1, expected="one call, and no more", got=len(gone.calls(0)))
    calls = failing.calls(0)
    failures = int(site.settings["DISABLE_FAILURES"])
    span = calls[-1].received - calls[0].received
    at_least = float(site.settings["DISABLE_SECONDS"]) - 0.2
    right = len(calls) >= failures and span > at_least
    expect(
        right, expected=f"{failures} failures over {at_least:g} s before", got=f"{len(calls)}, {span:.2f} s"
    )
    targets = set(targets_of(calls))
    expect(targets == {disabled.missed[0]}, expected="nothing of what came later", got=targets)
    mails = site.service.mail.server.wait_for(disabled.member, 2, 0)
    expect(not any("disabled" in mail.text for mail in mails), expected="no mail to a member", got=mails)


@then("when they are enabled again they are sent what they have missed")
def when_they_are_enabled_again(home: Home, disabled: Disabled) -> None:
    for one in (disabled.gone, disabled.failing):
        early = home.http.request("POST", f"{one.place}/recover?since={stamp(disabled.since)}")
        is_problem(early, CONFLICT)
        before = len(one.calls(0))
        one.sink.program(one.path, Reply())
        answer = as_object(home.http.request("POST", f"{one.place}/enable"))
        shown = {name: answer.get(name) for name in ("state", "disabled_reason", "failing_since")}
        wanted = {"state": "enabled", "disabled_reason": None, "failing_since": None}
        expect(shown == wanted, expected=str(wanted), got=answer)
        later = stamp(datetime.now(UTC) + timedelta(hours=1))
        expect(recovered(home, one, later) == 0, expected="nothing of the future", got="something")
        count = recovered(home, one, stamp(disabled.since))
        expect(count == len(disabled.missed), expected=f"{len(disabled.missed)} deliveries", got=count)
        calls = one.calls(before + count)[before:]
        expect(set(targets_of(calls)) == set(disabled.missed), expected="all", got=targets_of(calls))
        one.settled(count)
        again = recovered(home, one, stamp(disabled.since))
        expect(again == 0, expected="nothing that was taken", got=again)


def stamp(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def recovered(home: Home, one: Hook, since: str) -> int:
    answer = home.http.request("POST", f"{one.place}/recover?since={since}")
    expect(answer.status == 202, expected="202 for a recovery", got=describe_answer(answer))
    return int(str(as_object(answer).get("deliveries")))


@when("an endpoint asks to be left alone for a while", target_fixture="slow")
def an_endpoint_asks(site: Site, home: Home, sink: CallbackServer) -> tuple[Hook, int]:
    seconds = site.draw.integer(3, 4)
    status = site.draw.choice([429, 503, 502])
    one = hook(site, home, sink, Reply(status, {"Retry-After": str(seconds)}), Reply())
    home.project(site.draw.word())
    one.calls(1)
    time.sleep(0.5)
    for _ in range(3):
        home.project(site.draw.word())
    return one, seconds


@then("nothing is sent to it before")
def nothing_is_sent_before(slow: tuple[Hook, int]) -> None:
    one, seconds = slow
    calls = one.calls(5, PATIENCE_SECONDS + seconds)
    waits = [call.received - calls[0].received for call in calls[1:]]
    expect(min(waits) > seconds - 0.2, expected=f"no call for {seconds} s", got=waits)
    for call in calls:
        late = call.received_at.timestamp() - int(call.header("webhook-timestamp") or 0)
        expect(
            late < seconds - 1,
            expected="webhook-timestamp of this attempt",
            got=f"{late:.1f} s ago",
            timing=True,
        )


@dataclass(frozen=True)
class Busy:
    """An ordered endpoint, a silent one and a third, and what was changed in which order."""

    ordered: Hook
    third: Hook
    projects: list[str]
    changed: float


@when("an ordered endpoint fails at first, one is silent, and much is changed", target_fixture="busy")
def an_ordered_endpoint_fails(site: Site, home: Home, sink: CallbackServer) -> Busy:
    failing = [Reply(500)] * site.draw.integer(2, 3)
    ordered = hook(site, home, sink, *failing, Reply(204, delay_seconds=0.05), is_ordered=True)
    hook(site, home, sink, Reply.hang())
    third = hook(site, home, sink)
    projects = [str(home.project(site.draw.word())["id"]) for _ in range(12)]
    return Busy(ordered, third, projects, time.monotonic())


@then("the ordered one gets all in their order, and the third all at once")
def the_ordered_one_gets_all(busy: Busy) -> None:
    calls = busy.third.calls(len(busy.projects))
    late = max(call.received for call in calls) - busy.changed
    expect(late < LATE_SECONDS, expected=f"all within {LATE_SECONDS} s", got=f"{late:.2f} s", timing=True)
    expect(set(targets_of(calls)) == set(busy.projects), expected="all", got=targets_of(calls))
    busy.ordered.settled(len(busy.projects))
    ordered = targets_of(busy.ordered.calls(0))
    first = ordered[: len(ordered) - len(busy.projects) + 1]
    expect(set(first) == {busy.projects[0]}, expected="the first, until it is taken", got=ordered)
    rest = ordered[len(first) - 1 :]
    expect(rest == busy.projects, expected=f"in their order: {busy.projects}", got=rest)


@when("a delivery is sent again, and an endpoint is tried out", target_fixture="resent")
def a_delivery_is_sent_again(
    site: Site, home: Home, sink: CallbackServer
) -> tuple[Hook, Hook, Json, list[Exchange]]:
    one, other = hook(site, home, sink), hook(site, home, sink)
    home.project(site.draw.word())
    for each in (one, other):
        each.calls(1)
    delivery = one.settled(1)[0]
    path = f"{home.path}/deliveries/{delivery['id']}/resend"
    answers = [home.http.request("POST", path)]
    one.calls(2)
    answers.append(home.http.request("POST", f"{one.place}/test"))
    one.calls(3)
    silent = hook(site, home, sink, Reply.hang())
    home.project(site.draw.word())
    silent.calls(1)
    path = f"{home.path}/deliveries/{silent.deliveries()[0]['id']}/resend"
    is_problem(home.http.request("POST", path), CONFLICT)
    return one, other, delivery, answers


@then("the event comes again under its id, and the trial to that endpoint alone")
def the_event_comes_again(resent: tuple[Hook, Hook, Json, list[Exchange]]) -> None:
    one, other, delivery, answers = resent
    for each, count in ((one, 3), (other, 2)):
        each.settled(count)
    statuses = [answer.status for answer in answers]
    expect(statuses == [202, 202], expected="202 and 202", got=statuses)
    same = as_object(answers[0]).get("id")
    expect(same == delivery["id"], expected=f"the delivery {delivery['id']}", got=same)
    first, second, trial = one.calls(0)[:3]
    right = id_of(first) == id_of(second) and first.body == second.body
    expect(right, expected=f"{id_of(first)} again", got=id_of(second))
    for call in (first, second, trial):
        is_by(call, one.secret)
    kind = as_json(trial.body).get("type")
    expect(kind == "endpoint.test", expected="endpoint.test", got=kind)
    kinds = {as_json(call.body).get("type") for call in other.calls(0)}
    expect(kinds == {"project.created"}, expected="no trial at the other", got=kinds)


@when("more is changed than there are entries between two checkpoints", target_fixture="sent_checkpoints")
def more_is_changed(site: Site, home: Home, sink: CallbackServer) -> tuple[Hook, list[int]]:
    one = hook(site, home, sink, types=["audit.checkpoint"])  # the second entry of the trail
    every = int(site.settings["CHECKPOINT_ENTRIES"])
    last = 2 * every + site.draw.integer(0, every - 1)
    for _ in range(last - 2):
        home.project(site.draw.word())
    return one, [every, 2 * every]


@then("the endpoint gets signed checkpoints, by which the trail can be held to account")
def the_endpoint_gets_checkpoints(site: Site, home: Home, sent_checkpoints: tuple[Hook, list[int]]) -> None:
    one, numbers = sent_checkpoints
    calls = one.calls(len(numbers))
    checkpoints = [data_of(call) for call in calls]
    got = sorted(int(str(checkpoint.get("seq"))) for checkpoint in checkpoints)
    expect(got == numbers, expected=f"checkpoints {numbers}", got=got)
    key = key_of(site)
    said = export_of(home)
    followed(said)
    hashes = {line.get("seq"): line.get("hash") for line in (as_json(one.encode()) for one in said)}
    for checkpoint in checkpoints:
        is_signed(checkpoint, key)
        seq, head = checkpoint.get("seq"), checkpoint.get("head")
        expect(hashes.get(seq) == head, expected=f"the hash of entry {seq}", got=checkpoint)
