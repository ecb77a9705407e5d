"""Steps of fields.feature: RateLimit and Retry-After."""

from pytest_bdd import scenarios, then, when

from kata.steps import World

from .caller import Caller, refused
from .fields import seconds_are_true, whole_seconds

scenarios("fields.feature")


@when("it uses up its budget with a pause, and sends one request more")
def it_uses_up_its_budget_with_a_pause(world: World, client: Caller) -> None:
    """The pause leaves at least a third of a second, and ends anywhere in the seconds before."""
    client.send()
    pause = world.draw.integer(1000, client.throttler.window_seconds * 1000 - 350)
    world.sleep_until(client.opened.sent + pause / 1000)
    client.send_many(client.throttler.limit)
    refused(client)


@then("they reach the end of the window, and less than a second beyond")
def they_reach_the_end_of_the_window(client: Caller) -> None:
    answer = client.sent[-1]
    seconds_are_true(client, answer, answer.header("retry-after"), "Retry-After")


@when("it is refused, and waits as long as Retry-After says")
def it_is_refused_and_waits_as_long_as_retry_after_says(world: World, client: Caller) -> None:
    refusal = client.send()
    refused(client)
    world.sleep_until(refusal.received + whole_seconds(refusal.header("retry-after"), "Retry-After"))
    del client.sent[:]
