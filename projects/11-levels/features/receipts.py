"""Receipts as they are read, and what they are signed as."""

import base64
import json
from contextlib import suppress
from dataclasses import dataclass

from kata.steps import (
    as_object,
    describe_answer,
    expect,
)

from .academy import LEARNERS, OK, RECEIPTS, Learner
from .solutions import Json, Solution


@dataclass(frozen=True)
class Passed:
    """A run that has passed, and the solution that it was of."""

    run: Json
    solution: Solution


@dataclass(frozen=True)
class Receipts:
    """Runs in the order of their ends, and those that have none."""

    passed: list[Passed]
    others: list[str]


def chain_of(learner: Learner) -> Json:
    """Ask for the learner's chain, as somebody who is nobody here."""
    answer = learner.academy.service.client().get(f"{LEARNERS}/{learner.user_id}/chain")
    expect(answer.status == OK, expected="200 for a chain, without a token", got=describe_answer(answer))
    return as_object(answer)


def receipt_of(learner: Learner, run_id: object) -> tuple[Json, str]:
    """Ask for a receipt, as somebody who is nobody here: what it says, and its signature."""
    answer = learner.academy.service.client().get(f"{RECEIPTS}/{run_id}")
    expect(answer.status == OK, expected="200 for a receipt, without a token", got=describe_answer(answer))
    document = as_object(answer)
    statement, signature = document.get("receipt"), document.get("signature")
    expect(isinstance(statement, dict), expected="a receipt", got=answer.text[:300])
    assert isinstance(statement, dict)
    return statement, str(signature)


def canonical(statement: Json) -> bytes:
    """Return the canonical form of JSON without fractions. Source: RFC 8785."""
    return json.dumps(statement, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def decoded(text: object) -> bytes:
    with suppress(ValueError):
        return base64.urlsafe_b64decode(f"{text}==")
    return b""
