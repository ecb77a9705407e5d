"""Steps of forwarding.feature: destinations that fail, and workers that do."""

import json
import re
import socket
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from ipaddress import ip_address
from itertools import pairwise

from pytest_bdd import scenarios, then, when

from kata.steps import (
    Exchange,
    Instance,
    NotRunError,
    Received,
    Reply,
    Service,
    World,
    describe_answer,
    describe_stop,
    expect,
    is_problem,
    wait_until_ready,
)

from .desk import ACCEPTED, API, CREATED, INVALID, OK, PATIENCE_SECONDS, Desk, Json, objects, statuses_of
from .sender import GITHUB, Source, key_of, odd_bodies, standard, v1

LATE_SECONDS = 1.0
GRACE_SECONDS = 2.0
GIVEN_UP_SECONDS = 0.6  # less than the lease is longer
STOP_SECONDS = 10.0
BURST = 20
HELD_SECONDS = 0.5
LOCAL_NAME = re.compile(r"(.*\.)?(localhost|local|internal|home\.arpa)\.?", re.IGNORECASE)
HOSTS = 14  # of those that are refused, in each run

scenarios("forwarding.feature")


@dataclass(frozen=True)
class Sent:
    """An event, and what was sent for it."""

    source: Source
    id: str
    message_id: str
    body: bytes
    content_type: str = "application/json"


def sent(service: Desk, source: Source, body: bytes = b'{"n": 5}') -> Sent:
    message_id = service.message_id()
    return Sent(source, service.deliver(source, message_id, body), message_id, body)


@when("deliveries with odd bodies come", target_fixture="events")
def deliveries_with_odd_bodies_come(service: Desk) -> list[Sent]:
    events = []
    for body in service.draw.shuffle([b"", *odd_bodies(service.draw)]):
        source, message_id = service.with_key(), service.message_id()
        kind = service.draw.choice(
            ["application/json; charset=utf-8", "text/plain", "application/x-www-form-urlencoded"]
        )
        answer = service.send(source, standard(key_of(source.secret), message_id, body), body, kind)
        expect(answer.status == ACCEPTED, expected="202", got=describe_answer(answer))
        events.append(Sent(source, str(answer.json()["id"]), message_id, body, kind))  # type: ignore[index]
    return events


@then("the destination gets the same bytes, type and id, an attempt number, and a signature of its own")
def the_destination_gets_the_same_bytes(service: Desk, events: list[Sent]) -> None:
    for event in events:
        (call,) = service.calls(event.source, 1)
        is_forwarded(event, call, 1)
        age = call.received_at.timestamp() - float(call.header("webhook-timestamp") or 0)
        expect(-1 <= age <= 10, expected="a timestamp of now", got=f"{age:.1f} s ago", timing=True)


def is_forwarded(event: Sent, call: Received, attempt: int) -> None:
    """Demand of a call all that belongs to it."""
    expect(call.method == "POST", expected="POST", got=call.method)
    expect(call.body == event.body, expected=f"the bytes {event.body[:60]!r}", got=call.body[:60])
    for name, wanted in (
        ("content-type", event.content_type),
        ("webhook-id", event.message_id),
        ("webhook-attempt", str(attempt)),
    ):
        expect(call.header(name) == wanted, expected=f"{name}: {wanted}", got=call.header(name))
    moment = call.header("webhook-timestamp") or ""
    wanted = v1(key_of(event.source.signing_secret), event.message_id, moment, event.body)
    signatures = (call.header("webhook-signature") or "").split(" ")
    expect(wanted in signatures, expected=f"webhook-signature: {wanted}", got=signatures)


@then("each event is shown as forwarded, with its attempt")
def each_event_is_shown_as_forwarded(service: Desk, events: list[Sent]) -> None:
    for event in events:
        shown = service.wait_for_state(event.id, "forwarded")
        expect(statuses_of(shown) == [204], expected="one attempt with status 204", got=shown)
        (attempt,) = objects(shown.get("attempts"), "attempts")
        began, ended = attempt.get("started_at"), attempt.get("finished_at")
        in_order = datetime.fromisoformat(str(began)) <= datetime.fromisoformat(str(ended))
        expect(in_order, expected="an attempt that ended after it began", got=attempt)


