"""Sessions, in Redis: made, found, given a new id, listed, ended."""

import hashlib
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

import structlog

from sessions.domain import User
from sessions.redis_scripts import RedisScripts, Reply, number, rows, texts

ID_BYTES: Final = 32
WELL_FORMED: Final = re.compile(r"[A-Za-z0-9_-]{43}")
LOGGED_DIGITS: Final = 12
LONGEST_AGENT: Final = 256

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class SessionTimes:
    """How long a session lives without a request, and in all; how exactly its last request is noted."""

    idle_seconds: float
    absolute_seconds: float
    touch_seconds: float

    def milliseconds(self) -> tuple[int, int, int]:
        times = (self.idle_seconds, self.absolute_seconds, self.touch_seconds)
        first, second, third = (round(1000 * seconds) for seconds in times)
        return first, second, third


@dataclass(frozen=True, slots=True)
class Session:
    """A live session. `hash` is what Redis knows it by; `id` is what its owner sees, and opens nothing."""

    hash: str
    id: str
    user_id: UUID
    email: str
    agent: str
    address: str
    created_at: datetime
    authenticated_at: datetime
    seen_at: datetime


@dataclass(frozen=True, slots=True)
class Found:
    """A session, which of the secrets presented was its, and what time it is for Redis."""

    session: Session
    secret: str
    now: datetime


def new_secret() -> str:
    """Draw what the cookie holds: 256 bits of the system's randomness, and nothing else."""
    return secrets.token_urlsafe(ID_BYTES)


def hash_of(secret: str) -> str:
    """Return what is stored of a secret. It is random, and so needs no slow hash: nobody can guess it."""
    return hashlib.sha256(secret.encode()).hexdigest()


class SessionStore:
    """All of it raises StoreUnavailableError. What a secret was never stands in Redis, or in the log."""

    def __init__(self, scripts: RedisScripts, times: SessionTimes, cap: int) -> None:
        self._scripts = scripts
        self._times = times
        self._cap = cap

    async def find(self, presented: Sequence[str]) -> Found | None:
        """Return the first that is live, and note that it is in use."""
        candidates = [secret for secret in presented if WELL_FORMED.fullmatch(secret)]
        if not candidates:
            return None
        hashes = [hash_of(secret) for secret in candidates]
        reply = rows(await self._scripts.run("find", keys_of(hashes), *self._times.milliseconds()))
        if not reply:
            return None
        place = number(reply[0]) - 1
        session = session_of(hashes[place], reply[1])
        if session is None:
            return None
        return Found(session, candidates[place], moment(number(reply[2])))

    async def create(
        self, user: User, began_ms: int, agent: str, address: str, presented: Sequence[str]
    ) -> str | None:
        """Make a session and return its secret; those presented end, and what is above the cap.

        None: since the login began, all of the user's sessions were ended. Its password may be an old one.
        """
        secret, public_id = new_secret(), secrets.token_hex(16)
        replaced = [hash_of(secret) for secret in presented if WELL_FORMED.fullmatch(secret)]
        new = hash_of(secret)
        idle, absolute, _ = self._times.milliseconds()
        keys = [*keys_of([new]), of_user(user.id), void_of(user.id), *keys_of(replaced)]
        values = (new, str(user.id), user.email, public_id, agent[:LONGEST_AGENT], address)
        reply = rows(await self._scripts.run("create", keys, *values, began_ms, idle, absolute, self._cap))
        if not reply:
            return None
        audit("session_created", user.id, new)
        for hash_ in texts(reply[1]):
            audit("session_ended", user.id, hash_)
        return secret

    async def rotate(self, session: Session, email: str, *, authenticated: bool) -> str | None:
        """Give a session a new secret and end all others of its user; None if it is not live any more."""
        secret = new_secret()
        new = hash_of(secret)
        keys = [*keys_of([session.hash, new]), of_user(session.user_id), void_of(session.user_id)]
        life = self._times.milliseconds()[1]
        reply = await self._scripts.run(
            "rotate", keys, session.hash, new, email, "1" if authenticated else "0", life
        )
        if reply is None:
            return None
        audit("session_rotated", session.user_id, new, before=session.hash[:LOGGED_DIGITS])
        self._tell_ended(session.user_id, reply)
        return secret

    async def end(self, user_id: UUID, public_id: str) -> bool:
        """End one; tell whether there was one."""
        life = self._times.milliseconds()[1]
        reply = await self._scripts.run("end", [of_user(user_id), void_of(user_id)], public_id, "", life)
        for hash_ in texts(reply):
            audit("session_revoked", user_id, hash_)
        return bool(rows(reply))

    async def end_all(self, user_id: UUID, *, keep: str = "") -> None:
        """End all but the one with this secret, and those that logins under way would make."""
        kept = hash_of(keep) if keep else ""
        life = self._times.milliseconds()[1]
        self._tell_ended(
            user_id, await self._scripts.run("end", [of_user(user_id), void_of(user_id)], "", kept, life)
        )

    async def list_of(self, user_id: UUID) -> list[Session]:
        """Return a user's sessions, the one used last first."""
        reply = rows(await self._scripts.run("list", [of_user(user_id)]))
        sessions = [session_of(texts([hash_])[0], fields) for hash_, fields in map(rows, reply)]
        return [session for session in sessions if session is not None]

    def _tell_ended(self, user_id: UUID, hashes: object) -> None:
        for hash_ in texts(hashes if isinstance(hashes, list) else None):
            audit("session_ended", user_id, hash_)


def audit(what: str, user_id: UUID, hash_: str, **more: str) -> None:
    """Write the line of an audit log: by the beginning of its hash a session is known, and not opened."""
    log.info("audit", audit=what, user_id=str(user_id), session=hash_[:LOGGED_DIGITS], **more)


def keys_of(hashes: Sequence[str]) -> list[str]:
    return [f"sessions:{hash_}" for hash_ in hashes]


def of_user(user_id: UUID) -> str:
    return f"sessions:of:{user_id}"


def void_of(user_id: UUID) -> str:
    return f"sessions:void:{user_id}"


def session_of(hash_: str, fields: Reply) -> Session | None:
    """Read a session; None is one that nobody here has written."""
    try:
        user, email, public_id, created, authenticated, seen, agent, address = texts(fields)
        moments = [moment(int(milliseconds)) for milliseconds in (created, authenticated, seen)]
        return Session(hash_, public_id, UUID(user), email, agent, address, *moments)
    except (ValueError, OverflowError, OSError):
        return None


def moment(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, UTC)
