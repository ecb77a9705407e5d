"""Steps of streams.feature: results while a request is being sent."""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass

from pytest_bdd import scenarios, then, when

from kata.steps import Exchange, Service, Stream, World, describe_answer, expect

from .api import OK, SCHEMAS, Api, Json
from .lines import (
    BETWEEN_SECONDS,
    CSV,
    NDJSON,
    limited,
    mistakes_of,
    next_result,
    result_before_the_end,
    result_of,
    same_result,
)

THOUSANDS = 3000

scenarios("streams.feature")


@when("lines of NDJSON are sent one after another", target_fixture="ended")
def lines_of_ndjson_are_sent_one_after_another(api: Api, service: Service, world: World) -> Exchange:
    version_id, limit = limited(api)
    with Stream(service.urls[0], f"{SCHEMAS}/{version_id}/stream", {"Content-Type": NDJSON}) as stream:
        for line in range(1, world.draw.integer(4, 9)):
            value = {"n": world.draw.integer(limit - 2, limit + 2)}
            stream.send(json.dumps(value).encode() + b"\n")
            what = f"line {line}, before the next is sent"
            codes = mistakes_of(value, limit)
            same_result(next_result(stream, what), {"line": line, "valid": not codes}, codes, what)
        stream.send(b'{"n":1}')  # the last line may end with the stream
        stream.end()
        answer = stream.answer()
    first, *rest = answer.body.split(b"\n")
    same_result(result_of(first, "the last line"), {"line": line + 1, "valid": True}, [], "the last line")
    summary = result_of(rest[0] if rest else None, "the summary").get("summary")
    records = summary.get("records") if isinstance(summary, dict) else None
    expect(records == line + 1, expected=f'"records": {line + 1} in a summary', got=summary)
    return answer


@then("each has its result before the next is sent, and a last line sums up")
def each_has_its_result_before_the_next_is_sent(ended: Exchange) -> None:
    expect(ended.status == OK, expected="200", got=describe_answer(ended))
    kind = (ended.header("content-type") or "none").partition(";")[0]
    expect(kind == NDJSON, expected=NDJSON, got=kind)


@dataclass(frozen=True)
class Streamed:
    """The lines that were sent, what is to be said of each that has something on it, and what was."""

    lines: list[bytes]
    wanted: list[tuple[dict[str, Json], list[tuple[str, str]]]]
    answer: Exchange


@when(
    "good, invalid and broken lines, blank ones, ones that are cut anywhere, and thousands of them are sent",
    target_fixture="streamed",
)
def lines_of_all_kinds_are_sent(api: Api, service: Service, world: World) -> Streamed:
    draw = world.draw
    version_id, limit = limited(api)
    broken = {
        b'{"n":': "unexpected_end",
        b'{"n":1,"n":2}': "duplicate_name",
        b"\xff": "invalid_utf8",
        b"{}}": "trailing_data",
        b'"\\ud800"': "lone_surrogate",
        b"\xef\xbb\xbf{}": "byte_order_mark",
        b"[" * 201: "depth_limit",
        b"{'n':1}": "unexpected_character",
        # Blank to some languages, and not to JSON.
        b"\x0c": "unexpected_character",
        b"\x0b": "unexpected_character",
        "\N{NO-BREAK SPACE}".encode(): "unexpected_character",
        "\N{LINE SEPARATOR}".encode(): "unexpected_character",
    }
    lines: list[bytes] = []
    wanted: list[tuple[dict[str, Json], list[tuple[str, str]]]] = []
    for number in range(1, THOUSANDS + 1):
        kind = draw.integer(0, 9) if number <= THOUSANDS // 10 else 9
        if kind == 0:
            lines.append(draw.choice((b"", b"  ", b"\t", b"\r")))
            continue
        if kind <= 3:
            line, code = draw.choice(list(broken.items()))
            wanted.append(({"line": number, "valid": False, "code": code}, []))
        else:
            value = draw.choice(({"n": limit}, {"n": limit + 1}, {"n": None}, [], {"é": "\N{GRINNING FACE}"}))
            line, codes = json.dumps(value, ensure_ascii=False).encode(), mistakes_of(value, limit)
            wanted.append(({"line": number, "valid": not codes}, codes))
        lines.append(line + draw.choice((b"", b"", b"\r")))
    text = b"\n".join(lines) + draw.choice((b"", b"\n"))
    place = f"{SCHEMAS}/{version_id}/stream"
    with Stream(service.urls[0], place, {"Content-Type": NDJSON}, timeout_seconds=20.0) as stream:
        start = 0
        while start < len(text):
            end = start + draw.integer(1, 40 if start < 2000 else 9000)
            stream.send(text[start:end])
            start = end
        stream.end()
        return Streamed(lines, wanted, stream.answer())


