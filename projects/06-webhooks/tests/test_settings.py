import pytest
from pydantic import ValidationError

from webhooks.settings import WebSettings

USUAL: dict[str, object] = {
    "port": 8000,
    "database_url": "postgresql://localhost/webhooks",
    "operator_token": "o" * 16,
}


def test_the_defaults_fit_together() -> None:
    settings = WebSettings.model_validate(USUAL)
    assert settings.lease_seconds > settings.forward_timeout_seconds
    assert settings.key_days >= settings.payload_days


@pytest.mark.parametrize(
    "changes",
    [
        {"tolerance_seconds": 0},
        {"key_days": 6.9},
        {"payload_days": 31},
        {"lease_seconds": 10.4},
        {"backoff_base_seconds": 10, "backoff_cap_seconds": 9},
        {"operator_token": "o" * 15},
        {"operator_token": "o" * 257},
        {"operator_token": " " * 20},
        {"database_url": "mysql://localhost/webhooks"},
    ],
)
def test_what_does_not_fit_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        WebSettings.model_validate({**USUAL, **changes})


def test_nobody_is_the_operator_by_default() -> None:
    with pytest.raises(ValidationError):
        WebSettings.model_validate({name: value for name, value in USUAL.items() if name != "operator_token"})


def test_the_token_is_not_shown() -> None:
    assert "oooo" not in repr(WebSettings.model_validate(USUAL))
