"""Steps of throttling.feature: windows, counters, headers and addresses."""

import math
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from urllib.parse import quote

from pytest_bdd import given, scenarios, then, when

from kata.steps import (
    Exchange,
    Inconclusive,
    NotRunError,
    Request,
    RequestCount,
    World,
    as_object,
    describe_answer,
    expect,
    is_problem,
    send_raw,
    wait_until_ready,
)

from .caller import (
    DELAY_MILLISECONDS,
    ECHO,
    LONGEST_WORD,
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
    refused,
    refused_last,
)
from .counts import at_most_within_the_window, times_to_live
from .fields import (
    be_sure,
    fields_are_true,
    item,
    no_fields,
    promised_headers,
    seconds_are_true,
    whole_seconds,
)
from .forms import (
    COUNTED,
    OTHER_METHODS,
    UNCOUNTED,
    UNLIMITED,
    Form,
    counted_forms,
    method_form,
    uncounted_forms,
)
from .losses import Loss, lose

# Milliseconds before the end of a window in which its budget is still spent.
CLOSE_TO_THE_END = (180, 400)
LARGE_LIMIT = (60, 400)
LONG_WINDOW_SECONDS = (4_000, 86_400)
A_DAY_SECONDS = 86_400

BAD_REQUEST = 400
NOT_FOUND = 404
NOT_ALLOWED = 405
UNPROCESSABLE = 422
SERVER_ERROR = 500
NO_WORD = "/%"  # what has an escape that is none
# Of one to four bytes each in UTF-8, and what has a meaning in paths, HTML and shells.
SCRIPTS = "abcXYZ019-._~ +?#%&<>\"'=:@;,$äßéñЖщ中文語ह😀🜚"

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
        hostless = send_raw(url, f"GET {path} HTTP/1.1\r\n{address}".encode())
        expect(
            hostless.status == BAD_REQUEST,
            expected="400 for HTTP/1.1 without Host",
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


@when("it pings, and echoes words of all lengths and scripts", target_fixture="words")
def it_pings_and_echoes_words(world: World, new_caller: Callable[[], Caller]) -> list[tuple[str, Exchange]]:
    """Each from a client of its own: there are more of them than the smallest limit."""
    draw = world.draw
    lengths = [1, draw.integer(2, 62), 63, LONGEST_WORD, LONGEST_WORD + 1, draw.integer(66, 300)]
    words = [draw.text(length, SCRIPTS).replace(".", "-") for length in lengths]
    # Letters that are four bytes, or two code points, and one of each that has a meaning somewhere.
    words += ["e\u0301" * draw.integer(LONGEST_WORD // 2 + 1, LONGEST_WORD), f"{draw.word()}e\u0301"]
    words += [f" {draw.word()} ", f"{draw.word()}.{draw.word()}", f"\\{draw.word()}\n\t\x7f\u2028"]
    words += ["😀" * LONGEST_WORD, "😀" * (LONGEST_WORD + 1), f"{draw.word()}+{draw.word()} %41", "<b>&amp;"]
    found = [("", new_caller().send(PING))]
    found += [(word, new_caller().send(f"{ECHO}/{quote(word, safe='')}")) for word in words]
    no_escape = draw.choice(("%", "%zz", "%e", "%ff", "%C3", "%ED%A0%80"))
    found.append((NO_WORD, new_caller().send(f"{ECHO}/{draw.word()}{no_escape}")))
    for nothing in ("", f"{draw.word()}/{draw.word()}", f"{draw.word()}%2F{draw.word()}"):
        found.append((f"/{nothing}", new_caller().send(f"{ECHO}/{nothing}")))
    return found


@then("the answers are pong, the words, and problems for those that are too long or none")
def the_answers_are_pong_the_words_and_problems(words: list[tuple[str, Exchange]]) -> None:
    promised_headers(answer for _, answer in words)
    for word, answer in words:
        if word == NO_WORD:
            expect(OK <= answer.status < SERVER_ERROR, expected="no 5xx", got=describe_answer(answer))
        elif word.startswith("/"):
            is_problem(answer, NOT_FOUND)
        elif len(word) > LONGEST_WORD:
            is_problem(answer, UNPROCESSABLE)
        else:
            body = {"word": word} if word else {"message": "pong"}
            expect(answer.status == OK, expected=f"200 {body}", got=describe_answer(answer))
            expect(as_object(answer) == body, expected=str(body), got=answer.text[:200])
            kind = (answer.header("content-type") or "none").partition(";")[0]
            expect(kind == "application/json", expected="application/json", got=kind)


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
def it_goes_on_sending_until_its_window_closes(client: Caller) -> None:
    end = client.opened.sent + client.throttler.window_seconds
    while time.monotonic() < end - 0.15:
        client.send()
        refused(client)
        time.sleep(0.05)


@then("Redis holds keys of that client and that route")
def redis_holds_keys_of_that_client_and_that_route(client: Caller) -> None:
    found = client.redis_keys()
    expect(
        any(f":{client.route}" in key for key in found),
        expected=f"a key rate:{client.address}:{client.route}",
        got=", ".join(found) or f"none among {client.throttler.service.redis.client.keys('*')}",
        rule="the count of a client and a route stands in Redis under rate:{ip}:{route}",
    )


@then("they expire with the window")
def they_expire_with_the_window(client: Caller) -> None:
    window = client.throttler.window_seconds
    left = times_to_live(client)
    at_most_within_the_window(client, left)
    least = (client.opened.sent + window - time.monotonic() - 0.05) * 1000
    expect(
        max(left.values(), default=0) >= least,
        expected=f"a key that lives until the window closes, for {least:.0f} ms or more",
        got=str(left),
        rule="the window closes WINDOW_SECONDS after the request that opened it, and not before",
    )


@when("its keys are given to another client, and taken from it", target_fixture="other")
def its_keys_are_given_to_another_client(client: Caller, new_caller: Callable[[], Caller]) -> Caller:
    redis = client.throttler.service.redis.client
    client.send_many(client.throttler.limit)  # all refused, which nobody may remember
    other = replace(new_caller(), route=client.route)
    while (":" in other.address) != (":" in client.address):
        other = replace(new_caller(), route=client.route)
    theirs = f"rate:{other.address}:"
    if ":" in client.address:  # how much of it the key has is told by its first request, which is then undone
        other.send()
        theirs = common_beginning(other.redis_keys(), other.route)
        redis.delete(*other.redis_keys())
    for key in client.redis_keys():
        redis.rename(key, theirs + key[len(common_beginning([key], client.route)) :])
    return other


def common_beginning(keys: list[str], route: str) -> str:
    """Return what stands before the route."""
    return next((key[: key.index(route)] for key in keys if route in key), "")


@then("the other client is refused")
def the_other_client_is_refused(client: Caller, other: Caller) -> None:
    answer = other.send()
    if answer.status != TOO_MANY:
        client.sent.append(answer)
        client.within_window()
        client.in_doubt()
    expect(
        answer.status == TOO_MANY,
        expected="429 for a client with the keys of one that has used up its budget",
        got=describe_answer(answer),
    )


@then("the client itself has its whole budget again")
def the_client_itself_has_its_whole_budget_again(client: Caller) -> None:
    again = replace(client, sent=[])
    again.send_many(client.throttler.limit + 1)
    refused_last(again)


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
    made = [exchange.header("x-request-id") for exchange in client.sent]
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


@given("clients that have used up some of their budgets", target_fixture="clients")
def clients_that_have_used_up_some_of_their_budgets(
    world: World, new_caller: Callable[[], Caller]
) -> list[Caller]:
    clients = [new_caller(), new_caller()]
    for client in clients:
        limit = client.throttler.limit
        client.send_many(world.draw.choice((1, world.draw.integer(1, limit), limit)))
        all_succeed(client)
    return clients


@when("the time to live of one's count is lost, and another's is longer than the window")
def the_time_to_live_of_one_s_count_is_lost(world: World, clients: list[Caller]) -> None:
    """As after a crash of older code, and after a restart with a shorter window."""
    one, another = clients
    redis, window = one.throttler.service.redis.client, one.throttler.window_seconds
    for key in one.redis_keys():
        redis.persist(key)
    for key in another.redis_keys():
        redis.expire(key, window + world.draw.integer(1, 9 * window))


@when("each of them sends a request")
def each_of_them_sends_a_request(clients: list[Caller]) -> None:
    for client in clients:
        client.send()


@then("every one of their keys lives for the window at most")
def every_one_of_their_keys_lives_for_the_window_at_most(clients: list[Caller]) -> None:
    for client in clients:
        at_most_within_the_window(client, times_to_live(client))


@then("after a further window each has its whole budget again")
def after_a_further_window_each_has_its_whole_budget_again(world: World, clients: list[Caller]) -> None:
    world.sleep_until(clients[-1].sent[-1].received + clients[-1].throttler.window_seconds + 0.1)
    for client in clients:
        again = replace(client, sent=[])
        again.send_many(client.throttler.limit + 1)
        refused_last(again)


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
    if min(look.blind_seconds for look in looks) > 2 * DELAY_MILLISECONDS[0] / 1000:
        raise Inconclusive("Redis could not be looked at often enough to see what is between two commands")


@given("a throttler with a large limit and a long window", target_fixture="throttler")
def a_throttler_with_a_large_limit_and_a_long_window(world: World) -> Throttler:
    windows = (world.setting("WINDOW_SECONDS", *LONG_WINDOW_SECONDS), A_DAY_SECONDS)
    window = windows[world.setting("A_DAY", 0, 1)]
    limit = world.setting("LIMIT", *LARGE_LIMIT)
    settings = {"LIMIT": str(limit), "WINDOW_SECONDS": str(window), "TRUSTED_HOPS": "1"}
    throttler = Throttler(world.start(settings), limit, window)
    with suppress(NotRunError):
        throttler.service.redis.proxy.pass_through()
    return throttler


@when("a client uses up its budget at once", target_fixture="client")
def a_client_uses_up_its_budget_at_once(new_caller: Callable[[], Caller]) -> Caller:
    client = new_caller()
    requests = [Request("GET", client.path, client.headers()) for _ in range(client.throttler.limit)]
    client.sent += client.throttler.service.burst(requests)
    all_succeed(client)
    held = counts_in_redis(client.redis_keys(), client)
    if held is not None and held < client.throttler.limit:
        raise Inconclusive(
            f"of {client.throttler.limit} successes Redis holds {held}: it was given up meanwhile"
        )
    return client


@when("the web process is ended, one way or the other, and started again")
def the_web_process_is_ended_and_started_again(world: World, client: Caller) -> None:
    web = client.throttler.service.web
    if world.draw.choice((True, False)):
        web.terminate()
    else:
        web.kill()
    web.restart()
    wait_until_ready(web)


@then("the request is refused after the restart, too")
def the_request_is_refused_after_the_restart_too(client: Caller) -> None:
    answer = client.sent[-1]
    expect(
        answer.status == TOO_MANY,
        expected=f"429, for all {client.throttler.limit} were used before the restart",
        got=describe_answer(answer),
    )


@when("it sends some requests")
def it_sends_some_requests(client: Caller) -> None:
    client.send_many(client.draw.integer(3, 9))


@then("its keys live as long as the window")
def its_keys_live_as_long_as_the_window(client: Caller) -> None:
    they_expire_with_the_window(client)


@then("another client is told the same while Redis is lost")
def another_client_is_told_the_same_while_redis_is_lost(world: World, throttler: Throttler) -> None:
    draw, proxy = world.draw, throttler.service.redis.proxy
    client = Caller(throttler, draw.address(), draw, draw.choice(ROUTES))
    lose(proxy, draw.choice(list(Loss)), draw)
    client.send_many(draw.integer(3, 9))
    proxy.pass_through()
    fields_are_true(client, in_redis=False)


@then("each answer tells the policy, what remains of it, and when the window closes")
def each_answer_tells_the_policy(client: Caller) -> None:
    fields_are_true(client)


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


@when("it asks in every way that counts, and between them in every way that does not", target_fixture="asked")
def it_asks_in_every_way(world: World, client: Caller) -> list[tuple[Form, Exchange]]:
    """As many as the limit of those that count, all of one route."""
    draw = world.draw
    counted = counted_forms(client, draw)
    counted = (counted * (1 + client.throttler.limit // len(counted)))[: client.throttler.limit]
    forms = draw.shuffle([*counted, *uncounted_forms(client, draw)])
    return [(form, form.ask(client)) for form in forms]


@then("every answer has the status that the contract says")
def every_answer_has_the_status_that_the_contract_says(
    client: Caller, asked: list[tuple[Form, Exchange]]
) -> None:
    for form, answer in asked:
        if answer.status == TOO_MANY:
            client.in_doubt()
        form.judge(answer)


@given("its metrics are looked at", target_fixture="count")
def its_metrics_are_looked_at(throttler: Throttler) -> RequestCount:
    client = throttler.service.client()
    return RequestCount(lambda: client.get("/metrics"))


@then("all of them were counted in the metrics")
def all_of_them_were_counted_in_the_metrics(
    client: Caller, count: RequestCount, asked: list[tuple[Form, Exchange]]
) -> None:
    requests = len(asked)
    statuses = ", ".join(sorted({str(answer.status) for _, answer in asked}))
    expect(
        count.has_grown_by(requests),
        expected=f"a counter that grew by {requests} in all, for as many requests, answered {statuses}",
        got="none",
        rule="/metrics counts requests, whatever they were answered",
    )
    word = client.draw.word()
    client.send(f"{ECHO}/{word}")
    found = [line for line in client.http.get("/metrics").text.splitlines() if word in line]
    expect(not found, expected="series by route, of which there are few", got="".join(found[:1]))


@then("one request more is refused, with whatever input, but for what does not reach the route")
def one_request_more_is_refused(world: World, client: Caller, asked: list[tuple[Form, Exchange]]) -> None:
    """Also that the limit comes before the input, and behind the path and the method."""
    client.sent = [answer for form, answer in asked if form.counts is COUNTED]
    more = [client.path, f"{client.path}?{world.draw.word()}=1"]
    if client.route != PING:
        more.append(f"{ECHO}/{world.draw.text(LONGEST_WORD + 1)}")
    for path in more:
        client.send(path)
        refused(client)
    answer = client.http.request(world.draw.choice(OTHER_METHODS), client.path, headers=client.headers())
    is_problem(answer, NOT_ALLOWED)
    form = method_form(answer.asked, client.route, (NOT_ALLOWED,))
    asked += [(form, it) for it in (*client.sent[-len(more) :], answer)]


@then("each counted answer tells the policy and what remains of it, and the others nothing")
def each_counted_answer_tells_the_policy(client: Caller, asked: list[tuple[Form, Exchange]]) -> None:
    client.sent = [answer for form, answer in asked if form.counts is COUNTED]
    fields_are_true(client)
    others = [answer for form, answer in asked if form.counts is UNCOUNTED]
    no_fields(others)
    promised_headers([*client.sent, *others])


@when("it is refused, and waits as long as Retry-After says")
def it_is_refused_and_waits_as_long_as_retry_after_says(world: World, client: Caller) -> None:
    refusal = client.send()
    refused(client)
    world.sleep_until(refusal.received + whole_seconds(refusal.header("retry-after"), "Retry-After"))
    del client.sent[:]
