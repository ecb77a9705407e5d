"""What clients see of the domain."""

from pydantic import BaseModel

from webhooks.domain import Count


class CountAnswer(BaseModel):
    """How far a name was counted."""

    name: str
    value: int


def count_answer(count: Count) -> CountAnswer:
    return CountAnswer(name=count.name, value=count.value)
