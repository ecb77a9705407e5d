from pathlib import Path

import pytest
from pydantic import ValidationError

from log_viewer.settings import Settings


def test_what_is_not_set_has_its_default(tmp_path: Path) -> None:
    settings = Settings.model_validate({"port": 8000, "log_dir": str(tmp_path)})
    assert (settings.default_tz, settings.max_entry_bytes) == ("UTC", 65_536)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("log_dir", "relative"),
        ("log_dir", "/dev/null"),
        ("log_dir", "/nowhere/at/all"),
        ("default_tz", "Mars/Olympus"),
        ("default_tz", "/etc/passwd"),
        ("default_tz", ""),
        ("max_entry_bytes", 255),
        ("scan_bytes", 1023),
        ("scan_ms", 49),
    ],
)
def test_a_bad_value_is_refused(tmp_path: Path, name: str, value: object) -> None:
    with pytest.raises(ValidationError, match=name):
        Settings.model_validate({"port": 8000, "log_dir": str(tmp_path), name: value})