@dataclass(frozen=True)
class Failing:
    """An event, and how its first attempts are to fail."""

    event: Sent
    statuses: list[object]
    least_seconds: float = 0.0


@when("a destination fails in each of its ways before it succeeds", target_fixture="failing")
def a_destination_fails_in_each_of_its_ways(service: Desk) -> list[Failing]:
    soon = format_datetime(datetime.now(UTC).replace(microsecond=0), usegmt=True)
    redirect = service.draw.choice([301, 302, 307, 308])
    ways: list[tuple[list[Reply], list[object], float]] = [
        ([Reply(500), Reply(404)], [500, 404, 204], 0.0),
        ([Reply.redirect("/elsewhere", redirect)], [redirect, 204], 0.0),
        ([Reply.hang()], [None, 204], 0.0),
        ([Reply.reset(), Reply.drip()], [None, None, 204], 0.0),
        ([Reply(503, {"Retry-After": "2"})], [503, 204], 2.0),
        ([Reply(429, {"Retry-After": soon}), Reply(400, {"Retry-After": "soon"})], [429, 400, 204], 0.0),
    ]
    failing = []
    for replies, statuses, least in service.draw.shuffle(ways):
        source = service.with_key(*replies, Reply())
        failing.append(Failing(sent(service, source), statuses, least))
    return failing


@then("each failure is an attempt with its status, under the same id, and the waits are within their bounds")
def each_failure_is_an_attempt(service: Desk, failing: list[Failing]) -> None:
    for one in failing:
        shown = service.wait_for_state(one.event.id, "forwarded", PATIENCE_SECONDS + 5)
        got = statuses_of(shown)
        expect(got == one.statuses, expected=f"attempts with {one.statuses}", got=got)
        calls = service.calls(one.event.source, len(one.statuses))
        for number, call in enumerate(calls, 1):
            is_forwarded(one.event, call, number)
            took = (call.finished or call.started) - call.started
            most = service.times.timeout_seconds + GIVEN_UP_SECONDS
            rule = "an attempt is given up after FORWARD_TIMEOUT_SECONDS in all"
            wanted = f"an end within {most:.2f} s"
            expect(took <= most, expected=wanted, got=f"after {took:.2f} s", rule=rule, timing=True)
        for number, (before, after) in enumerate(pairwise(calls), 1):
            gap = after.started - (before.finished or after.started)
            bound = max(service.times.longest_wait_seconds(number), one.least_seconds)
            most = bound + LATE_SECONDS
            expect(gap <= most, expected=f"a wait of at most {most:.2f} s", got=f"{gap:.2f} s", timing=True)
            least = one.least_seconds if number == 1 else 0.0
            expect(gap >= least - 0.05, expected=f"a wait of at least {least:.2f} s", got=f"{gap:.2f} s")


@when("a destination answers 410, and another one fails for good", target_fixture="dying")
def a_destination_answers_410(service: Desk) -> tuple[Sent, Sent]:
    gone, failing = service.with_key(Reply(410)), service.with_key(Reply(500))
    return sent(service, gone), sent(service, failing)


@then("the first event is dead after one attempt, and the other one after MAX_ATTEMPTS")
def the_first_event_is_dead_after_one_attempt(service: Desk, dying: tuple[Sent, Sent]) -> None:
    most = service.times.max_attempts
    for event, wanted in zip(dying, ([410], [500] * most), strict=True):
        shown = service.wait_for_state(event.id, "dead")
        expect(statuses_of(shown) == wanted, expected=f"attempts with {wanted}", got=statuses_of(shown))
    time.sleep(service.times.cap_seconds)
    for event, count in zip(dying, (1, most), strict=True):
        calls = service.calls(event.source, count)
        expect(len(calls) == count, expected=f"{count} calls", got=len(calls))
        found = service.listed(10, source=event.source.name, state="dead")
        expect([one["id"] for one in found] == [event.id], expected="it is listed as dead", got=found)


