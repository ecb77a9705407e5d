"""Steps of streams.feature: many values in one request, and results while it is being sent."""

import json
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass

from pytest_bdd import scenarios, then, when

from kata.steps import Exchange, Service, Stream, World, as_object, describe_answer, describe_stop, expect

from .api import OK, SCHEMAS, Api, Json, entries, told

NDJSON, CSV = "application/x-ndjson", "text/csv"
RESULT_SECONDS = 2.0
STOP_SECONDS = 10.0
THOUSANDS = 3000

scenarios("streams.feature")


def limited(api: Api) -> tuple[str, int]:
    """Return a version that takes integers up to a limit, and the limit."""
    limit = api.draw.integer(100, 9999)
    return api.register({"type": "object", "properties": {"n": {"type": "integer", "maximum": limit}}}), limit


def result_of(line: bytes | None, what: str) -> Mapping[str, Json]:
    """Read a line of an answer, or fail the check."""
    try:
        value: Json = json.loads(line) if line is not None else None
    except ValueError:
        value = None
    right = isinstance(value, dict)
    got = "no line" if line is None else line[:200].decode(errors="replace")
    expect(right, expected=f"a line with an object for {what}", got=got, timing=line is None)
    return value if isinstance(value, dict) else {}


def same_result(
    result: Mapping[str, Json], wanted: Mapping[str, Json], codes: list[tuple[str, str]], what: str
) -> None:
    """Fail the check unless the result has these members, and these mistakes."""
    got = {name: result.get(name) for name in wanted}
    expect(got == wanted, expected=f"{dict(wanted)} for {what}", got=result)
    if codes:
        pairs = sorted(one.pair for one in entries(result.get("errors")))
        expect(pairs == sorted(codes), expected=f"{codes} for {what}", got=pairs)


@when("a batch of good and bad items is validated", target_fixture="batch")
def a_batch_of_good_and_bad_items_is_validated(api: Api, world: World) -> tuple[list[Json], int, Exchange]:
    version_id, limit = limited(api)
    draw = world.draw
    items: list[Json] = [
        draw.choice(({"n": limit}, {"n": limit + 1}, {"n": "1"}, [], {}))
        for _ in range(draw.integer(20, 200))
    ]
    answer = api.post(f"{SCHEMAS}/{version_id}/batch", json.dumps(items).encode())
    for value in ({}, None, {"0": 1}):
        pairs = [
            one.pair for one in told(api.post(f"{SCHEMAS}/{version_id}/batch", json.dumps(value).encode()))
        ]
        expect(pairs == [("#", "wrong_type")], expected="wrong_type for what is no array", got=pairs)
    empty = as_object(api.post(f"{SCHEMAS}/{version_id}/batch", b"[]")).get("results")
    expect(empty == [], expected="no results for no items", got=empty)
    return items, limit, answer


@then("there is a result for each item, in their order")
def there_is_a_result_for_each_item(batch: tuple[list[Json], int, Exchange]) -> None:
    items, limit, answer = batch
    expect(answer.status == OK, expected="200", got=f"{describe_answer(answer)} {answer.text[:200]}")
    results = as_object(answer).get("results")
    listed = results if isinstance(results, list) else []
    expect(len(listed) == len(items), expected=f"{len(items)} results", got=len(listed))
    for number, (item, result) in enumerate(zip(items, listed, strict=True)):
        codes = mistakes_of(item, limit)
        same_result(result, {"index": number, "valid": not codes}, codes, json.dumps(item))


def mistakes_of(value: Json, limit: int) -> list[tuple[str, str]]:
    if not isinstance(value, dict):
        return [("#", "wrong_type")]
    number = value.get("n", 0)
    if not isinstance(number, int):
        return [("#/n", "wrong_type")]
    return [("#/n", "too_large")] if number > limit else []


