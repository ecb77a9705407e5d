"""Steps of gate.feature: what a proxy asks, and how paths are spelled."""

from collections.abc import Callable
from urllib.parse import quote

from pytest_bdd import given, scenarios, then, when

from kata.steps import Draw, Exchange, Inconclusive, World, describe_answer, expect, is_problem, surely_within

from .caller import TOO_MANY, Caller, Throttler, draw_throttler
from .fields import item, no_fields

NO_CONTENT = 204
BAD_REQUEST = 400
NO_PATHS = 3

scenarios("gate.feature")


@when("a proxy asks the gate for it as many times as the limit, and once more")
def a_proxy_asks_the_gate_for_it_as_many_times_as_the_limit(world: World, client: Caller) -> None:
    for _ in range(client.throttler.limit + 1):
        ask_gate(client, f"/{world.draw.word()}")


@then("all but the last are 204, and the last is 429")
def all_but_the_last_are_204_and_the_last_is_429(client: Caller) -> None:
    gate_refuses_last(client, client.sent)


@then("every answer of the gate carries the rate-limit fields")
def every_answer_of_the_gate_carries_the_rate_limit_fields(client: Caller) -> None:
    for answer in client.sent:
        item(answer, "ratelimit-policy")
        item(answer, "ratelimit")
    seconds = client.sent[-1].header("retry-after")
    expect((seconds or "").isdigit(), expected="Retry-After", got=seconds)


@given("a throttler of its own whose gate limits /api/*", target_fixture="throttler")
def a_throttler_of_its_own_whose_gate_limits_api(world: World) -> Throttler:
    file = world.file("policies.toml", '[[gate]]\npath = "/api/*"\n')
    return draw_throttler(world, world.start_alone, POLICIES_FILE=file)


@when("a proxy asks the gate for other paths more often than the limit")
def a_proxy_asks_the_gate_for_other_paths_more(world: World, client: Caller) -> None:
    for _ in range(client.throttler.limit + 2):
        ask_gate(client, f"/{world.draw.word()}")


@then("asked for differently spelled paths below /api, only the last over the limit is refused")
def asked_for_differently_spelled_paths_below_api(world: World, client: Caller) -> None:
    spellings = ("/api/{}", "/%61pi/{}", "//api/{}", "/x/../api/{}", "/api/{}?page=2")
    asked = [
        ask_gate(client, spellings[number % len(spellings)].format(quote(world.draw.word())))
        for number in range(client.throttler.limit + 1)
    ]
    gate_refuses_last(client, asked)


@then("what an upstream might read as such a path, or as none, is refused with 400 and costs nothing")
def what_an_upstream_might_read_as_such_a_path_is_refused(
    world: World, new_caller: Callable[[], Caller]
) -> None:
    """The same spellings pass where no rule is near."""
    client = new_caller()
    for path in unclear_paths(world.draw):
        answer = ask_gate(client, path)
        is_problem(answer, BAD_REQUEST)
        no_fields([answer])
    for headers in named_twice(world.draw):
        is_problem(client.send("/gate", headers={**client.headers(), **headers}), BAD_REQUEST)
    expect(not client.redis_keys(), expected="no key of a client that was refused", got=client.redis_keys())
    for path in unclear_paths(world.draw)[:-NO_PATHS]:
        other = path.replace("api", world.draw.word()).replace("API", "Other").replace("%2561pi", "%2541")
        answer = ask_gate(client, other)
        expect(answer.status == NO_CONTENT, expected=f"204 for {other}", got=describe_answer(answer))


def unclear_paths(draw: Draw) -> list[str]:
    """Return paths that lie below /api for some upstream, but not for the gate; the last are no paths."""
    word = draw.word()
    return [
        f"/%2561pi/{word}",
        f"/api\\{word}",
        f"/api%5C{word}",
        f"/api%255C{word}",
        f"/api;v={draw.integer(1, 9)}/{word}",
        f"/API/{word}",
        f"/{word}/..;/api/{word}",
        f"/{word}%00/../api/{word}",
        f"http://{word}/api/{word}",
        "*",
    ]


def named_twice(draw: Draw) -> list[dict[str, str]]:
    """Return headers that name no path, or two. Two lines of one are one with a comma: RFC 9110, 5.3."""
    one = f"/{draw.word()}{draw.choice(['', '?page=2'])}"
    comma = draw.choice([",", ", "])
    return [
        {},
        {"X-Forwarded-Uri": one, "X-Original-URI": "/api/x"},
        {"X-Forwarded-Uri": f"{one}{comma}/api/{draw.word()}"},
        {"X-Original-URI": f"{one}{comma}/api/{draw.word()}"},
        {"X-Forwarded-Uri": f"/api/{draw.word()}", "X-Forwarded-Method": f"GET{comma}POST"},
    ]


def ask_gate(client: Caller, path: str) -> Exchange:
    """Ask the gate about a path as a proxy does: with the query and the headers of its client."""
    of_the_client = {"Accept": "image/webp", "Content-Type": "text/plain"}
    headers = {**client.headers(), **of_the_client, "X-Forwarded-Uri": path}
    return client.send(f"/gate?{quote(path.strip('/'))}=1", headers=headers)


def gate_refuses_last(client: Caller, asked: list[Exchange]) -> None:
    """Demand 204 for all but the last of what the gate was asked, and 429 for that."""
    if not surely_within(asked[0], asked[-1], client.throttler.window_seconds):
        raise Inconclusive("the requests took longer than the window")
    for number, answer in enumerate(asked, start=1):
        status = NO_CONTENT if number < len(asked) else TOO_MANY
        expect(
            answer.status == status,
            expected=f"{status} from the gate for request {number} of {len(asked)}",
            got=describe_answer(answer),
            exchanges=asked[:number],
            timing=True,
        )