@dataclass(frozen=True)
class Held:
    """An event in the hands of one worker, while the other one stands still."""

    event: Sent
    holder: Instance
    spare: Instance
    ended: float = 0.0


def held(service: Desk, *replies: Reply) -> Held:
    holder, spare = service.draw.shuffle(service.service.workers)
    spare.pause()
    event = sent(service, service.with_key(*replies))
    service.calls(event.source, 1)
    return Held(event, holder, spare)


@when("a worker is killed while it forwards an event", target_fixture="in_hand")
def a_worker_is_killed_while_it_forwards(service: Desk) -> Held:
    one = held(service, Reply.hang(), Reply())
    service.kill(one.holder)
    one.spare.resume()
    return Held(one.event, one.holder, one.spare, time.monotonic())


@then("another one forwards it within LEASE_SECONDS and two seconds, as the next attempt")
def another_one_forwards_it(service: Desk, in_hand: Held) -> None:
    limit = service.times.lease_seconds + GRACE_SECONDS
    calls = service.calls(in_hand.event.source, 2, limit + PATIENCE_SECONDS)
    took = calls[1].started - in_hand.ended
    expect(took <= limit, expected=f"within {limit:.2f} s", got=f"after {took:.2f} s", timing=True)
    least = service.times.lease_seconds - 0.1
    gap = calls[1].started - calls[0].started
    expect(gap >= least, expected=f"not before {least:.2f} s, when the lease is over", got=f"{gap:.2f} s")
    is_forwarded(in_hand.event, calls[1], 2)
    shown = service.wait_for_state(in_hand.event.id, "forwarded")
    expect(statuses_of(shown) == [None, 204], expected="a lost attempt, and 204", got=statuses_of(shown))
    first = objects(shown.get("attempts"), "attempts")[0]
    expect(first.get("finished_at") is not None, expected="a finished_at of the lost one", got=first)


@when(
    "a worker stands still while it forwards an event, which another one then completes",
    target_fixture="in_hand",
)
def a_worker_stands_still(service: Desk) -> Held:
    delay = 0.5 * service.times.timeout_seconds
    one = held(service, Reply(500, delay_seconds=delay), Reply())
    one.holder.pause()
    one.spare.resume()
    service.wait_for_state(one.event.id, "forwarded", service.times.lease_seconds + PATIENCE_SECONDS)
    one.holder.resume()
    return one


@then("the event stays as the other one left it")
def the_event_stays(service: Desk, in_hand: Held) -> None:
    one_by_holder = service.with_key()
    in_hand.spare.pause()
    service.wait_for_state(sent(service, one_by_holder).id, "forwarded")  # so it is awake, and has said all
    in_hand.spare.resume()
    shown = service.event(in_hand.event.id)
    expect(shown.get("state") == "forwarded", expected="forwarded", got=shown)
    expect(statuses_of(shown) == [None, 204], expected="a lost attempt, and 204", got=statuses_of(shown))
    calls = service.calls(in_hand.event.source, 2)
    expect(len(calls) == 2, expected="two calls", got=len(calls))


@when("many events come at the same instant", target_fixture="many")
def many_events_come_at_the_same_instant(service: Desk) -> tuple[Source, list[str]]:
    source = service.with_key(Reply(delay_seconds=0.1))
    ids = [service.message_id() for _ in range(BURST)]
    with service.service.postgres.proxy.delay(0.01):
        answers = service.burst(service.deliveries(source, ids))
        service.calls(source, BURST)
    for answer in answers:
        expect(answer.status == ACCEPTED, expected="202", got=describe_answer(answer), timing=True)
    return source, ids


@then("each is forwarded once")
def each_is_forwarded_once(service: Desk, many: tuple[Source, list[str]]) -> None:
    source, ids = many
    for event in service.listed(100, source=source.name):
        service.wait_for_state(str(event["id"]), "forwarded")
    heard = [call.header("webhook-id") for call in service.calls(source, len(ids))]
    for message_id in ids:
        expect(heard.count(message_id) == 1, expected="one call", got=heard.count(message_id), timing=True)


