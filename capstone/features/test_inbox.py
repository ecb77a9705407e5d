"""Steps of inbox.feature."""

import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from pytest_bdd import scenarios, then, when

from kata.steps import (
    CallbackServer,
    Exchange,
    as_object,
    describe_answer,
    expect,
    is_problem,
)

from .hooks import Hook, data_of, hook, id_of
from .saas import (
    ACCEPTED,
    API,
    CONFLICT,
    ENDS,
    MISSING,
    NO_CONTENT,
    OK,
    UNAUTHENTICATED,
    Home,
    Json,
    Site,
    as_json,
    is_refused,
    made,
    objects,
)
from .senders import (
    Source,
    drawn_secret,
    event_request,
    inbox_of,
    payload,
    received,
    send,
    shown,
    signed,
    source,
)

MALFORMED, AWAY = 400, 503
MANY = 6
QUIET_SECONDS = 1.5
TOLD = ["inbox.received"]

scenarios("inbox.feature")


@dataclass(frozen=True)
class Judged:
    """What was sent: what is kept, by its id, and what is refused, how."""

    kept: dict[str, tuple[bytes, Exchange]]
    refused: list[tuple[str, Exchange, int]]


@when("webhooks are sent to sources, and some that nobody has signed so", target_fixture="judged")
def webhooks_are_sent(site: Site, home: Home) -> Judged:
    one, other = source(site, home), source(site, site.home())
    bare = made(home.http.request("POST", f"{home.path}/sources", json={"name": "x"}))
    client, tolerance = site.service.client(), float(site.settings["TOLERANCE_SECONDS"])
    kept: dict[str, tuple[bytes, Exchange]] = {}
    for age in (0.0, tolerance - 8, 8 - tolerance):
        for before in ("", "v1,AAAA v1a,BBBB "):
            name, body = f"msg_{site.draw.uuid()}", payload(site)
            headers = signed(one.secret, name, body, age_seconds=age, before=before)
            kept[name] = body, client.request("POST", one.path, headers=headers, body=body)
    name, body = f"msg_{site.draw.uuid()}", payload(site)
    right = dict(signed(one.secret, name, body))
    text = b"no JSON"
    forged = dict(signed(drawn_secret(site.draw), name, body))
    versioned = {**right, "webhook-signature": right["webhook-signature"].replace("v1,", "v2,")}
    later = {**right, "webhook-timestamp": str(int(right["webhook-timestamp"]) - 2)}
    tries: list[tuple[str, str, dict[str, str], bytes, int]] = [
        ("another secret", one.path, forged, body, UNAUTHENTICATED),
        ("another source's", one.path, dict(signed(other.secret, name, body)), body, UNAUTHENTICATED),
        ("another body", one.path, right, body + b" ", UNAUTHENTICATED),
        ("another id", one.path, {**right, "webhook-id": f"{name}1"}, body, UNAUTHENTICATED),
        ("another time", one.path, later, body, UNAUTHENTICATED),
        ("another version", one.path, versioned, body, UNAUTHENTICATED),
        ("no source", f"{API}/hooks/{site.draw.uuid()}", right, body, MISSING),
        ("no secret yet", f"{API}/hooks/{bare['id']}", right, body, AWAY),
        ("no JSON", one.path, dict(signed(one.secret, name, text)), text, MALFORMED),
        ("a point in the id", one.path, dict(signed(one.secret, "msg.1", body)), body, MALFORMED),
    ]
    for age in (tolerance + 8, -tolerance - 8):
        headers = dict(signed(one.secret, name, body, age_seconds=age))
        tries.append((f"signed {age:g} s ago", one.path, headers, body, UNAUTHENTICATED))
    for left in ("webhook-id", "webhook-timestamp", "webhook-signature"):
        headers = {key: value for key, value in right.items() if key != left}
        tries.append((f"without {left}", one.path, headers, body, MALFORMED))
    refused = [
        (why, client.request("POST", path, headers=headers, body=content), status)
        for why, path, headers, content, status in site.draw.shuffle(tries)
    ]
    return Judged(kept, refused)


