"""Steps of streams.feature: many values in one request, and results while it is being sent."""

import json
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass

from pytest_bdd import scenarios, then, when

from kata.steps import (
    Exchange,
    Service,
    Stream,
    World,
    as_object,
    describe_answer,
    describe_stop,
    expect,
    wait_until,
)

from .api import CLOCK_SECONDS, GRACE_SECONDS, OK, SCHEMAS, Api, Json, entries, told
from .samples import exploding

NDJSON, CSV = "application/x-ndjson", "text/csv"
RESULT_SECONDS = 2.0
AT_ONCE_SECONDS = 0.5
STOP_SECONDS = 10.0
BETWEEN_SECONDS = 0.05
# So long after SIGTERM a stream goes on; whoever gives it up sooner has not run out of time.
STREAMING_MILLISECONDS = (5000, 6900)
THOUSANDS = 3000

scenarios("streams.feature")


def limited(api: Api) -> tuple[str, int]:
    """Return a version that takes integers up to a limit, and the limit."""
    limit = api.draw.integer(100, 9999)
    return api.register({"type": "object", "properties": {"n": {"type": "integer", "maximum": limit}}}), limit


def next_result(stream: Stream, what: str, seconds: float = RESULT_SECONDS) -> Mapping[str, Json]:
    """Wait for a line of an answer, or fail the check: with doubt, unless the connection has ended."""
    line = stream.line(seconds)
    return result_of(line, what, is_late=line is None and not stream.is_answered)


def result_before_the_end(stream: Stream, what: str) -> Mapping[str, Json]:
    """Wait for the result of a line that has not ended; if it comes when it has, nobody was merely late."""
    line = stream.line(RESULT_SECONDS)
    if line is not None:
        return result_of(line, what)
    stream.send(b"\n")
    deadline = time.monotonic() + AT_ONCE_SECONDS
    while not stream.is_answered and time.monotonic() < deadline:
        time.sleep(BETWEEN_SECONDS)
    return result_of(None, f"{what}, before its end", is_late=not stream.is_answered)


def result_of(line: bytes | None, what: str, *, is_late: bool = False) -> Mapping[str, Json]:
    """Read a line of an answer, or fail the check."""
    try:
        value: Json = json.loads(line) if line is not None else None
    except ValueError:
        value = None
    right = isinstance(value, dict)
    got = "no line" if line is None else line[:200].decode(errors="replace")
    expect(right, expected=f"a line with an object for {what}", got=got, timing=is_late)
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


@dataclass(frozen=True)
class Records:
    """What is to be said of each record of CSV, and what was."""

    wanted: list[tuple[dict[str, Json], list[tuple[str, str]]]]
    answer: Exchange
    refused: list[tuple[bytes, set[str], Exchange]]


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
    headers: list[tuple[bytes, set[str]]] = [
        (b"a,a\n1,2\n", {"bad_record"}),
        (b'"a"b\n1\n', {"bad_record"}),
        (b"\xff\n1\n", {"bad_record", "invalid_utf8"}),
        (b"\xef\xbb\xbfa\n1\n", {"bad_record", "byte_order_mark"}),
    ]
    return Records(wanted, answer, [(text, codes, api.post(place, text, CSV)) for text, codes in headers])


@then("each is judged by the types of the schema, with the number of its first line")
def each_is_judged_by_the_types_of_the_schema(records: Records) -> None:
    expect(records.answer.status == OK, expected="200", got=describe_answer(records.answer))
    *results, last = [line for line in records.answer.body.split(b"\n") if line]
    for line, (wanted, codes) in zip(results, records.wanted, strict=False):
        same_result(result_of(line, "a record"), wanted, codes, f"the record of line {wanted['line']}")
    expect(
        len(results) == len(records.wanted),
        expected=f"{len(records.wanted)} results",
        got=records.answer.text[:500],
        answer=records.answer,
    )
    summary = result_of(last, "the summary").get("summary")
    count = summary.get("records") if isinstance(summary, dict) else None
    expect(count == len(results), expected=f'"records": {len(results)}', got=summary)


