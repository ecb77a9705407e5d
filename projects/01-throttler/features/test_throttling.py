"""Steps of throttling.feature: budgets and windows."""

import time
from collections.abc import Callable
from dataclasses import replace
from urllib.parse import quote

from pytest_bdd import scenarios, then, when

from kata.steps import World, describe_answer, expect, is_problem, send_raw

from .caller import (
    CLOSE_TO_THE_END,
    ECHO,
    LONGEST_WORD,
    OK,
    PING,
    TOO_MANY,
    Caller,
    all_succeed,
    refused,
    refused_last,
)
from .fields import promised_headers
from .forms import UNLIMITED

BAD_REQUEST = 400
# Of one to four bytes each in UTF-8, and what has a meaning in paths, HTML and shells.
SCRIPTS = "abcXYZ019-._~ +?#%&<>\"'=:@;,$äßéñЖщ中文語ह😀🜚"

# Milliseconds: late, and time enough for an answer.
AT_THE_VERY_END = (35, 95)

scenarios("throttling.feature")


@when("it sends as many requests as the limit to the other route")
def it_sends_as_many_requests_as_the_limit(client: Caller) -> None:
    del client.sent[:]
    client.route = client.other_route
    client.send_many(client.throttler.limit)


@when(
    "others, some with addresses close to its own, send one request more than the limit each",
    target_fixture="others",
)
def others_send_one_request_more_than_the_limit_each(
    world: World, client: Caller, new_caller: Callable[[], Caller]
) -> list[Caller]:
    draw = world.draw
    octets = [draw.integer(1, 223), draw.integer(0, 255), draw.integer(0, 255), draw.integer(1, 250)]
    one = ".".join(map(str, octets))
    place = draw.integer(0, 3)
    octets[place] = octets[place] % 223 + 1
    close = ".".join(map(str, octets))
    a, b, c = (draw.integer(1, 250) for _ in range(3))
    # Ranges that some programs take for their own: of a home, of a link, of examples, of tunnels.
    special = [f"192.168.{a}.{b}", f"169.254.{a}.{b}", f"127.{a}.{b}.{c}", f"203.0.113.{a}"]
    special += [f"2001:{a:x}:{b:x}::{c:x}", f"2001:db8:{a:x}::{b:x}", f"fe80::{a:x}:{b:x}"]
    addresses = (one, close, draw.address_v6(), *special)
    others = [replace(new_caller(), address=address) for address in addresses]
    for number in range(client.throttler.limit + 1):
        for other in others:
            other.send()
        del number
    return others


@then("only the last of each is refused")
def only_the_last_of_each_is_refused(others: list[Caller]) -> None:
    for other in others:
        refused_last(other)


@then("the refusal is a problem that names its code and its request")
def the_refusal_is_a_problem_that_names_its_code(client: Caller) -> None:
    rule = "a refusal is a problem (RFC 9457) with the code rate_limited"
    code = is_problem(client.sent[-1], TOO_MANY, rule)["code"]
    expect(code == "rate_limited", expected='"code": "rate_limited"', got=code, rule=rule)


@then("it has the headers that every answer has")
def it_has_the_headers_that_every_answer_has(client: Caller) -> None:
    promised_headers(client.sent)


@when("it echoes as many different words as the limit, long ones and strange ones too, and one more")
def it_echoes_as_many_different_words_as_the_limit(client: Caller, world: World) -> None:
    draw = world.draw
    for number in range(client.throttler.limit + 1):
        letters = draw.text(draw.integer(1, LONGEST_WORD), SCRIPTS) if number % 2 else draw.word()
        client.send(f"{ECHO}/{quote(letters, safe='')}")


@when("it asks for health, readiness, metrics and documents more often than the limit allows")
def it_asks_for_health(client: Caller) -> None:
    for path in UNLIMITED:
        client.send_many(client.throttler.limit + 2, path)


@then("what is no proper request to them gets no success")
def what_is_no_proper_request_to_them_gets_no_success(world: World, client: Caller) -> None:
    url = client.throttler.service.urls[0]
    address = f"X-Forwarded-For: {client.address}\r\nConnection: close\r\n\r\n"
    for path in (PING, f"{ECHO}/{world.draw.word()}"):
        # It comes before all that might be refused with another status.
        for line in (f"GET {path}", f"DELETE {path}", f"GET /{world.draw.word()}"):
            hostless = send_raw(url, f"{line} HTTP/1.1\r\n{address}".encode())
            expect(
                hostless.status == BAD_REQUEST,
                expected=f"400 for {line} without Host",
                got=describe_answer(hostless),
            )
        method = world.draw.word().upper()
        unknown = send_raw(
            url, f"{method} {path} HTTP/1.1\r\nHost: {world.draw.word()}\r\n{address}".encode()
        )
        expect(
            not OK <= unknown.status < 300,
            expected=f"no success for the method {method}",
            got=describe_answer(unknown),
        )


@then("its budget is whole on both routes")
def its_budget_is_whole_on_both_routes(client: Caller) -> None:
    for route in (client.route, client.other_route):
        one = replace(client, route=route, sent=[])
        one.send_many(client.throttler.limit + 1)
        refused_last(one)


@when("it sends a request, and just before its window closes the rest of its budget")
def it_sends_a_request(world: World, client: Caller) -> None:
    window = client.throttler.window_seconds
    # In the middle of a window of the clock: one that is cut at round times resets before ours closes.
    into = (window / 2 - time.time()) % window
    world.sleep_until(time.monotonic() + into)
    client.send()
    world.sleep_until(client.opened.sent + window - world.draw.integer(*CLOSE_TO_THE_END) / 1000)
    client.send_many(client.throttler.limit - 1)
    all_succeed(client)


@then("a request still within the window is refused")
def a_request_still_within_the_window_is_refused(client: Caller) -> None:
    client.send()
    refused(client)


@when("it goes on sending until its window closes")
def it_goes_on_sending_until_its_window_closes(world: World, client: Caller) -> None:
    end = client.opened.sent + client.throttler.window_seconds
    while time.monotonic() < end - 0.15:
        client.send()
        refused(client)
        time.sleep(0.05)
    # And once at its very end: a refusal then prolongs it where one renews what is nearly over.
    world.sleep_until(end - world.draw.integer(*AT_THE_VERY_END) / 1000)
    client.send()
    refused(client)
