"""Deliveries, and the answers that they should get."""

from dataclasses import dataclass

from kata.steps import Exchange, describe_answer, expect, is_problem

from .desk import (
    ACCEPTED,
    Desk,
    accepted,
    in_doubt,
)
from .sender import (
    Source,
)


@dataclass(frozen=True)
class Sent:
    """A delivery, what it is, and the answer that it should get."""

    what: str
    answer: Exchange
    status: int = ACCEPTED


def judged(sent: list[Sent]) -> None:
    """Demand of each the answer that it should get."""
    for one in sent:
        if one.status == ACCEPTED:
            expect(
                one.answer.status == ACCEPTED,
                expected=f"202 for {one.what}",
                got=f"{describe_answer(one.answer)} {one.answer.text[:200]}",
                answer=one.answer,
                timing=in_doubt(one.answer),
            )
            accepted(one.answer)
        else:
            is_problem(one.answer, one.status, f"{one.status} for {one.what}")


def has_events(service: Desk, source: Source, count: int) -> None:
    found = service.listed(100, source=source.name)
    expect(len(found) == count, expected=f"{count} events of the source", got=found)
