"""Steps of reading.feature: what is refused before it is understood, and what is stopped."""

import json
import threading
import time
from dataclasses import dataclass

from pytest_bdd import scenarios, then, when

from kata.steps import Exchange, Request, Service, World, describe_answer, expect, is_problem, send_raw

from .api import (
    CLOCK_SECONDS,
    COMPATIBILITY,
    CREATED,
    GRACE_SECONDS,
    INVALID,
    MALFORMED,
    OK,
    ORDERS,
    SCHEMAS,
    Api,
    Json,
    accepted,
    not_logged,
    results,
    told,
)
from .order import drawn_order
from .samples import exploding, tripled

UNSUPPORTED, TOO_LARGE = 415, 413
AT_ONCE_SECONDS = 0.25
USUAL_SECONDS = 0.3
LINEAR_SECONDS = 0.2
BRACKETS = 100_000
TOGETHER = 4

scenarios("reading.feature")


@dataclass(frozen=True)
class Text:
    """A text with a fault, how many bytes stand before the fault, the code for it, and the answer."""

    text: bytes
    offset: int | None
    code: str
    answer: Exchange

    @property
    def place(self) -> dict[str, int]:
        before = self.text[: self.offset].decode(errors="replace")
        lines = before.split("\n")
        return {"offset": self.offset or 0, "line": len(lines), "column": len(lines[-1]) + 1}


def readers(api: Api) -> list[str]:
    version_id = api.register(True)
    place = f"{SCHEMAS}/{version_id}"
    return [ORDERS, SCHEMAS, COMPATIBILITY, f"{place}/validate", f"{place}/batch"]


def faults(world: World) -> list[tuple[str, bytes, str]]:
    """Return what may stand before the fault, the fault and what follows, and its code."""
    draw = world.draw
    word = draw.word()
    before = draw.choice(
        ("", "[", f'["{word}",\n', '{"é\N{GRINNING FACE}":\n\n  ', f'{{"{word}": [1, {{}}, ', "\n\t [[[")
    )
    value_faults: list[tuple[bytes, str]] = [
        (b"NaN", "unexpected_character"),
        (b"Infinity", "unexpected_character"),
        (b"'a'", "unexpected_character"),
        (b"undefined", "unexpected_character"),
        (b"// a\n1", "unexpected_character"),
        (b"/* */ 1", "unexpected_character"),
        (b"+1", "unexpected_character"),
        (b".5", "unexpected_character"),
        (b",", "unexpected_character"),
        (b"", "unexpected_end"),
        (b"True", "unexpected_character"),
        (b"\x00", "unexpected_character"),
        (b"\x0b1", "unexpected_character"),
        (b"\xc2\xa01", "unexpected_character"),
        (b"\xff", "invalid_utf8"),
        (b"\xc0\xaf", "invalid_utf8"),
        (b"\xed\xa0\x80", "invalid_utf8"),
        (b"\xf4\x90\x80\x80", "invalid_utf8"),
        (b"\x80", "invalid_utf8"),
    ]
    made = [(before, fault, code) for fault, code in value_faults]
    inside = f'{before}"{word}'
    made += [
        ('"\u00e9\N{GRINNING FACE}', b'\x01"', "unexpected_character"),
        (inside, b'\n"', "unexpected_character"),
        (inside, b'\x1f"', "unexpected_character"),
        (inside, b"", "unexpected_end"),
        (inside, b'\xff"', "invalid_utf8"),
        (inside, b'\xe2\x82"', "invalid_utf8"),
        (inside, b'\\ud800"', "lone_surrogate"),
        (inside, b'\\uDFFF"', "lone_surrogate"),
        (inside, b'\\ud83dx"', "lone_surrogate"),
        (inside, b'\\ud83d\\u0041"', "lone_surrogate"),
        (inside, b'\\ud83d\\ud83d\\ude00"', "lone_surrogate"),
        (f"{inside}\\ud83d\\ude00", b'\\ude00"', "lone_surrogate"),
        (f'{{"{word}" ', b"1}", "unexpected_character"),
        (f'{{"{word}":1,', b"}", "unexpected_character"),
        ("[1,", b"]", "unexpected_character"),
        ("[1 ", b"2]", "unexpected_character"),
        ("[1", b"}", "unexpected_character"),
        ("{", b"1:2}", "unexpected_character"),
        ("{", b"a:2}", "unexpected_character"),
        ('{"a":1', b"", "unexpected_end"),
        ("1 ", b"2", "trailing_data"),
        ("{}\n", b"{}", "trailing_data"),
        ('["a"]', b"]", "trailing_data"),
        ("null", b",", "trailing_data"),
        ("", b"\xef\xbb\xbf1", "byte_order_mark"),
        ("", b"\xef\xbb\xbf", "byte_order_mark"),
        ("", b"\xff\xfe1\x00", "invalid_utf8"),
        ("", "1".encode("utf-16-be"), "unexpected_character"),
        ("", b"", "unexpected_end"),
        (" \n", b"", "unexpected_end"),
    ]
    return made


