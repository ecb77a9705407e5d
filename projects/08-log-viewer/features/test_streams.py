"""Steps of streams.feature: which files are streams, and what a page of them is."""

import contextlib
import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path

from pytest_bdd import scenarios, then, when

from kata.steps import Exchange, World, as_object, describe_answer, expect, is_problem

from .viewer import (
    INVALID,
    MALFORMED,
    NOT_FOUND,
    OK,
    STREAMS,
    Viewer,
    compressed,
    lines,
    same,
    set_modified,
    shown,
    stamped,
)

LONGEST_PAGE, USUAL_PAGE = 1000, 100

scenarios("streams.feature")


@dataclass(frozen=True)
class Rotated:
    """A log, and the names of its files in their order."""

    name: str
    files: list[str]


@when(
    "logs are written that were rotated by number, by date and with compression",
    target_fixture="rotated_logs",
)
def logs_are_written_that_were_rotated(viewer: Viewer) -> list[Rotated]:
    draw = viewer.draw
    suffixes = ("", ".gz", ".zst")
    made = []
    for kind in ("number", "date", "dotted date", "none", "gone", "hidden", "in a hidden folder"):
        base = viewer.new_name() if draw.integer(0, 1) else f"{draw.word()}-größe/{draw.word()} {kind}.log"
        if "hidden" in kind:
            base = f".{draw.word()}.log" if kind == "hidden" else f".{draw.word()}/{draw.word()}.log"
        numbers = sorted({draw.integer(1, 99) for _ in range(draw.integer(2, 6))}, reverse=True)
        if kind in {"number", "gone"}:
            # Two of one digit and of two, so that their order as text is another.
            numbers = sorted({*numbers, 2, 10}, reverse=True)
            files = [f"{base}.{number}" for number in numbers]
        elif kind == "none" or "hidden" in kind:
            files = []
        else:
            days = [f"{draw.integer(2001, 2029)}-{month:02}-{draw.integer(10, 28)}" for month in (2, 9, 11)]
            joiner = "." if kind == "dotted date" else "-"
            written = days if kind == "dotted date" else [day.replace("-", "") for day in days]
            files = [f"{base}{joiner}{day}" for day in sorted(written)]
        files = [file + draw.choice(suffixes) for file in files]
        if kind != "gone":
            files.append(base)
        for file in draw.shuffle(files):
            data = lines(stamped(draw, 3))
            suffix = next((suffix for suffix in suffixes[1:] if file.endswith(suffix)), "")
            path = viewer.write(file, compressed(data, suffix) if suffix else data)
            set_modified(path, draw.integer(10**9, 17 * 10**8))
        made.append(Rotated(base, files))
    return made


@then("each is one stream, with its files, the oldest first")
def each_is_one_stream_with_its_files(viewer: Viewer, rotated_logs: list[Rotated]) -> None:
    names = [one.get("name") for one in viewer.streams()]
    expect(names == sorted(names, key=lambda name: str(name).encode()), expected="streams by name", got=names)
    for log in rotated_logs:
        stream = viewer.find(log.name)
        is_file_list(viewer, stream, log)
        stream_id = str(stream.get("id"))
        expect(
            log.name not in stream_id and bool(stream_id), expected="an id that tells nothing", got=stream_id
        )
        alone = viewer.client.get(f"{STREAMS}/{stream_id}")
        expect(as_object(alone) == stream, expected=f"the same as in the list: {stream}", got=shown(alone))


