"""What a callback server is sent, and what it is told to answer."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import Self

import h11

from kata.network.exchange import Content

WITHOUT_BODY = frozenset({204, 304})
_FRAMING = frozenset({"content-length", "transfer-encoding"})


class Ending(Enum):
    """How a request ends."""

    ANSWER = "answer"
    HANG = "hang"
    RESET = "reset"
    DRIP = "drip"
    STALL = "stall"


@dataclass(frozen=True)
class Reply:
    """What becomes of a request that was taken in; by default the answer is that all is well."""

    status: int = 204
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    delay_seconds: float = 0.0
    ending: Ending = Ending.ANSWER

    def __post_init__(self) -> None:
        # In the reactor's thread it would be too late to complain.
        if self.body and self.status in WITHOUT_BODY:
            raise ValueError(f"an answer with status {self.status} has no body")
        if _FRAMING & {name.lower() for name in self.headers}:
            raise ValueError("the callback server sets Content-Length itself")
        try:
            h11.Response(status_code=self.status, headers=list(self.headers.items()))
        except h11.LocalProtocolError as error:
            raise ValueError(f"not an answer: {error}") from error

    @classmethod
    def redirect(cls, location: str, status: int = 302) -> Self:
        """Send the client elsewhere."""
        return cls(status, {"Location": location})

    @classmethod
    def hang(cls) -> Self:
        """Leave the connection open and never answer."""
        return cls(ending=Ending.HANG)

    @classmethod
    def drip(cls, status: int = 200) -> Self:
        """Answer with a head that has no end: a byte of it every now and then."""
        return cls(status, ending=Ending.DRIP)

    @classmethod
    def stall(cls, status: int = 200) -> Self:
        """Answer with the head, and with a part of its body."""
        return cls(status, ending=Ending.STALL)

    @classmethod
    def reset(cls, delay_seconds: float = 0.0) -> Self:
        """Break the connection off."""
        return cls(delay_seconds=delay_seconds, ending=Ending.RESET)


@dataclass(frozen=True)
class Received(Content):
    """A request that came in whole.

    `started` is when its head was there, `received` when its last byte was, `finished` when the answer had
    been sent or the connection had ended, and None before. These are monotonic; `received_at` is `received`
    by the wall clock. Of a body only the first MiB is kept.
    """

    method: str
    target: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    started: float
    received: float
    received_at: datetime
    finished: float | None = None

    @property
    def path(self) -> str:
        """The target without its query."""
        return self.target.partition("?")[0]

    def overlaps(self, other: "Received") -> bool:
        """Tell whether both were under way at the same time."""
        first, second = sorted((self, other), key=lambda request: request.started)
        return first.finished is None or second.started < first.finished