# Where exactly the fault in these is, and what it is called, is a matter of taste.
VAGUE = (
    b"-Infinity",
    b"[nul",
    b"01",
    b"1.",
    b"1e",
    b"-",
    b"1.e3",
    b"tru",
    b"nulll",
    b'"\\x"',
    b'"\\u12"',
    b"0x1",
    b"1_000",
    b"--1",
    b"truefalse",
)


@when("texts with one fault each are sent to every route that reads JSON", target_fixture="texts")
def texts_with_one_fault_each_are_sent(api: Api, world: World) -> list[Text]:
    routes = readers(api)
    texts = []
    for number, (before, fault, code) in enumerate(world.draw.shuffle(faults(world))):
        text = before.encode() + fault
        answer = api.post(routes[number % len(routes)], text)
        texts.append(Text(text, len(before.encode()), code, answer))
    for number, text in enumerate(VAGUE):
        texts.append(Text(text, None, "", api.post(routes[number % len(routes)], text)))
    return texts


@then("each gets 400 with the offset, the line and the column of the fault")
def each_gets_400_with_the_place_of_the_fault(texts: list[Text]) -> None:
    for one in texts:
        body = is_problem(one.answer, MALFORMED, f"{one.text[:80]!r} is no strict JSON")
        if one.offset is None:
            continue
        got = {name: body.get(name) for name in ("code", "offset", "line", "column")}
        wanted = {"code": one.code, **one.place}
        expect(got == wanted, expected=f"{wanted} for {one.text[:80]!r}", got=got, answer=one.answer)


@when("objects with a name twice, spelled alike and differently, are sent", target_fixture="twice")
def objects_with_a_name_twice_are_sent(api: Api, world: World) -> list[tuple[Text, str]]:
    word = world.draw.word()
    spelled = "".join(f"\\u{ord(letter):04X}" for letter in word)
    listed = [
        (f'{{"{word}":1,', f'"{word}":1}}', f"#/{word}"),
        (f'{{"{word}":1,"b":2,', f'"{spelled}":3}}', f"#/{word}"),
        (f'{{"{spelled}":{{}},\n', f'"{word}":[]}}', f"#/{word}"),
        (f'[0,{{"c":{{"{word}":1, ', f'"{word}":2}}}}]', f"#/1/c/{word}"),
        ('{"":1,', '"":2}', "#/"),
        ('{"a/b":1,', '"a\\/b":2}', "#/a~1b"),
        ('{"__proto__":1,', '"__proto__":2}', "#/__proto__"),
        ('{"\N{GRINNING FACE}":1,', '"\\ud83d\\ude00":2}', "#/%F0%9F%98%80"),
    ]
    routes = readers(api)
    asked = []
    for number, (before, rest, place) in enumerate(world.draw.shuffle(listed)):
        text = (before + rest).encode()
        answer = api.post(routes[number % len(routes)], text)
        asked.append((Text(text, len(before.encode()), "duplicate_name", answer), place))
    return asked


@then("each gets 400 with a pointer and the place of the second")
def each_gets_400_with_a_pointer_and_the_place_of_the_second(twice: list[tuple[Text, str]]) -> None:
    for one, place in twice:
        body = is_problem(one.answer, MALFORMED, f"{one.text!r} has a name twice")
        got = {name: body.get(name) for name in ("code", "pointer", "offset", "line", "column")}
        wanted = {"code": one.code, "pointer": place, **one.place}
        expect(got == wanted, expected=f"{wanted} for {one.text!r}", got=got, answer=one.answer)


@then("the same name in another object is no fault")
def the_same_name_in_another_object_is_no_fault(api: Api, world: World) -> None:
    version_id, word = api.register(True), world.draw.word()
    text = (
        f'{{"{word}":{{"{word}":1}},"{word.upper()}":[{{"{word}":1}},{{"{word}":"{word}:{word}"}}],"a\\"":1}}'
    )
    accepted(api.validate_text(version_id, text.encode()), text)


