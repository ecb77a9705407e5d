"""Time travel: what a flag said then, why, which change made it say so; and what a change would change."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from pydantic import JsonValue

from flags import references
from flags.buckets import buckets_of, text_of
from flags.documents import Flag, Segment, Serve
from flags.errors import NotFoundError
from flags.evaluation import Compiler, Outcome
from flags.history import AuditEntry
from flags.management import flags_of, live, merged, segments_of
from flags.repository import Reader
from flags.ruleset import FLAG, SEGMENT, Ref
from flags.targeting import Context

MOST_STEPS: Final = 1000
"""How many changes are undone in search of the one that made the outcome."""


@dataclass(frozen=True, slots=True)
class Explanation:
    """An outcome, and where it comes from."""

    version: int
    moment: datetime
    outcome: Outcome
    buckets: Mapping[str, int] | None
    changed_by: AuditEntry | None


@dataclass(frozen=True, slots=True)
class Difference:
    """Somebody for whom a change would change something."""

    index: int
    before: Outcome
    after: Outcome


class Explaining:
    """Asks the same evaluator about the past and about what has not happened."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    async def explain(
        self, key: str, context: Context, at: datetime | None, version: int | None
    ) -> Explanation:
        """Evaluate with the ruleset of a moment or a version, at that moment; without either, of now.

        Raises: NotFoundError, if there was no such flag then.
        """
        moment = at or datetime.now(UTC)
        last = await self._reader.version_at(moment)
        if version is not None:
            if not 0 < version <= last:
                raise NotFoundError("version")
            last = version
            made = (await self._reader.audit(1, before=version + 1))[0].at
            moment = at or made
        stock = await self._reader.documents_at(last)
        flags, segments = flags_of(stock), segments_of(stock)
        outcome = decided(key, context, flags, segments, moment)
        if outcome is None:
            raise NotFoundError("flag")
        buckets = self._buckets(flags[key], outcome, context)
        entries = await self._reader.audit(MOST_STEPS, before=last + 1, kinds=(FLAG, SEGMENT))

        def is_the_cause(entry: AuditEntry) -> bool:
            undo(entry, flags, segments)
            earlier = decided(key, context, flags, segments, moment)
            return earlier is None or earlier.members() != outcome.members()

        changed_by = next(filter(is_the_cause, entries), None)
        return Explanation(last, moment, outcome, buckets, changed_by)

    def _buckets(self, flag: Flag, outcome: Outcome, context: Context) -> Mapping[str, int] | None:
        """Return the buckets in which the rule that decided has looked, or the default."""
        serve: Serve = next((rule for rule in flag.rules if rule.name == outcome.rule), flag.default)
        value = text_of(context.get(serve.bucket_by))
        return None if value is None else buckets_of(serve.group or flag.salt or flag.key, value)

    async def differences(
        self, key: str, change: Mapping[str, JsonValue], contexts: Sequence[Context]
    ) -> list[Difference]:
        """Tell for whom a change would change what is served; it is not made.

        Raises: NotFoundError, TypeFixedError, InvalidInputError, InvalidDocumentError.
        """
        stored = {
            Ref(kind, name): one
            for kind in (FLAG, SEGMENT)
            for name, one in (await self._reader.stored(kind)).items()
        }
        flag = merged(Flag.model_validate(live(Ref(FLAG, key), stored, None).document), change)
        flags, segments = flags_of(stored), segments_of(stored)
        references.check(flag, {**flags, key: flag}, segments)
        now = time.time()
        before = Compiler(flags, segments, frozenset()).decide(key)
        after = Compiler({**flags, key: flag}, segments, frozenset()).decide(key)
        pairs = ((before(context, now, {}), after(context, now, {})) for context in contexts)
        return [
            Difference(index, one, other)
            for index, (one, other) in enumerate(pairs)
            if one.members() | {"reason": ""} != other.members() | {"reason": ""}
        ]


def decided(
    key: str, context: Context, flags: Mapping[str, Flag], segments: Mapping[str, Segment], moment: datetime
) -> Outcome | None:
    """Evaluate one flag with these documents; None if it is not among them."""
    if key not in flags or flags[key].archived:
        return None
    return Compiler(flags, segments, frozenset()).decide(key)(context, moment.timestamp(), {})


def undo(entry: AuditEntry, flags: dict[str, Flag], segments: dict[str, Segment]) -> None:
    """Put back what was before a change: one document, for the others are as they were."""
    kind, key = entry.ref
    before = entry.before
    if kind == FLAG:
        flags.pop(key, None)
        flags |= {} if before is None else {key: Flag.model_validate(before)}
    else:
        segments.pop(key, None)
        segments |= {} if before is None else {key: Segment.model_validate(before)}