@dataclass(frozen=True)
class InOrder:
    """Events with ordering keys, as they came."""

    source: Source
    blocked: list[Sent]
    others: list[Sent]


def keyed(key: object, number: int) -> bytes:
    return json.dumps({"order": {"id": key}, "n": number}).encode()


@when("events of several keys come, and the first of one key fails for a while", target_fixture="in_order")
def events_of_several_keys_come(service: Desk) -> InOrder:
    source = service.with_key(Reply(500, {"Retry-After": "2"}), Reply(), ordering_pointer="/order/id")
    word = service.draw.word()
    first = sent(service, source, keyed(word, 0))
    service.wait_for_event(first.id, lambda event: statuses_of(event) == [500], "a failed attempt")
    blocked = [first, *(sent(service, source, keyed(word, number)) for number in range(1, 5))]
    bodies = [keyed(word + "x", 1), keyed(1, 1), keyed("1", 1), b'{"order": null}', b'{"order": {}}', b"{}"]
    return InOrder(source, blocked, [sent(service, source, body) for body in bodies])


@then("those of that key wait, in their order, and those of the others do not")
def those_of_that_key_wait(service: Desk, in_order: InOrder) -> None:
    for event in in_order.others:
        service.wait_for_state(event.id, "forwarded")
    for event in in_order.blocked:
        service.wait_for_state(event.id, "forwarded")
    calls = service.calls(in_order.source, len(in_order.blocked) + len(in_order.others) + 1)
    places = {call.header("webhook-id"): number for number, call in enumerate(calls)}
    before = [places[event.message_id] for event in in_order.others]
    of_key = [places[event.message_id] for event in in_order.blocked]
    expect(of_key == sorted(of_key), expected="the order in which they came", got=of_key)
    expect(max(before) < min(of_key), expected="the others first", got=(before, of_key), timing=True)


@when("the first event of a key fails for good", target_fixture="in_order")
def the_first_event_of_a_key_fails_for_good(service: Desk) -> InOrder:
    most = service.times.max_attempts
    source = service.with_key(*[Reply(500)] * most, Reply(), ordering_pointer="/order/id")
    return InOrder(source, [sent(service, source, keyed("k", number)) for number in range(3)], [])


@then("the next one is forwarded after it is dead")
def the_next_one_is_forwarded_after_it_is_dead(service: Desk, in_order: InOrder) -> None:
    first, *others = in_order.blocked
    for event in others:
        service.wait_for_state(event.id, "forwarded")
    shown = service.event(first.id)
    expect(shown.get("state") == "dead", expected="dead", got=shown)
    heard = [call.header("webhook-id") for call in service.calls(in_order.source, 3)]
    wanted = [first.message_id] * service.times.max_attempts + [event.message_id for event in others]
    expect(heard == wanted, expected=f"calls in the order {wanted}", got=heard)


@when("events come to a source that is paused", target_fixture="events")
def events_come_to_a_source_that_is_paused(service: Desk) -> list[Sent]:
    source = service.with_key()
    change(service, source, "paused")
    return [sent(service, source) for _ in range(3)]


def change(service: Desk, source: Source, state: str) -> Json:
    answer = service.http.request("PATCH", f"{API}/sources/{source.name}", json={"state": state})
    expect(answer.status == OK, expected=f"200 for the state {state}", got=describe_answer(answer))
    shown = service.show(f"/sources/{source.name}")
    expect(shown.get("state") == state, expected=f'"state": "{state}"', got=shown)
    return shown


@then("each gets 202, and is forwarded only when the source is active again")
def each_is_forwarded_only_when_active(service: Desk, events: list[Sent]) -> None:
    other = service.with_key()
    service.wait_for_state(sent(service, other).id, "forwarded")
    time.sleep(HELD_SECONDS)
    source = events[0].source
    expect(not service.sink.received(source.sink), expected="no call while it is paused", got="one")
    for event in events:
        shown = service.event(event.id)
        expect(shown.get("state") == "pending", expected="pending", got=shown)
    change(service, source, "active")
    for event in events:
        service.wait_for_state(event.id, "forwarded")


