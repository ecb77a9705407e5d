from collections.abc import Iterator
from pathlib import Path

import pytest

from kata.solution.procfile_target import ProcfileTarget
from kata.world.draw import Draw
from kata.world.owned import OwnedWorld

PROJECT = Path(__file__).parents[1]


@pytest.fixture
def world() -> Iterator[OwnedWorld]:
    """The platform's real processes, started by its Procfile."""
    world = OwnedWorld(ProcfileTarget(PROJECT), ("postgres", "redis", "smtp", "files"), Draw())
    yield world
    world.close()