def deep(world: World, levels: int) -> bytes:
    """Return a value that is nested so deep, in arrays and objects by turns as they are drawn."""
    openings = [world.draw.choice(("[", '{"a":')) for _ in range(levels)]
    closings = ["]" if opening == "[" else "}" for opening in reversed(openings)]
    return ("".join(openings[:-1]) + openings[-1][0] + "".join(closings)).encode()


@when("values and schemas as deep as MAX_DEPTH, and one level deeper, are sent", target_fixture="depths")
def values_and_schemas_as_deep_as_max_depth_are_sent(
    api: Api, world: World, limits: dict[str, int]
) -> list[tuple[bool, Exchange]]:
    most = limits["MAX_DEPTH"]
    version_id = api.register(True)
    asked = []
    for more in (0, 1):
        asked.append((more == 0, api.validate_text(version_id, deep(world, most + more))))
        # The envelope is a level of its own, and so is the array of a batch.
        schema = b'{"schema":{"const":' + deep(world, most - 2 + more) + b"}}"
        asked.append((more == 0, api.post(SCHEMAS, schema)))
        batch = b"[1," + deep(world, most - 1 + more) + b"]"
        asked.append((more == 0, api.post(f"{SCHEMAS}/{version_id}/batch", batch)))
    asked.append((True, api.validate_text(version_id, b"[" + b"[]," * 900 + b"[]]")))
    return asked


@then("the former are read, and the latter get 400")
def the_former_are_read_and_the_latter_get_400(depths: list[tuple[bool, Exchange]]) -> None:
    for is_read, answer in depths:
        judge_limit(is_read=is_read, answer=answer, code="depth_limit")


def judge_limit(*, is_read: bool, answer: Exchange, code: str) -> None:
    if is_read:
        got = f"{describe_answer(answer)} {answer.text[:200]}"
        expect(answer.status in {OK, 201}, expected="a success at the limit", got=got, answer=answer)
    else:
        got_code = is_problem(answer, MALFORMED)["code"]
        expect(got_code == code, expected=code, got=got_code, answer=answer)


@then("a hundred thousand brackets are refused at once")
def a_hundred_thousand_brackets_are_refused_at_once(api: Api) -> None:
    for path in readers(api):
        for text in (b"[" * BRACKETS, b'{"a":' * BRACKETS, b'{"schema":' + b"[" * BRACKETS):
            answer = api.post(path, text)
            code = is_problem(answer, MALFORMED)["code"]
            expect(code == "depth_limit", expected="depth_limit", got=code, answer=answer)
            seconds = answer.received - answer.sent
            expect(
                seconds < AT_ONCE_SECONDS,
                expected=f"an answer within {AT_ONCE_SECONDS} s",
                got=f"{seconds:.3f} s",
                answer=answer,
                timing=True,
            )


def with_objects(objects: int, members: int) -> list[Json]:
    """Return a value of so many members, of which some are those of objects."""
    return [*[{"a": 0}] * objects, *[0] * (members - 2 * objects)]


@dataclass(frozen=True)
class Counted:
    """Values with as many members or strings as may be, or one more: the code for those, and the answers."""

    values: list[tuple[bool, str, Json]]
    answers: list[Exchange]
    of_stream: Exchange


