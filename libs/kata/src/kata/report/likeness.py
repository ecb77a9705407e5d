"""How alike two failures of a check are, whatever was drawn for them."""

import re
from collections import Counter
from collections.abc import Iterable

# What differs from run to run. A status stays: 429 and 503 are different bugs.
_DRAWN = [
    (re.compile(r"""(?<=: )(["'])(?![a-z_ -]*\1).*?\1"""), "<text>"),  # a state or a code is a plain word
    (re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"), "<id>"),
    (re.compile(r"\d{4}-\d\d-\d\dt\d\d:\d\d(:\d\d(\.\d+)?)?(z|[+-]\d\d:\d\d)?"), "<time>"),
    (re.compile(r"\b(\d{1,3}\.){3}\d{1,3}\b|\b[0-9a-f]{1,4}(:[0-9a-f]{0,4}){3,7}"), "<address>"),
    (re.compile(r"(?<![\w.])(?![1-5]\d\d(?![\w.]))[+-]?\d+(\.\d+)?(e[+-]?\d+)?"), "#"),
]
_WORD = re.compile(r"<\w+>|#|\w+|[^\w\s]")
_MOST_CHARACTERS = 200


def trace(expected: str | None, got: str | None) -> str:
    """Return what a failed check has expected and got, without what differs from run to run."""
    text = f"{expected or ''} | {got or ''}".lower()
    for drawn, name in _DRAWN:
        text = drawn.sub(name, text)
    return text[:_MOST_CHARACTERS]


def likeness(one: str, others: Iterable[str]) -> float:
    """Return from 0 to 1 how many words this trace shares with the most similar of the others."""
    words = Counter(_WORD.findall(one))
    return max((_shared(words, Counter(_WORD.findall(other))) for other in others), default=0.0)


def _shared(one: Counter[str], other: Counter[str]) -> float:
    return (one & other).total() / max((one | other).total(), 1)
