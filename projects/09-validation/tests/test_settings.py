from pathlib import Path

import pytest
from pydantic import ValidationError

from validation.settings import Settings

USUAL: dict[str, object] = {"port": 8000, "data_dir": "/tmp/versions"}


def test_the_limits_are_what_the_lesson_prints() -> None:
    settings = Settings.model_validate(USUAL)
    assert (settings.limits.depth, settings.limits.members, settings.limits.strings) == (64, 20_000, 20_000)
    assert settings.data_dir == Path("/tmp/versions")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("max_depth", 0),
        ("max_depth", 201),
        ("max_members", 100_001),
        ("max_strings", 0),
        ("max_errors", 1001),
        ("max_line_bytes", 15),
        ("evaluation_ms", 49),
        ("evaluators", 33),
        ("data_dir", "relative"),
        ("data_dir", "/dev/null"),
    ],
)
def test_a_setting_out_of_bounds_is_refused(name: str, value: object) -> None:
    with pytest.raises(ValidationError, match=name):
        Settings.model_validate({**USUAL, name: value})


def test_versions_need_a_folder() -> None:
    with pytest.raises(ValidationError, match="data_dir"):
        Settings.model_validate({"port": 8000})
