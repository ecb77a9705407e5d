"""Steps of requests.feature: words, methods, spellings, and what each costs."""

from collections.abc import Callable
from urllib.parse import quote, unquote

from pytest_bdd import given, scenarios, then, when

from kata.steps import Exchange, RequestCount, World, as_object, describe_answer, expect, is_problem

from .caller import ECHO, LONGEST_WORD, OK, PING, TOO_MANY, Caller, Throttler, refused
from .fields import fields_are_true, no_fields, promised_headers
from .forms import COUNTED, OTHER_METHODS, UNCOUNTED, Form, counted_forms, method_form, uncounted_forms
from .lines import lines_of

NOT_FOUND = 404
NOT_ALLOWED = 405
UNPROCESSABLE = 422
SERVER_ERROR = 500
PROBES = ("/health", "/ready", "/metrics")
NO_WORD = "/%"  # what has an escape that is none
# Of one to four bytes each in UTF-8, and what has a meaning in paths, HTML and shells.
SCRIPTS = "abcXYZ019-._~ +?#%&<>\"'=:@;,$äßéñЖщ中文語ह😀🜚"

scenarios("requests.feature")


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
            right = OK <= answer.status < SERVER_ERROR
            expect(right, expected="no 5xx", got=describe_answer(answer))
        elif word.startswith("/"):
            is_problem(answer, NOT_FOUND)
        elif len(word) > LONGEST_WORD:
            is_problem(answer, UNPROCESSABLE)
        else:
            body = {"word": word} if word else {"message": "pong"}
            expect(answer.status == OK, expected=f"200 {body}", got=describe_answer(answer))
            expect(as_object(answer) == body, expected=str(body), got=answer.text[:200], answer=answer)
            kind = (answer.header("content-type") or "none").partition(";")[0]
            expect(kind == "application/json", expected="application/json", got=kind, answer=answer)


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


@then("a line of the output tells of each of them")
def a_line_of_the_output_tells_of_each_of_them(
    throttler: Throttler, asked: list[tuple[Form, Exchange]]
) -> None:
    """But for what supervisors ask all the time."""
    told = [answer for _, answer in asked if unquote(answer.asked.split()[1]) not in PROBES]
    lines_of(throttler.service, told)