@when("lines of NDJSON are sent one after another", target_fixture="ended")
def lines_of_ndjson_are_sent_one_after_another(api: Api, service: Service, world: World) -> Exchange:
    version_id, limit = limited(api)
    with Stream(service.urls[0], f"{SCHEMAS}/{version_id}/stream", {"Content-Type": NDJSON}) as stream:
        for line in range(1, world.draw.integer(4, 9)):
            value = {"n": world.draw.integer(limit - 2, limit + 2)}
            stream.send(json.dumps(value).encode() + b"\n")
            what = f"line {line}, before the next is sent"
            codes = mistakes_of(value, limit)
            same_result(
                result_of(stream.line(RESULT_SECONDS), what), {"line": line, "valid": not codes}, codes, what
            )
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
        b"nul": "unexpected_character",
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
    expect(len(results) == len(streamed.wanted), expected=f"{len(streamed.wanted)} results", got=len(results))
    for line, (wanted, codes) in zip(results, streamed.wanted, strict=True):
        number = wanted["line"]
        what = repr(streamed.lines[number - 1][:60]) if isinstance(number, int) else "a line"
        same_result(result_of(line, what), wanted, codes, what)
    valid = sum(wanted["valid"] is True for wanted, _ in streamed.wanted)
    summary = {"records": len(results), "valid": valid, "invalid": len(results) - valid}
    got = result_of(last, "the summary").get("summary")
    expect(got == summary, expected=str(summary), got=got)


@when(
    "a line of MAX_LINE_BYTES is sent, and one that is longer and does not end",
    target_fixture="long_lines",
)
def a_line_of_max_line_bytes_is_sent(
    api: Api, service: Service, limits: dict[str, int]
) -> list[Mapping[str, Json]]:
    most = limits["MAX_LINE_BYTES"]
    version_id = api.register({"type": "string"})
    results = []
    with Stream(service.urls[0], f"{SCHEMAS}/{version_id}/stream", {"Content-Type": NDJSON}) as stream:
        stream.send(b'"' + b"x" * (most - 2) + b'"\n')
        results.append(result_of(stream.line(RESULT_SECONDS), "a line of MAX_LINE_BYTES"))
        stream.send(b'"' + b"x" * most)
        results.append(result_of(stream.line(RESULT_SECONDS), "a line that is too long, before its end"))
        for _ in range(20):
            stream.send(b"x" * most)
        stream.send(b'"\n"y"\n')
        results.append(result_of(stream.line(RESULT_SECONDS), "the line behind it"))
        stream.end()
        results.append(result_of(stream.line(RESULT_SECONDS), "the summary"))
    return results


@then("the first is judged, and the second refused before its end")
def the_first_is_judged_and_the_second_refused(long_lines: list[Mapping[str, Json]]) -> None:
    same_result(long_lines[0], {"line": 1, "valid": True}, [], "a line of MAX_LINE_BYTES")
    wanted = {"line": 2, "valid": False, "code": "line_limit"}
    same_result(long_lines[1], wanted, [], "a line that is one byte longer")


@then("the lines behind it are judged")
def the_lines_behind_it_are_judged(long_lines: list[Mapping[str, Json]]) -> None:
    same_result(long_lines[2], {"line": 3, "valid": True}, [], "the line behind it")
    wanted = {"records": 3, "valid": 2, "invalid": 1}
    expect(long_lines[3].get("summary") == wanted, expected=str(wanted), got=long_lines[3])


@dataclass(frozen=True)
class Records:
    """What is to be said of each record of CSV, and what was."""

    wanted: list[tuple[dict[str, Json], list[tuple[str, str]]]]
    answer: Exchange
    refused: list[Exchange]


@when(
    "records of CSV are sent, with quotes, line breaks, commas and empty cells in them",
    target_fixture="records",
)
def records_of_csv_are_sent(api: Api, service: Service, world: World) -> Records:
    draw = world.draw
    word, end = draw.word(), draw.choice(("\n", "\r\n"))
    schema = {
        "type": "object",
        "required": ["name", "n"],
        "additionalProperties": False,
        "properties": {
            "name": {"type": "string", "const": f'{word}, "é"{end}x'},
            "n": {"type": ["integer", "null"], "maximum": 99},
            "free": {"enum": ["007", "true"]},
            "flag": {"type": "boolean"},
        },
    }
    version_id = api.register(schema)
    quoted = f'"{word}, ""é""{end}x"'
    # A record, over how many lines, and its mistakes; a code where it is no record.
    listed: list[tuple[str, int, list[tuple[str, str]], str]] = [
        (f"{quoted},5,007,true", 2, [], ""),
        (f"{quoted},null,true,", 2, [], ""),
        (f"{quoted},5.0,007,false", 2, [], ""),
        (f"{quoted},100,,", 2, [("#/n", "too_large")], ""),
        (f"{quoted},five,,", 2, [("#/n", "wrong_type")], ""),
        (f"{quoted},,,", 2, [("#/n", "missing")], ""),
        (f"{quoted},5,7,TRUE", 2, [("#/free", "not_in_enum"), ("#/flag", "wrong_type")], ""),
        (f"{word},5,,", 1, [("#/name", "not_the_constant")], ""),
        (f"{quoted},5,", 2, [], "bad_record"),
        (f"{quoted},5,,,", 2, [], "bad_record"),
        ('"a"b,5,,', 1, [], "bad_record"),
    ]
    wanted: list[tuple[dict[str, Json], list[tuple[str, str]]]] = []
    text, line = f"name,n,free,flag{end}", 2
    for record, count, codes, code in draw.shuffle(listed):
        text += f"{record}{end}"
        is_valid = not codes and not code
        wanted.append(({"line": line, "valid": is_valid, **({"code": code} if code else {})}, codes))
        line += count
    place = f"{SCHEMAS}/{version_id}/stream"
    encoded = text.encode()
    with Stream(service.urls[0], place, {"Content-Type": f"{CSV}; charset=utf-8"}) as stream:
        start = 0
        while start < len(encoded):
            stop = start + draw.integer(1, 30)
            stream.send(encoded[start:stop])
            start = stop
        stream.end()
        answer = stream.answer()
    headers = (b"a,a\n1,2\n", b'"a\n', b"\xef\xbb\xbfa\n1\n", b"\xff\n1\n")
    return Records(wanted, answer, [api.post(place, header, CSV) for header in headers])


