"""Steps of callbacks.feature: orders to call an address that is not for us to call."""

import re
import socket
import time
from ipaddress import ip_address

from pytest_bdd import given, scenarios, then, when

from kata.steps import Draw, NotRunError, Reply, World, expect

from .agenda import PATIENCE_SECONDS, POLL_SECONDS, Agenda, Json, Reminder, statuses_of
from .receiver import Receiver
from .refusals import Refusal, private_hosts, public_hosts

LOCAL_NAME = re.compile(r"localhost|.*\.(localhost|local|internal)|[0-9.]+")

scenarios("callbacks.feature")


@given("a reminder service that may call public addresses only", target_fixture="agenda")
def a_reminder_service_that_may_call_public_addresses_only(
    world: World, kept: Agenda, service_settings: dict[str, str]
) -> Agenda:
    if kept.is_ours:  # and has been told nothing: then only public ones are allowed
        return kept
    return Agenda(world.start(service_settings | {"ALLOW_PRIVATE_CALLBACKS": "false"}), world.draw)


@when(
    "reminders with callbacks to addresses that are not public are asked for, and changed to",
    target_fixture="refusals",
)
def reminders_with_callbacks_to_addresses_that_are_not_public(agenda: Agenda, world: World) -> list[Refusal]:
    reminder = agenda.later()
    tag = agenda.entity_tag(reminder)
    refusals = []
    for host in private_hosts(world.draw):
        url = callback(world.draw, host)
        body = agenda.body(url, 7200)
        rule = f"while ALLOW_PRIVATE_CALLBACKS is false, a callback to {host} is refused: it is not public"
        refusals.append(Refusal(body, "/callback_url", agenda.post(body), rule))
    for host in world.draw.shuffle(private_hosts(world.draw))[:4]:
        change = {"callback_url": callback(world.draw, host)}
        rule = f"a change to the callback of {host} is refused: it is not public"
        refusals.append(Refusal(change, "/callback_url", agenda.revise(reminder, change, tag), rule))
    return refusals


@then("callbacks to their public neighbours are accepted")
def callbacks_to_their_public_neighbours_are_accepted(agenda: Agenda, world: World) -> None:
    for host in public_hosts(world.draw):
        agenda.accepted(agenda.body(callback(world.draw, host), 7200))


@when("a reminder is due at a name of this machine", target_fixture="named")
def a_reminder_is_due_at_a_name_of_this_machine(world: World) -> tuple[Json, bool]:
    name, address = private_name()
    once = {"MAX_ATTEMPTS": "1", "DELIVERY_TIMEOUT_SECONDS": "1"}
    agenda = Agenda(world.start_alone(once, workers=1), world.draw)
    with socket.create_server((address, 0)) as listening:
        listening.setblocking(False)
        url = f"http://{name}:{listening.getsockname()[1]}/{world.draw.word()}"
        reminder = agenda.accepted(agenda.body(url, 0.2))
        shown = agenda.wait_for_state(reminder, "dead", "who may not be called makes a failed attempt")
        return shown, is_waiting(listening)


def private_name() -> tuple[str, str]:
    """Return a name that leads to an address of this machine, and does not look as if it did."""
    for name in (socket.gethostname(), socket.getfqdn()):
        try:
            address = socket.gethostbyname(name)
        except OSError:
            continue
        is_named = LOCAL_NAME.fullmatch(name) is None
        if is_named and ip_address(address).is_private:
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
    rule = "a name is looked up when it is called, and an address that is not public is not connected to"
    expect(not is_called, expected="no connection", got="one", rule=rule)
    expect(statuses_of(shown) == [None], expected="one attempt without a status", got=shown.get("attempts"))


def callback(draw: Draw, host: str) -> str:
    """Return a callback there, with or without what else a URL may have."""
    scheme = draw.choice(["http", "https", "HTTP"])
    port = draw.choice(["", f":{draw.integer(1024, 65_535)}"])
    return f"{scheme}://{host}{port}/{draw.word()}"


@when("a receiver redirects to another address", target_fixture="redirected")
def a_receiver_redirects_to_another_address(
    receiver: Receiver, world: World
) -> tuple[Reminder, str, list[int]]:
    statuses = world.draw.shuffle([300, world.draw.choice([301, 302, 303, 307, 308])])
    elsewhere = f"/{world.draw.word()}"
    redirects = [Reply.redirect(receiver.sink.url(elsewhere), status) for status in statuses]
    return receiver.remind(0.2, *redirects, Reply()), elsewhere, statuses


@then("the other address is never called, and the attempts have failed")
def the_other_address_is_never_called(
    agenda: Agenda, receiver: Receiver, redirected: tuple[Reminder, str, list[int]]
) -> None:
    reminder, elsewhere, statuses = redirected
    # Who follows it makes no third attempt, and so would be told of that alone.
    deadline = time.monotonic() + PATIENCE_SECONDS
    while len(receiver.calls(reminder)) < 3 and time.monotonic() < deadline:
        never_called(receiver, elsewhere)
        time.sleep(POLL_SECONDS)
    receiver.wait_for(reminder, 3)
    shown = agenda.wait_for_state(reminder, "delivered")
    never_called(receiver, elsewhere)
    wanted = [*statuses, 204]
    expect(statuses_of(shown) == wanted, expected=f"the statuses {wanted}", got=statuses_of(shown))


def never_called(receiver: Receiver, path: str) -> None:
    """Demand that nobody has called there so far."""
    count = len(receiver.sink.received(path))
    expect(count == 0, expected="no call to where the redirect leads", got=count)
