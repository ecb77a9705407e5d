"""Access tokens: short-lived JWTs that name a subject and a session, and no roles."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from uuid import uuid4

import jwt

from auth._errors import InvalidTokenError, SettingError, TokenExpiredError

ALGORITHM: Final = "HS256"
"""One, and never the token's own choice. Who issues and who verifies is the same service."""
TYPE: Final = "at+jwt"
"""No other JWT signed with the key passes for an access token. Source: RFC 9068, section 2.1."""
REQUIRED: Final = ("iss", "aud", "sub", "exp", "iat", "jti", "sid")
LEAST_KEY_BYTES: Final = 32
LONGEST_TOKEN: Final = 4_096
NOT_OURS: Final = "not an access token of ours"


@dataclass(frozen=True, slots=True)
class AccessClaims:
    """What a valid token says: not whether its session still lives, and not which roles the subject has."""

    subject: str
    session_id: str
    token_id: str
    issued_at: datetime
    expires_at: datetime


class AccessTokens:
    """Issues and verifies access tokens.

    The key of the id `current` signs, and all keys verify. To rotate: add a key on every process, make it
    current, and remove the old one when its last token has expired.
    """

    def __init__(
        self,
        keys: Mapping[str, bytes],
        current: str,
        *,
        issuer: str,
        audience: str,
        lifetime_seconds: int = 300,
        clock: Callable[[], float] = time.time,
    ) -> None:
        if current not in keys:
            raise SettingError("the current key is not among the keys")
        if any(len(key) < LEAST_KEY_BYTES for key in keys.values()):
            raise SettingError(f"a key of access tokens needs {LEAST_KEY_BYTES} bytes")
        if lifetime_seconds < 1:
            raise SettingError("an access token lives a second at least")
        self._keys = dict(keys)
        self._current = current
        self._issuer = issuer
        self._audience = audience
        self._lifetime_seconds = lifetime_seconds
        self._clock = clock

    def issue(self, subject: str, session_id: str) -> str:
        """Return a token for the subject; `session_id` is a session's public id, or a token family's."""
        now = int(self._clock())
        claims = {
            "iss": self._issuer,
            "aud": self._audience,
            "sub": subject,
            "sid": session_id,
            "jti": str(uuid4()),
            "iat": now,
            "exp": now + self._lifetime_seconds,
        }
        headers = {"typ": TYPE, "kid": self._current}
        return jwt.encode(claims, self._keys[self._current], algorithm=ALGORITHM, headers=headers)

    def verify(self, token: str) -> AccessClaims:
        """Return what the token says.

        Raises: TokenExpiredError for one that was right until then, InvalidTokenError for all else.
        """
        claims = self._claims(token)
        subject, session_id, token_id = (claims[name] for name in ("sub", "sid", "jti"))
        issued, expires = claims["iat"], claims["exp"]
        if not (isinstance(subject, str) and isinstance(session_id, str) and isinstance(token_id, str)):
            raise InvalidTokenError(NOT_OURS)
        if not (isinstance(issued, int) and isinstance(expires, int)):
            raise InvalidTokenError(NOT_OURS)
        now = self._clock()
        # Whatever a key that leaked may sign, nothing lives longer than what is issued here.
        if issued > now + 1 or expires - issued > self._lifetime_seconds:
            raise InvalidTokenError(NOT_OURS)
        if now >= expires:
            raise TokenExpiredError("the access token has expired")
        moments = (datetime.fromtimestamp(at, UTC) for at in (issued, expires))
        return AccessClaims(subject, session_id, token_id, *moments)

    def _claims(self, token: str) -> Mapping[str, object]:
        """Return the claims of a token of any age, once everything but its times is right."""
        try:
            if len(token) > LONGEST_TOKEN:
                raise InvalidTokenError(NOT_OURS)
            header = jwt.get_unverified_header(token)
            key = self._keys[header["kid"]]
            if header["typ"].lower() != TYPE:
                raise InvalidTokenError(NOT_OURS)
            claims: Mapping[str, object] = jwt.decode(
                token,
                key,
                algorithms=[ALGORITHM],
                issuer=self._issuer,
                audience=self._audience,
                # The times are compared in `verify`, by the clock that was given.
                options={
                    "require": list(REQUIRED),
                    "verify_exp": False,
                    "verify_iat": False,
                    "strict_aud": True,
                },
            )
        except (jwt.PyJWTError, KeyError, TypeError, AttributeError, ValueError):
            # None of the reasons is the client's business, or a log's: `from None`.
            raise InvalidTokenError(NOT_OURS) from None
        return claims
