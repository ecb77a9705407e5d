"""The service as the checks ask it: files that they write, and pages that come back."""

import base64
import gzip
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import quote

from kata.steps import Client, Draw, Exchange, Service, as_object, describe_answer, expect

STREAMS = "/api/v1/streams"
OK, MALFORMED, NOT_FOUND, GONE, INVALID = 200, 400, 404, 410, 422
NANOSECONDS = 1_000_000_000
MOST_PAGES = 3000
LONGEST_SHOWN = 300
SLOW_PATTERN = "(x ?)+y"
"""Takes seconds in a large log, which has many an x and no y behind one."""


@dataclass(frozen=True)
class Listed:
    """An entry as it is listed."""

    id: str
    time: str | None
    level: str | None
    raw: bytes
    file: str
    out_of_order: bool
    truncated: bool


@dataclass(frozen=True)
class Page:
    """A page as it came."""

    entries: list[Listed]
    next_cursor: str | None
    previous_cursor: str | None
    tail_cursor: str | None
    coverage: Mapping[str, object]

    @property
    def raws(self) -> list[bytes]:
        return [entry.raw for entry in self.entries]


class Viewer:
    """One client of one process of the service, and the folder that it watches."""

    def __init__(self, service: Service, draw: Draw, root: Path, *, process: int = 0) -> None:
        self.service = service
        self.draw = draw
        self.root = root
        self.client: Client = service.client(process=process)

    def path(self, name: str) -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def write(self, name: str, data: bytes | Iterable[bytes]) -> Path:
        """Write a file: bytes as they are, or lines, each with a line break."""
        path = self.path(name)
        path.write_bytes(data if isinstance(data, bytes) else lines(data))
        return path

    def append(self, name: str, data: bytes | Iterable[bytes]) -> None:
        with self.path(name).open("ab") as file:
            file.write(data if isinstance(data, bytes) else lines(data))

    def new_name(self) -> str:
        """Draw a name of a log that no other check has, at times in a folder of its own."""
        word = self.draw.word()
        return self.draw.choice(
            (f"{word}.log", f"{word}/{self.draw.word()}.log", f"{word}/{self.draw.word()}")
        )

    def streams(self) -> list[Mapping[str, object]]:
        answer = self.client.get(STREAMS)
        expect(answer.status == OK, expected="200", got=describe_answer(answer))
        listed = as_object(answer).get("streams")
        expect(isinstance(listed, list), expected="an array `streams`", got=shown(answer))
        return [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []

    def find(self, name: str) -> Mapping[str, object]:
        """Return the stream of this name, or fail the check."""
        found = [one for one in self.streams() if one.get("name") == name]
        expect(len(found) == 1, expected=f"one stream {name!r}", got=f"{len(found)} of that name")
        return found[0]

    def id_of(self, name: str) -> str:
        stream_id = self.find(name).get("id")
        expect(isinstance(stream_id, str) and bool(stream_id), expected="an id", got=stream_id)
        return str(stream_id)

    def ask(self, stream_id: str, **query: object) -> Exchange:
        """Ask for a page; `since` and `until` are sent as `from` and `to`."""
        names = {"since": "from", "until": "to"}
        pairs = [
            f"{names.get(name, name)}={quote(str(value), safe='')}"
            for name, value in query.items()
            if value is not None
        ]
        text = "&".join(self.draw.shuffle(pairs))
        return self.client.get(f"{STREAMS}/{stream_id}/entries" + (f"?{text}" if text else ""))

    def page(self, stream_id: str, **query: object) -> Page:
        answer = self.ask(stream_id, **query)
        expect(answer.status == OK, expected="200", got=f"{describe_answer(answer)} {shown(answer)}")
        return read_page(answer)

    def forward(self, stream_id: str, **query: object) -> list[Listed]:
        """Follow `next_cursor` to the end."""
        found: list[Listed] = []
        cursor: str | None = None
        for _ in range(MOST_PAGES):
            page = self.page(stream_id, cursor=cursor, **query)
            found += page.entries
            cursor = page.next_cursor
            if cursor is None:
                return found
        expect(False, expected="a last page", got=f"{MOST_PAGES} pages, and a cursor to the next")
        return found

    def backward(self, stream_id: str, **query: object) -> list[Listed]:
        """Follow `previous_cursor` from the end to the beginning; what is found is in the files' order."""
        found: list[Listed] = []
        cursor: str | None = None
        for _ in range(MOST_PAGES):
            page = self.page(stream_id, cursor=cursor, direction="backward", **query)
            found[:0] = page.entries
            cursor = page.previous_cursor
            if cursor is None:
                return found
        expect(False, expected="a first page", got=f"{MOST_PAGES} pages, and a cursor to the one before")
        return found


def read_page(answer: Exchange) -> Page:
    """Read a page, or fail the check."""
    body = as_object(answer)
    listed, coverage = body.get("entries"), body.get("coverage")
    expect(isinstance(listed, list), expected="an array `entries`", got=shown(answer))
    expect(isinstance(coverage, dict), expected="an object `coverage`", got=shown(answer))
    cursors = [body.get(name) for name in ("next_cursor", "previous_cursor", "tail_cursor")]
    right = all(cursor is None or isinstance(cursor, str) for cursor in cursors)
    expect(right, expected="cursors that are text or null", got=cursors)
    texts = [cursor if isinstance(cursor, str) else None for cursor in cursors]
    entries = [read_entry(one) for one in listed] if isinstance(listed, list) else []
    return Page(entries, texts[0], texts[1], texts[2], coverage if isinstance(coverage, dict) else {})


def read_entry(one: object) -> Listed:
    """Read an entry with all its members, or fail the check."""
    entry: Mapping[str, object] = one if isinstance(one, dict) else {}
    text, encoded = entry.get("raw"), entry.get("raw_base64")
    kinds = {
        "id": isinstance(entry.get("id"), str),
        "time": "time" in entry and isinstance(entry["time"], str | None),
        "level": "level" in entry and isinstance(entry["level"], str | None),
        "raw": isinstance(text, str),
        "raw_base64": "raw_base64" in entry and isinstance(encoded, str | None),
        "file": isinstance(entry.get("file"), str),
        "out_of_order": isinstance(entry.get("out_of_order"), bool),
        "truncated": isinstance(entry.get("truncated"), bool),
    }
    wrong = [name for name, right in kinds.items() if not right]
    expect(
        not wrong,
        expected="an entry with all its members",
        got=f"no right {', '.join(wrong)} in {entry}"[:500],
    )
    try:
        raw = base64.b64decode(encoded, validate=True) if isinstance(encoded, str) else str(text).encode()
    except ValueError:
        raw = b""
        expect(False, expected="base64 in raw_base64", got=encoded)
    if isinstance(encoded, str):
        replaced = raw.decode(errors="replace")
        expect(
            text == replaced,
            expected=f"raw with U+FFFD for what is no UTF-8: {replaced!r}"[:500],
            got=repr(text),
        )
    return Listed(
        str(entry["id"]),
        _text(entry["time"]),
        _text(entry["level"]),
        raw,
        str(entry["file"]),
        entry["out_of_order"] is True,
        entry["truncated"] is True,
    )


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def same(got: Iterable[bytes], wanted: Iterable[bytes], what: str, rule: str | None = None) -> None:
    """Fail the check unless these are the texts, in this order."""
    found, right = list(got), list(wanted)
    if found == right:
        return
    number = next(
        (n for n, (a, b) in enumerate(zip(found, right, strict=False)) if a != b), min(len(found), len(right))
    )
    here = [
        repr(texts[number])[:LONGEST_SHOWN] if number < len(texts) else "no more" for texts in (right, found)
    ]
    expect(
        False,
        expected=f"{len(right)} entries of {what}; as entry {number + 1}: {here[0]}",
        got=f"{len(found)} entries; as entry {number + 1}: {here[1]}",
        rule=rule,
    )


def lines(texts: Iterable[bytes]) -> bytes:
    return b"".join(text + b"\n" for text in texts)


def compressed(data: bytes, suffix: str) -> bytes:
    """Compress as the suffix says: with gzip, or with zstd."""
    if suffix == ".gz":
        return gzip.compress(data)
    return zstd_frame(data)


def zstd_frame(data: bytes, window_log: int = 20) -> bytes:
    """Write a frame of zstd whose blocks are raw (RFC 8878, section 3.1.1): that is compression too."""
    head = b"\x28\xb5\x2f\xfd" + b"\x00" + bytes([(window_log - 10) << 3])
    most = 65_536
    parts = [data[start : start + most] for start in range(0, len(data), most)] or [b""]
    blocks = [
        (len(part) << 3 | (number == len(parts) - 1)).to_bytes(3, "little") + part
        for number, part in enumerate(parts)
    ]
    return head + b"".join(blocks)


def instant_text(nanoseconds: int) -> str:
    """Write an instant as the contract has it."""
    seconds, fraction = divmod(nanoseconds, NANOSECONDS)
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{fraction:09}Z"


def stamped(
    draw: Draw, count: int, *, start: int | None = None, most_step: int = 5 * NANOSECONDS
) -> list[bytes]:
    """Draw lines with RFC 3339 stamps in their order; some stamps come several times."""
    moment = start if start is not None else draw.integer(1_000_000_000, 1_900_000_000) * NANOSECONDS
    found = []
    for number in range(count):
        if draw.integer(0, 3):
            moment += draw.integer(0, most_step)
        level = draw.choice(("DEBUG", "INFO", "WARN", "ERROR"))
        found.append(f"{instant_text(moment)} {level} {number} {draw.word()}".encode())
    return found


def shown(answer: Exchange) -> str:
    return answer.text[:LONGEST_SHOWN]


def set_modified(path: Path, seconds: float) -> None:
    os.utime(path, (seconds, seconds))


def json_line(members: Mapping[str, object]) -> bytes:
    return json.dumps(members, ensure_ascii=False).encode()


def large_log(viewer: Viewer) -> str:
    """Write a log that takes seconds to be searched, and return its stream's id."""
    name = viewer.new_name()
    part = lines(text + b" x" * 20 for text in stamped(viewer.draw, 2000))
    with viewer.path(name).open("wb") as file:
        for _ in range(150):
            file.write(part)
    return viewer.id_of(name)
