"""Steps of lists.feature: walks and filters."""

from dataclasses import dataclass

from pytest_bdd import scenarios, then, when

from kata.steps import Reply, describe_answer, expect

from .desk import (
    API,
    Desk,
)
from .sender import Source

scenarios("lists.feature")


@dataclass(frozen=True)
class Known:
    """A source and the ids of its events, oldest first."""

    source: Source
    forwarded: list[str]
    dead: list[str]


@when("sources have events that are forwarded, and one that is dead", target_fixture="known")
def sources_have_events(service: Desk) -> list[Known]:
    found = []
    for count in (service.draw.integer(4, 6), 2):
        source = service.with_key(Reply(410), Reply())
        dead = service.deliver(source)
        service.wait_for_state(dead, "dead")
        forwarded = [service.deliver(source) for _ in range(count)]
        for event_id in forwarded:
            service.wait_for_state(event_id, "forwarded")
        found.append(Known(source, forwarded, [dead]))
    return found


@then("a walk by next_cursor meets each once, newest first, and the filters do what they say")
def a_walk_meets_each_once(service: Desk, known: list[Known]) -> None:
    for one in known:
        newest = [*reversed(one.forwarded), *one.dead]
        lists = {
            "all": ({}, newest),
            "forwarded": ({"state": "forwarded"}, newest[:-1]),
            "dead": ({"state": "dead"}, one.dead),
            "pending": ({"state": "pending"}, []),
        }
        for what, (query, wanted) in lists.items():
            # Once so that the last page is full.
            for limit in (service.draw.integer(1, 4), max(1, len(wanted))):
                ids = [event.get("id") for event in service.listed(limit, source=one.source.name, **query)]
                expect(ids == wanted, expected=f"{what}: {wanted}", got=ids)
    every = [event.get("id") for event in service.listed(service.draw.integer(5, 100))]
    expect(len(set(every)) == len(every), expected="each event once", got=len(every) - len(set(every)))
    theirs = {event_id for one in known for event_id in (*one.forwarded, *one.dead)}
    missing = theirs - set(map(str, every))
    expect(not missing, expected="all events", got=f"{len(missing)} are missing")


@then("a bad limit, cursor or state gets a 4xx")
def a_bad_limit_gets_a_4xx(service: Desk) -> None:
    bad = [
        "limit=0",
        "limit=101",
        "limit=x",
        f"cursor={service.draw.word()}",
        "state=lost",
        "cursor=" + "A" * 22,
    ]
    for query in bad:
        answer = service.http.get(f"{API}/events?{query}")
        expect(400 <= answer.status < 500, expected=f"a 4xx for {query}", got=describe_answer(answer))
