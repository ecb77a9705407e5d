"""What the three samples have in common: their settings, and what their routes take and give."""

import time
from pathlib import Path
from typing import Annotated

from pydantic import Field

from service_kit.schemas import Body
from service_kit.settings import ServiceSettings


class Settings(ServiceSettings):
    gate: Path = Path("/nowhere")
    start: str = "well"


class NewThing(Body):
    """A thing to be made."""

    name: Annotated[str, Field(min_length=1, max_length=40)]
    count: Annotated[int, Field(ge=0, le=1000)] = 0
    is_new: bool = True


class Thing(NewThing):
    """A thing, with its number."""

    number: int


class Things(Body):
    """Some things."""

    items: list[Thing]


def client_of(peer: str, forwarded_for: str | None) -> str:
    """Tell what the plumbing hands over."""
    return f"{peer}-{forwarded_for}"


def start(settings: Settings) -> None:
    """Begin as a test of the server wants it."""
    if settings.start == "badly":
        raise RuntimeError("no such script: limit.lua")
    if settings.start == "slowly":
        settings.gate.with_suffix(".loading").touch()
        while True:
            time.sleep(0.01)


def things(limit: int) -> Things:
    return Things(items=[Thing(name="a", number=number) for number in range(min(limit, 3))])
