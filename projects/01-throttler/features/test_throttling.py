"""Steps of throttling.feature: windows, counters, headers and addresses."""

import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from pytest_bdd import given, scenarios, then, when

from kata.steps import (
    Exchange,
    Inconclusive,
    Request,
    World,
    as_object,
    describe_answer,
    expect,
    is_problem,
    wait_until_ready,
)

from .caller import (
    DELAY_SECONDS,
    ECHO,
    OK,
    PING,
    TOO_MANY,
    Caller,
    Throttler,
    all_succeed,
    refused,
    refused_last,
)
from .fields import item, seconds_are_true, whole_seconds

CLOSE_TO_THE_END_SECONDS = 0.4
# Long enough that the whole window and the rest of it differ by more than a second.
PAUSE_SECONDS = 1.5
LONG_WINDOW_SECONDS = 40

LONGEST_WORD = 64
UNPROCESSABLE = 422

scenarios("throttling.feature")


@dataclass
class Looks:
    """What was seen of a client's keys: each key, and whether it had a time to live."""

    seen: set[tuple[str, bool]] = field(default_factory=set)
    blind_seconds: float = 0.0
    """The longest time that may have passed unseen: what lasted longer was seen."""


def watched(client: Caller) -> Looks:
    """Have it send a request, and look at its keys all the while."""
    looks, finished = Looks(), threading.Event()

    def watch() -> None:
        over, last_began = False, time.monotonic()
        while not over:
            over = finished.is_set()  # before the look, so that the last one comes after the answer
            began = time.monotonic()
            looks.seen.update((key, milliseconds >= 0) for key, milliseconds in times_to_live(client).items())
            looks.blind_seconds = max(looks.blind_seconds, time.monotonic() - last_began)
            last_began = began

    watcher = threading.Thread(target=watch)
    watcher.start()
    client.send()
    finished.set()
    watcher.join()
    return looks


@when("it sends as many requests as the limit to the other route")
def it_sends_as_many_requests_as_the_limit(client: Caller, world: World) -> None:
    del client.sent[:]
    client.send_many(client.throttler.limit, f"{ECHO}/{world.draw.word()}")


@given("another client", target_fixture="other")
def another_client(new_caller: Callable[[], Caller]) -> Caller:
    return new_caller()


@when("the other client sends as many requests as the limit", target_fixture="client")
def the_other_client_sends_as_many_requests_as_the_limit(other: Caller) -> Caller:
    other.send_many(other.throttler.limit)
    return other


@then("the request is refused with 429")
def the_request_is_refused_with_429(client: Caller) -> None:
    refused(client)


@then("the refusal is a problem that names its code and its request")
def the_refusal_is_a_problem_that_names_its_code(client: Caller) -> None:
    rule = "a refusal is a problem (RFC 9457) with the code rate_limited"
    code = is_problem(client.sent[-1], TOO_MANY, rule)["code"]
    expect(code == "rate_limited", expected='"code": "rate_limited"', got=code, rule=rule)


@when("it echoes as many different words as the limit, and one more")
def it_echoes_as_many_different_words_as_the_limit(client: Caller, world: World) -> None:
    for _ in range(client.throttler.limit + 1):
        client.send(f"{ECHO}/{world.draw.word()}")


@when("it asks for health, readiness and metrics more often than the limit allows")
def it_asks_for_health(client: Caller) -> None:
    for path in ("/health", "/ready", "/metrics"):
        client.send_many(client.throttler.limit + 2, path)


@when("it pings, echoes a word, and echoes one that is a letter too long")
def it_pings_echoes_a_word_and_echoes_one(world: World, client: Caller) -> None:
    client.word = world.draw.text(LONGEST_WORD)
    for path in (PING, f"{ECHO}/{client.word}", f"{ECHO}/{client.word}x"):
        client.send(path)


@then("the answers are pong, the word, and a problem with status 422")
def the_answers_are_pong_the_word_and_422(client: Caller) -> None:
    wanted = ({"message": "pong"}, {"word": client.word})
    for answer, body in zip(client.sent, wanted, strict=False):
        expect(answer.status == OK, expected=f"200 {body}", got=describe_answer(answer))
        expect(as_object(answer) == body, expected=str(body), got=answer.text[:200])
    is_problem(client.sent[-1], UNPROCESSABLE)


@when("it sends a request, and just before its window closes the rest of its budget")
def it_sends_a_request(world: World, client: Caller) -> None:
    window = client.throttler.window_seconds
    # In the middle of a window of the clock: one that is cut at round times resets before ours closes.
    into = (window / 2 - time.time()) % window
    world.sleep_until(time.monotonic() + into)
    client.send()
    world.sleep_until(client.opened.sent + window - CLOSE_TO_THE_END_SECONDS)
    client.send_many(client.throttler.limit - 1)
    all_succeed(client)


@then("a request still within the window is refused")
def a_request_still_within_the_window_is_refused(client: Caller) -> None:
    client.send()
    refused(client)


