"""What a session is, how long it lives, and what a store has to do with it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Final, Protocol

from auth._errors import SettingError

LONGEST_LOGIN_SECONDS: Final = 600
"""Between `moment` and `create`. For as long it is remembered that a subject's sessions were ended."""
LONGEST_REQUEST_SECONDS: Final = 60
"""For as long a token that was rotated still ends its successor: a logout may be on its way with it."""
NOTHING: Final[Mapping[str, str]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class SessionPolicy:
    """How long a session lives, and how many a subject may have.

    It is live until `idle_seconds - touch_seconds` after its last use at least, and dead `idle_seconds` after
    it, and in any case `absolute_seconds` after the login: use is written down once in `touch_seconds`.
    """

    idle_seconds: float = 1_800
    absolute_seconds: float = 43_200
    touch_seconds: float = 60
    cap: int = 20

    def __post_init__(self) -> None:
        if not 0 <= self.touch_seconds < self.idle_seconds <= self.absolute_seconds:
            raise SettingError("touch, idle and absolute seconds have to ascend")
        if self.cap < 1:
            raise SettingError("a subject may have one session at least")

    @property
    def idle_ms(self) -> int:
        return round(self.idle_seconds * 1000)

    @property
    def absolute_ms(self) -> int:
        return round(self.absolute_seconds * 1000)

    @property
    def touch_ms(self) -> int:
        return round(self.touch_seconds * 1000)


@dataclass(frozen=True, slots=True)
class Session:
    """A session as it was at `read_at`; all times are the store's.

    `id` names it in lists and does not authenticate. `digest` is the token's; a log may have a prefix of it.
    `csrf_token` is for clients that tell no origin; it is empty where the token is not known, as in a list.
    """

    id: str
    subject: str
    created_at: datetime
    authenticated_at: datetime
    last_seen_at: datetime
    read_at: datetime
    data: Mapping[str, str] = NOTHING
    digest: str = field(default="", repr=False)
    csrf_token: str = field(default="", repr=False)

    def is_fresh(self, seconds: float) -> bool:
        """Tell whether the subject showed the password less than this long ago."""
        return self.read_at - self.authenticated_at < timedelta(seconds=seconds)


@dataclass(frozen=True, slots=True)
class IssuedSession:
    """A session with its token, which exists nowhere else; `ended` are those that it replaced."""

    token: str = field(repr=False)
    session: Session
    ended: Sequence[Session] = ()


@dataclass(frozen=True, slots=True)
class NewSession:
    """What a store is to keep; its times are the store's own."""

    digest: str
    id: str
    subject: str
    data: Mapping[str, str]


class SessionStore(Protocol):
    """Where sessions are. Every method is one atomic step; each takes one round trip.

    Raises: StoreUnavailableError.
    """

    async def now_ms(self) -> int: ...

    async def create(
        self, new: NewSession, policy: SessionPolicy, replaces: Sequence[str], begun_ms: int | None
    ) -> tuple[Session, Sequence[Session]] | None:
        """Return the session and those that ended, or None if `end_all` came after the login had begun."""
        ...

    async def load(self, digests: Sequence[str], policy: SessionPolicy) -> Session | None:
        """Return the first that is live, and note that it is in use."""
        ...

    async def rotate(
        self, old: str, new: str, policy: SessionPolicy, *, authenticated: bool
    ) -> Session | None: ...

    async def end(self, digests: Sequence[str], policy: SessionPolicy) -> Sequence[Session]:
        """End these, and what they were rotated to within LONGEST_REQUEST_SECONDS."""
        ...

    async def end_by_id(self, subject: str, id: str, policy: SessionPolicy) -> Session | None: ...  # noqa: A002

    async def end_all(self, subject: str, policy: SessionPolicy, keep: str) -> Sequence[Session]:
        """End all but the digest `keep`, and void logins under way."""
        ...

    async def list(self, subject: str, policy: SessionPolicy) -> Sequence[Session]:
        """Return those that are live, the one used last first."""
        ...


def moment_of(ms: int) -> datetime:
    return datetime.fromtimestamp(ms / 1000, UTC)


def ms_of(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)
