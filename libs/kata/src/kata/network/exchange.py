"""What was asked and what came back, each with the moments that a judgement may rest on."""

import json
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import NoReturn, Self

# No contract asks for answers of this size; a solution that sends without end must not fill the memory.
LARGEST_BODY_BYTES = 16_777_216

# Of a longer body so much is kept of what was sent.
KEPT_BODY_BYTES = 1024

# Of a longer request line people are shown its two ends, so much together.
_LONGEST_LINE = 80

_WINDOW_BITS = {"gzip": zlib.MAX_WBITS + 16, "deflate": zlib.MAX_WBITS}


@dataclass(frozen=True)
class Span:
    """Two moments of the monotonic clock between which the other side acted, at a moment that nobody saw."""

    sent: float
    received: float


@dataclass(frozen=True)
class Request:
    """One HTTP request; the path is sent exactly as it stands here."""

    method: str = "GET"
    path: str = "/"
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    @property
    def line(self) -> str:
        """The method and the path, as people are shown them."""
        return shortened(f"{self.method} {self.path}")

    def written(self, head: Iterable[tuple[bytes, bytes]]) -> bytes:
        """Return it as it is sent with this head, but for the end of a long body."""
        lines = [f"{self.method} {self.path} HTTP/1.1".encode(), *(b": ".join(field) for field in head)]
        return b"\r\n".join([*lines, b"", self.body[:KEPT_BODY_BYTES]])

    @property
    def fields(self) -> dict[str, str]:
        """Its headers, with a Content-Length where there is or may be a body that is not sent in chunks."""
        fields = dict(self.headers)
        may_have = bool(self.body) or self.method in {"POST", "PUT", "PATCH"}
        if may_have and not {"content-length", "transfer-encoding"} & {name.lower() for name in fields}:
            fields["Content-Length"] = str(len(self.body))
        return fields


class Content:
    """What can be read from the headers and the body of a message, in either direction."""

    headers: tuple[tuple[str, str], ...]
    body: bytes

    def header(self, name: str) -> str | None:
        """Return the field's value; repeated fields are joined as RFC 9110, section 5.3, allows."""
        values = [value for key, value in self.headers if key.lower() == name.lower()]
        return ", ".join(values) if values else None

    @property
    def text(self) -> str:
        """The body as UTF-8; what is not UTF-8 shows as replacement characters."""
        return self.body.decode(errors="replace")

    def json(self) -> object:
        """Parse the body as strict JSON (no NaN, no Infinity).

        Raises:
            ValueError: it is something else.

        """
        try:
            value: object = json.loads(self.body, parse_constant=_refuse)
        except RecursionError as error:
            raise ValueError("nested too deeply") from error
        return value


@dataclass(frozen=True)
class Exchange(Span, Content):
    """A request's answer, or with status 0 and an `error` the way in which none came.

    `sent` is just before the last byte could leave, `received` when the answer was complete or given up.
    `asked` is for people: the method and the path, shortened. `sent_bytes` is what left for
    `base_url`: the head, and how the body begins.
    """

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    error: str = ""
    asked: str = ""
    base_url: str = ""
    sent_bytes: bytes = b""

    def decoded(self) -> Self:
        """Return it with its body as it was before it was compressed, or as an error where it was not."""
        encoding = (self.header("content-encoding") or "identity").lower()
        if encoding not in _WINDOW_BITS or not self.body:
            return self
        decoder = zlib.decompressobj(_WINDOW_BITS[encoding])
        try:
            body = decoder.decompress(self.body, LARGEST_BODY_BYTES)
        except zlib.error:
            body = b""
        if not decoder.eof:
            return replace(self, status=0, error=f"not an HTTP answer: its body is not {encoding}")
        return replace(self, body=body)


def shortened(line: str) -> str:
    """Leave out the middle of a long request line: what differs is mostly the query, at its end."""
    half = _LONGEST_LINE // 2
    return line if len(line) <= _LONGEST_LINE else f"{line[:half]}…{line[1 - half :]}"


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")


def transport_error(error: OSError) -> str:
    """Say in two words what happened to a connection."""
    if isinstance(error, ConnectionRefusedError):
        return "connection refused"
    if isinstance(error, ConnectionResetError | BrokenPipeError | ConnectionAbortedError):
        return "connection reset"
    return (error.strerror or str(error)).lower()
