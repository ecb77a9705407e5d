"""API keys in this process's memory, for tests."""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from auth._api_keys import ApiKey, NewApiKey


class MemoryApiKeyStore:
    """A store without a server, for one process."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        """Take a clock that returns seconds since 1970."""
        self._clock = clock
        self._keys: dict[str, ApiKey] = {}

    async def add(self, new: NewApiKey) -> ApiKey:
        now = self._now()
        expires_at = None if new.lifetime is None else now + new.lifetime
        self._keys[new.digest] = ApiKey(new.id, new.subject, new.name, new.hint, new.scopes, now, expires_at)
        return self._keys[new.digest]

    async def use(self, digest: str, interval: timedelta) -> ApiKey | None:
        key, now = self._keys.get(digest), self._now()
        if key is None or key.revoked_at or (key.expires_at and key.expires_at <= now):
            return None
        if key.last_used_at is None or key.last_used_at <= now - interval:
            self._keys[digest] = replace(key, last_used_at=now)
        return self._keys[digest]

    async def revoke(self, subject: str, id: str) -> bool:  # noqa: A002
        return self._revoke(key for key in await self.list(subject) if key.id == id) > 0

    async def revoke_all(self, subject: str) -> int:
        return self._revoke(await self.list(subject))

    async def list(self, subject: str) -> Sequence[ApiKey]:
        own = [key for key in self._keys.values() if key.subject == subject and not key.revoked_at]
        return sorted(own, key=lambda key: key.created_at, reverse=True)

    def _revoke(self, keys: Iterable[ApiKey]) -> int:
        ids = {key.id for key in keys}
        for digest, key in self._keys.items():
            if key.id in ids:
                self._keys[digest] = replace(key, revoked_at=self._now())
        return len(ids)

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._clock(), UTC)
