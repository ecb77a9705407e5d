"""Steps of csv.feature: records of CSV."""

from dataclasses import dataclass

from pytest_bdd import scenarios, then, when

from kata.steps import Exchange, Service, Stream, World, describe_answer, expect

from .api import OK, SCHEMAS, Api, Json
from .lines import CSV, result_of, same_result

scenarios("csv.feature")


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
