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
from flags.history import AuditEntry, Stored
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
        outcome = decided(key, context, stock, moment)
        if outcome is None:
            raise NotFoundError("flag")
        changed_by = await self._changed_by(key, context, dict(stock), moment, outcome, last)
        buckets = self._buckets(Flag.model_validate(stock[Ref(FLAG, key)].document), outcome, context)
        return Explanation(last, moment, outcome, buckets, changed_by)

    def _buckets(self, flag: Flag, outcome: Outcome, context: Context) -> Mapping[str, int] | None:
        """Return the buckets in which the rule that decided has looked, or the default."""
        serve: Serve = next((rule for rule in flag.rules if rule.name == outcome.rule), flag.default)
        value = text_of(context.get(serve.bucket_by))
        return None if value is None else buckets_of(serve.group or flag.salt or flag.key, value)

    async def _changed_by(
        self,
        key: str,
        context: Context,
        stock: dict[Ref, Stored],
        moment: datetime,
        outcome: Outcome,
        version: int,
    ) -> AuditEntry | None:
        """Undo one change after another until the outcome is another."""
        entries = await self._reader.audit(MOST_STEPS, before=version + 1, kinds=(FLAG, SEGMENT))
        for entry in entries:
            if entry.before is None:
                del stock[entry.ref]
            else:
                stock[entry.ref] = Stored(0, entry.before)
            earlier = decided(key, context, stock, moment)
            if earlier is None or earlier.members() != outcome.members():
                return entry
        return None

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


def decided(key: str, context: Context, stock: Mapping[Ref, Stored], moment: datetime) -> Outcome | None:
    """Evaluate one flag with these documents; None if it is not among them."""
    flags = {name: flag for name, flag in flags_of(stock).items() if not flag.archived}
    if key not in flags:
        return None
    segments: Mapping[str, Segment] = segments_of(stock)
    return Compiler(flags, segments, frozenset()).decide(key)(context, moment.timestamp(), {})
