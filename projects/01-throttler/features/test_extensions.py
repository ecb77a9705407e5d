"""Steps of extensions.feature: what the reference can do beyond the core."""

import math
from ipaddress import IPv4Network, IPv6Address

from pytest_bdd import given, parsers, scenarios, then, when

from kata.steps import TOLERANCE_SECONDS, Inconclusive, Side, World, describe_answer, expect, side_of_end

from .caller import (
    ECHO,
    OK,
    PING,
    TOO_MANY,
    Caller,
    Throttler,
    all_succeed,
    draw_throttler,
    refused_last,
)
from .fields import item, items

FORBIDDEN = 403
STRICT = 2  # the stricter policy's limit: less than any limit that is drawn
STRICT_WINDOW_SECONDS = 1

scenarios("extensions.feature")


@given(parsers.parse("a throttler of its own with the algorithm {algorithm}"), target_fixture="throttler")
def a_throttler_of_its_own_with_the_algorithm_algorithm(world: World, algorithm: str) -> Throttler:
    return draw_throttler(world, world.start_alone, ALGORITHM=algorithm)


@given(parsers.parse("a throttler of its own with {name} set to {value}"), target_fixture="throttler")
def a_throttler_of_its_own_with_name_set_to_value(world: World, name: str, value: str) -> Throttler:
    return draw_throttler(world, world.start_alone, **{name: value})


@when("it sends one request, and half a window later the rest of its budget")
def it_sends_one_request(world: World, client: Caller) -> None:
    window = client.throttler.window_seconds
    client.send()
    world.sleep_until(client.opened.received + window / 2)
    client.send_many(client.throttler.limit - 1)
    client.send()
    refused_last(client)


@then("when the first request has expired, exactly one more succeeds")
def when_the_first_request_has_expired(world: World, client: Caller) -> None:
    window = client.throttler.window_seconds
    oldest, second = client.sent[0], client.sent[1]
    world.sleep_until(oldest.received + window + TOLERANCE_SECONDS)
    freed, refused = client.send(), client.send()
    rule = f"at most {client.throttler.limit} requests in any {window} s; one that expires frees its slot"
    if side_of_end(second, refused, window) is not Side.WITHIN:
        raise Inconclusive("the second request had expired too")
    for answer, status in ((freed, OK), (refused, TOO_MANY)):
        expect(
            answer.status == status,
            expected=f"{status} at +{answer.sent - oldest.sent:.3f} s",
            got=describe_answer(answer),
            rule=rule,
            exchanges=client.sent[: client.sent.index(answer) + 1],
            timing=True,
        )


@when("one part of the window has passed since its first request")
def one_part_of_the_window_has_passed_since(world: World, client: Caller) -> None:
    part = client.throttler.window_seconds / client.throttler.limit
    world.sleep_until(client.opened.received + part + TOLERANCE_SECONDS)


@then("exactly one more succeeds")
def exactly_one_more_succeeds(client: Caller) -> None:
    part = client.throttler.window_seconds / client.throttler.limit
    one, more = client.send(), client.send()
    if more.received > client.opened.sent + 2 * part:
        raise Inconclusive("the second part of the window had begun")
    for answer, status in ((one, OK), (more, TOO_MANY)):
        expect(
            answer.status == status,
            expected=f"{status} at +{answer.sent - client.opened.sent:.3f} s",
            got=describe_answer(answer),
            rule=f"a bucket refills by one request in each {part:.3f} s",
            exchanges=client.sent[: client.sent.index(answer) + 1],
            timing=True,
        )


@then("at least as many as the limit succeed, and no more than refilled meanwhile")
def at_least_as_many_as_the_limit_succeed(client: Caller) -> None:
    limit = client.throttler.limit
    took = max(it.received for it in client.sent) - min(it.sent for it in client.sent)
    refilled = math.floor(took * limit / client.throttler.window_seconds)
    successes = sum(exchange.status == OK for exchange in client.sent)
    expect(
        limit <= successes <= limit + refilled,
        expected=f"{limit} to {limit + refilled} successes in {took:.3f} s",
        got=str(successes),
        timing=True,
    )


@given("a throttler of its own whose echo route has a second, stricter policy", target_fixture="throttler")
def a_throttler_of_its_own_whose_echo_route_has_a_second(world: World) -> Throttler:
    policies = f"""
        [policies.strict]
        limit = {STRICT}
        window_seconds = {STRICT_WINDOW_SECONDS}
        [[routes]]
        path = "{ECHO}/{{word}}"
        policies = ["strict", "default"]
    """
    return draw_throttler(
        world, world.start_alone, POLICIES_FILE=world.file("policies.toml", policies), WINDOW_SECONDS="30"
    )


