"""Flags, compiled: a function of the context and the moment that returns an outcome made beforehand."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from flags.buckets import BUCKETS, GATE_SEED, bucket, chosen_by, prefix_of, text_of
from flags.documents import TARGETING_KEY, THOUSANDTHS, Flag, Rule, Segment, Serve
from flags.targeting import Context, Predicate, all_of, segment
from service_kit.json_text import Json, render

STATIC: Final = "STATIC"
MATCH: Final = "TARGETING_MATCH"
SPLIT: Final = "SPLIT"
DISABLED: Final = "DISABLED"
NOT_MATCHED: Final = "UNKNOWN"
"""OFREP has no DEFAULT: what is served because no rule has matched has this reason."""
KEY_MISSING: Final = "TARGETING_KEY_MISSING"


@dataclass(frozen=True, slots=True, eq=False)
class Outcome:
    """What an evaluation says of a flag, or with an `error` why it says nothing."""

    flag: str
    variant: str
    reason: str
    value: Json = None
    has_value: bool = True
    rule: str = ""
    needs: str = ""
    """The prerequisite that is not met."""
    error: str = ""
    detail: str = ""

    def members(self) -> dict[str, Json]:
        """Return it in OFREP's words, without what the ruleset as a whole adds."""
        if self.error:
            return {"key": self.flag, "errorCode": self.error, "errorDetails": self.detail}
        value = {"value": self.value} if self.has_value else {}
        return {"key": self.flag, **value, "reason": self.reason, "variant": self.variant}

    def metadata(self) -> dict[str, str]:
        """Return what OFREP allows: texts, numbers and booleans, and neither null nor nesting."""
        return ({"rule": self.rule} if self.rule else {}) | (
            {"prerequisite": self.needs} if self.needs else {}
        )


type Memo = dict[str, Outcome]
type Decide = Callable[[Context, float, Memo], Outcome]


class Compiled:
    """A flag, ready: `decide` takes the context, the moment in seconds, and what is decided already."""

    __slots__ = ("client_side", "decide", "fragments", "key")

    def __init__(self, key: str, decide: Decide, *, client_side: bool) -> None:
        self.key = key
        self.decide = decide
        self.client_side = client_side
        self.fragments: dict[Outcome, bytes] = {}

    def fragment(self, outcome: Outcome) -> bytes:
        """Return the outcome as it stands in a bulk; there are few, and each is written once."""
        written = self.fragments.get(outcome)
        if written is None:
            metadata = outcome.metadata()
            written = render(outcome.members() | ({"metadata": metadata} if metadata else {}))
            self.fragments[outcome] = written
        return written


