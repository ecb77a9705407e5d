"""A client of the cache: it stores, asks, and says what it expected."""

import json
import os
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from urllib.parse import quote_from_bytes, urlsplit

from kata.steps import (
    Draw,
    Exchange,
    NotRunError,
    Request,
    Service,
    World,
    describe_answer,
    expect,
    is_problem,
)

PREFIX = "/cache/"
OK, CREATED, NO_CONTENT, NOT_MODIFIED = 200, 201, 204, 304
MALFORMED, NOT_FOUND, NO_LENGTH, PRECONDITION = 400, 404, 411, 412
TOO_LARGE, KEY_TOO_LONG = 413, 414
BLOCK_BYTES = 65_536
MUCH_LATER_SECONDS = 10.0
NO_HEADERS: Mapping[str, str] = MappingProxyType({})
# For what is no business of the check that stores it.
LONG = {"Cache-Control": "max-age=1000"}


def folder_of(world: World) -> Path:
    """Make a folder for the data that the verifier can look into."""
    folder = Path(world.file("beside", "")).with_name(f"cache-{world.draw.word()}")
    folder.mkdir()
    folder.chmod(0o777)  # a container's process has an account of its own
    return folder


def bytes_of(draw: Draw, size_bytes: int) -> bytes:
    """Draw a body; no two are alike, and no block of one is like another."""
    seed = draw.text(32).encode()
    return b"".join(
        (b"%s%015d" % (seed, number))[: min(47, size_bytes - number * 47)]
        for number in range(-(-size_bytes // 47))
    )


def path_of(key: bytes, safe: str = "/") -> str:
    """Return the path of a key."""
    return PREFIX + quote_from_bytes(key, safe)


@dataclass(frozen=True)
class Store:
    """A running cache."""

    service: Service
    draw: Draw
    settings: Mapping[str, str]
    folder: Path | None = None

    @property
    def data(self) -> Path:
        if self.folder is None:
            raise NotRunError("the folder of the data is not the verifier's")
        return self.folder

    @property
    def max_value_bytes(self) -> int:
        return int(self.settings["MAX_VALUE_BYTES"])

    @property
    def budget_bytes(self) -> int:
        return int(self.settings["BUDGET_BYTES"])

    def key(self) -> bytes:
        """Draw a plain key."""
        return f"{self.draw.word()}/{self.draw.word()}-{self.draw.integer(0, 999)}".encode()

    def body(self, size_bytes: int | None = None) -> bytes:
        return bytes_of(self.draw, self.draw.integer(1, 3000) if size_bytes is None else size_bytes)

    def ask(
        self,
        method: str,
        key: bytes,
        headers: Mapping[str, str] = NO_HEADERS,
        body: bytes | None = None,
        *,
        process: int = 0,
    ) -> Exchange:
        """Send one request, from somebody whom nobody has seen before."""
        # A PUT without Content-Length: httpx would send what it has in chunks.
        length = {} if body is None else {"Content-Length": str(len(body))}
        fields = {**length, **headers}
        if method == "PUT" and "Cache-Control" not in fields:
            fields["Cache-Control"] = "max-age=1000"
        with self.service.client(process=process) as client:
            return client.request(method, path_of(key), headers=fields, body=body)

    def put(
        self, key: bytes, body: bytes, headers: Mapping[str, str] = NO_HEADERS, *, process: int = 0
    ) -> Exchange:
        """Store, and demand that it is stored."""
        answer = self.ask("PUT", key, headers, body, process=process)
        is_stored = answer.status in {OK, CREATED}
        expect(
            is_stored, expected="201 or 200 for a PUT", got=describe_answer(answer), timing=in_doubt(answer)
        )
        return answer

    def get(self, key: bytes, headers: Mapping[str, str] = NO_HEADERS, *, process: int = 0) -> Exchange:
        return self.ask("GET", key, headers, process=process)

    def expect_hit(self, key: bytes, body: bytes, *, process: int = 0) -> Exchange:
        answer = self.get(key, process=process)
        is_hit(answer, body)
        return answer

    def expect_miss(self, key: bytes, *, process: int = 0) -> Exchange:
        answer = self.get(key, process=process)
        is_miss(answer)
        return answer

    def request(
        self, method: str, key: bytes, headers: Mapping[str, str] = NO_HEADERS, body: bytes = b""
    ) -> Request:
        return Request(method, path_of(key), {**LONG, **headers} if method == "PUT" else headers, body)

    def head(self, method: str, key: bytes, headers: Mapping[str, str]) -> bytes:
        """Write the head of a request by hand."""
        host = urlsplit(self.service.urls[0]).netloc
        lines = {"Host": host, "Connection": "close", **LONG, **headers}
        text = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        return f"{method} {path_of(key)} HTTP/1.1\r\n{text}\r\n".encode()

    def files(self) -> list[Path]:
        """Return all files below the folder; one may be gone by the time it is looked at."""
        return [Path(folder) / name for folder, _, names in os.walk(self.data) for name in names]

    def used_bytes(self) -> int:
        """Return how much all the files have in them."""
        return sum(size_of(path) for path in self.files())


def file_of(store: Store, body: bytes) -> Path:
    """Find the file that holds a body: it has the first of its bytes in it, and nobody else has."""
    for path in store.files():
        with suppress(FileNotFoundError):
            if size_of(path) >= len(body) and body[:40] in path.read_bytes():
                return path
    raise NotRunError("no file of the folder holds a body as it was sent: damage cannot be done from outside")


def size_of(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def is_gone_by(deadline: float, excess: Callable[[], int], *, expected: str, got: str) -> None:
    """Expect that nothing is in excess at a moment; what is still there long after it was not late."""
    while excess() and time.monotonic() < deadline:
        time.sleep(0.05)
    is_late = excess() > 0
    while excess() and time.monotonic() < deadline + MUCH_LATER_SECONDS:
        time.sleep(0.05)
    left = excess()
    expect(not left, expected=expected, got=f"{left} {got}, {MUCH_LATER_SECONDS:g} s later, too")
    expect(not is_late, expected=expected, got="it was late", timing=True)


def in_doubt(answer: Exchange) -> bool:
    """Say whether the answer may be late, and not wrong."""
    return answer.status == 0 and " within " in answer.error


def is_hit(answer: Exchange, body: bytes) -> None:
    of_it = f" from {answer.asked}"
    expect(
        answer.status == OK,
        expected=f"200{of_it}",
        got=describe_answer(answer),
        answer=answer,
        timing=in_doubt(answer),
    )
    same = answer.body == body
    expect(
        same,
        expected=f"the {len(body)} bytes that were stored{of_it}",
        got=unlike(answer.body, body),
        answer=answer,
    )


def is_miss(answer: Exchange) -> None:
    is_problem(answer, NOT_FOUND)


def unlike(got: bytes, wanted: bytes) -> str:
    """Say where two bodies begin to differ."""
    first = next((at for at, (one, other) in enumerate(zip(got, wanted, strict=False)) if one != other), None)
    if first is None:
        return f"{len(got)} bytes"
    return f"{len(got)} bytes, another one from byte {first} on"


def field(answer: Exchange, name: str) -> str:
    """Return a header field that has to be there."""
    value = answer.header(name)
    expect(value is not None, expected=f"{name} on the answer to {answer.asked}", got="none", answer=answer)
    return value or ""


def number(answer: Exchange, name: str) -> int:
    value = field(answer, name)
    expect(
        value.isascii() and value.isdigit(),
        expected=f"a whole number in {name}",
        got=json.dumps(value),
        answer=answer,
    )
    return int(value)
