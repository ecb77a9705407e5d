"""Schemas and values that explode: what is asked of them, and of others meanwhile."""

import json
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from kata.steps import Draw, Exchange, Service, describe_answer, expect, is_problem

from .api import (
    CLOCK_SECONDS,
    GRACE_SECONDS,
    INVALID,
    OK,
    ORDERS,
    SCHEMAS,
    Api,
    not_logged,
    results,
)
from .order import drawn_order
from .samples import exploding

USUAL_SECONDS = 0.3


@dataclass(frozen=True)
class Mine:
    """A version that explodes on a value, the value, and the secret in it."""

    place: str
    text: bytes
    secret: str


def laid_mine(api: Api, draw: Draw, most_depth: int) -> Mine:
    schema, value = exploding(draw, most_depth)
    secret = draw.text(16)
    return Mine(f"{SCHEMAS}/{api.register(schema)}", json.dumps({"a": secret, **value}).encode(), secret)


@dataclass(frozen=True)
class Exploded:
    """What was asked of schemas that explode, one after another or together, and of others meanwhile."""

    stopped: Sequence[Exchange]
    together: Sequence[Exchange]
    others: Sequence[Exchange]
    secret: str


def asked_meanwhile(api: Api, draw: Draw, explode: Callable[[], None]) -> list[Exchange]:
    """Ask others for as long as it takes, and return their answers."""
    harmless = api.register({"type": "integer", "title": draw.word()})
    thread = threading.Thread(target=explode)
    thread.start()
    others: list[Exchange] = []
    order = json.dumps(drawn_order(draw)[0]).encode()
    while thread.is_alive():
        others += [api.client.get("/health"), api.validate(harmless, 1), api.post(ORDERS, order)]
        others.append(api.validate(harmless, "x"))
        time.sleep(0.02)
    thread.join()
    return others


def judge_stopped(budget_seconds: float, exploded: Exploded) -> None:
    """Fail the check unless each was answered rightly or stopped, in time and not sooner."""
    least = budget_seconds - CLOCK_SECONDS
    most = budget_seconds + GRACE_SECONDS
    # Where others were answered meanwhile, it was not the machine that stood still.
    is_slow = any(other.received - other.sent > GRACE_SECONDS for other in exploded.others)
    for number, answer in enumerate((*exploded.stopped, *exploded.together)):
        in_turn = number < len(exploded.stopped)  # the others may have waited for each other
        is_doubtful = is_slow or not in_turn
        expect(answer.status != 0, expected="an answer", got=describe_answer(answer), timing=is_doubtful)
        if was_stopped(answer):
            seconds = answer.received - answer.sent
            expected = f"not stopped before {least:.2f} s have passed"
            expect(seconds > least, expected=expected, got=f"{seconds:.2f} s", answer=answer)
    for answer in exploded.stopped:
        seconds = answer.received - answer.sent
        expected = f"an answer within {most:.1f} s"
        expect(seconds < most, expected=expected, got=f"{seconds:.2f} s", answer=answer, timing=True)


def was_stopped(answer: Exchange) -> bool:
    """Tell whether it is a 422, or a stream's second result, that says so; all of the values are valid."""
    if answer.status != OK:
        code = is_problem(answer, INVALID)["code"]
    elif answer.asked.endswith("/stream"):
        first, second, third = results(answer, 3)
        whole = (first.get("valid"), third.get("valid"))
        expect(whole == (True, True), expected="the lines beside it judged", got=answer.text, answer=answer)
        code = None if second.get("valid") is True else second.get("code")
    else:
        code = None
    right = code in {None, "evaluation_stopped"}
    expect(right, expected="evaluation_stopped", got=code, answer=answer)
    return code is not None


def judge_others(others: Sequence[Exchange]) -> None:
    """Fail the check unless others were answered meanwhile, rightly and as fast as ever."""
    expect(bool(others), expected="answers meanwhile", got="none")
    for number, answer in enumerate(others):
        wanted = INVALID if number % 4 == 3 else OK
        got = describe_answer(answer)
        expect(
            answer.status == wanted,
            expected=f"{wanted} from {answer.asked}",
            got=got,
            timing=not answer.status,
        )
        seconds = answer.received - answer.sent
        expect(
            seconds < USUAL_SECONDS,
            expected=f"{answer.asked} answered within {USUAL_SECONDS} s",
            got=f"{seconds:.3f} s",
            answer=answer,
            timing=True,
        )


def judge_log(service: Service, exploded: Exploded) -> None:
    """Fail the check if the log has what was in a value that exploded."""
    not_logged(service, [exploded.secret], exploded.others[-1])
