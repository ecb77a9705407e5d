"""Placeholder."""

import pytest


@pytest.fixture
def service_settings() -> dict[str, str]:
    return {}


@pytest.fixture
def bad_settings() -> list[tuple[str, str]]:
    return [("MAX_ATTEMPTS", "0")]


@pytest.fixture
def contract_paths() -> list[str]:
    return ["/in/{name}", "/api/v1/sources"]