@when("it echoes until the stricter policy refuses, and twice more")
def it_echoes_until_the_stricter_policy_refuses(client: Caller) -> None:
    client.send_many(STRICT + 3, f"{ECHO}/word")


@then("the refusals name the stricter policy alone")
def the_refusals_name_the_stricter_policy_alone(client: Caller) -> None:
    for number, answer in enumerate(client.sent, start=1):
        status = OK if number <= STRICT else TOO_MANY
        expect(
            answer.status == status,
            expected=f"{status} for request {number}",
            got=describe_answer(answer),
            exchanges=client.sent[:number],
        )
        if status == TOO_MANY:
            body = answer.json()
            violated = body.get("violated-policies") if isinstance(body, dict) else None
            expect(violated == ["strict"], expected='"violated-policies": ["strict"]', got=violated)


@then("the other policy is charged for the admitted requests alone")
def the_other_policy_is_charged_for_the_admitted_requests(world: World, client: Caller) -> None:
    world.sleep_until(client.opened.received + STRICT_WINDOW_SECONDS + TOLERANCE_SECONDS)
    fields = items(client.send(f"{ECHO}/word"), "ratelimit")
    wanted = {"strict": str(STRICT - 1), "default": str(client.throttler.limit - STRICT - 1)}
    got = {name: parameters.get("r") for name, parameters in fields.items()}
    expect(got == wanted, expected=str(wanted), got=got, exchanges=client.sent)


@given("a throttler of its own whose echo route costs two units", target_fixture="throttler")
def a_throttler_of_its_own_whose_echo_route_costs_two_units(world: World) -> Throttler:
    policies = f'[[routes]]\npath = "{ECHO}/{{word}}"\ncost = 2\n'
    return draw_throttler(
        world, world.start_alone, POLICIES_FILE=world.file("policies.toml", policies), LIMIT="9"
    )


@when("it echoes three times")
def it_echoes_three_times(client: Caller) -> None:
    client.send_many(3, f"{ECHO}/word")


@then("the remaining units count down by two")
def the_remaining_units_count_down_by_two(client: Caller) -> None:
    got = [item(answer, "ratelimit")[1].get("r") for answer in client.sent]
    expect(got == ["7", "5", "3"], expected="7, 5 and 3 of 9 units left", got=got, timing=True)


@then("the last answer says that nothing remained")
def the_last_answer_says_that_nothing_remained(client: Caller) -> None:
    remaining = item(client.sent[-1], "ratelimit")[1].get("r")
    expect(remaining == "0", expected="r=0, as if it had been refused", got=f"r={remaining}")


@given(
    parsers.re("a throttler of its own that (?P<verb>allows|denies) a network"), target_fixture="throttler"
)
def a_throttler_of_its_own_that_a_network(world: World, verb: str, network: IPv4Network) -> Throttler:
    name = {"allows": "ALLOW", "denies": "DENY"}[verb]
    return draw_throttler(world, world.start_alone, **{name: f"2001:db8:ffff::/48,{network}"})


@given("a client of that network", target_fixture="client")
def a_client_of_that_network(world: World, throttler: Throttler, network: IPv4Network) -> Caller:
    address = network[world.draw.integer(1, network.num_addresses - 2)]
    return Caller(throttler, str(address), world.draw)


@then("it is refused with 403")
def it_is_refused_with_403(client: Caller) -> None:
    answer = client.sent[-1]
    expect(answer.status == FORBIDDEN, expected="403", got=describe_answer(answer))


@when(
    "a client uses up its budget from changing addresses of one /64, and sends once more",
    target_fixture="client",
)
def a_client_uses_up_its_budget_from_changing_addresses(world: World, throttler: Throttler) -> Caller:
    client = Caller(throttler, world.draw.address_v6(), world.draw)
    prefix = int(IPv6Address(client.address)) >> 64 << 64
    for _ in range(throttler.limit + 1):
        address = IPv6Address(prefix + world.draw.integer(1, 2**64 - 1))
        client.send(headers={"X-Forwarded-For": str(address)})
    return client


@when("it looks at the page more often than the limit allows")
def it_looks_at_the_page_more_often_than_the_limit_allows(client: Caller) -> None:
    client.send_many(client.throttler.limit + 2, "/")


@then("its budget is still whole")
def its_budget_is_still_whole(client: Caller) -> None:
    remaining = item(client.send(PING), "ratelimit")[1].get("r")
    wanted = str(client.throttler.limit - 1)
    expect(remaining == wanted, expected=f"r={wanted} after the first request", got=f"r={remaining}")
    all_succeed(client)
