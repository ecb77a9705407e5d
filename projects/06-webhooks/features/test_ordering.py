"""Steps of ordering.feature: events that share an ordering key."""

import json
from dataclasses import dataclass

from pytest_bdd import scenarios, then, when

from kata.steps import (
    Reply,
    expect,
)

from .desk import Desk, statuses_of
from .forwarded import Sent, sent
from .sender import Source

scenarios("ordering.feature")


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
