import pytest

from kata.steps import World


@pytest.fixture
def service_settings(world: World) -> dict[str, str]:
    return {
        "LARGEST": str(world.setting("LARGEST", 100, 9_000, away_from=[1000])),
        "KEEP_MILLISECONDS": str(world.setting("KEEP_MILLISECONDS", 300, 700, away_from=[500])),
    }


@pytest.fixture
def bad_settings() -> list[tuple[str, str]]:
    return [("LARGEST", "many"), ("KEEP_MILLISECONDS", "0")]


@pytest.fixture
def contract_paths() -> list[str]:
    return ["/api/v1/double/{number}", "/api/v1/last"]
