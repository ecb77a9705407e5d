import base64
import hmac
import json
from collections.abc import Callable, Mapping

import jwt
import pytest

from auth import AccessTokens, InvalidTokenError, SettingError, TokenExpiredError

KEYS = {"2026-11": b"n" * 32, "2026-10": b"o" * 32}
NOW = 1_800_000_000


class Clock:
    seconds = float(NOW)

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def tokens(clock: Clock) -> AccessTokens:
    return AccessTokens(
        KEYS, "2026-11", issuer="https://id.example", audience="shop", lifetime_seconds=300, clock=clock
    )


def test_a_token_says_who_and_by_which_session(tokens: AccessTokens) -> None:
    claims = tokens.verify(tokens.issue("ann", "session-1"))

    assert (claims.subject, claims.session_id) == ("ann", "session-1")
    assert (claims.issued_at.timestamp(), claims.expires_at.timestamp()) == (NOW, NOW + 300)
    assert claims.token_id != tokens.verify(tokens.issue("ann", "session-1")).token_id


def test_its_header_names_type_key_and_the_one_algorithm(tokens: AccessTokens) -> None:
    header = jwt.get_unverified_header(tokens.issue("ann", "session-1"))

    assert header == {"typ": "at+jwt", "kid": "2026-11", "alg": "HS256"}


def test_it_expires_on_the_second(tokens: AccessTokens, clock: Clock) -> None:
    token = tokens.issue("ann", "session-1")
    clock.seconds += 299.9
    assert tokens.verify(token).subject == "ann"
    clock.seconds += 0.1
    with pytest.raises(TokenExpiredError):
        tokens.verify(token)


def test_keys_are_rotated_by_their_ids(clock: Clock) -> None:
    def with_keys(names: str, current: str) -> AccessTokens:
        chosen = {name: KEYS[name] for name in names.split()}
        return AccessTokens(chosen, current, issuer="i", audience="a", clock=clock)

    old = with_keys("2026-10", "2026-10").issue("ann", "session-1")
    assert with_keys("2026-10 2026-11", "2026-11").verify(old).subject == "ann"
    with pytest.raises(InvalidTokenError):
        with_keys("2026-11", "2026-11").verify(old)


CLAIMS: dict[str, object] = {
    "iss": "https://id.example", "aud": "shop", "sub": "ann", "sid": "s", "jti": "j",
    "iat": NOW, "exp": NOW + 300,
}  # fmt: skip
HEADER: dict[str, object] = {"alg": "HS256", "typ": "at+jwt", "kid": "2026-11"}
NOTHING: Mapping[str, object] = {}


def part(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


def signed(
    header: Mapping[str, object],
    claims: Mapping[str, object],
    key: bytes = KEYS["2026-11"],
    algorithm: str = "sha256",
) -> str:
    text = f"{part(json.dumps(header).encode())}.{part(json.dumps(claims).encode())}"
    return f"{text}.{part(hmac.digest(key, text.encode(), algorithm))}"


def forged(claims: Mapping[str, object] = NOTHING, header: Mapping[str, object] = NOTHING) -> str:
    """Sign with the right key what an attacker, or another use of the key, may have made."""
    return signed({**HEADER, **header}, {**CLAIMS, **claims})


def without(name: str) -> str:
    return signed(HEADER, {key: value for key, value in CLAIMS.items() if key != name})


def unsigned() -> str:
    return forged(header={"alg": "none"}).rpartition(".")[0] + "."


FORGERIES: dict[str, Callable[[], str]] = {
    "nothing": lambda: "",
    "no JWT": lambda: "a.b.c",
    "no text of a JWT": lambda: "ü.ü.ü",
    "huge": lambda: "a" * 100_000,
    "unsigned": unsigned,
    "the empty key": lambda: signed(HEADER, CLAIMS, b""),
    "another algorithm": lambda: signed({**HEADER, "alg": "HS512"}, CLAIMS, algorithm="sha512"),
    "another key": lambda: signed(HEADER, CLAIMS, b"x" * 32),
    "another's key id": lambda: forged(header={"kid": "2026-10"}),
    "an unknown key id": lambda: forged(header={"kid": "2020-01"}),
    "a key id that is no text": lambda: forged(header={"kid": None}),
    "no type": lambda: forged(header={"typ": None}),
    "an ID token's type": lambda: forged(header={"typ": "JWT"}),
    "a header of other sense": lambda: forged(header={"crit": ["b64"], "b64": False}),
    "another issuer": lambda: forged({"iss": "https://evil.example"}),
    "another audience": lambda: forged({"aud": "blog"}),
    "several audiences": lambda: forged({"aud": ["shop", "blog"]}),
    "a subject that is no text": lambda: forged({"sub": 7}),
    "a session that is no text": lambda: forged({"sid": ["s"]}),
    "an id that is no text": lambda: forged({"jti": 1}),
    "an expiry that is no number": lambda: forged({"exp": "never"}),
    "an expiry that is no whole number": lambda: forged({"exp": NOW + 0.5}),
    "a life longer than is issued": lambda: forged({"exp": NOW + 301}),
    "issued in the future": lambda: forged({"iat": NOW + 10, "exp": NOW + 20}),
    "expired, and for another audience": lambda: forged({"exp": NOW - 1, "iat": NOW - 100, "aud": "blog"}),
    **{f"without {name}": lambda name=name: without(name) for name in CLAIMS},  # type: ignore[misc]  # bound
}


@pytest.mark.parametrize("forge", FORGERIES.values(), ids=FORGERIES)
def test_what_was_not_issued_here_is_refused_and_not_told_why(
    tokens: AccessTokens, forge: Callable[[], str]
) -> None:
    with pytest.raises(InvalidTokenError) as raised:
        tokens.verify(forge())
    assert type(raised.value) is InvalidTokenError
    assert str(raised.value) == "not an access token of ours"
    assert raised.value.__cause__ is None


def test_what_the_forgeries_are_made_of_is_accepted(tokens: AccessTokens) -> None:
    assert tokens.verify(forged()).subject == "ann"
    assert tokens.verify(forged(header={"typ": "AT+JWT"})).subject == "ann"
    with pytest.raises(TokenExpiredError):
        tokens.verify(forged({"iat": NOW - 300, "exp": NOW}))


@pytest.mark.parametrize(
    ("keys", "current", "lifetime"), [({}, "a", 1), ({"a": b"short"}, "a", 1), (KEYS, "2026-11", 0)]
)
def test_settings_that_cannot_be_are_refused(keys: dict[str, bytes], current: str, lifetime: int) -> None:
    with pytest.raises(SettingError):
        AccessTokens(keys, current, issuer="i", audience="a", lifetime_seconds=lifetime)
