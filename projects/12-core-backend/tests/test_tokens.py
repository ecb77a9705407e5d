from uuid import uuid4

import jwt
import pytest

from core_backend.errors import UnauthenticatedError
from core_backend.tokens import AccessTokens, digest_of, new_refresh_token

SECRET = "s" * 32


def test_an_access_token_tells_whose_it_is() -> None:
    user_id = uuid4()
    tokens = AccessTokens(SECRET, 60)
    assert tokens.user_id(tokens.make(user_id)) == user_id


@pytest.mark.parametrize(
    "token",
    [
        "",
        "a.b.c",
        jwt.encode({"sub": str(uuid4()), "exp": 4102444800}, "another" * 8, "HS256"),
        jwt.encode({"sub": str(uuid4())}, SECRET, "HS256"),
        jwt.encode({"sub": "ann", "exp": 4102444800}, SECRET, "HS256"),
        jwt.encode({"sub": str(uuid4()), "exp": 1}, SECRET, "HS256"),
    ],
)
def test_what_is_no_token_of_ours_is_nobodys(token: str) -> None:
    with pytest.raises(UnauthenticatedError):
        AccessTokens(SECRET, 60).user_id(token)


def test_of_a_refresh_token_a_digest_is_kept() -> None:
    first, second = new_refresh_token(), new_refresh_token()
    assert digest_of(first) != digest_of(second)
    assert first.encode() not in digest_of(first)
