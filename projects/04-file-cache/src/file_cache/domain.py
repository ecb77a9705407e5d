"""The words of this service."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

LONGEST_KEY_BYTES: Final = 1024


class Scope(StrEnum):
    """Whose entries these are."""

    TRUSTED = "trusted"
    UNTRUSTED = "untrusted"

    @property
    def seen_by(self) -> tuple["Scope", ...]:
        """Return the scopes of those who are given what is stored in this one."""
        return (Scope.TRUSTED, Scope.UNTRUSTED) if self is Scope.TRUSTED else (self,)


@dataclass(frozen=True, slots=True)
class Freshness:
    """How long an entry may be given out, as Cache-Control has said it."""

    ttl_seconds: int
    stale_while_revalidate_seconds: int = 0
    stale_if_error_seconds: int = 0
    """Both count from when it has expired. Source: RFC 5861."""


@dataclass(frozen=True, slots=True)
class Draft:
    """What is known of an entry before its bytes have come."""

    key: bytes
    freshness: Freshness
    content_type: str
    groups: Mapping[str, str] = field(default_factory=dict)
    """Each with the generation that it had when the upload began."""
    scope: Scope = Scope.TRUSTED


@dataclass(frozen=True, slots=True)
class Metadata:
    """What is kept beside the bytes of an entry."""

    draft: Draft
    size_bytes: int
    sha256: bytes
    stored_ns: int
    """Wall-clock time, which goes on while the service is stopped."""

    @property
    def etag(self) -> str:
        """The strong entity tag: other bytes have another."""
        return f'"{self.sha256.hex()[:32]}"'

    @property
    def expires_ns(self) -> int:
        return self.stored_ns + self.draft.freshness.ttl_seconds * 1_000_000_000

    def is_fresh(self, now_ns: int) -> bool:
        """Say whether it may be given out; at the instant at which it expires it may not."""
        return now_ns < self.expires_ns

    def is_revalidated(self, now_ns: int) -> bool:
        """Say whether it may be given out while somebody makes a new one."""
        return now_ns < self.expires_ns + self.draft.freshness.stale_while_revalidate_seconds * 1_000_000_000

    def is_for_errors(self, now_ns: int, longest_seconds: int) -> bool:
        """Say whether it may be given to who has failed to make a new one, and would take what is so old."""
        seconds = min(self.draft.freshness.stale_if_error_seconds, longest_seconds)
        return now_ns < self.expires_ns + seconds * 1_000_000_000

    def is_kept(self, now_ns: int) -> bool:
        """Say whether it may be given to anybody yet."""
        longest = self.draft.freshness.stale_if_error_seconds
        return self.is_revalidated(now_ns) or self.is_for_errors(now_ns, longest)

    def age_seconds(self, now_ns: int) -> int:
        """Return whole seconds since it was stored; a clock that was put back does not make it negative."""
        return max(0, now_ns - self.stored_ns) // 1_000_000_000
