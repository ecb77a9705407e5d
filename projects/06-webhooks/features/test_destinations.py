"""Steps of destinations.feature: addresses that are not public, and names that lead there."""

import re
import socket
from collections.abc import Sequence
from ipaddress import ip_address

from pytest_bdd import given, scenarios, then, when

from kata.steps import (
    Exchange,
    NotRunError,
    World,
    describe_answer,
    expect,
    is_problem,
)

from .desk import API, CREATED, INVALID, Desk, Json, objects, statuses_of
from .sender import GITHUB
from .times import Times

LOCAL_NAME = re.compile(r"(.*\.)?(localhost|local|internal|home\.arpa)\.?", re.IGNORECASE)
HOSTS = 14  # of those that are refused, in each run

scenarios("destinations.feature")


@given("a webhook service that calls public destinations alone", target_fixture="service")
def a_webhook_service_that_calls_public_destinations_alone(
    world: World, service_settings: dict[str, str], times: Times
) -> Desk:
    return Desk(world.start(service_settings), world.callback_server(), world.draw, times)


@when("sources are made and changed with destinations that are not public", target_fixture="guarded")
def sources_are_made_with_destinations_that_are_not_public(
    service: Desk,
) -> tuple[list[Exchange], list[Exchange]]:
    client, draw = service.http, service.draw

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
def an_event_is_due_at_a_name_of_this_machine(service: Desk) -> tuple[Json, bool]:
    name, address = private_name()
    if not service.service.workers:
        service.service.add("worker")
    with socket.create_server((address, 0)) as listening:
        listening.setblocking(False)
        url = f"http://{name}:{listening.getsockname()[1]}/{service.draw.word()}"
        event_id = service.deliver(service.with_key(destination=url))
        shown = service.wait_for_event(event_id, has_failed, "an attempt that has ended")
        return shown, is_waiting(listening)


def has_failed(event: Json) -> bool:
    attempts = objects(event.get("attempts"), "attempts")
    return bool(attempts) and attempts[0].get("finished_at") is not None


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
    expect(set(statuses_of(shown)) == {None}, expected="attempts without a status", got=statuses_of(shown))
