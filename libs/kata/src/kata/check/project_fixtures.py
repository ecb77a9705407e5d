"""What a project says of itself: its features/conftest.py overrides these fixtures."""

import pytest


@pytest.fixture
def service_settings() -> dict[str, str]:
    """The settings with which the service is asked; a project's conftest.py overrides them."""
    return {}


@pytest.fixture
def bad_settings() -> list[tuple[str, str]]:
    """Settings that must stop the start; a project's conftest.py adds its own."""
    return []


@pytest.fixture
def contract_paths() -> list[str]:
    """The route templates that /openapi.json has to list; a project's conftest.py names them."""
    return []
