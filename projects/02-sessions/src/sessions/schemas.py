"""What clients see of the domain."""

from pydantic import BaseModel

from sessions.domain import Count


class CountAnswer(BaseModel):
    """How far a name was counted."""

    name: str
    value: int


class LatestAnswer(BaseModel):
    """The name that was counted last, if any was."""

    name: str | None


def count_answer(count: Count) -> CountAnswer:
    return CountAnswer(name=count.name, value=count.value)