@when("it goes on sending until its window closes")
def it_goes_on_sending_until_its_window_closes(client: Caller) -> None:
    end = client.opened.sent + client.throttler.window_seconds
    while time.monotonic() < end - 0.15:
        client.send()
        refused(client)
        time.sleep(0.05)


@then("Redis holds keys of that client and that route")
def redis_holds_keys_of_that_client_and_that_route(client: Caller) -> None:
    found = keys_of(client)
    expect(
        any(key.startswith(f"rate:{client.address}:{PING}") for key in found),
        expected=f"a key rate:{client.address}:{PING}",
        got=", ".join(found) or f"none among {client.throttler.service.redis.client.keys('*')}",
        rule="the count of a client and a route stands in Redis under rate:{ip}:{route}",
    )


@then("every one of them expires within the window")
def every_one_of_them_expires_within_the_window(client: Caller) -> None:
    for key, milliseconds in times_to_live(client).items():
        expect(
            0 < milliseconds <= client.throttler.window_seconds * 1000,
            expected=f"{key} expires within {client.throttler.window_seconds} s",
            got="no time to live" if milliseconds < 0 else f"{milliseconds} ms",
            rule="every key expires with its window",
        )


@given("a second web process", target_fixture="throttler")
def a_second_web_process(world: World, throttler: Throttler) -> Throttler:
    settings = {
        "LIMIT": str(throttler.limit), "WINDOW_SECONDS": str(throttler.window_seconds), "TRUSTED_HOPS": "1",
    }  # fmt: skip
    service = world.start_alone(settings)
    service.add("web")
    return Throttler(service, throttler.limit, throttler.window_seconds)


