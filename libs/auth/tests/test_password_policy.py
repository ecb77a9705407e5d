import time
import unicodedata

import pytest

from auth import PasswordPolicy, PasswordRefusedError, SettingError

POLICY = PasswordPolicy(15, 64, ["password12345678", "Übergrößenträger"])


@pytest.mark.parametrize(
    "password",
    [
        "x" * 15,
        "x" * 64,
        "😀" * 64,
        " " * 15,
        unicodedata.normalize("NFD", "ä" * 64),
        "password123456789",
        "the letters of ann are common",
    ],
)
def test_what_is_accepted(password: str) -> None:
    POLICY.check(password, ["ann", ""])


@pytest.mark.parametrize(
    ("password", "reason"),
    [
        ("x" * 14, "too_short"),
        (unicodedata.normalize("NFD", "ä" * 14), "too_short"),
        ("x" * 65, "too_long"),
        ("password12345678", "common"),
        ("PassWord12345678", "common"),
        (unicodedata.normalize("NFD", "übergrössenträger"), "common"),
        ("hello Wonderland hello", "contains_word"),
        ("my acme SHOP password", "contains_word"),
    ],
)
def test_what_is_refused_and_why(password: str, reason: str) -> None:
    with pytest.raises(PasswordRefusedError) as raised:
        POLICY.check(password, ["wonderland", "Acme Shop"])
    assert raised.value.reason == reason
    assert password not in str(raised.value)


def test_only_what_is_too_long_is_refused_at_a_login() -> None:
    POLICY.check_length("short")
    with pytest.raises(PasswordRefusedError):
        POLICY.check_length("x" * 65)


def test_a_million_marks_are_refused_before_they_are_normalized() -> None:
    """Normalizing sorts them, which takes their number squared."""
    started = time.process_time()
    with pytest.raises(PasswordRefusedError):
        POLICY.check_length("a" + "\u0301\u0323" * 500_000)
    assert time.process_time() - started < 0.05


@pytest.mark.parametrize("code_point", [0x1F82, 0x0390, 0xD4DB, 0x01D5])
def test_what_was_typed_decomposed_counts_as_it_is_composed(code_point: int) -> None:
    POLICY.check(unicodedata.normalize("NFD", chr(code_point)) * 64)


@pytest.mark.parametrize(("minimum", "maximum"), [(0, 64), (15, 63), (100, 99)])
def test_bounds_that_cannot_be_are_refused(minimum: int, maximum: int) -> None:
    with pytest.raises(SettingError):
        PasswordPolicy(minimum, maximum)