@then("what is signed is kept as it came, and all else is refused and leaves nothing")
def what_is_signed_is_kept(home: Home, judged: Judged) -> None:
    for why, answer, status in judged.refused:
        expect(answer.status == status, expected=f"{status} ({why})", got=describe_answer(answer))
        is_problem(answer, status)
    found = {str(one["event_id"]): one for one in inbox_of(home, 3)}
    expect(found.keys() == judged.kept.keys(), expected=str(sorted(judged.kept)), got=sorted(found))
    for name, (body, answer) in judged.kept.items():
        expect(answer.status == ACCEPTED, expected="202", got=describe_answer(answer))
        wanted = {"id": found[name]["id"], "is_new": True}
        expect(as_object(answer) == wanted, expected=str(wanted), got=as_object(answer))
        text = str(received(home, found[name]["id"]).get("payload"))
        expect(text.encode() == body, expected=f"{body!r}", got=text)


@dataclass(frozen=True)
class Once:
    """What was sent more than once, in groups of which each is one event, and who is told."""

    hook: Hook
    groups: list[list[Exchange]]


@when("events are sent again, under other ids and at the same instant", target_fixture="sent")
def events_are_sent_again(site: Site, home: Home, sink: CallbackServer) -> Once:
    listener = hook(site, home, sink, types=TOLD)
    one = source(site, home, "/data/order")
    other = source(site, home, "/data/order", one.secret)
    clients = [site.service.client(process=process) for process in (0, 1)]

    def name() -> str:
        return f"msg_{site.draw.uuid()}"

    def sent(to: Source, event_id: str, body: bytes) -> Exchange:
        return send(site.draw.choice(clients), to, event_id, body)

    first, body = name(), payload(site, "order-1")
    groups = [
        [
            sent(one, first, body),
            sent(one, first, body),
            sent(one, name(), payload(site, "order-1")),
            sent(one, first, body),
        ],
        [sent(one, name(), payload(site, "order-2"))],
        [sent(other, first, body), sent(other, first, payload(site, "order-3"))],
        *([sent(one, name(), payload(site))] for _ in range(2)),
    ]
    same, same_id = payload(site, "order-4"), name()
    groups.append(at_once(site, [(one, same_id, same)] * MANY))
    groups.append(at_once(site, [(one, name(), payload(site, "order-5")) for _ in range(MANY)]))
    return Once(listener, groups)


def at_once(site: Site, events: list[tuple[Source, str, bytes]]) -> list[Exchange]:
    """Send events at the same instant to both processes; who is told that it is new comes first."""
    requests = [event_request(*one) for one in events]
    half = len(requests) // 2
    with ThreadPoolExecutor(2) as pool:
        bursts = [
            pool.submit(site.service.burst, some, process=process)
            for process, some in enumerate((requests[:half], requests[half:]))
        ]
        answers = [answer for burst in bursts for answer in burst.result()]
    return sorted(answers, key=lambda answer: answer.status != ACCEPTED)


@then("each is kept once, and told to the endpoints once")
def each_is_kept_once(home: Home, sent: Once) -> None:
    ids: list[str] = []
    for group in sent.groups:
        statuses = [answer.status for answer in group]
        wanted = [ACCEPTED, *[OK] * (len(group) - 1)]
        expect(statuses == wanted, expected=str(wanted), got=statuses)
        answered = {str(as_object(answer).get("id")) for answer in group}
        expect(len(answered) == 1, expected="the id of the first", got=answered)
        news = [as_object(answer).get("is_new") for answer in group]
        expect(news == [True, *[False] * (len(group) - 1)], expected="new, and then known", got=news)
        ids += answered
    found = [str(one["id"]) for one in inbox_of(home)]
    expect(sorted(found) == sorted(ids), expected=str(sorted(ids)), got=sorted(found))
    sent.hook.calls(len(ids))
    time.sleep(QUIET_SECONDS)
    told = sorted(str(data_of(call).get("id")) for call in sent.hook.calls(0))
    expect(told == sorted(ids), expected=f"each once: {sorted(ids)}", got=told)


