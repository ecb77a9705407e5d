import pytest
from pydantic import ValidationError

from sessions.settings import Settings

USUAL: dict[str, object] = {
    "port": 8000,
    "database_url": "postgresql://localhost/sessions",
    "redis_url": "redis://localhost:6379/0",
    "smtp_url": "smtp://localhost:25",
    "public_origin": "https://app.example",
}


def test_administrators_are_listed_with_commas_and_in_any_case() -> None:
    settings = Settings.model_validate({**USUAL, "admin_emails": "Ann@Example.org, bob@example.org,"})
    assert settings.administrators == {"ann@example.org", "bob@example.org"}


def test_without_a_list_there_is_no_administrator() -> None:
    assert Settings.model_validate(USUAL).administrators == frozenset()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("public_origin", "app.example"),
        ("public_origin", "https://app.example/"),
        ("public_origin", "https://App.example"),
        ("smtp_url", "localhost:25"),
        ("smtp_url", "smtp://"),
        ("smtp_url", "smtp://localhost:mail"),
        ("smtp_url", "smtp://localhost:25#x"),
        ("smtp_url", "smtp://localhost:0"),
        ("smtp_url", "smtp://u%zz:p@localhost:25"),
        ("smtp_url", "smtp://localhost:25\n"),
        ("public_origin", "https://app.example:443"),
        ("public_origin", "http://app.example:80"),
        ("public_origin", "http://app.example:99999"),
        ("admin_emails", "ann"),
        ("password_min", 7),
        ("password_max", 63),
        ("session_touch_seconds", 1800),
        ("longest_lock_seconds", 29),
    ],
)
def test_a_bad_value_is_refused_by_name(name: str, value: object) -> None:
    with pytest.raises(ValidationError, match=f"(?i){name}"):
        Settings.model_validate({**USUAL, name: value})
