"""Settings that the features share, what the service checks ask for, and steps of more than one feature."""

import pytest
from pytest_bdd import given

from kata.steps import Service, World

from .api import Api

# What the lesson prints.
PRINTED = {
    "MAX_DEPTH": 64,
    "MAX_MEMBERS": 20_000,
    "MAX_STRINGS": 20_000,
    "MAX_ERRORS": 100,
    "MAX_LINE_BYTES": 65_536,
    "EVALUATION_MS": 500,
}
RANGES = {
    "MAX_DEPTH": (20, 180),
    "MAX_MEMBERS": (1500, 9000),
    "MAX_STRINGS": (1200, 8000),
    "MAX_ERRORS": (30, 75),
    "MAX_LINE_BYTES": (300, 9000),
    "EVALUATION_MS": (280, 800),
}


@pytest.fixture
def limits(world: World) -> dict[str, int]:
    """The limits of the service, far from those that are printed."""
    return {
        name: world.setting(name, low, high, away_from=[PRINTED[name]])
        for name, (low, high) in RANGES.items()
    }


@pytest.fixture
def service_settings(limits: dict[str, int]) -> dict[str, str]:
    return {name: str(value) for name, value in limits.items()}


@pytest.fixture
def bad_settings(world: World) -> list[tuple[str, str]]:
    name = world.draw.choice(("MAX_MEMBERS", "MAX_STRINGS"))
    return [
        ("MAX_DEPTH", world.draw.choice(("0", "201", "deep"))),
        (name, world.draw.choice(("0", "100001", "1.5"))),
        ("MAX_ERRORS", world.draw.choice(("0", "1001", "-1"))),
        ("MAX_LINE_BYTES", world.draw.choice(("15", "1048577"))),
        ("EVALUATION_MS", world.draw.choice(("49", "10001", "soon"))),
        ("DATA_DIR", world.draw.choice(("relative/folder", "", "/dev/null"))),
    ]


@pytest.fixture
def contract_paths() -> list[str]:
    return [
        "/api/v1/codes",
        "/api/v1/orders",
        "/api/v1/schemas",
        "/api/v1/schemas/{version_id}",
        "/api/v1/schemas/{version_id}/validate",
        "/api/v1/schemas/{version_id}/batch",
        "/api/v1/schemas/{version_id}/stream",
        "/api/v1/compatibility",
    ]


@pytest.fixture
def service(world: World, service_settings: dict[str, str]) -> Service:
    return world.start(service_settings)


@given("a validation service", target_fixture="api")
def a_validation_service(service: Service, world: World) -> Api:
    return Api(service, world.draw)
