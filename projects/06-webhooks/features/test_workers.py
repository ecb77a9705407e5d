"""Steps of workers.feature: workers that are killed, stand still, or are told to stop."""

import threading
import time
from dataclasses import dataclass

from pytest_bdd import scenarios, then, when

from kata.steps import (
    Exchange,
    Instance,
    Reply,
    World,
    describe_stop,
    expect,
    wait_until_ready,
)

from .desk import ACCEPTED, PATIENCE_SECONDS, Desk, objects, statuses_of
from .forwarded import Sent, is_forwarded, sent
from .sender import Source

GRACE_SECONDS = 2.0
STOP_SECONDS = 10.0
BURST = 20

scenarios("workers.feature")


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


@then("an event that kills each of its workers is dead after MAX_ATTEMPTS")
def an_event_that_kills_each_of_its_workers_is_dead(service: Desk, world: World) -> None:
    attempts = world.draw.integer(2, 3)
    settings = service.times.environment() | {
        "MAX_ATTEMPTS": str(attempts),
        "FORWARD_TIMEOUT_SECONDS": "0.4",
        "LEASE_SECONDS": "0.95",
    }
    own = Desk(world.start_alone(settings, workers=1), service.sink, service.draw, service.times)
    source = own.with_key(Reply.hang())
    event_id = own.deliver(source)
    worker = own.service.workers[0]
    for number in range(1, attempts + 1):
        own.calls(source, number)
        worker.kill()
        worker.restart()
    shown = own.wait_for_state(event_id, "dead")
    expect(
        statuses_of(shown) == [None] * attempts,
        expected=f"{attempts} lost attempts",
        got=statuses_of(shown),
    )
    calls = own.calls(source, attempts)
    expect(len(calls) == attempts, expected=f"{attempts} calls", got=len(calls))


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
    source = service.with_key(Reply(delay_seconds=0.2), Reply(500), Reply(delay_seconds=0.1))
    ids = [service.message_id() for _ in range(BURST)]
    answers: list[Exchange] = []
    for few in range(2):
        requests = service.deliveries(source, ids[few::2])
        sender = threading.Thread(target=lambda some=requests: answers.extend(service.burst(some)))
        begun = len(service.calls(source, 0))
        sender.start()
        if few:  # the second time a worker is in the middle of an attempt for certain
            service.calls(source, begun + 1)
        else:
            time.sleep(service.draw.integer(20, 250) / 1000)
        for instance in service.draw.shuffle([service.service.web, *service.service.workers]):
            service.kill(instance)
        sender.join()
        restart(service)
    known = [str(one.json()["id"]) for one in answers if one.status == ACCEPTED]  # type: ignore[index]
    return source, known


def restart(service: Desk) -> None:
    service.service.release()  # as each deployment does
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
