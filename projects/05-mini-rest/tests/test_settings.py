import pytest
from pydantic import ValidationError

from mini_rest.settings import Settings

USUAL: dict[str, object] = {
    "port": 8000,
    "database_url": "postgresql://localhost/mini_rest",
    "operator_token": "o" * 16,
    "cursor_secret": "c" * 16,
}


def test_a_key_is_remembered_for_a_day_unless_told_otherwise() -> None:
    settings = Settings.model_validate(USUAL)
    assert (settings.idempotency_ttl_seconds, settings.title_limit) == (86_400, 200)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("operator_token", "o" * 15),
        ("operator_token", "o" * 257),
        ("operator_token", " " * 20),
        ("cursor_secret", " " * 20),
        ("cursor_secret", "c" * 15),
        ("idempotency_ttl_seconds", 0),
        ("title_limit", 10_001),
        ("title_limit", "many"),
    ],
)
def test_a_setting_out_of_bounds_is_refused(name: str, value: object) -> None:
    with pytest.raises(ValidationError, match=name):
        Settings.model_validate({**USUAL, name: value})


@pytest.mark.parametrize("name", ["operator_token", "cursor_secret", "database_url"])
def test_what_has_no_default_is_demanded(name: str) -> None:
    with pytest.raises(ValidationError, match=name):
        Settings.model_validate({key: value for key, value in USUAL.items() if key != name})
