"""Writes that a client may send again: the first is done, and the others hear what it heard."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from core.errors import PlatformError

LIFETIME: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a client has heard, or would have."""

    status: int
    headers: Mapping[str, str]
    body: object


@dataclass(frozen=True, slots=True)
class Once[T]:
    """A write with a key: `digest` is of the operation and the key, `fingerprint` of what was sent."""

    digest: str
    fingerprint: str
    answer_of: Callable[[T], Answer]


class ReplayedError(PlatformError):
    """It was done before: nothing is done, and the answer is that of the first."""

    def __init__(self, answer: Answer) -> None:
        super().__init__("It was done before.")
        self.answer = answer


class OtherRequestError(PlatformError):
    """Something else was sent with this key before."""


class InProgressError(PlatformError):
    """The first request with this key is still being done."""
