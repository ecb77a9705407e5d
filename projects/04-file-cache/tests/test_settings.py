from pathlib import Path

import pytest
from pydantic import ValidationError

from file_cache.settings import Settings

USUAL: dict[str, object] = {"port": 8000, "data_dir": "/tmp/cache"}


def test_a_folder_is_all_that_is_needed() -> None:
    settings = Settings.model_validate(USUAL)
    assert settings.data_dir == Path("/tmp/cache")
    assert settings.budget_bytes >= 2 * settings.max_value_bytes


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("data_dir", "relative"),
        ("data_dir", "/dev/null"),
        ("default_ttl_seconds", 0),
        ("default_ttl_seconds", 2**31 + 1),
        ("max_value_bytes", 0),
        ("cleanup_seconds", 0.09),
        ("budget_bytes", 1),
        ("budget_bytes", 2 * 268_435_456 - 1),
    ],
)
def test_what_is_out_of_bounds_is_refused(name: str, value: object) -> None:
    with pytest.raises(
        ValidationError, match=name.upper() if name == "budget_bytes" and value != 1 else name
    ):
        Settings.model_validate({**USUAL, name: value})


TOKEN = "a-token-of-these-tests"


def test_anonymous_mays_it_is_open_and_with_one_closed() -> None:
    assert Settings.model_validate(USUAL).anonymous_may == "write"
    for kind in ("read_tokens", "write_tokens", "untrusted_tokens"):
        assert Settings.model_validate({**USUAL, kind: TOKEN}).anonymous_may == "nothing"
    assert (
        Settings.model_validate({**USUAL, "write_tokens": TOKEN, "anonymous": "read"}).anonymous_may == "read"
    )


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"read_tokens": "short"}, "tokens of 16"),
        ({"write_tokens": f"{TOKEN},"}, "tokens of 16"),
        ({"write_tokens": f"{TOKEN},{TOKEN}"}, "twice"),
        ({"write_tokens": TOKEN, "untrusted_tokens": TOKEN}, "twice"),
        ({"anonymous": "nothing"}, "WRITE_TOKENS"),
        ({"read_tokens": TOKEN, "anonymous": "read"}, "WRITE_TOKENS"),
        ({"anonymous": "everything"}, "anonymous"),
    ],
)
def test_tokens_that_cannot_be_are_refused(settings: dict[str, str], message: str) -> None:
    with pytest.raises(ValidationError, match=message) as raised:
        Settings.model_validate({**USUAL, **settings})
    assert TOKEN not in str(raised.value.errors(include_input=False))
