"""Clients whom no other check knows, and what may be demanded of their answers while Redis is lost."""

import re
from collections.abc import Callable, Sequence

from kata.steps import Exchange, World, describe_answer, expect, is_problem

from .caller import ANSWER_SECONDS, ECHO, LONGEST_WORD, OK, PING, ROUTES, Caller, Throttler

UNAVAILABLE = 503


def in_time(answers: Sequence[Exchange]) -> None:
    if not answers:
        return
    slowest = max(answers, key=lambda exchange: exchange.received - exchange.sent)
    seconds = slowest.received - slowest.sent
    expect(
        seconds <= ANSWER_SECONDS,
        expected="every answer within 0.200 s",
        got=f"{describe_answer(slowest)} after {seconds:.3f} s",
        rule="with Redis lost, slow or silent, an answer still comes within 200 ms",
        timing=True,
    )


def new_stranger(world: World, throttler: Throttler) -> Callable[[], Caller]:
    """Make clients while Redis may be lost."""
    draw = world.draw
    return lambda: Caller(
        throttler, draw.choice((draw.address_v4, draw.address_v6))(), draw, draw.choice(ROUTES)
    )


def expected(status: int, answer: Exchange) -> None:
    """Demand the status, of a problem where it is an error."""
    if status >= 400 and not answer.asked.startswith("HEAD"):
        is_problem(answer, status)
    expect(answer.status == status, expected=f"{status} for {answer.asked}", got=describe_answer(answer))


def refused_for_want_of_redis(answer: Exchange) -> None:
    rule = "with FAILURE_MODE=closed a lost Redis answers 503 with Retry-After"
    expected(UNAVAILABLE, answer)
    seconds = answer.header("retry-after") or ""
    expect(
        re.fullmatch("[0-9]+", seconds) is not None,
        expected="Retry-After in whole seconds",
        got=seconds,
        rule=rule,
    )


def asked_otherwise(world: World) -> list[tuple[str, str, int]]:
    """Return other requests that reach a limited route, and what they get of it."""
    return [
        ("GET", f"{PING}?{world.draw.word()}=1", 400),
        ("GET", f"{ECHO}/{world.draw.text(LONGEST_WORD + 1)}", 422),
        ("HEAD", f"{ECHO}/{world.draw.word()}", OK),
    ]