@when("a worker is told to stop while it forwards events", target_fixture="stopped")
def a_worker_is_told_to_stop(service: Desk, world: World) -> tuple[Desk, list[Sent], int | None, float]:
    settings = service.times.environment() | {
        "FORWARD_TIMEOUT_SECONDS": "30",
        "LEASE_SECONDS": "60",
        "BACKOFF_BASE_SECONDS": "40",
        "BACKOFF_CAP_SECONDS": "50",
    }
    own = Desk(world.start_alone(settings, workers=1), service.sink, service.draw, service.times)
    quick, slow = own.with_key(Reply(delay_seconds=0.5)), own.with_key(Reply.hang(), Reply())
    events = [sent(own, quick), sent(own, slow)]
    for event in events:
        own.calls(event.source, 1)
    exit_code = own.service.workers[0].terminate(STOP_SECONDS)
    ended = time.monotonic()
    own.service.add("worker")
    return own, events, exit_code, ended


@then("it ends with exit code 0 in time, and what it did not finish is forwarded at once")
def it_ends_with_exit_code_0(stopped: tuple[Desk, list[Sent], int | None, float]) -> None:
    own, (quick, slow), exit_code, _ = stopped
    expect(exit_code == 0, expected="exit code 0 within 10 seconds", got=describe_stop(exit_code))
    own.wait_for_state(slow.id, "forwarded", PATIENCE_SECONDS)
    shown = own.wait_for_state(quick.id, "forwarded", PATIENCE_SECONDS)
    calls = own.calls(quick.source, 1)
    expect(len(calls) == 1, expected="one call for what was finished", got=len(calls))
    expect(statuses_of(shown) == [204], expected="one attempt", got=statuses_of(shown))


@when(
    "all processes are killed amid deliveries and attempts, and started again",
    target_fixture="acknowledged",
)
def all_processes_are_killed(service: Desk) -> tuple[Source, list[str]]:
    source = service.with_key(Reply(delay_seconds=0.2), Reply(500), Reply(delay_seconds=0.1), Reply())
    ids = [service.message_id() for _ in range(BURST)]
    answers: list[Exchange] = []
    for few in range(2):
        requests = service.deliveries(source, ids[few::2])
        sender = threading.Thread(target=lambda some=requests: answers.extend(service.burst(some)))
        sender.start()
        time.sleep(service.draw.integer(20, 250) / 1000)
        for instance in service.draw.shuffle([service.service.web, *service.service.workers]):
            service.kill(instance)
        sender.join()
        restart(service)
    known = [str(one.json()["id"]) for one in answers if one.status == ACCEPTED]  # type: ignore[index]
    return source, known


def restart(service: Desk) -> None:
    for instance in [*service.service.workers, service.service.web]:
        instance.restart()
    wait_until_ready(service.service.web)


@then("all that was acknowledged is forwarded")
def all_that_was_acknowledged_is_forwarded(service: Desk, acknowledged: tuple[Source, list[str]]) -> None:
    source, ids = acknowledged
    heard = set()
    for event_id in ids:
        shown = service.wait_for_state(
            event_id, "forwarded", PATIENCE_SECONDS + 3 * service.times.lease_seconds
        )
        heard.add(shown.get("message_id"))
    called = {call.header("webhook-id") for call in service.calls(source, len(ids))}
    expect(heard <= called, expected="a call for each", got=f"none for {sorted(map(str, heard - called))}")


