"""If-Match and If-None-Match. Source: RFC 9110, sections 8.8.3, 13.1.1, 13.1.2 and 13.2.2."""

import re
from dataclasses import dataclass
from typing import Final, Self

from file_cache.errors import InvalidFieldError, PreconditionFailedError

ENTITY_TAG: Final = re.compile(r'\s*(?:(W/)?("[!\x23-\x7e\x80-\xff]*"))?\s*(?:,|$)')
ANY: Final = "*"


@dataclass(frozen=True, slots=True)
class EntityTags:
    """The value of one of the two fields: any entry, or those with these tags."""

    is_any: bool
    strong: frozenset[str]
    weak: frozenset[str]

    @classmethod
    def parse(cls, field: str, header: str) -> Self:
        """Raises: InvalidFieldError."""
        if header.strip() == ANY:
            return cls(is_any=True, strong=frozenset(), weak=frozenset())
        strong: set[str] = set()
        weak: set[str] = set()
        position = 0
        while position < len(header):
            match = ENTITY_TAG.match(header, position)
            if match is None or match.end() == position:
                raise InvalidFieldError(field, "it is neither * nor a list of entity tags.")
            position = match.end()
            if match[2]:
                (weak if match[1] else strong).add(match[2])
        return cls(is_any=False, strong=frozenset(strong), weak=frozenset(weak))

    def has(self, etag: str | None, *, weakly: bool = False) -> bool:
        """Say whether an entry with this tag, None for no entry, is meant."""
        if etag is None:
            return False
        return self.is_any or etag in self.strong or (weakly and etag in self.weak)


@dataclass(frozen=True, slots=True)
class Conditions:
    """Those of one request."""

    match: EntityTags | None
    none_match: EntityTags | None

    @classmethod
    def parse(cls, if_match: str | None, if_none_match: str | None) -> Self:
        """Raises: InvalidFieldError."""
        return cls(
            None if if_match is None else EntityTags.parse("If-Match", if_match),
            None if if_none_match is None else EntityTags.parse("If-None-Match", if_none_match),
        )

    @property
    def are_none(self) -> bool:
        return self.match is None and self.none_match is None

    def check(self, etag: str | None) -> None:
        """Let a request pass that changes the entry. Raises: PreconditionFailedError."""
        self.check_match(etag)
        if self.none_match is not None and self.none_match.has(etag, weakly=True):
            raise PreconditionFailedError

    def check_match(self, etag: str | None) -> None:
        """Let a request pass as far as If-Match goes. Raises: PreconditionFailedError."""
        if self.match is not None and not self.match.has(etag):
            raise PreconditionFailedError

    def is_unchanged(self, etag: str) -> bool:
        """Say whether who reads has these bytes already: 304."""
        return self.none_match is not None and self.none_match.has(etag, weakly=True)
