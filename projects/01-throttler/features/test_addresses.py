"""Steps of addresses.feature: what proxies write, what clients forge, and how addresses are spelled."""

import re
from dataclasses import replace

from pytest_bdd import scenarios, then, when

from kata.steps import Exchange, World, describe_answer, expect

from .caller import OK, ROUTES, Caller, Throttler, refused, refused_last
from .counts import forget_all, redis_is_asked
from .lines import lines_of, names_client
from .proxies import (
    drawn_address,
    forged_entries,
    forged_headers,
    joined,
    of_v4,
    of_v6,
    send_from,
    send_lines,
)

ANOTHER_ADDRESS = "127.0.0.2"
NO_ADDRESSES = ("unknown", "_hidden", "", "256.1.1.1", "10.1.2", "client", "::g")

scenarios("addresses.feature")


@when(
    "one client sends one request more than the limit, each with other forged addresses",
    target_fixture="client",
)
def one_client_sends_one_request_more_than_the_limit(world: World, throttler: Throttler) -> Caller:
    redis_is_asked(throttler, world.draw)
    client = Caller(throttler, "127.0.0.1", world.draw, world.draw.choice(ROUTES))
    forget_all(throttler)
    for _ in range(throttler.limit + 1):
        client.send(headers=forged_headers(world.draw))
    return client


@then("whoever comes from another address has a budget of its own")
def whoever_comes_from_another_address_has_a_budget_of_its_own(throttler: Throttler, client: Caller) -> None:
    if not client.redis_keys():  # a container, say, sees the address of a bridge
        return
    try:
        answer = send_from(ANOTHER_ADDRESS, throttler, client.path)
    except OSError:  # macOS has to be told first that it has the address
        return
    expect(answer == 200, expected=f"200 for {ANOTHER_ADDRESS}", got=answer)


@when("it sends one request more than the limit, each with other forged addresses before its own")
def it_sends_one_request_more_than_the_limit(world: World, client: Caller) -> None:
    for number in range(client.throttler.limit + 1):
        listed = [*forged_entries(world.draw, many=number == 0), client.address]
        if number % 2:
            headers = {**forged_headers(world.draw), "X-Forwarded-For": ", ".join(listed)}
            client.send(headers=headers)
        else:
            client.sent.append(send_lines(client, joined(world.draw, listed)))


@then("whoever sends the header not at all is limited by the address that it connects from")
def whoever_sends_the_header_not_at_all_is_limited(throttler: Throttler, client: Caller) -> None:
    forget_all(throttler)
    direct = replace(client, address="127.0.0.1", sent=[])
    for _ in range(throttler.limit + 1):
        direct.send(headers={"Accept": "*/*"})
    refused_last(direct)


@when("two clients come through the same proxies", target_fixture="pair")
def two_clients_come_through_the_same_proxies(world: World, throttler: Throttler) -> tuple[Caller, Caller]:
    redis_is_asked(throttler, world.draw)
    draw = world.draw
    proxies = [draw.address_v4() for _ in range(throttler.hops - 1)]
    route = draw.choice(ROUTES)
    one, other = (Caller(throttler, drawn_address(draw), draw, route) for _ in range(2))
    for client in (one, other):
        for _ in range(throttler.limit + 1):
            client.sent.append(send_lines(client, joined(draw, [client.address, *proxies])))
    return replace(one, address=", ".join([one.address, *proxies])), replace(
        other, address=", ".join([other.address, *proxies])
    )


@then("each of them has a budget of its own")
def each_of_them_has_a_budget_of_its_own(pair: tuple[Caller, Caller]) -> None:
    for client in pair:
        refused_last(client)


@then("a forged address before theirs changes nothing")
def a_forged_address_before_theirs_changes_nothing(world: World, pair: tuple[Caller, Caller]) -> None:
    for client, many in zip(pair, (True, False), strict=True):
        listed = ", ".join([*forged_entries(world.draw, many=many), client.address])
        client.send(headers={"X-Forwarded-For": listed})
        refused(client)


@when(
    "one client goes round a proxy, and sends one request over the limit, each with other addresses",
    target_fixture="client",
)
def one_client_goes_round_a_proxy(world: World, throttler: Throttler) -> Caller:
    redis_is_asked(throttler, world.draw)
    draw, trusted = world.draw, throttler.hops
    client = Caller(throttler, "127.0.0.1", draw, draw.choice(ROUTES))
    forget_all(throttler)
    # The first has a zero too many, as if it were octal; it is no address either.
    no_addresses = [f"192.0.2.0{draw.integer(1, 99)}", *draw.shuffle(NO_ADDRESSES)]
    for number in range(throttler.limit + 1):
        too_few = [drawn_address(draw) for _ in range(draw.integer(1, trusted - 1))]
        # Where the first proxy would have written an address stands none, and a forged one before it.
        none = [
            drawn_address(draw),
            no_addresses[number // 2 % len(no_addresses)],
            *(draw.address_v4() for _ in range(trusted - 1)),
        ]
        if number % 4 == 1:  # behind the last comma stands an entry, too
            none = [drawn_address(draw), "", *(draw.address_v4() for _ in range(trusted - 2)), ""]
        listed = none if number % 2 else too_few
        headers = {**forged_headers(draw), "X-Forwarded-For": ", ".join(listed).strip()}
        if number % 5 == 4:
            del headers["X-Forwarded-For"]
        client.send(headers=headers)
    return client


@when("clients of both families spell their address differently in each request", target_fixture="others")
def clients_of_both_families_spell_their_address_differently(
    world: World, throttler: Throttler
) -> list[Caller]:
    redis_is_asked(throttler, world.draw)
    draw = world.draw
    clients = []
    for address, spellings in (of_v4(draw), of_v6(draw)):
        client = Caller(throttler, address, draw, draw.choice(ROUTES))
        chosen = draw.shuffle(spellings)
        for number in range(throttler.limit + 1):
            client.send(headers={"X-Forwarded-For": chosen[number % len(chosen)]})
        clients.append(client)
    return clients


@then("only the last of each is refused")
def only_the_last_of_each_is_refused(others: list[Caller]) -> None:
    for other in others:
        if other.sent[-1].status == OK:
            taken_for_another(other)
        refused_last(other)


def taken_for_another(client: Caller) -> None:
    """Fail at the request that began a budget of its own, if one did: the last is not to blame."""
    opened = [answer for answer in client.sent[1:] if remaining(answer) == client.throttler.limit - 1]
    if not opened:
        return
    client.within_window()
    client.in_doubt()
    expect(
        False,
        expected=f"the budget of {client.address}, of which a part was used",
        got=f"a whole one: r={client.throttler.limit - 1}",
        answer=opened[0],
        exchanges=client.sent,
    )


def remaining(answer: Exchange) -> int | None:
    """Return what an answer says to remain, if it says so: here nobody need have built that."""
    told = re.search(r";r=(\d+)", answer.header("ratelimit") or "")
    return int(told[1]) if told else None


@then("the line of each of them, also of the refusal, names its address")
def the_line_of_each_of_them_names_its_address(throttler: Throttler, client: Caller) -> None:
    """And not that of the proxy, which is the same for all."""
    for answer, line in zip(client.sent, lines_of(throttler.service, client.sent), strict=True):
        expect(
            names_client(line, client.address),
            expected=f"a member {client.address}, or its /64, in the line of the {describe_answer(answer)}",
            got=str(dict(line)),
            answer=answer,
        )
