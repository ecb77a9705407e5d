"""Steps that the features of the throttler share."""

from collections.abc import Callable
from ipaddress import IPv4Network

import pytest
from pytest_bdd import given, parsers, then, when

from kata.steps import Inconclusive, Request, World, describe_answer, expect

from .caller import (
    ANSWER_SECONDS,
    DELAY_SECONDS,
    ECHO,
    OK,
    PING,
    TOO_MANY,
    Caller,
    Throttler,
    all_succeed,
    draw_settings,
    draw_throttler,
    refused_last,
)


@given("a throttler", target_fixture="throttler")
def a_throttler(world: World) -> Throttler:
    return draw_throttler(world, world.start)


@given("a throttler of its own", target_fixture="throttler")
def a_throttler_of_its_own(world: World) -> Throttler:
    return draw_throttler(world, world.start_alone)


@given("a throttler that trusts no proxy", target_fixture="throttler")
def a_throttler_that_trusts_no_proxy(world: World) -> Throttler:
    return draw_throttler(world, world.start, TRUSTED_HOPS="0")


@given("a throttler behind two trusted proxies", target_fixture="throttler")
def a_throttler_behind_two_trusted_proxies(world: World) -> Throttler:
    return draw_throttler(world, world.start, TRUSTED_HOPS="2")


@given(parsers.parse("a throttler of its own whose failure mode is {mode}"), target_fixture="throttler")
def a_throttler_of_its_own_whose_failure_mode_is_mode(world: World, mode: str) -> Throttler:
    return draw_throttler(world, world.start_alone, FAILURE_MODE=mode)


@pytest.fixture
def new_caller(world: World, throttler: Throttler) -> Callable[[], Caller]:
    """Make clients, each with an address of its own."""

    def make() -> Caller:
        return Caller(throttler, world.draw.address_v4(), throttler.service.client())

    return make


@given("a client", target_fixture="client")
def a_client(new_caller: Callable[[], Caller]) -> Caller:
    return new_caller()


@given("a few clients", target_fixture="clients")
def a_few_clients(new_caller: Callable[[], Caller]) -> list[Caller]:
    return [new_caller() for _ in range(5)]


@given("a client that has one request left", target_fixture="client")
def a_client_that_has_one_request_left(new_caller: Callable[[], Caller]) -> Caller:
    client = new_caller()
    client.send_many(client.throttler.limit - 1)
    return client


@given("a client that has used up its budget", target_fixture="client")
def a_client_that_has_used_up_its_budget(new_caller: Callable[[], Caller]) -> Caller:
    client = new_caller()
    client.send_many(client.throttler.limit)
    all_succeed(client)
    return client


@given("Redis answers with a delay")
def redis_answers_with_a_delay(throttler: Throttler) -> None:
    throttler.service.redis.proxy.delay(DELAY_SECONDS)


@when("it sends a request")
def it_sends_a_request(client: Caller) -> None:
    client.send()


@when("it sends as many requests as the limit")
def it_sends_as_many_requests_as_the_limit(client: Caller) -> None:
    client.send_many(client.throttler.limit)


@when("it sends as many requests as the limit, and one more")
def it_sends_as_many_requests_as_the_limit_and_one_more(client: Caller) -> None:
    client.send_many(client.throttler.limit + 1)


@when("it sends three times its budget at the same instant")
def it_sends_three_times_its_budget_at_the_same_instant(client: Caller) -> None:
    requests = [Request("GET", PING, client.headers())] * (3 * client.throttler.limit)
    client.sent += client.throttler.service.burst(requests)


@then("all of them succeed")
def all_of_them_succeed(client: Caller) -> None:
    all_succeed(client)


@then("only the last of them is refused")
def only_the_last_of_them_is_refused(client: Caller) -> None:
    refused_last(client)


@then("exactly as many as the limit succeed")
def exactly_as_many_as_the_limit_succeed(client: Caller) -> None:
    limit = client.throttler.limit
    statuses = [exchange.status for exchange in client.sent]
    if statuses.count(OK) == limit and statuses.count(TOO_MANY) == len(statuses) - limit:
        return
    first = min(exchange.sent for exchange in client.sent)
    last = max(exchange.received for exchange in client.sent)
    if last - first > client.throttler.window_seconds:
        raise Inconclusive("the requests took longer than the window")
    others = sorted(
        {describe_answer(exchange) for exchange in client.sent if exchange.status not in {OK, TOO_MANY}}
    )
    expect(
        False,
        expected=f"{limit} x 200 and {len(statuses) - limit} x 429 of {len(statuses)} at the same instant",
        got=f"{statuses.count(OK)} x 200, {statuses.count(TOO_MANY)} x 429"
        + "".join(f", {it}" for it in others),
        rule=f"exactly {limit} requests succeed within a window, however many arrive together",
        timing=True,
    )


@then("each answer came within 200 ms")
def each_answer_came_within_200_ms(client: Caller) -> None:
    slowest = max(client.sent, key=lambda exchange: exchange.received - exchange.sent)
    seconds = slowest.received - slowest.sent
    expect(
        seconds <= ANSWER_SECONDS,
        expected="every answer within 0.200 s",
        got=f"{describe_answer(slowest)} after {seconds:.3f} s",
        rule="with Redis lost, slow or silent, an answer still comes within 200 ms",
        timing=True,
    )


@then("after the window as many requests as the limit succeed again")
def after_the_window_as_many_requests_as_the_limit(world: World, client: Caller) -> None:
    world.sleep_until(client.window_is_over)
    again = client.send_many(client.throttler.limit)
    for exchange in again:
        expect(
            exchange.status == OK,
            expected=f"200 from +{client.window_is_over - client.opened.sent:.3f} s on",
            got=describe_answer(exchange),
            rule=f"a window closes {client.throttler.window_seconds} s after the request that opened it, "
            "and refused requests do not keep it open",
            exchanges=client.sent[: client.sent.index(exchange) + 1],
            timing=True,
        )


@pytest.fixture
def network(world: World) -> IPv4Network:
    """A network of a drawn size, at a drawn place."""
    return IPv4Network(f"{world.draw.address_v4()}/{world.draw.integer(18, 28)}", strict=False)


@pytest.fixture
def service_settings(world: World) -> dict[str, str]:
    """The same settings as the other features', so that one process serves them all."""
    return draw_settings(world)


@pytest.fixture
def bad_settings() -> list[tuple[str, str]]:
    return [
        ("LIMIT", "0"),
        ("LIMIT", "ten"),
        ("WINDOW_SECONDS", "1.5"),
        ("TRUSTED_HOPS", "-1"),
        ("FAILURE_MODE", "maybe"),
        ("REDIS_URL", "nowhere"),
    ]


@pytest.fixture
def contract_paths() -> list[str]:
    return [PING, f"{ECHO}/{{word}}"]
