"""API keys: `shop_live_<random><checksum>`, shown once, kept as SHA-256.

The prefix says whose key was found in somebody's repository. The checksum tells a typing error or an
invention without asking the store.
"""

import re
import secrets
import zlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, Protocol

from auth._errors import InvalidApiKeyError, SettingError
from auth._tokens import base62, digest, new_id

RANDOM_BITS: Final = 256
RANDOM_LENGTH: Final = 43
CHECKSUM_LENGTH: Final = 6
"""32 bits and 256 bits in base 62."""
HINT_LENGTH: Final = 4
USE_INTERVAL: Final = timedelta(seconds=60)
"""Use is written down once in it: a key that is used a thousand times a second is not a thousand writes."""
PREFIX: Final = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key without the key. `hint` is how it begins and ends, so that its owner knows which it is."""

    id: str
    subject: str
    name: str
    hint: str
    scopes: frozenset[str]
    created_at: datetime
    expires_at: datetime | None = None
    revoked_at: datetime | None = None
    last_used_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class IssuedApiKey:
    """A key, which exists nowhere else, and what is kept of it."""

    key: str = field(repr=False)
    record: ApiKey


@dataclass(frozen=True, slots=True)
class NewApiKey:
    """What a store is to keep; its times are the store's own."""

    digest: str
    id: str
    subject: str
    name: str
    hint: str
    scopes: frozenset[str]
    lifetime: timedelta | None


class ApiKeyStore(Protocol):
    """Where keys are."""

    async def add(self, new: NewApiKey) -> ApiKey: ...

    async def use(self, digest: str, interval: timedelta) -> ApiKey | None:
        """Return a key that is neither expired nor revoked, and write its use down if that is due."""
        ...

    async def revoke(self, subject: str, id: str) -> bool: ...  # noqa: A002

    async def revoke_all(self, subject: str) -> int: ...

    async def list(self, subject: str) -> Sequence[ApiKey]:
        """Return the subject's keys that are not revoked, the newest first."""
        ...


class ApiKeyFormat:
    """How keys of one service and environment look: `shop_live`, `shop_test`."""

    def __init__(self, prefix: str) -> None:
        if not PREFIX.fullmatch(prefix):
            raise SettingError(f"{prefix!r} is no prefix: small letters and digits, in words joined by _")
        self._prefix = f"{prefix}_"
        self._pattern = re.compile(rf"{prefix}_[0-9A-Za-z]{{{RANDOM_LENGTH + CHECKSUM_LENGTH}}}")

    def new(self) -> str:
        body = self._prefix + base62(secrets.randbits(RANDOM_BITS), RANDOM_LENGTH)
        return body + checksum(body)

    def claims(self, credential: str) -> bool:
        """Tell whether it is meant as a key of this kind, rather than as a token."""
        return credential.startswith(self._prefix)

    def is_well_formed(self, key: str) -> bool:
        matches = self._pattern.fullmatch(key) is not None
        return matches and checksum(key[:-CHECKSUM_LENGTH]) == key[-CHECKSUM_LENGTH:]

    def hint(self, key: str) -> str:
        return f"{self._prefix}…{key[-HINT_LENGTH:]}"


class ApiKeys:
    """The life of API keys, in the transaction of the store that is given."""

    def __init__(self, store: ApiKeyStore, key_format: ApiKeyFormat) -> None:
        self._store = store
        self._format = key_format

    async def issue(
        self, subject: str, name: str, scopes: Collection[str], lifetime: timedelta | None = None
    ) -> IssuedApiKey:
        """Make a key for an owner; it is returned here and never again."""
        if lifetime is not None and lifetime <= timedelta(0):
            raise SettingError("a key lives for a while, or for ever with None")
        key = self._format.new()
        new = NewApiKey(
            digest(key), new_id(), subject, name, self._format.hint(key), frozenset(scopes), lifetime
        )
        return IssuedApiKey(key, await self._store.add(new))

    async def authenticate(self, key: str) -> ApiKey:
        """Return what is kept of a key that counts. What is malformed never gets to the store.

        Raises: InvalidApiKeyError.
        """
        found = await self._store.use(digest(key), USE_INTERVAL) if self._format.is_well_formed(key) else None
        if found is None:
            raise InvalidApiKeyError("the API key is not valid")
        return found

    async def revoke(self, subject: str, key_id: str) -> bool:
        """Revoke one of the subject's own keys, and tell whether there was one to revoke."""
        return await self._store.revoke(subject, key_id)

    async def revoke_all(self, subject: str) -> int:
        return await self._store.revoke_all(subject)

    async def list(self, subject: str) -> Sequence[ApiKey]:
        """Return the subject's keys that are not revoked, the newest first."""
        return await self._store.list(subject)


def checksum(body: str) -> str:
    return base62(zlib.crc32(body.encode()), CHECKSUM_LENGTH)
