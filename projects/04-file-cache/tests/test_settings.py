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
