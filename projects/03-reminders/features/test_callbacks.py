"""Steps of callbacks.feature: orders to call an address that is not for us to call."""

import time

from pytest_bdd import given, scenarios, then, when

from kata.steps import Reply, World, expect

from .agenda import PATIENCE_SECONDS, POLL_SECONDS, Agenda, Reminder, statuses_of
from .receiver import Receiver
from .refusals import Refusal, private_addresses

scenarios("callbacks.feature")


@given("a reminder service that may call public addresses only", target_fixture="agenda")
def a_reminder_service_that_may_call_public_addresses_only(
    world: World, service_settings: dict[str, str]
) -> Agenda:
    # Said only here: one that is up already may be allowed more, and is asked all the rest nevertheless.
    return Agenda(world.start(service_settings | {"ALLOW_PRIVATE_CALLBACKS": "false"}), world.draw)


@when(
    "reminders with callbacks to private, loopback and link-local addresses are asked for",
    target_fixture="refusals",
)
def reminders_with_callbacks_to_private(agenda: Agenda, world: World) -> list[Refusal]:
    refusals = []
    for address in private_addresses(world.draw):
        url = f"http://{address}:{world.draw.integer(1024, 65_535)}/{world.draw.word()}"
        body = agenda.body(url, 7200)
        rule = f"while ALLOW_PRIVATE_CALLBACKS is false, a callback to {address} is refused: it is not public"
        refusals.append(Refusal(body, "/callback_url", agenda.post(body), rule))
    return refusals


@when("a receiver redirects to another address", target_fixture="redirected")
def a_receiver_redirects_to_another_address(receiver: Receiver, world: World) -> tuple[Reminder, str]:
    status = world.draw.choice([301, 302, 303, 307, 308])
    elsewhere = f"/{world.draw.word()}"
    redirect = Reply.redirect(receiver.sink.url(elsewhere), status)
    return receiver.remind(0.2, redirect, redirect, Reply()), elsewhere


@then("the other address is never called, and the attempts have failed")
def the_other_address_is_never_called(
    agenda: Agenda, receiver: Receiver, redirected: tuple[Reminder, str]
) -> None:
    reminder, elsewhere = redirected
    # Who follows it makes no third attempt, and so would be told of that alone.
    deadline = time.monotonic() + PATIENCE_SECONDS
    while len(receiver.calls(reminder)) < 3 and time.monotonic() < deadline:
        never_called(receiver, elsewhere)
        time.sleep(POLL_SECONDS)
    receiver.wait_for(reminder, 3)
    shown = agenda.wait_for_state(reminder, "delivered")
    never_called(receiver, elsewhere)
    first, second, third = statuses_of(shown)
    expect(first == second, expected="twice the status of the redirect", got=[first, second, third])


def never_called(receiver: Receiver, path: str) -> None:
    """Demand that nobody has called there so far."""
    count = len(receiver.sink.received(path))
    expect(count == 0, expected="no call to where the redirect leads", got=count)
