"""Conditions and segments, compiled into functions of the context."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from flags.buckets import text_of
from flags.documents import TARGETING_KEY, Condition, Segment
from flags.operators import Question, question

type Context = Mapping[str, object]
type Predicate = Callable[[Context], bool]

ABSENT: Final = object()


def all_of(conditions: Sequence[Condition], segments: Callable[[str], Predicate]) -> Predicate:
    """Make what tells whether all conditions hold; of none, they do."""
    predicates = [one_of(condition, segments) for condition in conditions]
    match predicates:
        case []:
            return lambda _: True
        case [only]:
            return only
        case [first, second]:
            return lambda context: first(context) and second(context)
        case _:
            return lambda context: all(predicate(context) for predicate in predicates)


def one_of(condition: Condition, segments: Callable[[str], Predicate]) -> Predicate:
    if condition.operator == "in_segment":
        return in_segments([segments(str(key)) for key in condition.values], negate=condition.negate)
    attribute = str(condition.attribute)
    if condition.operator == "exists":
        return lambda context: (context.get(attribute, None) is not None) != condition.negate
    ask, negate = question(condition.operator, condition.values), condition.negate

    def holds(context: Context) -> bool:
        value = context.get(attribute, ABSENT)
        answer = asked_of_each(ask, value) if isinstance(value, list) else ask(value)
        return answer is not None and answer != negate

    return holds


def asked_of_each(ask: Question, values: Sequence[object]) -> bool | None:
    """Ask each item of a list: one that the answer is yes for is enough."""
    answers = [answer for value in values if (answer := ask(value)) is not None]
    return any(answers) if answers else None


def in_segments(members: Sequence[Predicate], *, negate: bool) -> Predicate:
    return lambda context: any(member(context) for member in members) != negate


def segment(document: Segment) -> Predicate:
    """Make what tells whether somebody is in a segment: who is excluded is not, else who is included is."""
    included, excluded = frozenset(document.included), frozenset(document.excluded)
    alternatives = [all_of(conditions, no_segment) for conditions in document.any_of]

    def contains(context: Context) -> bool:
        key = text_of(context.get(TARGETING_KEY))
        if key in excluded:
            return False
        return key in included or any(predicate(context) for predicate in alternatives)

    return contains


def no_segment(key: str) -> Predicate:
    raise KeyError(key)