@then("each is judged by the types of the schema, with the number of its first line")
def each_is_judged_by_the_types_of_the_schema(records: Records) -> None:
    expect(records.answer.status == OK, expected="200", got=describe_answer(records.answer))
    *results, last = [line for line in records.answer.body.split(b"\n") if line]
    expect(
        len(results) == len(records.wanted),
        expected=f"{len(records.wanted)} results",
        got=records.answer.text[:500],
    )
    for line, (wanted, codes) in zip(results, records.wanted, strict=True):
        same_result(result_of(line, "a record"), wanted, codes, f"the record of line {wanted['line']}")
    summary = result_of(last, "the summary").get("summary")
    count = summary.get("records") if isinstance(summary, dict) else None
    expect(count == len(results), expected=f'"records": {len(results)}', got=summary)


@then("one with too many cells or a wrong quote is refused by itself")
def a_header_that_is_none_ends_the_stream(records: Records) -> None:
    for answer in records.refused:
        lines = [line for line in answer.body.split(b"\n") if line]
        code = result_of(lines[-1] if lines else None, "a header that is none").get("code")
        right = code in {"bad_record", "invalid_utf8", "byte_order_mark"}
        expect(right, expected="a line with a code for a header that is none", got=answer.text[:200])


class Stopper(threading.Thread):
    """Sends SIGTERM, and waits, while somebody else goes on."""

    def __init__(self, service: Service) -> None:
        super().__init__()
        self._service = service
        self.exit_code: int | None = None

    def run(self) -> None:
        self.exit_code = self._service.web.terminate(STOP_SECONDS)


@when("the service is stopped in the middle of a stream", target_fixture="stopped")
def the_service_is_stopped_in_the_middle_of_a_stream(
    world: World, service_settings: dict[str, str]
) -> tuple[list[Mapping[str, Json]], int | None]:
    service = world.start_alone(service_settings)
    api = Api(service, world.draw)
    version_id, limit = limited(api)
    results = []
    with Stream(service.urls[0], f"{SCHEMAS}/{version_id}/stream", {"Content-Type": NDJSON}) as stream:
        stream.send(b'{"n":1}\n')
        results.append(result_of(stream.line(RESULT_SECONDS), "a line before the stop"))
        stopper = Stopper(service)
        stopper.start()
        time.sleep(0.3)
        stream.send(json.dumps({"n": limit + 1}).encode() + b"\n")
        results.append(result_of(stream.line(RESULT_SECONDS), "a line after the stop"))
        stream.end()
        results.append(result_of(stream.line(RESULT_SECONDS), "the summary"))
        stopper.join()
    return results, stopper.exit_code


@then("the rest of the stream is judged, and the service ends with exit code 0")
def the_rest_of_the_stream_is_judged(stopped: tuple[list[Mapping[str, Json]], int | None]) -> None:
    results, exit_code = stopped
    same_result(results[0], {"line": 1, "valid": True}, [], "the line before the stop")
    same_result(results[1], {"line": 2, "valid": False}, [("#/n", "too_large")], "the line after the stop")
    wanted = {"records": 2, "valid": 1, "invalid": 1}
    expect(results[2].get("summary") == wanted, expected=str(wanted), got=results[2])
    expect(exit_code == 0, expected="exit code 0 within 10 s", got=describe_stop(exit_code))