@dataclass(frozen=True)
class Managed:
    """What was said of sources, and what was replayed."""

    secret: str
    shown: list[Json]
    event: Json
    hook: Hook
    body: bytes
    ends: list[Exchange]
    waiting: Exchange


@when(
    "a source is made, given its secret, used and removed, and an event is replayed",
    target_fixture="managed",
)
def a_source_is_made(site: Site, home: Home, sink: CallbackServer) -> Managed:
    listener, sources = hook(site, home, sink, types=TOLD), f"{home.path}/sources"
    name, secret = site.draw.word(), drawn_secret(site.draw)
    bare = made(home.http.request("POST", sources, json={"name": name}))
    place = f"{sources}/{bare['id']}"
    changes = {"secret": shown(secret), "key_pointer": "/data/order"}
    changed = as_object(home.http.request("PATCH", place, json=changes))
    refused = [
        home.http.request("PATCH", place, json={"secret": text})
        for text in (shown(secret)[6:], shown(secret[:23]), shown(bytes(65)), "whsec_?")
    ]
    for answer in refused:
        is_refused(answer, "/secret")
    listed = objects(as_object(home.http.get(sources)).get("items"))
    body = payload(site, "order-1")
    taken = as_object(send(site.service.client(), Source(home, str(bare["id"]), secret), "msg_1", body))
    listener.calls(1)
    event = received(home, taken["id"])
    again = home.http.request("POST", f"{home.path}/inbox/{taken['id']}/replay")
    while received(home, taken["id"]).get("state") not in ENDS:
        time.sleep(0.05)
    # What is told is of the transaction of the job.
    told = listener.deliveries()
    expect(len(told) == 2, expected="a delivery for each time", got=told)
    listener.calls(2)
    with site.service.postgres.connect() as connection:
        rows = connection.execute("SELECT row_to_json(sources)::text FROM sources").fetchall()
    stored = any(secret.hex() in str(row) for (row,) in rows)
    expect(bool(rows) and not stored, expected="rows of sources without the secret", got="it")
    ends = [
        again,
        home.http.request("DELETE", place),
        send(site.service.client(), Source(home, str(bare["id"]), secret), "msg_2", body),
        home.http.get(f"{home.path}/inbox/{taken['id']}"),
    ]
    with site.workers_paused():  # an event waits
        waiting = as_object(send(site.service.client(), source(site, home), "msg_1", body))
        too_early = home.http.request("POST", f"{home.path}/inbox/{waiting['id']}/replay")
    return Managed(shown(secret), [bare, changed, *listed], event, listener, body, ends, too_early)


@then("all is shown as it is, without the secret, and the event is told again")
def all_is_shown(managed: Managed) -> None:
    bare, changed, *listed = managed.shown
    expect(bare.get("has_secret") is False, expected="a source without a secret", got=bare)
    wanted = {**bare, "has_secret": True, "key_pointer": "/data/order"}
    expect(changed == wanted, expected=str(wanted), got=changed)
    expect(listed == [changed], expected=str([changed]), got=listed)
    event = managed.event
    got = {name: event.get(name) for name in ("event_id", "business_key", "source_id", "payload")}
    named = {"event_id": "msg_1", "business_key": "order-1", "source_id": bare["id"]}
    said = {**named, "payload": managed.body.decode()}
    expect(got == said, expected=str(said), got=got)
    statuses = [answer.status for answer in managed.ends]
    expect(statuses == [ACCEPTED, NO_CONTENT, MISSING, MISSING], expected="202, 204, 404, 404", got=statuses)
    is_problem(managed.waiting, CONFLICT)
    first, second = managed.hook.calls(0)[:2]
    data = {"id": event.get("id"), **named}
    for call in (first, second):
        expect(as_json(call.body).get("type") == TOLD[0], expected=TOLD[0], got=call.body)
        payload_ = as_json(managed.body)
        expect(data_of(call) == {**data, "payload": payload_}, expected=str(data), got=data_of(call))
    expect(id_of(first) != id_of(second), expected="another event", got=id_of(second))
    alike = Counter(call.header("content-type") for call in (first, second))
    expect(alike == {"application/json": 2}, expected="application/json", got=alike)
