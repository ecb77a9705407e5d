"""Steps that the features of the throttler share."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from ipaddress import IPv4Network

import pytest
from pytest_bdd import given, parsers, then, when

from kata.steps import Exchange, NotRunError, Request, World, describe_answer, expect

from .caller import (
    DEFAULT_MODE,
    DELAY_MILLISECONDS,
    ECHO,
    OK,
    PING,
    PRINTED,
    ROUTES,
    TOO_MANY,
    Caller,
    Throttler,
    all_succeed,
    counts_in_redis,
    draw_settings,
    draw_throttler,
    refused,
    refused_last,
)
from .counts import redis_is_asked, told_of_a_shorter_life
from .fields import fields_are_true
from .strangers import in_time

type Volley = Callable[[Caller], None]
# Once a machine may make a service count alone that is right; three times in a row it does not.
VOLLEYS = 3


@given("a throttler", target_fixture="throttler")
def a_throttler(world: World) -> Throttler:
    return in_order(draw_throttler(world, world.start))


@given("a throttler of its own with the lesson's settings", target_fixture="throttler")
def a_throttler_of_its_own_with_the_lesson_s_settings(world: World) -> Throttler:
    """All others are away from what is printed: who only knows that is found, and here who only lacks it."""
    limit, window_seconds = PRINTED
    return draw_throttler(world, world.start_alone, LIMIT=str(limit), WINDOW_SECONDS=str(window_seconds))


@given("a throttler that trusts no proxy", target_fixture="throttler")
def a_throttler_that_trusts_no_proxy(world: World) -> Throttler:
    hops = ("0", "")[
        world.setting("DEFAULT_HOPS", 0, 1)
    ]  # an empty value is none, and then it is the default
    return in_order(draw_throttler(world, world.start, TRUSTED_HOPS=hops))


@given("a throttler behind several trusted proxies", target_fixture="throttler")
def a_throttler_behind_several_trusted_proxies(world: World) -> Throttler:
    hops = str(world.setting("TRUSTED_HOPS", 2, 10))
    return in_order(draw_throttler(world, world.start, TRUSTED_HOPS=hops))


@given(parsers.parse("a throttler whose failure mode is {mode}"), target_fixture="throttler")
def a_throttler_whose_failure_mode_is_mode(world: World, mode: str) -> Throttler:
    if mode == DEFAULT_MODE and world.setting("DEFAULT_MODE", 0, 3):
        mode = ""
    return in_order(draw_throttler(world, world.start, FAILURE_MODE=mode))


def in_order(throttler: Throttler) -> Throttler:
    """Mend what another check may have broken and, having failed, left broken."""
    with suppress(NotRunError):
        throttler.service.redis.proxy.pass_through()
    return throttler


@pytest.fixture
def new_caller(world: World, throttler: Throttler) -> Callable[[], Caller]:
    """Make clients, each with an address of its own, of either family, on a route that is drawn."""
    redis_is_asked(throttler, world.draw)

    def make() -> Caller:
        draw = world.draw
        address = draw.address_v6() if draw.integer(1, 4) == 1 else draw.address_v4()
        return Caller(throttler, address, draw, draw.choice(ROUTES))

    return make


@given("Redis is seen to count")
def redis_is_seen_to_count(world: World, throttler: Throttler) -> None:
    redis_is_asked(throttler, world.draw, needed=True)


@given("a client", target_fixture="client")
def a_client(new_caller: Callable[[], Caller]) -> Caller:
    return new_caller()


@given("a few clients", target_fixture="clients")
def a_few_clients(new_caller: Callable[[], Caller]) -> list[Caller]:
    return [new_caller() for _ in range(5)]


@given("a client that has one request left", target_fixture="client")
def a_client_that_has_one_request_left(new_caller: Callable[[], Caller]) -> Caller:
    client = new_caller()
    client.already = client.throttler.limit - 1
    client.send_many(client.already)
    return client


@given("a client that has used up its budget", target_fixture="client")
def a_client_that_has_used_up_its_budget(new_caller: Callable[[], Caller]) -> Caller:
    client = new_caller()
    client.send_many(client.throttler.limit)
    all_succeed(client)
    return client


@given("Redis answers with a delay")
def redis_answers_with_a_delay(world: World, throttler: Throttler) -> None:
    redis_is_asked(throttler, world.draw, needed=True)
    throttler.service.redis.proxy.delay(world.draw.integer(*DELAY_MILLISECONDS) / 1000)


@when("it sends a request")
def it_sends_a_request(client: Caller) -> None:
    client.send()


@when("it sends as many requests as the limit")
def it_sends_as_many_requests_as_the_limit(client: Caller) -> None:
    client.send_many(client.throttler.limit)


@when("it sends as many requests as the limit, and one more")
def it_sends_as_many_requests_as_the_limit_and_one_more(client: Caller) -> None:
    client.send_many(client.throttler.limit + 1)


@when("it sends three times its budget at the same instant", target_fixture="volley")
def it_sends_three_times_its_budget_at_the_same_instant(client: Caller) -> Volley:
    def send(one: Caller) -> None:
        count = 3 * one.throttler.limit
        requests = [Request("GET", one.path, one.headers()) for _ in range(count)]
        one.sent += one.throttler.service.burst(requests)

    send(client)
    return send


@then("all of them succeed")
def all_of_them_succeed(client: Caller) -> None:
    all_succeed(client)


@then("only the last of them is refused")
def only_the_last_of_them_is_refused(client: Caller) -> None:
    refused_last(client)


@pytest.fixture
def under_way() -> list[Exchange]:
    """Nothing, unless Redis was lost while requests were."""
    return []


@then("each answer came within 200 ms")
def each_answer_came_within_200_ms(client: Caller, under_way: list[Exchange]) -> None:
    in_time([*under_way, *client.sent])


@then("the request is refused with 429")
def the_request_is_refused_with_429(client: Caller) -> None:
    refused(client)


@then("each answer tells the policy, what remains of it, and when the window closes")
def each_answer_tells_the_policy(client: Caller) -> None:
    fields_are_true(client)


@then("when its keys are made to live shorter, it is told so")
def when_its_keys_are_made_to_live_shorter_it_is_told_so(world: World, client: Caller) -> None:
    told_of_a_shorter_life(client, world.draw)


@then("exactly as many as the limit succeed")
def exactly_as_many_as_the_limit_succeed(
    client: Caller, volley: Volley, new_caller: Callable[[], Caller]
) -> None:
    """Judge the volley, and up to two more from other clients where the service may have counted alone."""
    limit, one = client.throttler.limit, client
    for _ in range(VOLLEYS):
        statuses = [exchange.status for exchange in one.sent]
        if statuses.count(OK) == limit and statuses.count(TOO_MANY) == len(statuses) - limit:
            client.sent = one.sent
            return
        one.within_window()
        keys = one.redis_keys()
        held = counts_in_redis(keys, one)
        if not keys or held is None or held >= statuses.count(OK):
            break
        one = new_caller()
        one.send_many(client.already)
        volley(one)
    others = sorted({describe_answer(answer) for answer in one.sent if answer.status not in {OK, TOO_MANY}})
    kept = "" if held is None else f"; Redis holds {held} of them"
    expect(
        False,
        expected=f"{limit} x 200 and {len(statuses) - limit} x 429 of {len(statuses)} at the same instant",
        got=f"{statuses.count(OK)} x 200{kept}, {statuses.count(TOO_MANY)} x 429"
        + "".join(f", {it}" for it in others),
        rule=f"exactly {limit} requests succeed within a window, however many arrive together",
        timing=True,
    )


@then("after the window as many requests as the limit succeed again, and no more")
def after_the_window_as_many_requests_as_the_limit(world: World, client: Caller) -> None:
    over = client.window_is_over
    world.sleep_until(over)
    again = replace(client, sent=[])
    again.send_many(client.throttler.limit + 1)
    client.sent += again.sent
    for exchange in again.sent[:-1]:
        expect(
            exchange.status == OK,
            expected=f"200 from +{over - client.opened.sent:.3f} s on",
            got=describe_answer(exchange),
            rule=f"a window closes {client.throttler.window_seconds} s after the request that opened it, "
            "and refused requests do not keep it open",
            exchanges=client.sent[: client.sent.index(exchange) + 1],
            timing=True,
        )
    refused_last(again)


@pytest.fixture
def network(world: World) -> IPv4Network:
    """A network of a drawn size, at a drawn place."""
    return IPv4Network(f"{world.draw.address_v4()}/{world.draw.integer(18, 28)}", strict=False)


@pytest.fixture
def service_settings(world: World) -> dict[str, str]:
    """The same settings as the other features', so that one process serves them all."""
    return draw_settings(world)