@when(
    "values with as many members and strings as may be, and with one more, are sent", target_fixture="counted"
)
def values_with_as_many_members_and_strings_are_sent(
    api: Api, world: World, limits: dict[str, int]
) -> Counted:
    members, strings = limits["MAX_MEMBERS"], limits["MAX_STRINGS"]
    listed: list[tuple[bool, str, Json]] = []
    for more in (0, 1):
        half = world.draw.integer(2, members // 3)
        listed += [
            (more == 0, "member_limit", [0] * (members + more)),
            (more == 0, "member_limit", [[0] * half, [0] * (members - half - 2 + more)]),
            (more == 0, "member_limit", with_objects(min(members // 2, strings), members + more)),
        ]
        if strings < members:
            listed.append((more == 0, "string_limit", [""] * (strings + more)))
        # Names are strings too.
        fitting = min(strings, members)
        names = {f"{number}": 0 for number in range(fitting // 2)}
        texts = ["t"] * (strings - len(names) + more)
        if len(names) + len(texts) + 2 <= members:
            listed.append((more == 0, "string_limit", [names, texts]))
    place = f"{SCHEMAS}/{api.register(True)}"
    bodies = [compact(value) for _, _, value in listed]
    # All are arrays, so that each is a batch, too; and a line of a stream, if that may be so long.
    way = world.draw.shuffle(("validate", "batch"))
    answers = [api.post(f"{place}/{way[number % 2]}", body) for number, body in enumerate(bodies)]
    lines = [body if len(body) <= limits["MAX_LINE_BYTES"] else b"0" for body in bodies]
    return Counted(listed, answers, api.post(f"{place}/stream", b"\n".join(lines), "application/x-ndjson"))


def compact(value: Json) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


@then("those at the limit are read, and those beyond it get 400")
def those_at_the_limit_are_read(api: Api, counted: Counted) -> None:
    for (fits, code, _), answer in zip(counted.values, counted.answers, strict=True):
        judge_limit(is_read=fits, answer=answer, code=code)
    text = json.dumps("[1,2,{" * 3000).encode()
    accepted(api.validate_text(api.register(True), text), "a text of many brackets")


@then("as lines of a stream the latter have the same codes")
def as_lines_of_a_stream_they_have_the_same_codes(limits: dict[str, int], counted: Counted) -> None:
    listed = results(counted.of_stream, len(counted.values))
    for (fits, code, value), result in zip(counted.values, listed, strict=True):
        is_line = len(compact(value)) <= limits["MAX_LINE_BYTES"]
        got = (result.get("valid"), result.get("code"))
        wanted = (True, None) if fits or not is_line else (False, code)
        expect(got == wanted, expected=f"{wanted} for a line", got=got, answer=counted.of_stream)


@when("bodies beyond the limit, of other types, of none and compressed are sent", target_fixture="bodies")
def bodies_beyond_the_limit_and_of_other_types_are_sent(
    api: Api, service: Service, world: World
) -> list[tuple[int, str, Exchange]]:
    limit = 2**20
    asked = []
    types = (
        "text/plain",
        "application/xml",
        "application/x-www-form-urlencoded",
        "image/png",
        "application/jsonp",
    )
    host = service.urls[0].removeprefix("http://")
    for path in readers(api):
        chosen = world.draw.shuffle(types)[:3]
        asked += [(UNSUPPORTED, f"{kind} to {path}", api.post(path, b"{}", kind)) for kind in chosen]
        asked.append((UNSUPPORTED, f"no type to {path}", api.client.request("POST", path, body=b"{}")))
        packed = {
            "Content-Type": "application/json",
            "Content-Encoding": world.draw.choice(("gzip", "br", "zstd")),
        }
        answer = api.client.request("POST", path, headers=packed, body=b"{}")
        asked.append((UNSUPPORTED, f"compressed to {path}", answer))
        asked.append((TOO_LARGE, f"too large to {path}", api.post(path, b"[" + b" " * limit)))
        # Nobody said beforehand how much would come.
        chunk = b"%x\r\n[%s\r\n" % (limit + 1, b" " * limit)
        lines = (f"POST {path} HTTP/1.1", f"Host: {host}", "Content-Type: application/json")
        head = "\r\n".join([*lines, "Transfer-Encoding: chunked", "", ""])
        answer = send_raw(service.urls[0], head.encode() + chunk + b"0\r\n\r\n")
        if answer.status:  # a server may close while it is still being sent to
            asked.append((TOO_LARGE, f"too large in chunks to {path}", answer))
    place = f"{SCHEMAS}/{api.register(True)}"
    strange = ("application/json", "text/plain")
    asked += [
        (UNSUPPORTED, f"{kind} as a stream", api.post(f"{place}/stream", b"1", kind)) for kind in strange
    ]
    usual = (
        "application/json; charset=utf-8",
        "APPLICATION/JSON",
        "application/vnd.own+json",
        f"application/json ;{world.draw.word()}=1",
        'application/json\t; charset="utf-8"',
        f'Application/Json;{world.draw.word()}="a;b, \\"c"; q=1',
    )
    largest = b"[" + b" " * (limit - 2) + b"]"
    asked += [(OK, kind, api.post(f"{place}/validate", largest, kind)) for kind in usual]
    return asked


@then("they get 413 and 415")
def they_get_413_and_415(bodies: list[tuple[int, str, Exchange]]) -> None:
    for status, what, answer in bodies:
        if status == OK:
            expect(answer.status == OK, expected=f"200 for {what}", got=describe_answer(answer))
        else:
            is_problem(answer, status)


@when("garbage of many kinds is sent everywhere", target_fixture="answers")
def garbage_of_many_kinds_is_sent_everywhere(api: Api, world: World) -> list[Exchange]:
    draw = world.draw
    noise = bytes(draw.integer(0, 255) for _ in range(draw.integer(1, 300)))
    png = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + noise
    garbage = [
        noise,
        png,
        b"\x00",
        b'{"messages": [[{"role": "R\\ud800"}]]}',
        b"[NaN]",
        b'{"a":Infinity}',
        b"-",
        b'"',
        b'{"placed_on":"\\ud800","items":1e999}',
        b"[" * draw.integer(201, 5000),
        b'{"a":' * 300,
        b"\xed\xa0\x80",
        b'{"\\ud800":1}',
        b'{"a":1,"a":NaN}',
        b"1" * 5000,
        b"1e" + b"9" * 500,
        b"--",
        b"\x1b[31m",
        noise.hex().encode(),
        b'{"schema":' + b'{"not":' * 250,
        "\N{GRINNING FACE}".encode("utf-16"),
        b"0" * 900_000,
        b'{"a":"' + b"\\" * 5001,
    ]
    answers = []
    routes = readers(api)
    for text in draw.shuffle(garbage):
        answers += [api.post(path, text) for path in draw.shuffle(routes)[:3]]
        answers.append(api.post(draw.choice(routes), text, draw.choice(("image/png", "text/html", "a/b"))))
    place = routes[-1].removesuffix("/batch")
    for query in ("?view=forest", "?view=", "?view=tree&view=flat", f"?{draw.word()}=1"):
        answers.append(api.post(f"{place}/validate{query}", b"1"))
    answers.append(api.post(f"{SCHEMAS}?strict=maybe", b"{}"))
    return answers


@then("every answer is a 4xx problem, and the service is alive")
def every_answer_is_a_4xx_problem(api: Api, answers: list[Exchange]) -> None:
    for answer in answers:
        right = 400 <= answer.status < 500
        got = f"{describe_answer(answer)} {answer.text[:200]}"
        expect(right, expected=f"a 4xx for {answer.asked}", got=got, answer=answer)
        is_problem(answer, answer.status)
    health = api.client.get("/health")
    expect(health.status == OK, expected="200 from /health", got=describe_answer(health))


@dataclass(frozen=True)
class Exploded:
    """What was asked of schemas that explode, and of others meanwhile."""

    stopped: list[Exchange]
    together: list[Exchange]
    others: list[Exchange]
    secret: str


@when(
    "a schema that explodes is registered, and one that explodes on some values is asked about them",
    target_fixture="exploded",
)
def schemas_that_explode_are_asked_about(
    api: Api, service: Service, world: World, limits: dict[str, int]
) -> Exploded:
    draw = world.draw
    at_once = {**tripled(draw.integer(17, 25), lambda within: within), "title": draw.word()}
    schema, value = exploding(draw, limits["MAX_DEPTH"])
    by_value = api.register(schema)
    harmless = api.register({"type": "integer", "title": draw.word()})
    secret = draw.text(16)
    stopped: list[Exchange] = []
    together: list[Exchange] = []
    text = json.dumps({"a": secret, **value}).encode()
    place = f"{SCHEMAS}/{by_value}"

    def explode() -> None:
        own = Api(service, draw)
        answer = own.ask_to_register(at_once)
        # Who evaluates it in no time may take it, and has to prove that.
        taken = answer.status == CREATED
        stopped.append(own.validate(own.id_in(answer), 1) if taken else answer)
        stopped.append(own.validate_text(by_value, text))
        stopped.append(own.post(f"{place}/batch", b"[1,%s]" % text))
        stopped.append(own.post(f"{place}/stream", b"1\n%s\n2\n" % text, "application/x-ndjson"))
        request = Request("POST", f"{place}/validate", {"Content-Type": "application/json"}, text)
        together.extend(service.burst([request] * TOGETHER))

    thread = threading.Thread(target=explode)
    thread.start()
    others: list[Exchange] = []
    order = json.dumps(drawn_order(draw)[0]).encode()
    while thread.is_alive():
        others += [api.client.get("/health"), api.validate(harmless, 1), api.post(ORDERS, order)]
        others.append(api.validate(harmless, "x"))
        time.sleep(0.02)
    thread.join()
    return Exploded(stopped, together, others, secret)


@then("each is answered rightly or stopped, within EVALUATION_MS and a second, and none is stopped sooner")
def each_is_answered_rightly_or_stopped(limits: dict[str, int], exploded: Exploded) -> None:
    least = limits["EVALUATION_MS"] / 1000 - CLOCK_SECONDS
    most = limits["EVALUATION_MS"] / 1000 + GRACE_SECONDS
    # Where others were answered meanwhile, it was not the machine that stood still.
    is_slow = any(other.received - other.sent > GRACE_SECONDS for other in exploded.others)
    for number, answer in enumerate((*exploded.stopped, *exploded.together)):
        in_turn = number < len(exploded.stopped)  # the others may have waited for each other
        is_doubtful = is_slow or not in_turn
        expect(answer.status != 0, expected="an answer", got=describe_answer(answer), timing=is_doubtful)
        if was_stopped(answer):
            seconds = answer.received - answer.sent
            expected = f"not stopped before {least:.2f} s have passed"
            expect(seconds > least, expected=expected, got=f"{seconds:.2f} s", answer=answer)
    for answer in exploded.stopped:
        seconds = answer.received - answer.sent
        expected = f"an answer within {most:.1f} s"
        expect(seconds < most, expected=expected, got=f"{seconds:.2f} s", answer=answer, timing=True)


def was_stopped(answer: Exchange) -> bool:
    """Tell whether it is a 422, or a stream's second result, that says so; all of the values are valid."""
    if answer.status != OK:
        code = is_problem(answer, INVALID)["code"]
    elif answer.asked.endswith("/stream"):
        first, second, third = results(answer, 3)
        whole = (first.get("valid"), third.get("valid"))
        expect(whole == (True, True), expected="the lines beside it judged", got=answer.text, answer=answer)
        code = None if second.get("valid") is True else second.get("code")
    else:
        code = None
    right = code in {None, "evaluation_stopped"}
    expect(right, expected="evaluation_stopped", got=code, answer=answer)
    return code is not None


@then("what was in the values is not in the log")
def what_was_in_the_values_is_not_in_the_log(service: Service, exploded: Exploded) -> None:
    not_logged(service, [exploded.secret], exploded.others[-1])


@then("meanwhile others are answered as fast as ever")
def meanwhile_others_are_answered_as_fast_as_ever(exploded: Exploded) -> None:
    expect(bool(exploded.others), expected="answers meanwhile", got="none")
    for number, answer in enumerate(exploded.others):
        wanted = INVALID if number % 4 == 3 else OK
        got = describe_answer(answer)
        expect(
            answer.status == wanted,
            expected=f"{wanted} from {answer.asked}",
            got=got,
            timing=not answer.status,
        )
        seconds = answer.received - answer.sent
        expect(
            seconds < USUAL_SECONDS,
            expected=f"{answer.asked} answered within {USUAL_SECONDS} s",
            got=f"{seconds:.3f} s",
            answer=answer,
            timing=True,
        )


@when("long texts are matched with patterns that explode elsewhere", target_fixture="matched")
def long_texts_are_matched(api: Api, world: World) -> list[tuple[str, bool, Exchange]]:
    length = world.draw.integer(9_000, 30_000)
    asked = []
    for pattern in ("^(a|a)*$", "^(a+)+$", "^(a|aa)+$", "^(.*a){9}$"):
        version_id = api.register({"pattern": pattern, "title": world.draw.word()})
        api.validate(version_id, "a" * 9)  # whoever compiles at the first use has done so
        asked.append((pattern, True, api.validate(version_id, "a" * length)))
        asked.append((pattern, False, api.validate(version_id, "a" * length + "!")))
    return asked


@then("each is judged rightly within a fifth of a second")
def each_is_judged_rightly_within_a_fifth_of_a_second(matched: list[tuple[str, bool, Exchange]]) -> None:
    for pattern, fits, answer in matched:
        if fits:
            accepted(answer, pattern)
        else:
            told(answer, pattern)
        seconds = answer.received - answer.sent
        expect(
            seconds < LINEAR_SECONDS,
            expected=f"an answer for {pattern} within {LINEAR_SECONDS} s",
            got=f"{seconds:.3f} s",
            answer=answer,
            timing=True,
        )
