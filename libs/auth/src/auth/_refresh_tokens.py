"""Refresh tokens: each is exchanged once for its successor, and reuse ends the whole family.

The successor is derived from the presented token with a key of the server's. Twenty clients that present one
token at the same instant get the same successor, although no store holds a token.

Source: RFC 9700, section 4.14.2.
"""

import base64
import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, Protocol

from auth._errors import InvalidRefreshTokenError, SettingError, TokenReusedError
from auth._tokens import digest, is_well_formed, new_id, new_token

LEAST_KEY_BYTES: Final = 32


@dataclass(frozen=True, slots=True)
class RefreshPolicy:
    """How long a login lasts without the password, and how long after an exchange it may be repeated.

    The first of `keys` derives; the others are those before it, for as long as the grace lasts.
    """

    keys: Sequence[bytes] = field(repr=False)
    lifetime_seconds: float = 30 * 86_400
    grace_seconds: float = 10

    def __post_init__(self) -> None:
        if not self.keys or any(len(key) < LEAST_KEY_BYTES for key in self.keys):
            raise SettingError(f"refresh tokens need a key, and each key {LEAST_KEY_BYTES} bytes")
        if not 0 <= self.grace_seconds < self.lifetime_seconds:
            raise SettingError("the grace is shorter than the lifetime, and not negative")


@dataclass(frozen=True, slots=True)
class TokenFamily:
    """One login, and all tokens that come of it. Its end is set when it begins."""

    id: str
    subject: str
    created_at: datetime
    expires_at: datetime
    ended_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class StoredRefreshToken:
    """What a store knows of a token, at the store's `read_at`."""

    family: TokenFamily
    used_at: datetime | None
    successor: str | None
    read_at: datetime


class RefreshTokenStore(Protocol):
    """Where families are. What is done after `lock` is one atomic step with it."""

    async def add_family(self, id: str, subject: str, lifetime: timedelta, digest: str) -> TokenFamily: ...  # noqa: A002

    async def lock(self, digest: str) -> StoredRefreshToken | None:
        """Return the token, and hold its family until the transaction ends."""
        ...

    async def replace(self, digest: str, successor: str) -> None: ...

    async def find_family(self, id: str) -> TokenFamily | None: ...  # noqa: A002

    async def end_family(self, id: str) -> bool: ...  # noqa: A002

    async def end_subject(self, subject: str, but: str | None = None) -> int: ...

    async def families_of(
        self, subject: str, before: str | None = None, limit: int | None = None
    ) -> Sequence[TokenFamily]:
        """Return the subject's families that are live, the newest first: so many behind that id."""
        ...

    async def purge(self) -> int:
        """Forget the families that have expired, and return how many."""
        ...


@dataclass(frozen=True, slots=True)
class IssuedRefreshToken:
    """A refresh token, which exists nowhere else, and its family."""

    token: str = field(repr=False)
    family: TokenFamily


@dataclass(frozen=True, slots=True)
class Rotation:
    """What became of an exchange. It is a value, so that the transaction which ends a family is committed."""

    issued: IssuedRefreshToken | None = None
    refusal: InvalidRefreshTokenError | None = None

    def unwrap(self) -> IssuedRefreshToken:
        """Return the successor. Call it behind the transaction: what it raises must not roll it back.

        Raises: TokenReusedError, InvalidRefreshTokenError.
        """
        if self.issued is None:
            raise self.refusal or InvalidRefreshTokenError("the refresh token is not valid")
        return self.issued


class RefreshTokens:
    """The life of refresh tokens, in the transaction of the store that is given."""

    def __init__(self, store: RefreshTokenStore, policy: RefreshPolicy) -> None:
        self._store = store
        self._policy = policy

    async def issue(self, subject: str) -> IssuedRefreshToken:
        """Begin a family at a login; its id is what the access tokens name as their session."""
        token = new_token()
        lifetime = timedelta(seconds=self._policy.lifetime_seconds)
        return IssuedRefreshToken(
            token, await self._store.add_family(new_id(), subject, lifetime, digest(token))
        )

    async def rotate(self, token: str) -> Rotation:
        """Exchange a token for its successor. Within the grace the answer is the same each time."""
        own = digest(token)
        stored = await self._store.lock(own) if is_well_formed(token) else None
        if stored is None or stored.family.ended_at or stored.read_at >= stored.family.expires_at:
            return Rotation(refusal=InvalidRefreshTokenError("the refresh token is not valid"))
        if stored.used_at is None:
            successor = derived(self._policy.keys[0], token)
            await self._store.replace(own, digest(successor))
            return Rotation(IssuedRefreshToken(successor, stored.family))
        if stored.read_at - stored.used_at >= timedelta(seconds=self._policy.grace_seconds):
            await self._store.end_family(stored.family.id)
            return Rotation(refusal=TokenReusedError("the refresh token was used before"))
        for key in self._policy.keys:
            successor = derived(key, token)
            if digest(successor) == stored.successor:
                return Rotation(IssuedRefreshToken(successor, stored.family))
        return Rotation(refusal=InvalidRefreshTokenError("the refresh token is not valid"))

    async def is_live(self, subject: str, family_id: str) -> bool:
        """Tell whether an access token of this subject and family still counts: it ends with its family."""
        family = await self._store.find_family(family_id)
        return family is not None and family.subject == subject and family.ended_at is None

    async def end(self, token: str) -> None:
        """End the family of a token, at a logout; a token that is unknown is no error."""
        stored = await self._store.lock(digest(token)) if is_well_formed(token) else None
        if stored is not None:
            await self._store.end_family(stored.family.id)

    async def end_family(self, family_id: str) -> bool:
        """End a family, and tell whether it was live."""
        return await self._store.end_family(family_id)

    async def end_all(self, subject: str, *, but: str | None = None) -> int:
        """End all families of a subject, except for one that is named; return how many there were."""
        return await self._store.end_subject(subject, but)

    async def families_of(
        self, subject: str, before: str | None = None, limit: int | None = None
    ) -> Sequence[TokenFamily]:
        """Return the subject's families that are live, the newest first: all, or so many behind that id."""
        return await self._store.families_of(subject, before, limit)

    async def purge(self) -> int:
        """Forget what has expired: call it now and then."""
        return await self._store.purge()


def derived(key: bytes, token: str) -> str:
    """Return the successor of a token: as unguessable as the key, and as well-formed as a random one."""
    mac = hmac.digest(key, b"refresh\0" + token.encode(), hashlib.sha256)
    return base64.urlsafe_b64encode(mac).rstrip(b"=").decode()
