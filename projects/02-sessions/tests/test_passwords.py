import bcrypt
import pytest

from sessions.errors import UnacceptablePasswordError
from sessions.passwords import PasswordHasher, PasswordPolicy, common_passwords

POLICY = PasswordPolicy(15, 64, common_passwords())
HASHER = PasswordHasher(1024, 1)


@pytest.mark.parametrize(
    "password",
    ["qvx" * 5, "x" * 64, "\U0001f600" * 64, "e\u0301" * 64, " " * 15, "1" * 14 + "2"],
)
def test_what_has_the_length_is_accepted_whatever_it_is_made_of(password: str) -> None:
    POLICY.check(password, "ann@example.org")


@pytest.mark.parametrize(
    ("password", "code"),
    [
        ("x" * 14, "too_short"),
        ("e\u0301" * 14, "too_short"),
        ("\U0001f600" * 65, "too_long"),
        ("PasswordPassword", "common"),
        ("i am Annabel the first", "contains_email"),
    ],
)
def test_what_is_refused_is_told_why(password: str, code: str) -> None:
    with pytest.raises(UnacceptablePasswordError) as refused:
        POLICY.check(password, "annabel@example.org")
    assert refused.value.code == code


def test_the_list_has_three_thousand_of_the_usual_least_length() -> None:
    assert sum(len(one) >= 15 for one in common_passwords()) >= 3000


def test_a_hash_of_bcrypt_is_read_and_to_be_made_anew() -> None:
    kept = bcrypt.hashpw(b"correct horse", bcrypt.gensalt(4)).decode()
    assert HASHER.verify(kept, "correct horse")
    assert not HASHER.verify(kept, "wrong horse")
    assert HASHER.needs_rehash(kept)


def test_other_parameters_are_to_be_made_anew() -> None:
    kept = HASHER.hash("correct horse")
    assert not HASHER.needs_rehash(kept)
    assert PasswordHasher(2048, 1).needs_rehash(kept)
    assert PasswordHasher(2048, 1).verify(kept, "correct horse")


def test_the_last_of_64_emoji_counts() -> None:
    kept = HASHER.hash("\U0001f600" * 63 + "\U0001f680")
    assert not HASHER.verify(kept, "\U0001f600" * 64)