@pytest.fixture
def bad_settings(world: World) -> list[tuple[str, str]]:
    """Those that every run tries, and some of the others: each start costs a second of a processor."""
    draw = world.draw
    below = str(-draw.integer(1, 99))
    above = draw.integer(1, 99)
    number = f"{draw.word()}{above}"
    bounds = [
        ("LIMIT", str(1_000_000 + draw.choice((1, above)))),
        ("WINDOW_SECONDS", str(86_400 + draw.choice((1, above)))),
        ("TRUSTED_HOPS", str(10 + draw.choice((1, above)))),
        ("PORT", "0"),
    ]
    of_the_kind = [
        ("PORT", str(65_535 + draw.choice((1, above)))),
        ("LIMIT", draw.choice(("0", below))),
        ("WINDOW_SECONDS", draw.choice(("0", below))),
        ("TRUSTED_HOPS", draw.choice(("-1", below))),
        ("LIMIT", draw.choice(("ten", number, f"0x{above}"))),
        ("WINDOW_SECONDS", draw.choice((f"{above}.5", number))),
        ("FAILURE_MODE", draw.choice(("maybe", "OPEN", "Closed", draw.word()))),
        ("REDIS_URL", draw.choice(("nowhere", "http://127.0.0.1:6379/0", "127.0.0.1:6379"))),
    ]
    missing = [("LIMIT", ""), ("WINDOW_SECONDS", ""), ("REDIS_URL", "")]
    return [*bounds, *missing, *draw.shuffle(of_the_kind)[:4]]


@pytest.fixture
def contract_paths() -> list[str]:
    return [PING, f"{ECHO}/{{word}}"]
