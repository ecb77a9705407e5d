from pathlib import Path

import pytest

from kata.errors import UsageError
from kata.options import Options, parse_settings


def test_options_become_the_command_line_that_means_them() -> None:
    options = Options(
        directory=Path("/mine"),
        docker=True,
        seed="5eed",
        only=frozenset({"C2", "C1"}),
        step=3,
        start_timeout_seconds=90.5,
        fail_fast=True,
    )
    assert options.arguments() == [
        *("--dir", "/mine", "--seed", "5eed", "--step", "3", "--start-timeout", "90.5"),
        *("--only", "C1", "--only", "C2", "--docker", "--fail-fast"),
    ]


def test_the_command_line_of_an_attached_service_has_its_settings() -> None:
    options = Options(url="http://localhost:8000", settings=(("LIMIT", "5"), ("K", "a=b")), extensions=False)
    assert options.arguments() == [
        *("--url", "http://localhost:8000", "--set", "LIMIT=5", "--set", "K=a=b"),
    ]


def test_the_defaults_ask_for_everything() -> None:
    assert Options().arguments() == ["--extensions"]


def test_a_chosen_check_needs_no_switch_for_extensions() -> None:
    assert Options(only=frozenset({"E1"})).arguments() == ["--only", "E1"]


def test_settings_are_read_as_name_and_value() -> None:
    assert parse_settings(["LIMIT=5", "KEY=a=b", "EMPTY="]) == (("LIMIT", "5"), ("KEY", "a=b"), ("EMPTY", ""))


def test_a_setting_without_a_value_is_refused() -> None:
    with pytest.raises(UsageError, match=r"^--set takes NAME=VALUE, not 'LIMIT'$"):
        parse_settings(["LIMIT"])
