"""Access tokens say who somebody is and need no look-up; refresh tokens are looked up, and used once.

An access token is a JWT signed with HS256 (RFC 7519, RFC 8725). It does not say what its user may do: a role
that is taken away would stay in it. A refresh token is drawn at random, and only its digest is kept.
"""

import hashlib
import secrets
import time
from typing import Final
from uuid import UUID

import jwt

from core_backend.errors import UnauthenticatedError

ALGORITHM: Final = "HS256"
REFRESH_BYTES: Final = 32


class AccessTokens:
    """Makes and reads them."""

    def __init__(self, secret: str, lifetime_seconds: int) -> None:
        self._secret = secret
        self.lifetime_seconds = lifetime_seconds

    def make(self, user_id: UUID) -> str:
        now = int(time.time())
        claims = {"sub": str(user_id), "iat": now, "exp": now + self.lifetime_seconds}
        return jwt.encode(claims, self._secret, ALGORITHM)

    def user_id(self, token: str) -> UUID:
        """Return whose it is. Raises: UnauthenticatedError, whatever is wrong with it."""
        try:
            claims = jwt.decode(
                token, self._secret, algorithms=[ALGORITHM], options={"require": ["sub", "exp"]}
            )
            return UUID(claims["sub"])
        except (jwt.InvalidTokenError, ValueError) as error:
            raise UnauthenticatedError from error


def new_refresh_token() -> str:
    return secrets.token_urlsafe(REFRESH_BYTES)


def digest_of(refresh_token: str) -> bytes:
    """Return what is kept of it. It is random, and so a plain hash is enough."""
    return hashlib.sha256(refresh_token.encode()).digest()
