import pytest
from pydantic import ValidationError

from core_backend.settings import Settings, WorkerSettings

USUAL: dict[str, object] = {
    "port": 8000,
    "database_url": "postgresql://localhost/core_backend",
    "redis_url": "redis://localhost:6379/0",
    "jwt_secret": "x" * 32,
}


def test_the_secret_is_not_printed() -> None:
    assert "xxx" not in repr(Settings.model_validate(USUAL))


@pytest.mark.parametrize("secret", ["", "x" * 31])
def test_a_short_secret_is_refused(secret: str) -> None:
    with pytest.raises(ValidationError, match="jwt_secret"):
        Settings.model_validate({**USUAL, "jwt_secret": secret})


def test_the_worker_needs_neither_redis_nor_the_secret() -> None:
    worker = WorkerSettings.model_validate({"database_url": USUAL["database_url"]})
    assert worker.welcome_url is None
