"""What a project says of itself: its features/conftest.py overrides these fixtures."""

from collections.abc import Callable

import pytest

from kata.network.exchange import Request
from kata.world.protocols import Service, World


@pytest.fixture
def service_settings() -> dict[str, str]:
    """The settings with which the service is asked; a project's conftest.py overrides them."""
    return {}


@pytest.fixture
def bad_settings() -> list[tuple[str, str]]:
    """Settings that must stop the start; a project's conftest.py adds its own."""
    return []


@pytest.fixture
def accepted_settings() -> dict[str, str]:
    """Settings that must not stop the start, such as bounds and left out ones; S10 starts with them."""
    return {}


@pytest.fixture
def unfinished_request(world: World, contract_paths: list[str]) -> Callable[[Service], Request]:
    """Make the request whose body is on its way when the process is told to stop.

    A project whose routes refuse it by its head has one of its own: what is answered cannot be cut off.
    """
    path = world.draw.choice(contract_paths or ["/"]).replace("{", "").replace("}", "")
    return lambda _: Request("POST", path, {"Content-Type": "application/json"}, b"{}")


@pytest.fixture
def contract_paths() -> list[str]:
    """The route templates that /openapi.json has to list; a project's conftest.py names them."""
    return []