@when("sources are made and changed with destinations that are not public", target_fixture="guarded")
def sources_are_made_with_destinations_that_are_not_public(
    service: Desk, world: World
) -> tuple[list[Exchange], list[Exchange]]:
    client, draw = guarded_service(service, world).client(service.times.authorization), service.draw

    def make(url: str) -> Exchange:
        body = {"name": draw.word(), "scheme": GITHUB, "destination": url}
        return client.request("POST", f"{API}/sources", json=body)

    hosts = [
        *(
            "127.0.0.1",
            "127.1",
            "0x7f.1",
            "2130706433",
            "0177.0.0.1",
            "127.0.0.1.",
            "LOCALHOST",
            "localhost.",
        ),
        *(f"10.{draw.integer(0, 255)}.0.1", "172.31.255.254", "192.168.1.1", "169.254.169.254", "0.0.0.0"),
        *("100.64.0.1", "198.18.0.1", "224.0.0.1", "255.255.255.255", "192.0.2.7", "168.63.129.16"),
        *(
            "[::1]",
            "[::]",
            "[fe80::1]",
            "[fd00::1]",
            "[::ffff:10.0.0.1]",
            "[64:ff9b::a00:1]",
            "[2002:a00:1::]",
        ),
        *(f"{draw.word()}.local", f"{draw.word()}.internal", f"{draw.word()}.localhost"),
    ]
    refused = [make(f"http://{host}/{draw.word()}") for host in draw.shuffle(hosts)[:HOSTS]]
    public = [make(f"https://{host}/") for host in ("8.8.8.8", f"{draw.word()}.example.com", "[2600::1]")]
    odd = ["ftp://8.8.8.8/", "http://", "nowhere", "http://u:p@8.8.8.8/", "http://8.8.8.8:70000/"]
    refused += [make(url) for url in odd]
    if public[0].status == CREATED:
        path = f"{API}/sources/{public[0].json()['name']}"  # type: ignore[index]
        refused.append(client.request("PATCH", path, json={"destination": "http://127.0.0.1/"}))
    return refused, public


def guarded_service(service: Desk, world: World) -> Service:
    """Start one that may call public addresses only, and makes one attempt."""
    settings = {"ALLOW_PRIVATE_DESTINATIONS": "false", "MAX_ATTEMPTS": "1"}
    return world.start(service.times.environment() | settings, workers=1)


@then("each is refused with a pointer, and public ones are taken")
def each_is_refused_with_a_pointer(guarded: tuple[Sequence[Exchange], Sequence[Exchange]]) -> None:
    refused, public = guarded
    for answer in refused:
        sent_body = answer.sent_bytes.rpartition(b"\r\n\r\n")[2].decode()
        problem = is_problem(answer, INVALID, f"refused: {sent_body}")
        pointers = [error.get("pointer") for error in objects(problem.get("errors"), "errors")]
        expect(
            "#/destination" in pointers, expected="a pointer to #/destination", got=pointers, answer=answer
        )
    for answer in public:
        expect(answer.status == CREATED, expected="201", got=f"{describe_answer(answer)} {answer.text[:200]}")


@when("an event is due at a name of this machine", target_fixture="named")
def an_event_is_due_at_a_name_of_this_machine(service: Desk, world: World) -> tuple[Json, bool]:
    name, address = private_name()
    own = Desk(guarded_service(service, world), service.sink, service.draw, service.times)
    with socket.create_server((address, 0)) as listening:
        listening.setblocking(False)
        url = f"http://{name}:{listening.getsockname()[1]}/{service.draw.word()}"
        source = own.with_key(destination=url)
        shown = own.wait_for_state(own.deliver(source), "dead")
        return shown, is_waiting(listening)


def private_name() -> tuple[str, str]:
    """Return a name that leads to an address of this machine, and does not look as if it did."""
    for name in (socket.gethostname(), socket.getfqdn()):
        try:
            address = socket.gethostbyname(name)
        except OSError:
            continue
        if LOCAL_NAME.fullmatch(name) is None and ip_address(address).is_private:
            return name, address
    raise NotRunError("it needs this machine to have a name that leads to a private address")


def is_waiting(listening: socket.socket) -> bool:
    """Tell whether somebody has connected."""
    try:
        listening.accept()[0].close()
    except BlockingIOError:
        return False
    return True


@then("its attempt has failed, and nobody has connected there")
def its_attempt_has_failed_and_nobody_has_connected_there(named: tuple[Json, bool]) -> None:
    shown, is_called = named
    expect(not is_called, expected="no connection", got="one")
    expect(statuses_of(shown) == [None], expected="one attempt without a status", got=statuses_of(shown))