def is_file_list(viewer: Viewer, stream: Mapping[str, object], log: Rotated) -> None:
    listed = stream.get("files")
    files = [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []
    names = [one.get("name") for one in files]
    expect(names == log.files, expected=f"the files of {log.name}: {log.files}", got=names)
    for one in files:
        path = viewer.root / str(one["name"])
        size, kind = path.stat().st_size, {".gz": "gzip", ".zst": "zstd"}.get(path.suffix)
        expect(one.get("size_bytes") == size, expected=f"{size} bytes of {path.name}", got=one)
        expect(one.get("compression") == kind, expected=f"{kind} for {path.name}", got=one)
        is_modified(one.get("modified_at"), path)
    total = sum((viewer.root / name).stat().st_size for name in log.files)
    expect(stream.get("size_bytes") == total, expected=f"{total} bytes in all", got=stream.get("size_bytes"))


def is_modified(told: object, path: Path) -> None:
    """Expect the file's last change, to the second at least."""
    wanted = datetime.fromtimestamp(path.stat().st_mtime, UTC)
    try:
        is_right = abs((datetime.fromisoformat(str(told)) - wanted).total_seconds()) < 1
    except (ValueError, TypeError):  # no date, or one without an offset
        is_right = False
    expect(is_right, expected=f"modified_at {wanted.isoformat()} for {path.name}", got=told)


@dataclass(frozen=True)
class Long:
    """A log with many lines in several files."""

    stream_id: str
    texts: list[bytes]


@when("a log of several files is read from the beginning", target_fixture="long_log")
def a_log_of_several_files_is_read(viewer: Viewer) -> Long:
    name = viewer.new_name()
    texts = stamped(viewer.draw, viewer.draw.integer(LONGEST_PAGE + 200, LONGEST_PAGE + 900))
    first, second = sorted(viewer.draw.integer(1, len(texts) - 1) for _ in range(2))
    viewer.write(f"{name}.2", texts[:first])
    viewer.write(f"{name}.1", texts[first:second])
    viewer.write(name, texts[second:])
    return Long(viewer.id_of(name), texts)


@then("the pages have as many entries as were asked for, the oldest file's first")
def the_pages_have_as_many_entries(viewer: Viewer, long_log: Long) -> None:
    texts = long_log.texts
    same(viewer.page(long_log.stream_id).raws, texts[:USUAL_PAGE], "a page without `limit`")
    for limit in (1, viewer.draw.integer(2, 300), LONGEST_PAGE):
        same(viewer.page(long_log.stream_id, limit=limit).raws, texts[:limit], f"limit={limit}")
    for wrong in (0, LONGEST_PAGE + 1, -1, 2**63):
        is_problem(viewer.ask(long_log.stream_id, limit=wrong), INVALID)
    for query in ({"limit": "ten"}, {"limit": "1e1"}, {viewer.draw.word(): "1"}, {"direction": "up"}):
        answer = viewer.ask(long_log.stream_id, **query)
        refused = answer.status in {MALFORMED, INVALID}
        expect(refused, expected=f"400 or 422 for {query}", got=describe_answer(answer))


@when("lines with bytes of all kinds are read", target_fixture="bytes_log")
def lines_with_bytes_of_all_kinds_are_read(viewer: Viewer) -> tuple[list[bytes], list[bytes]]:
    draw = viewer.draw
    odd = [
        b"carriage return\r",
        b"a\rb",
        b"nul \x00 and \x7f and \x1b[31mred\x1b[0m",
        b"\ttabs\tand blanks   ",
        "größe \N{SNOWMAN} \U0001f600 \u2028 \x85".encode(),
        b"latin-1 gr\xf6\xdfe",
        b"half \xf0\x9f\x98",
        b"surrogate \xed\xa0\x80",
        b'<b>&amp;</b> "quoted" \\n',
        b'{"n": 1401004938049356981, "x": 1.10, "n": 2}',
    ]
    texts = [
        head + b" " + text for head, text in zip(stamped(draw, len(odd)), draw.shuffle(odd), strict=True)
    ]
    texts = ["\ufeffa mark of the byte order".encode(), *texts]
    name = viewer.new_name()
    viewer.write(name, texts)
    return texts, [entry.raw for entry in viewer.page(viewer.id_of(name)).entries]


@then("each has its bytes, and those that are no UTF-8 come in base64 too")
def each_has_its_bytes(bytes_log: tuple[list[bytes], list[bytes]]) -> None:
    texts, raws = bytes_log
    same(raws, texts, "bytes of all kinds")


@when("a line is written in two parts", target_fixture="parts")
def a_line_is_written_in_two_parts(viewer: Viewer) -> tuple[str, list[bytes]]:
    name = viewer.new_name()
    *whole, last = stamped(viewer.draw, viewer.draw.integer(2, 6))
    cut = viewer.draw.integer(1, len(last) - 1)
    viewer.write(name, lines(whole) + last[:cut])
    stream_id = viewer.id_of(name)
    for direction in ("forward", "backward"):
        page = viewer.page(stream_id, direction=direction)
        same(page.raws, whole, f"a file whose last line is not ended, {direction}")
        expect(page.coverage.get("complete") is False, expected='"complete": false', got=page.coverage)
        expect("unfinished_line" in str(page.coverage), expected="unfinished_line", got=page.coverage)
    viewer.append(name, last[cut:] + b"\n")
    return stream_id, [*whole, last]


@then("it is listed once, when it is whole")
def it_is_listed_once_when_it_is_whole(viewer: Viewer, parts: tuple[str, list[bytes]]) -> None:
    stream_id, texts = parts
    page = viewer.page(stream_id)
    same(page.raws, texts, "the file with its last line")
    expect(page.coverage.get("complete") is True, expected='"complete": true', got=page.coverage)


@when("links, pipes and folders are put among the logs", target_fixture="secret")
def links_pipes_and_folders_are_put_among_the_logs(viewer: Viewer) -> tuple[str, bytes]:
    folder = viewer.draw.word()
    secret = viewer.draw.text(24).encode()
    sibling = viewer.root.with_name(f"{viewer.root.name}-old")
    sibling.mkdir(exist_ok=True)
    outside = sibling / f"{folder}.log"
    outside.write_bytes(b"2026-01-01T00:00:00Z " + secret + b"\n")
    inside = viewer.write(f"{folder}/real.log", stamped(viewer.draw, 2))
    (inside.parent / "file.log").symlink_to(outside)
    (inside.parent / "relative.log").symlink_to(Path("..") / ".." / sibling.name / outside.name)
    (inside.parent / "folder").symlink_to(sibling)
    (inside.parent / "inner.log").symlink_to(inside)
    (inside.parent / "dangling.log").symlink_to(inside.parent / "nothing")
    (inside.parent / "real.log.1").symlink_to(outside)
    os.mkfifo(inside.parent / "pipe.log")
    (inside.parent / "empty").mkdir()
    # The path of a socket has to be short, and is not on every machine.
    with socket.socket(socket.AF_UNIX) as unix, contextlib.suppress(OSError):
        unix.bind(str(inside.parent / "socket.log"))
    return folder, secret


@then("none of them is listed")
def none_of_them_is_listed(viewer: Viewer, secret: tuple[str, bytes]) -> None:
    folder, text = secret
    names = [str(one.get("name")) for one in viewer.streams() if str(one.get("name")).startswith(folder)]
    expect(names == [f"{folder}/real.log"], expected=f"{folder}/real.log alone", got=names)
    page = viewer.page(viewer.id_of(f"{folder}/real.log"))
    leaked = any(text in raw for raw in page.raws)
    expect(
        not leaked and len(page.entries) == 2, expected="the two entries of the file itself", got=page.raws
    )


@when("paths and spellings of them are asked for as streams", target_fixture="answers")
def paths_are_asked_for_as_streams(viewer: Viewer, world: World) -> list[Exchange]:
    name = f"{world.draw.word()}.log"
    viewer.write(name, stamped(world.draw, 2))
    stream_id = viewer.id_of(name)
    spellings = [
        name,
        f"%2e%2e%2f{viewer.root.name}%2f{name}",
        f"..%2f{viewer.root.name}-old",
        "%2e%2e",
        f"%252e%252e%252f{name}",
        f"{stream_id}%00",
        f"{stream_id}%20",
        stream_id[:-1],
        f"{stream_id}0",
        stream_id.swapcase() if stream_id.swapcase() != stream_id else "0" * len(stream_id),
        "%ff%fe",
    ]
    return [viewer.client.get(f"{STREAMS}/{one}{end}") for one in spellings for end in ("", "/entries")]


@then("each gets 404, and nothing of a file")
def each_gets_404(answers: list[Exchange]) -> None:
    for answer in answers:
        expect(answer.status != HTTPStatus(OK), expected="404", got=shown(answer), answer=answer)
        is_problem(answer, NOT_FOUND)
