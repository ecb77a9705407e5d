"""The service as it runs, for tests that ask it over HTTP."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from kata.solution.procfile_target import ProcfileTarget
from kata.world.draw import Draw
from kata.world.owned import OwnedWorld
from kata.world.owned_service import OwnedService

PROJECT = Path(__file__).resolve().parents[1]
SETTINGS = {"MAX_DEPTH": "100", "EVALUATION_MS": "2000", "LOG_LEVEL": "warning"}


@pytest.fixture(scope="session")
def world() -> Iterator[OwnedWorld]:
    world = OwnedWorld(ProcfileTarget(PROJECT), ["files"], Draw("5eed"))
    yield world
    world.close()


@pytest.fixture(scope="session")
def service(world: OwnedWorld) -> OwnedService:
    return world.start(SETTINGS)


@pytest.fixture(scope="session")
def client(service: OwnedService) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=service.urls[0], trust_env=False, timeout=30) as client:
        yield client