@then("each line has its number and its result, whatever the others are")
def each_line_has_its_number_and_its_result(streamed: Streamed) -> None:
    expect(streamed.answer.status == OK, expected="200", got=describe_answer(streamed.answer))
    *results, last = [line for line in streamed.answer.body.split(b"\n") if line]
    for line, (wanted, codes) in zip(results, streamed.wanted, strict=False):
        number = wanted["line"]
        what = repr(streamed.lines[number - 1][:60]) if isinstance(number, int) else "a line"
        same_result(result_of(line, what), wanted, codes, what)
    expect(len(results) == len(streamed.wanted), expected=f"{len(streamed.wanted)} results", got=len(results))
    valid = sum(wanted["valid"] is True for wanted, _ in streamed.wanted)
    summary = {"records": len(results), "valid": valid, "invalid": len(results) - valid}
    got = result_of(last, "the summary").get("summary")
    expect(got == summary, expected=str(summary), got=got)


@when(
    "lines of MAX_LINE_BYTES are sent, and one that is longer and does not end",
    target_fixture="long_lines",
)
def lines_of_max_line_bytes_are_sent(
    api: Api, service: Service, limits: dict[str, int]
) -> list[Mapping[str, Json]]:
    most = limits["MAX_LINE_BYTES"]
    version_id = api.register({"type": "string"})
    results = []
    with Stream(service.urls[0], f"{SCHEMAS}/{version_id}/stream", {"Content-Type": NDJSON}) as stream:
        longest = b'"' + b"x" * (most - 2) + b'"'
        stream.send(longest + b"\n")
        results.append(next_result(stream, "a line of MAX_LINE_BYTES"))
        stream.send(longest + b"\r")
        time.sleep(BETWEEN_SECONDS)  # so that a line break arrives in two parts
        stream.send(b"\n")
        results.append(next_result(stream, "a line of MAX_LINE_BYTES with CR and LF"))
        stream.send(b'"' + b"x" * most)
        results.append(result_before_the_end(stream, "a line that is too long"))
        for _ in range(20):
            stream.send(b"x" * most)
        stream.send(b'"\n"y"\n')
        results.append(next_result(stream, "the line behind it"))
        stream.end()
        results.append(next_result(stream, "the summary"))
    return results


@then("the former are judged, and the latter refused before its end")
def the_former_are_judged_and_the_latter_refused(long_lines: list[Mapping[str, Json]]) -> None:
    same_result(long_lines[0], {"line": 1, "valid": True}, [], "a line of MAX_LINE_BYTES")
    same_result(long_lines[1], {"line": 2, "valid": True}, [], "a line of MAX_LINE_BYTES with CR and LF")
    wanted = {"line": 3, "valid": False, "code": "line_limit"}
    same_result(long_lines[2], wanted, [], "a line that is one byte longer")


@then("the lines behind it are judged")
def the_lines_behind_it_are_judged(long_lines: list[Mapping[str, Json]]) -> None:
    same_result(long_lines[3], {"line": 4, "valid": True}, [], "the line behind it")
    wanted = {"records": 4, "valid": 3, "invalid": 1}
    expect(long_lines[4].get("summary") == wanted, expected=str(wanted), got=long_lines[4])


@then("so is a record of CSV")
def so_is_a_record_of_csv(api: Api, service: Service, world: World, limits: dict[str, int]) -> None:
    most, end = limits["MAX_LINE_BYTES"], world.draw.choice((b"\n", b"\r\n"))
    version_id = api.register({"type": "object"})
    with Stream(service.urls[0], f"{SCHEMAS}/{version_id}/stream", {"Content-Type": CSV}) as stream:
        stream.send(b"a" + end + b"x" * most + end)
        longest = next_result(stream, "a record of MAX_LINE_BYTES")
        same_result(longest, {"line": 2, "valid": True}, [], "a record of MAX_LINE_BYTES")
        stream.send(b"x" * (most + 1))
        too_long = result_before_the_end(stream, "a record that is too long")
        wanted = {"line": 3, "valid": False, "code": "line_limit"}
        same_result(too_long, wanted, [], "a record that is one byte longer")
        stream.send(b"x" + end + b"y" + end)
        behind = next_result(stream, "the record behind it")
        same_result(behind, {"line": 4, "valid": True}, [], "the record behind it")
        stream.end()
        summary = next_result(stream, "the summary").get("summary")
    expect(
        summary == {"records": 3, "valid": 2, "invalid": 1}, expected="a summary of 3 records", got=summary
    )
