"""Settings that the features share, and what the service checks ask for."""

import pytest

from kata.steps import World


@pytest.fixture
def service_settings(world: World) -> dict[str, str]:
    return {"INCREMENT": str(world.setting("INCREMENT", 2, 500, away_from=[1]))}


@pytest.fixture
def bad_settings() -> list[tuple[str, str]]:
    return [
        ("INCREMENT", "0"),
        ("INCREMENT", "many"),
        ("DATABASE_URL", "nowhere"),
        ("REDIS_URL", "nowhere"),
    ]


@pytest.fixture
def contract_paths() -> list[str]:
    return ["/api/v1/counters/{name}", "/api/v1/latest"]