@when("it sends three times its budget at the same instant, spread over both processes")
def it_sends_three_times_its_budget_at_the_same_instant(client: Caller) -> None:
    service = client.throttler.service
    requests = [Request("GET", PING, client.headers())] * math.ceil(1.5 * client.throttler.limit)
    answers: list[list[Exchange]] = [[], []]

    def send(process: int) -> None:
        answers[process] = service.burst(requests, process=process)

    threads = [threading.Thread(target=send, args=(process,)) for process in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    client.sent += answers[0] + answers[1]


@when("the time to live of its count is lost")
def the_time_to_live_of_its_count_is_lost(client: Caller) -> None:
    for key in keys_of(client):
        client.throttler.service.redis.client.persist(key)


@then("every one of its keys has a time to live again")
def every_one_of_its_keys_has_a_time_to_live_again(client: Caller) -> None:
    lost = [key for key, milliseconds in times_to_live(client).items() if milliseconds < 0]
    expect(
        not lost,
        expected="a time to live on every key, at the latest after the next request",
        got=f"none on {', '.join(lost)}: the client is banned for ever",
        exchanges=client.sent,
    )


@then("after a further window it is let in again")
def after_a_further_window_it_is_let_in_again(world: World, client: Caller) -> None:
    world.sleep_until(client.sent[-1].received + client.throttler.window_seconds + 0.1)
    answer = client.send()
    expect(
        answer.status == OK,
        expected="200, one window after the count was found without a time to live",
        got=describe_answer(answer),
        exchanges=client.sent,
    )


@when("each of them sends a request while Redis is watched", target_fixture="looks")
def each_of_them_sends_a_request_while_redis_is_watched(clients: list[Caller]) -> list[Looks]:
    return [watched(client) for client in clients]


@then("their counts were seen, and never without a time to live")
def their_counts_were_seen_and_never_without_a_time_to_live(looks: list[Looks]) -> None:
    seen = {key for look in looks for key in look.seen}
    expect(bool(seen), expected="a key rate:{address}:… for each client", got="none")
    lasting = sorted(key for key, expires in seen if not expires)
    expect(
        not lasting,
        expected="a time to live on every key at every moment",
        got=f"{lasting[0] if lasting else ''} without one, between two commands",
    )
    if min(look.blind_seconds for look in looks) > 2 * DELAY_SECONDS:
        raise Inconclusive("Redis could not be looked at often enough to see what is between two commands")


@given("a throttler with a long window", target_fixture="throttler")
def a_throttler_with_a_long_window(world: World) -> Throttler:
    limit = world.draw.integer(4, 7)
    settings = {"LIMIT": str(limit), "WINDOW_SECONDS": str(LONG_WINDOW_SECONDS), "TRUSTED_HOPS": "1"}
    return Throttler(world.start_alone(settings), limit, LONG_WINDOW_SECONDS)


@when("the web process is killed and started again")
def the_web_process_is_killed_and_started_again(client: Caller) -> None:
    web = client.throttler.service.web
    web.kill()
    web.restart()
    wait_until_ready(web)


@then("each answer names the policy with its quota and its window")
def each_answer_names_the_policy_with_its_quota(client: Caller) -> None:
    rule = (
        'each limited answer has RateLimit-Policy: "name";q=limit;w=seconds (structured fields, quoted name)'
    )
    wanted = {"q": str(client.throttler.limit), "w": str(client.throttler.window_seconds)}
    for exchange in client.sent:
        name, parameters = item(exchange, "ratelimit-policy", rule)
        got = {key: parameters.get(key) for key in wanted}
        expect(got == wanted and bool(name), expected=f'"{name or "name"}" with {wanted}', got=got, rule=rule)


@then("the remaining requests count down to nothing")
def the_remaining_requests_count_down_to_nothing(client: Caller) -> None:
    rule = 'each limited answer has RateLimit: "name";r=remaining;t=seconds, named as in RateLimit-Policy'
    limit = client.throttler.limit
    for number, exchange in enumerate(client.sent, start=1):
        policy, _ = item(exchange, "ratelimit-policy", rule)
        name, parameters = item(exchange, "ratelimit", rule)
        expect(name == policy, expected=f'"{policy}"', got=f'"{name}"', rule=rule)
        wanted = str(max(limit - number, 0))
        expect(
            parameters.get("r") == wanted,
            expected=f"r={wanted} after request {number} of {limit}",
            got=f"r={parameters.get('r')}",
            rule=rule,
            exchanges=client.sent[:number],
            timing=True,
        )
        seconds_are_true(client.opened, exchange, client.throttler.window_seconds, parameters.get("t"), "t")


@when("it uses up its budget with a pause, and sends one request more")
def it_uses_up_its_budget_with_a_pause(world: World, client: Caller) -> None:
    client.send()
    world.sleep_until(client.opened.sent + PAUSE_SECONDS)
    client.send_many(client.throttler.limit)
    refused(client)


@then("the seconds to wait reach the end of the window, and less than a second beyond")
def the_seconds_to_wait_reach_the_end_of_the_window(client: Caller) -> None:
    answer = client.sent[-1]
    window = client.throttler.window_seconds
    seconds_are_true(client.opened, answer, window, answer.header("retry-after"), "Retry-After")
    _, parameters = item(answer, "ratelimit", "a 429 has the RateLimit field too")
    seconds_are_true(client.opened, answer, window, parameters.get("t"), "t")


@when("it is refused, and waits as long as Retry-After says")
def it_is_refused_and_waits_as_long_as_retry_after_says(world: World, client: Caller) -> None:
    refusal = client.send()
    refused(client)
    world.sleep_until(refusal.received + whole_seconds(refusal.header("retry-after"), "Retry-After"))
    del client.sent[:]


@when(
    "one client sends one request more than the limit, each with another forged address",
    target_fixture="client",
)
def one_client_sends_one_request_more_than_the_limit(world: World, throttler: Throttler) -> Caller:
    return send_forged(world, throttler, "{forged}")


@when("it sends one request more than the limit, each with another forged address before its own")
def it_sends_one_request_more_than_the_limit(world: World, client: Caller) -> None:
    client.sent += send_forged(world, client.throttler, f"{{forged}}, {client.address}").sent


@when("two clients come through the same second proxy", target_fixture="pair")
def two_clients_come_through_the_same_second_proxy(
    world: World, throttler: Throttler
) -> tuple[Caller, Caller]:
    proxy = world.draw.address_v4()
    one, other = (send_forged(world, throttler, f"{world.draw.address_v4()}, {proxy}") for _ in range(2))
    return one, other


@then("each of them has a budget of its own")
def each_of_them_has_a_budget_of_its_own(pair: tuple[Caller, Caller]) -> None:
    for client in pair:
        refused_last(client)


@then("a forged address before theirs changes nothing")
def a_forged_address_before_theirs_changes_nothing(world: World, pair: tuple[Caller, Caller]) -> None:
    for client in pair:
        client.send(headers={"X-Forwarded-For": f"{world.draw.address_v4()}, {client.address}"})
        refused(client)


@when(
    "one client goes round a proxy, and sends one request over the limit, each with another address",
    target_fixture="client",
)
def one_client_goes_round_a_proxy(world: World, throttler: Throttler) -> Caller:
    return send_forged(world, throttler, "{forged}")


def send_forged(world: World, throttler: Throttler, forwarded_for: str) -> Caller:
    """Send one request more than the limit, with a new forged address in each X-Forwarded-For."""
    client = Caller(throttler, forwarded_for, throttler.service.client())
    for _ in range(throttler.limit + 1):
        client.send(headers={"X-Forwarded-For": forwarded_for.format(forged=world.draw.address_v4())})
    return client


def keys_of(client: Caller) -> list[str]:
    """Return the client's keys in Redis."""
    return [str(key) for key in client.throttler.service.redis.client.scan_iter(f"rate:{client.address}:*")]


def times_to_live(client: Caller) -> dict[str, int]:
    """Return the milliseconds that each of the client's keys has to live; -1 is a key that lives for ever."""
    connection = client.throttler.service.redis.client
    left = {key: int(connection.pttl(key)) for key in keys_of(client)}
    return {
        key: milliseconds for key, milliseconds in left.items() if milliseconds != -2
    }  # -2: gone meanwhile
