"""Sessions in this process's memory: for tests, and for a service of one process that may forget them."""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace

from auth._session import (
    LONGEST_LOGIN_SECONDS,
    LONGEST_REQUEST_SECONDS,
    NewSession,
    Session,
    SessionPolicy,
    moment_of,
)


@dataclass(slots=True)
class _Record:
    new: NewSession
    created_ms: int
    authenticated_ms: int
    seen_ms: int = field(default=0)


class MemorySessionStore:
    """A session store without a server. No method waits for anything, so that each is atomic on one loop."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        """Take a clock that returns seconds since 1970."""
        self._clock = clock
        self._records: dict[str, _Record] = {}
        self._voided_ms: dict[str, int] = {}
        self._rotated: dict[str, tuple[int, str]] = {}

    async def now_ms(self) -> int:
        return self._now()

    async def create(
        self, new: NewSession, policy: SessionPolicy, replaces: Sequence[str], begun_ms: int | None
    ) -> tuple[Session, Sequence[Session]] | None:
        now = self._now()
        if begun_ms is not None and begun_ms <= max(
            self._voided_ms.get(new.subject, 0), now - LONGEST_LOGIN_SECONDS * 1000
        ):
            return None
        replaced = await self.end(replaces, policy)
        others = self._live(new.subject, policy)
        above = self._remove(digest for digest, _ in others[policy.cap - 1 :])
        self._records[new.digest] = _Record(new, now, now, now)
        return self._session(new.digest), [*replaced, *above]

    async def load(self, digests: Sequence[str], policy: SessionPolicy) -> Session | None:
        now = self._now()
        for digest in digests:
            record = self._records.get(digest)
            if record is None:
                continue
            if not _is_live(record, now, policy):
                del self._records[digest]
                continue
            if now - record.seen_ms >= policy.touch_ms:
                record.seen_ms = now
            return self._session(digest)
        return None

    async def rotate(
        self, old: str, new: str, policy: SessionPolicy, *, authenticated: bool
    ) -> Session | None:
        now = self._now()
        record = self._records.get(old)
        if record is None or not _is_live(record, now, policy):
            return None
        del self._records[old]
        forgotten = now - LONGEST_REQUEST_SECONDS * 1000
        self._rotated = {name: to for name, to in self._rotated.items() if to[0] > forgotten}
        self._rotated[old] = (now, new)
        record.new = replace(record.new, digest=new)
        record.seen_ms = now
        if authenticated:
            record.authenticated_ms = now
        self._records[new] = record
        return self._session(new)

    async def end(self, digests: Sequence[str], policy: SessionPolicy) -> Sequence[Session]:
        now = self._now()
        latest = dict.fromkeys(self._latest(digest) for digest in digests)
        live = [one for one in latest if one in self._records and _is_live(self._records[one], now, policy)]
        return self._remove(live)

    async def end_by_id(self, subject: str, id: str, policy: SessionPolicy) -> Session | None:  # noqa: A002
        found = [digest for digest, record in self._live(subject, policy) if record.new.id == id]
        return self._remove(found)[0] if found else None

    async def end_all(self, subject: str, policy: SessionPolicy, keep: str) -> Sequence[Session]:
        now = self._now()
        forgotten = now - LONGEST_LOGIN_SECONDS * 1000
        self._voided_ms = {name: ms for name, ms in self._voided_ms.items() if ms > forgotten}
        self._voided_ms[subject] = now
        return self._remove(digest for digest, _ in self._live(subject, policy) if digest != keep)

    async def list(self, subject: str, policy: SessionPolicy) -> Sequence[Session]:
        return [self._session(digest) for digest, _ in self._live(subject, policy)]

    def _now(self) -> int:
        return int(self._clock() * 1000)

    def _live(self, subject: str, policy: SessionPolicy) -> Sequence[tuple[str, _Record]]:
        """Return the subject's live sessions, the one used last first, and forget the dead of everybody."""
        now = self._now()
        self._records = {
            digest: record for digest, record in self._records.items() if _is_live(record, now, policy)
        }
        own = [(digest, record) for digest, record in self._records.items() if record.new.subject == subject]
        return sorted(own, key=lambda found: found[1].seen_ms, reverse=True)

    def _latest(self, digest: str) -> str:
        rotated_ms, successor = self._rotated.get(digest, (0, ""))
        is_remembered = self._now() < rotated_ms + LONGEST_REQUEST_SECONDS * 1000
        return self._latest(successor) if is_remembered else digest

    def _remove(self, digests: Iterable[str]) -> Sequence[Session]:
        present = [digest for digest in digests if digest in self._records]
        ended = [self._session(digest) for digest in present]
        for digest in present:
            del self._records[digest]
        return ended

    def _session(self, digest: str) -> Session:
        record = self._records[digest]
        return Session(
            id=record.new.id,
            subject=record.new.subject,
            created_at=moment_of(record.created_ms),
            authenticated_at=moment_of(record.authenticated_ms),
            last_seen_at=moment_of(record.seen_ms),
            read_at=moment_of(self._now()),
            data=record.new.data,
            digest=digest,
        )


def _is_live(record: _Record, now_ms: int, policy: SessionPolicy) -> bool:
    return now_ms < record.seen_ms + policy.idle_ms and now_ms < record.created_ms + policy.absolute_ms
