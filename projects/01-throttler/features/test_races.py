"""Steps of races.feature: at the same instant, and at two processes."""

import math
import threading
from collections.abc import Callable

from pytest_bdd import given, scenarios, then, when

from kata.steps import (
    Exchange,
    Request,
    World,
    expect,
)

from .caller import (
    OK,
    PRINTED,
    Caller,
    Throttler,
    draw_settings,
    refused_last,
)
from .fields import (
    be_sure,
    item,
)

NUMBERED = 60

scenarios("races.feature")


@given("a second web process", target_fixture="throttler")
def a_second_web_process(world: World) -> Throttler:
    # Drawn again, for a service that is not the other checks', and that these have in common.
    settings = {**draw_settings(world), "LIMIT": str(world.setting("LIMIT", 5, 15, away_from=PRINTED))}
    service = world.start(settings)
    if len(service.urls) == 1:
        service.add("web")
    service.redis.proxy.pass_through()
    return Throttler(service, int(settings["LIMIT"]), int(settings["WINDOW_SECONDS"]))


@given("a client that asked both processes in turn until one more than its budget")
def a_client_that_asked_both_processes_in_turn(new_caller: Callable[[], Caller]) -> None:
    client = new_caller()
    client.send_many(client.throttler.limit + 1)
    refused_last(client)
    # More than one of the processes can be ahead of the other, should they number them.
    asked = [client.http.get("/health") for _ in range(NUMBERED)]
    made = [exchange.header("x-request-id") for exchange in (*client.sent, *asked)]
    expect(len(set(made)) == len(made), expected="a new X-Request-ID for each request", got=made)


@when(
    "it sends three times its budget at the same instant, spread over both processes", target_fixture="volley"
)
def it_sends_three_times_its_budget_spread_over_both_processes(client: Caller) -> Callable[[Caller], None]:
    spread(client)
    return spread


def spread(client: Caller) -> None:
    service = client.throttler.service
    count = math.ceil(1.5 * client.throttler.limit)
    requests = [Request("GET", client.path, client.headers()) for _ in range(count)]
    answers: list[list[Exchange]] = [[], []]

    def send(process: int) -> None:
        answers[process] = service.burst(requests, process=process)

    threads = [threading.Thread(target=send, args=(process,)) for process in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    client.sent += answers[0] + answers[1]


@then("another client, all at the same instant, is told each number once, down to nothing")
def another_client_is_told_each_number_once(new_caller: Callable[[], Caller]) -> None:
    client = new_caller()
    spread(client)
    counted_down(client)


def counted_down(client: Caller) -> None:
    """Demand of as many successes as the limit that each was told another number, in whatever order."""
    told = [item(exchange, "ratelimit")[1].get("r") for exchange in client.sent if exchange.status == OK]
    wanted = [str(number) for number in range(client.throttler.limit)]
    got = sorted(told, key=lambda text: int(text or -1))
    if got != wanted:
        be_sure(client, in_redis=True)
    expect(got == wanted, expected=f"r={', '.join(wanted)}, once each", got=", ".join(map(str, got)))