class Compiler:
    """Compiles flags by key, each once; those that it needs come first."""

    def __init__(
        self, flags: Mapping[str, Flag], segments: Mapping[str, Segment], killed: frozenset[str]
    ) -> None:
        self._flags = flags
        self._segments = segments
        self._killed = killed
        self._predicates: dict[str, Predicate] = {}
        self._decides: dict[str, Decide] = {}

    def decide(self, key: str) -> Decide:
        """Return what decides a flag. What cannot be compiled is an outcome, for that flag alone."""
        known = self._decides.get(key)
        if known is None:
            self._decides[key] = broken(key, "its prerequisites need each other")
            try:
                known = self._compile(self._flags[key])
            except (KeyError, ValueError, TypeError, RecursionError) as error:
                known = broken(key, f"it cannot be evaluated: {type(error).__name__}")
            self._decides[key] = known
        return known

    def _segment(self, key: str) -> Predicate:
        if key not in self._predicates:
            self._predicates[key] = segment(self._segments[key])
        return self._predicates[key]

    def _compile(self, flag: Flag) -> Decide:
        off = off_outcome(flag)
        if not flag.enabled or flag.killed or flag.key in self._killed:
            return lambda _context, _now, _memo: off
        targeting = self._targeting(flag)
        if not flag.prerequisites:
            return targeting
        needed = [
            (one.flag, one.variant, self.decide(one.flag), off_outcome(flag, one.flag))
            for one in flag.prerequisites
        ]

        def decide(context: Context, now: float, memo: Memo) -> Outcome:
            for key, variant, other, unmet in needed:
                outcome = memo.get(key)
                if outcome is None:
                    outcome = memo[key] = other(context, now, memo)
                if outcome.error:
                    return Outcome(flag.key, "", "", error=outcome.error, detail=outcome.detail)
                if outcome.variant != variant:
                    return unmet
            return targeting(context, now, memo)

        return decide

    def _targeting(self, flag: Flag) -> Decide:
        last = self._default(flag)
        rules = [self._rule(flag, rule) for rule in flag.rules]
        if not rules:
            return lambda context, _now, _memo: last(context)

        def decide(context: Context, now: float, _memo: Memo) -> Outcome:
            for rule in rules:
                outcome = rule(context, now)
                if outcome is not None:
                    return outcome
            return last(context)

        return decide

    def _default(self, flag: Flag) -> Callable[[Context], Outcome]:
        serve, prefix = (
            served(flag, flag.default, NOT_MATCHED if flag.rules else STATIC),
            prefix_for(flag, flag.default),
        )
        if flag.default.split is None:
            only = serve(b"")
            return lambda _: only
        attribute = flag.default.bucket_by
        missing = key_missing(flag.key) if attribute == TARGETING_KEY else absent(flag)

        def last(context: Context) -> Outcome:
            value = text_of(context.get(attribute))
            return missing if value is None else serve(prefix + value.encode())

        return last

    def _rule(self, flag: Flag, rule: Rule) -> Callable[[Context, float], Outcome | None]:
        holds = all_of(rule.when, self._segment)
        gate = round(rule.percentage * THOUSANDTHS)
        serve = served(flag, rule, MATCH if gate == BUCKETS else SPLIT)
        prefix = prefix_for(flag, rule)
        starts = rule.starts_at.timestamp() if rule.starts_at else float("-inf")
        ends = rule.ends_at.timestamp() if rule.ends_at else float("inf")
        attribute = rule.bucket_by
        missing = key_missing(flag.key) if attribute == TARGETING_KEY else None
        asks = gate < BUCKETS or rule.split is not None

        def decide(context: Context, now: float) -> Outcome | None:
            if not (starts <= now < ends and holds(context)):
                return None
            if not asks:
                return serve(b"")
            value = text_of(context.get(attribute))
            if value is None:
                return missing
            data = prefix + value.encode()
            return serve(data) if bucket(data, GATE_SEED) < gate else None

        return decide


def prefix_for(flag: Flag, serve: Serve) -> bytes:
    return prefix_of(serve.group or flag.salt or flag.key)


def served(flag: Flag, serve: Serve, reason: str) -> Callable[[bytes], Outcome]:
    """Make what serves those who are counted in; a split asks for their place."""
    rule = serve.name if isinstance(serve, Rule) else ""
    if serve.variant is not None:
        only = Outcome(flag.key, serve.variant, reason, flag.variants[serve.variant], rule=rule)
        return lambda _: only
    shares = serve.split or ()
    outcomes = {
        share.variant: Outcome(flag.key, share.variant, SPLIT, flag.variants[share.variant], rule=rule)
        for share in shares
    }
    choose = chosen_by([(share.variant, round(share.weight * THOUSANDTHS)) for share in shares])
    return lambda data: outcomes[choose(data)]


def off_outcome(flag: Flag, needs: str = "") -> Outcome:
    """Return what is served while a flag is off: without a variant for that the client's own default."""
    if flag.off_variant is None:
        return Outcome(flag.key, "", DISABLED, has_value=False, needs=needs)
    return Outcome(flag.key, flag.off_variant, DISABLED, flag.variants[flag.off_variant], needs=needs)


def key_missing(flag: str) -> Outcome:
    return Outcome(flag, "", "", error=KEY_MISSING, detail="The context has no targetingKey.")


def absent(flag: Flag) -> Outcome:
    detail = f"The context has no {flag.default.bucket_by} to split by."
    return Outcome(flag.key, "", "", error="INVALID_CONTEXT", detail=detail)


def broken(flag: str, detail: str) -> Decide:
    outcome = Outcome(flag, "", "", error="PARSE_ERROR", detail=f"The flag is broken: {detail}.")
    return lambda _context, _now, _memo: outcome
