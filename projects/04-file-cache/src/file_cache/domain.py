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


@dataclass(frozen=True, slots=True)
class Draft:
    """What is known of an entry before its bytes have come."""

    key: bytes
    freshness: Freshness
    content_type: str
    groups: Mapping[str, str] = field(default_factory=dict)
    """Each with the generation that it had when the upload began."""


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

    def age_seconds(self, now_ns: int) -> int:
        """Return whole seconds since it was stored; a clock that was put back does not make it negative."""
        return max(0, now_ns - self.stored_ns) // 1_000_000_000
