"""Kills that the database may not know yet: an overlay on the ruleset, which works without PostgreSQL.

A kill is written to Redis first and to PostgreSQL second. Once PostgreSQL has it, it is marked with the
version that it became: rulesets of that version and later know it by themselves, and what lifts it comes
later still. So the mark, and not its removal, ends it, and no process can see a moment without it.
"""

import time
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Self

from service_kit.json_text import Json


@dataclass(frozen=True, slots=True)
class Kill:
    """One use of the switch."""

    id: str
    flag: str
    actor: str
    at: float
    revision: int
    """Orders kills, in microseconds: a process that knows this one knows all before it."""
    version: int = 0
    """Of the ruleset that has it; 0 until PostgreSQL has it."""

    def document(self) -> dict[str, Json]:
        return asdict(self)

    @classmethod
    def read(cls, document: Mapping[str, Json]) -> Self:
        """Raises: KeyError, TypeError, ValueError."""
        return cls(
            str(document["id"]),
            str(document["flag"]),
            str(document["actor"]),
            float(str(document["at"])),
            int(str(document["revision"])),
            int(str(document["version"])),
        )


class Overlay:
    """The kills that a process has heard of, by id."""

    def __init__(self) -> None:
        self._kills: dict[str, Kill] = {}

    def merge(self, kills: Iterable[Kill]) -> bool:
        """Take kills over, and tell whether that was news. A mark is never forgotten."""
        news = False
        for kill in kills:
            known = self._kills.get(kill.id)
            if known is None or (not known.version and kill.version):
                self._kills[kill.id] = kill
                news = True
        return news

    def forget(self, before: float) -> list[Kill]:
        """Drop those that PostgreSQL has had since then; return them."""
        old = [kill for kill in self._kills.values() if kill.version and kill.at < before]
        for kill in old:
            del self._kills[kill.id]
        return old

    def all(self) -> list[Kill]:
        return list(self._kills.values())

    def waiting(self) -> list[Kill]:
        """Return those that PostgreSQL does not have yet, in their order."""
        return sorted((kill for kill in self.all() if not kill.version), key=lambda kill: kill.revision)

    def flags(self, version: int) -> frozenset[str]:
        """Return the flags that a ruleset of this version does not know to be killed."""
        return frozenset(kill.flag for kill in self.all() if not kill.version or kill.version > version)

    @property
    def revision(self) -> int:
        return max((kill.revision for kill in self.all()), default=0)


def next_revision(current: int) -> int:
    return max(current + 1, time.time_ns() // 1000)
