"""Refresh tokens in this process's memory, for tests. No method waits, so each use is atomic on one loop."""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from auth._refresh_tokens import StoredRefreshToken, TokenFamily


@dataclass(slots=True)
class _Token:
    family_id: str
    used_at: datetime | None = None
    successor: str | None = None


class MemoryRefreshTokenStore:
    """A store without a server, for one process."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        """Take a clock that returns seconds since 1970."""
        self._clock = clock
        self._families: dict[str, TokenFamily] = {}
        self._tokens: dict[str, _Token] = {}

    async def add_family(self, id: str, subject: str, lifetime: timedelta, digest: str) -> TokenFamily:  # noqa: A002
        now = self._now()
        self._families[id] = TokenFamily(id, subject, now, now + lifetime)
        self._tokens[digest] = _Token(id)
        return self._families[id]

    async def lock(self, digest: str) -> StoredRefreshToken | None:
        token = self._tokens.get(digest)
        if token is None:
            return None
        return StoredRefreshToken(
            self._families[token.family_id], token.used_at, token.successor, self._now()
        )

    async def replace(self, digest: str, successor: str) -> None:
        token = self._tokens[digest]
        token.used_at, token.successor = self._now(), successor
        self._tokens[successor] = _Token(token.family_id)

    async def find_family(self, id: str) -> TokenFamily | None:  # noqa: A002
        return self._families.get(id)

    async def end_family(self, id: str) -> bool:  # noqa: A002
        return self._end(family.id for family in self._families.values() if family.id == id) > 0

    async def end_subject(self, subject: str, but: str | None = None) -> int:
        return self._end(family.id for family in await self.families_of(subject) if family.id != but)

    async def families_of(
        self, subject: str, before: str | None = None, limit: int | None = None
    ) -> Sequence[TokenFamily]:
        now = self._now()
        live = [
            family
            for family in self._families.values()
            if family.subject == subject and not family.ended_at and family.expires_at > now
            if before is None or family.id < before
        ]
        return sorted(live, key=lambda family: family.id, reverse=True)[:limit]

    async def purge(self) -> int:
        now = self._now()
        gone = {id_ for id_, family in self._families.items() if family.expires_at <= now}
        self._tokens = {name: token for name, token in self._tokens.items() if token.family_id not in gone}
        self._families = {id_: family for id_, family in self._families.items() if id_ not in gone}
        return len(gone)

    def _end(self, ids: Iterable[str]) -> int:
        now = self._now()
        live = [
            id_ for id_ in ids if not self._families[id_].ended_at and self._families[id_].expires_at > now
        ]
        for id_ in live:
            self._families[id_] = replace(self._families[id_], ended_at=now)
        return len(live)

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._clock(), UTC)
