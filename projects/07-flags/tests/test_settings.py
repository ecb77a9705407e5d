import pytest
from pydantic import ValidationError

from flags.settings import Settings

USUAL: dict[str, object] = {
    "port": 8000,
    "database_url": "postgresql://localhost/flags",
    "redis_url": "redis://localhost:6379/0",
    "data_dir": "/tmp",
    "admin_tokens": "ann:" + "x" * 16,
}


def test_tokens_belong_to_names() -> None:
    settings = Settings.model_validate({**USUAL, "admin_tokens": f"ann:{'x' * 16},bob:{'y:' * 8}"})
    assert settings.admins == {"x" * 16: "ann", "y:" * 8: "bob"}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("admin_tokens", "ann:" + "x" * 15),
        ("admin_tokens", "ann:" + "x" * 257),
        ("admin_tokens", "Ann:" + "x" * 16),
        ("admin_tokens", f"ann:{'x' * 16},ann:{'y' * 16}"),
        ("admin_tokens", f"ann:{'x' * 16},"),
        ("data_dir", "relative"),
        ("data_dir", "/dev/null"),
        ("allowed_origins", "app.example"),
        ("allowed_origins", "*,https://app.example"),
        ("stream_token_seconds", 0.5),
        ("heartbeat_seconds", 61),
    ],
)
def test_what_is_out_of_bounds_is_refused(name: str, value: object) -> None:
    with pytest.raises(ValidationError, match=name):
        Settings.model_validate({**USUAL, name: value})