@then("what has no header is refused by one line")
def what_has_no_header_is_refused_by_one_line(records: Records) -> None:
    for text, codes, answer in records.refused:
        lines = [line for line in answer.body.split(b"\n") if line]
        code = result_of(lines[0] if len(lines) == 1 else None, f"the header of {text!r} alone").get("code")
        expected = f"one line, with {' or '.join(sorted(codes))}, for {text!r}"
        expect(code in codes, expected=expected, got=answer.text[:200], answer=answer)


class Stopper(threading.Thread):
    """Sends SIGTERM, and waits, while somebody else goes on."""

    def __init__(self, service: Service) -> None:
        super().__init__()
        self._service = service
        self.exit_code: int | None = None

    def run(self) -> None:
        self.exit_code = self._service.web.terminate(STOP_SECONDS)


@dataclass(frozen=True)
class Stopped:
    """The results before and after SIGTERM, when the line that explodes had its own, and how it all ended."""

    results: list[Mapping[str, Json]]
    evaluation_seconds: float
    exploded_seconds: float
    exit_code: int | None


@when("the service is stopped in the middle of a stream", target_fixture="stopped")
def the_service_is_stopped_in_the_middle_of_a_stream(
    world: World, service_settings: dict[str, str], limits: dict[str, int]
) -> Stopped:
    draw = world.draw
    milliseconds = draw.integer(1200, 1500)
    service = world.start_alone({**service_settings, "EVALUATION_MS": str(milliseconds)})
    schema, value = exploding(draw, limits["MAX_DEPTH"])
    version_id = Api(service, draw).register({**schema, "properties": {"n": {"type": "integer"}}})
    results = []
    with Stream(service.urls[0], f"{SCHEMAS}/{version_id}/stream", {"Content-Type": NDJSON}) as stream:
        stream.send(b'{"n":1}\n')
        results.append(next_result(stream, "a line before the stop"))
        stopper = Stopper(service)
        asked_at = time.monotonic()
        stopper.start()
        time.sleep(0.3)
        sent = time.monotonic()
        stream.send(json.dumps(value).encode() + b"\n")
        patience = milliseconds / 1000 + 2 * RESULT_SECONDS
        results.append(next_result(stream, "a line that explodes, after the stop", patience))
        exploded_seconds = time.monotonic() - sent
        wait_until(asked_at + draw.integer(*STREAMING_MILLISECONDS) / 1000)
        stream.send(b'{"n":"1"}\n')
        results.append(next_result(stream, "a line seconds after the stop"))
        stream.end()
        results.append(next_result(stream, "the summary"))
        stopper.join()
    return Stopped(results, milliseconds / 1000, exploded_seconds, stopper.exit_code)


@then("the rest of the stream is judged, and the service ends with exit code 0")
def the_rest_of_the_stream_is_judged(stopped: Stopped) -> None:
    first, _, third, last = stopped.results
    same_result(first, {"line": 1, "valid": True}, [], "the line before the stop")
    same_result(third, {"line": 3, "valid": False}, [("#/n", "wrong_type")], "the line after the stop")
    summary = last.get("summary")
    records = summary.get("records") if isinstance(summary, dict) else None
    expect(records == 3, expected='"records": 3 in a summary', got=last)
    expect(stopped.exit_code == 0, expected="exit code 0 within 10 s", got=describe_stop(stopped.exit_code))


@then("what is evaluated meanwhile has its time, and no more")
def what_is_evaluated_meanwhile_has_its_time(stopped: Stopped) -> None:
    second, seconds = stopped.results[1], f"{stopped.exploded_seconds:.2f} s"
    expect(second.get("line") == 2, expected='"line": 2 for the line that explodes', got=second)
    if second.get("valid") is True:  # who can answer in time may
        return
    code, budget = second.get("code"), f"EVALUATION_MS={stopped.evaluation_seconds * 1000:.0f}"
    expect(code == "evaluation_stopped", expected="evaluation_stopped for the line that explodes", got=second)
    is_soon = stopped.exploded_seconds < stopped.evaluation_seconds - CLOCK_SECONDS
    expect(not is_soon, expected=f"it is not stopped before {budget} have passed", got=seconds)
    is_late = stopped.exploded_seconds > stopped.evaluation_seconds + GRACE_SECONDS
    expect(not is_late, expected=f"it is stopped within {budget} and a second", got=seconds, timing=True)
