"""Steps of registry.feature: what becomes a version, and how it is kept."""

import errno
import hashlib
import json
import os
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path

import pytest
from pytest_bdd import given, scenarios, then, when

from kata.steps import (
    Exchange,
    Instance,
    Request,
    Service,
    World,
    as_object,
    describe_answer,
    expect,
    is_problem,
    send_raw,
    wait_until_ready,
)

from .api import (
    COMPATIBILITY,
    CREATED,
    NOT_FOUND,
    OK,
    SCHEMAS,
    Api,
    Json,
    Told,
    accepted,
    entries,
    same,
    shown,
    told,
)
from .samples import samples

TOGETHER = 12
SMALLER = ("MAX_DEPTH", "MAX_MEMBERS", "MAX_STRINGS")

scenarios("registry.feature")


@dataclass(frozen=True)
class Asked:
    """A document, or a part of one, with the answer and what it was to be."""

    what: Json
    answer: Exchange
    pointer: str = ""
    code: str = ""


def canonical(value: Json) -> str:
    """Write what the verifier draws as RFC 8785 does: it draws no number that Python writes otherwise."""
    if isinstance(value, dict):
        names = sorted(value, key=lambda name: name.encode("utf-16-be"))
        return "{" + ",".join(f"{canonical(name)}:{canonical(value[name])}" for name in names) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(canonical, value)) + "]"
    return json.dumps(value, ensure_ascii=False)


def hash_of(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def envelope(schema: Json, *, assert_format: bool = False) -> dict[str, Json]:
    return {"assert_format": assert_format, "resources": {}, "schema": schema}


def drawn_schema(world: World) -> dict[str, Json]:
    draw = world.draw
    # Of the first two names the order by UTF-16 code units is another than that by code points.
    properties = {
        name: {"title": draw.word()} for name in ("\U0001f600", "\ufb33", "é", "", "10", "9", "a\x1f")
    }
    return {
        "title": f'{draw.word()} "quoted" /\\ é\n\x7f',
        "properties": properties,
        "maximum": draw.integer(10**6, 10**15),
        "minimum": -draw.integer(0, 99) - draw.choice((0.25, 0.5, 0.75)),
        "enum": [None, True, False, [], {}, draw.word()],
    }


@given("a second web process")
def a_second_web_process(service: Service) -> None:
    if len(service.urls) == 1:
        service.add("web")


@when("schemas are registered", target_fixture="registered")
def schemas_are_registered(api: Api, world: World) -> list[Asked]:
    drawn = [drawn_schema(world) for _ in range(2)]
    return [Asked(schema, api.ask_to_register(schema)) for schema in (*drawn, {"const": world.draw.word()})]


@then("each is a 201 whose id is the hash of its canonical form")
def each_is_a_201_whose_id_is_the_hash_of_its_canonical_form(registered: list[Asked]) -> None:
    for one in registered:
        got = f"{describe_answer(one.answer)} {one.answer.text[:200]}"
        expect(one.answer.status == CREATED, expected=f"201 for {shown(one.what)}", got=got)
        wanted = hash_of(canonical(envelope(one.what)))
        body = as_object(one.answer)
        expect(body.get("id") == wanted, expected=f"the id {wanted} of {shown(one.what)}", got=body.get("id"))
        expect(body.get("warnings") == [], expected="no warnings", got=body.get("warnings"))
        for name, value in (("location", f"{SCHEMAS}/{wanted}"), ("etag", f'"{wanted}"')):
            has = one.answer.header(name) or ""
            expect(has.endswith(value), expected=f"{name}: {value}", got=has or "none")


@then("at its place stands the canonical form, with its type and a tag")
def at_its_place_stands_the_canonical_form(api: Api, registered: list[Asked]) -> None:
    for one in registered:
        place = f"{SCHEMAS}/{as_object(one.answer)['id']}"
        answer = api.client.get(place)
        wanted = canonical(envelope(one.what))
        expect(answer.status == OK, expected=f"200 from {place}", got=describe_answer(answer))
        expect(answer.text == wanted, expected=wanted, got=answer.text)
        kind = (answer.header("content-type") or "none").partition(";")[0]
        expect(kind == "application/schema+json", expected="application/schema+json", got=kind)
        tag = one.answer.header("etag") or ""
        expect(
            answer.header("etag") == tag, expected=f"ETag: {tag}", got=answer.header("etag"), answer=answer
        )


@then("with its tag in If-None-Match, however that has it, the answer is 304")
def with_its_tag_in_if_none_match_the_answer_is_304(
    api: Api, service: Service, world: World, registered: list[Asked]
) -> None:
    version_id = as_object(registered[0].answer)["id"]
    place, tag, others = f"{SCHEMAS}/{version_id}", f'"{version_id}"', ['"x"', f'W/"{version_id}0"']
    lists = [tag, f"W/{tag}", "*", f"{tag}, {others[0]}", f"{others[0]},{tag}", f"{others[1]} , W/{tag},"]
    lines = ["", *(f"If-None-Match: {one}" for one in world.draw.shuffle([tag, *others])), "", ""]
    host = service.urls[0].removeprefix("http://")
    head = f"GET {place} HTTP/1.1\r\nHost: {host}\r\nConnection: close" + "\r\n".join(lines)
    asked = [(one, api.client.get(place, headers={"If-None-Match": one})) for one in lists]
    asked.append(("three lines of which one has it", send_raw(service.urls[0], head.encode())))
    for one, answer in asked:
        got = describe_answer(answer)
        expect(answer.status == HTTPStatus.NOT_MODIFIED, expected=f"304 for If-None-Match: {one}", got=got)
    for one in others:
        answer = api.client.get(place, headers={"If-None-Match": one})
        expect(answer.status == OK, expected=f"200 for If-None-Match: {one}", got=describe_answer(answer))


@when(
    "a document is registered again in other spellings, and others that differ a little",
    target_fixture="spellings",
)
def a_document_is_registered_again_in_other_spellings(
    api: Api, world: World
) -> tuple[str, list[Asked], list[Asked]]:
    draw = world.draw
    word, number = draw.word(), draw.integer(3, 900)
    first = api.register({"title": word, "maximum": number, "minimum": 0})
    alike = [
        f'{{"schema":{{"minimum":0,"maximum":{number},"title":"{word}"}}}}',
        f'{{ "assert_format" : false,\n "schema":\t{{"title":"{word}","maximum":{number}.0,"minimum":-0}}}}',
        f'{{"resources":{{}},"schema":{{"title":"{escaped(word)}","maximum":{number}00e-2,"minimum":0E7}}}}',
    ]
    unlike = [
        f'{{"schema":{{"minimum":0,"maximum":{number}.5,"title":"{word}"}}}}',
        f'{{"schema":{{"minimum":0,"maximum":{number},"title":"{word} "}}}}',
        f'{{"schema":{{"minimum":0,"maximum":{number},"title":"{word.upper()}"}}}}',
        f'{{"schema":{{"minimum":0,"maximum":{number},"title":"{word}"}},"assert_format":true}}',
        f'{{"schema":{{"minimum":0,"maximum":{number},"title":"{word}"}},"resources":{{"urn:{word}":true}}}}',
        f'{{"schema":{{"title":"{word}","const":{2**64}}}}}',
        f'{{"schema":{{"title":"{word}","const":{2**64 + 1}}}}}',
        f'{{"schema":{{"title":"{word}","enum":[1,2]}}}}',
        f'{{"schema":{{"title":"{word}","enum":[2,1]}}}}',
    ]
    return (
        first,
        [Asked(text, api.post(SCHEMAS, text.encode())) for text in draw.shuffle(alike)],
        [Asked(text, api.post(SCHEMAS, text.encode())) for text in draw.shuffle(unlike)],
    )


def escaped(word: str) -> str:
    return "".join(f"\\u{ord(letter):04x}" for letter in word)


@then("the spellings get 200 and the same id, and the others 201 and ids of their own")
def the_spellings_get_200_and_the_same_id(spellings: tuple[str, list[Asked], list[Asked]]) -> None:
    first, alike, unlike = spellings
    ids = [first]
    for asked in alike:
        got = (asked.answer.status, as_object(asked.answer).get("id"))
        expect(got == (OK, first), expected=f"200 and the id {first} for {asked.what}", got=got)
    for asked in unlike:
        expect(
            asked.answer.status == CREATED,
            expected=f"201 for {asked.what}",
            got=describe_answer(asked.answer),
        )
        ids.append(str(as_object(asked.answer).get("id")))
    expect(len(set(ids)) == len(ids), expected="an id for each", got=ids)


@when("a document is registered many times at the same instant with both processes", target_fixture="answers")
def a_document_is_registered_many_times_at_the_same_instant(service: Service, world: World) -> list[Exchange]:
    answers = []
    for _ in range(3):
        body = json.dumps({"schema": {"title": world.draw.word()}}).encode()
        request = Request("POST", SCHEMAS, {"Content-Type": "application/json"}, body)
        for process in (0, 1):
            answers += service.burst([request] * (TOGETHER // 2), process=process)
    return answers


@then("one answer is a 201 and all others are 200, with the same id")
def one_answer_is_a_201_and_all_others_are_200(answers: list[Exchange]) -> None:
    for start in range(0, len(answers), TOGETHER):
        group = answers[start : start + TOGETHER]
        statuses = sorted(answer.status for answer in group)
        wanted = [OK] * (TOGETHER - 1) + [CREATED]
        expect(
            statuses == wanted, expected=f"one 201, and 200 for {TOGETHER - 1}", got=statuses, exchanges=group
        )
        ids = {as_object(answer).get("id") for answer in group}
        expect(len(ids) == 1, expected="one id", got=ids)


@dataclass(frozen=True)
class Pair:
    """A service of two processes that may be killed, and the versions that one of them has made."""

    service: Service
    second: Instance
    ids: list[str]
    word: str


@when(
    "versions that another process, of smaller limits, was asked for are registered with one",
    target_fixture="pair",
)
def versions_are_registered_with_one_of_two_processes(world: World, service_settings: dict[str, str]) -> Pair:
    draw = world.draw
    service = world.start_alone(service_settings)
    second = service.add("web", {name: str(draw.integer(10, 14)) for name in SMALLER})
    word = draw.word()
    large: Json = [draw.word() for _ in range(draw.integer(15, 30))]
    for _ in range(14):
        large = [large]
    schemas: list[Json] = [{"const": word}, {"const": word, "examples": large}]
    ids = []
    for schema in draw.shuffle(schemas):
        version_id = hash_of(canonical(envelope(schema)))
        is_problem(Api(service, draw, process=1).client.get(f"{SCHEMAS}/{version_id}"), NOT_FOUND)
        is_problem(Api(service, draw, process=1).validate(version_id, word), NOT_FOUND)
        ids.append(Api(service, draw).register(schema))
    return Pair(service, second, ids, word)


@then("the other knows them at once")
def the_other_knows_them_at_once(pair: Pair, world: World) -> None:
    known(pair, world, 1)


@then("both know them after one was killed and the other was stopped, and they were started again")
def both_know_them_after_one_was_killed(pair: Pair, world: World) -> None:
    pair.ids.append(Api(pair.service, world.draw).register({"const": pair.word, "title": "the last"}))
    pair.service.web.kill()
    known(pair, world, 1)
    pair.second.terminate()
    for process, instance in enumerate((pair.service.web, pair.second)):
        instance.restart()
        wait_until_ready(instance)
        known(pair, world, process)


def known(pair: Pair, world: World, process: int) -> None:
    api = Api(pair.service, world.draw, process=process)
    for version_id in pair.ids:
        answer = api.client.get(f"{SCHEMAS}/{version_id}")
        expect(answer.status == OK, expected=f"200 from process {process + 1}", got=describe_answer(answer))
        accepted(api.validate(version_id, pair.word), pair.word)
        told(api.validate(version_id, f"{pair.word}x"))
    again = api.ask_to_register({"const": pair.word})
    expect(again.status == OK, expected="200: it is registered already", got=describe_answer(again))


@when("documents with one mistake each are registered", target_fixture="refused")
def documents_with_one_mistake_each_are_registered(api: Api, world: World) -> list[Asked]:
    draw = world.draw
    word, number = draw.word(), draw.integer(2, 900)
    flawed: list[tuple[Json, str, str]] = [
        ({"type": word}, "#/schema/type", "no_branch"),
        ({"minLength": -number}, "#/schema/minLength", "too_small"),
        ({"maximum": str(number)}, "#/schema/maximum", "wrong_type"),
        ({"required": word}, "#/schema/required", "wrong_type"),
        ({"required": ["a", "a"]}, "#/schema/required", "not_unique"),
        ({"properties": {word: {"items": number}}}, f"#/schema/properties/{word}/items", "wrong_type"),
        ({"allOf": []}, "#/schema/allOf", "too_few_items"),
        ({"anyOf": [True, {"enum": number}]}, "#/schema/anyOf/1/enum", "wrong_type"),
        ({"multipleOf": 0}, "#/schema/multipleOf", "not_above"),
        ({"$schema": "http://json-schema.org/draft-07/schema#"}, "#/schema/$schema", "unknown_dialect"),
        ({"$schema": f"https://{word}.example.com/dialect"}, "#/schema/$schema", "unknown_dialect"),
        (number, "#/schema", "wrong_type"),
        ([word], "#/schema", "wrong_type"),
        (None, "#/schema", "wrong_type"),
    ]
    asked = [
        Asked(schema, api.ask_to_register(schema), where, code)
        for schema, where, code in draw.shuffle(flawed)
    ]
    bodies: list[tuple[Json, str, str]] = [
        ({}, "#/schema", "missing"),
        ([], "#", "wrong_type"),
        ({"schema": {}, word: 1}, f"#/{word}", "unknown_member"),
        ({"schema": {}, "assert_format": "true"}, "#/assert_format", "wrong_type"),
        ({"schema": {}, "resources": {f"urn:{word}": 1}}, f"#/resources/urn:{word}", "wrong_type"),
        ({"schema": {}, "resources": {word: {}}}, f"#/resources/{word}", "bad_name"),
        (
            {"schema": {}, "resources": {f"urn:{word}": {"type": 1}}},
            f"#/resources/urn:{word}/type",
            "no_branch",
        ),
    ]
    for body, where, code in bodies:
        asked.append(Asked(body, api.client.request("POST", SCHEMAS, json=body), where, code))
    return asked


@then("each is refused with 422, and its mistake is pointed at")
@then("each is refused with 422, and its reference is pointed at")
@then("each is refused with 422, and its pattern is pointed at")
def each_is_refused_with_422_and_its_mistake_is_pointed_at(refused: list[Asked]) -> None:
    for asked in refused:
        places = [one.place for one in told(asked.answer, asked.what)]
        wanted = (asked.pointer, asked.code)
        expect(
            wanted in places, expected=f"{wanted} for {shown(asked.what)}", got=places, answer=asked.answer
        )


@dataclass(frozen=True)
class Trap:
    """What may not be touched: an address where somebody listens, and a pipe that tells when it is opened."""

    path: str
    pipe: Path

    def is_opened(self) -> bool:
        """Ask whether somebody has it open for reading."""
        try:
            os.close(os.open(self.pipe, os.O_WRONLY | os.O_NONBLOCK))
        except OSError as error:
            return error.errno != errno.ENXIO
        return True


@pytest.fixture
def trap(world: World) -> Trap:
    path = f"/{world.draw.word()}"
    pipe = Path(world.file("schema.json", '{"type": "integer"}')).with_name(world.draw.word())
    os.mkfifo(pipe)
    return Trap(path, pipe)


@when(
    "schemas with references to the network, to files and to nothing are registered", target_fixture="refused"
)
def schemas_with_references_that_lead_out_are_registered(api: Api, world: World, trap: Trap) -> list[Asked]:
    draw = world.draw
    url, word = world.callback_server().url(trap.path), draw.word()
    planted = world.file("planted.json", '{"type": "integer"}')
    out = draw.choice([url, f"{url}#/$defs/a", url.replace("http:", "HTTP:"), url.replace("http:", "https:")])
    flawed: list[tuple[Json, str, str]] = [
        ({"$ref": url}, "#/schema/$ref", "reference_outside"),
        ({"$ref": out}, "#/schema/$ref", "reference_outside"),
        ({"$dynamicRef": url}, "#/schema/$dynamicRef", "reference_outside"),
        (
            {"properties": {word: {"items": {"$ref": url}}}},
            f"#/schema/properties/{word}/items/$ref",
            "reference_outside",
        ),
        ({"$id": f"{url}/root", "allOf": [{"$ref": "other"}]}, "#/schema/allOf/0/$ref", "reference_outside"),
        ({"$ref": f"file://{planted}"}, "#/schema/$ref", "reference_outside"),
        ({"not": {"$ref": f"file://{trap.pipe}"}}, "#/schema/not/$ref", "reference_outside"),
        ({"$ref": planted}, "#/schema/$ref", "reference_outside"),
        ({"$ref": f"//{word}.example.com/schema"}, "#/schema/$ref", "reference_outside"),
        ({"$ref": f"urn:{word}"}, "#/schema/$ref", "reference_outside"),
        ({"$ref": f"{word}.json"}, "#/schema/$ref", "reference_outside"),
        ({"$ref": f"#/$defs/{word}"}, "#/schema/$ref", "reference_to_nothing"),
        ({"if": {"$ref": f"#{word}"}}, "#/schema/if/$ref", "reference_to_nothing"),
        ({"$schema": url}, "#/schema/$schema", "unknown_dialect"),
    ]
    return [
        Asked(schema, api.ask_to_register(schema), where, code)
        for schema, where, code in draw.shuffle(flawed)
    ]


@then("nobody has called the verifier or opened its file")
def nobody_has_called_the_verifier_or_opened_its_file(world: World, trap: Trap) -> None:
    received = world.callback_server().received(trap.path)
    expect(not received, expected="no request to the verifier", got=[one.target for one in received])
    expect(not trap.is_opened(), expected="a pipe that nobody opens", got="somebody has it open")


@when(
    "schemas with references to pointers, anchors, ids and resources are registered",
    target_fixture="followed",
)
def schemas_with_references_that_stay_within_are_registered(
    api: Api, world: World
) -> list[tuple[str, Json, Json]]:
    draw = world.draw
    word, limit = draw.word(), draw.integer(3, 900)
    target: dict[str, Json] = {"type": "integer", "maximum": limit}
    uri, urn = f"https://{word}.example.com/schemas/limit", f"urn:{word}:limit"
    tree: dict[str, Json] = {
        "type": "object",
        "properties": {"value": target, "next": {"$ref": "#"}},
        "unevaluatedProperties": False,
    }
    odd = {"$ref": "#/$defs/a~1b~0%25%22", "$defs": {'a/b~%"': target}}
    made: list[tuple[str, Json, Json]] = [
        (api.register({"$ref": "#/$defs/d", "$defs": {"d": target}}), limit, limit + 1),
        (api.register(odd), limit, limit + 1),
        (api.register({"$ref": f"#{word}", "$defs": {"d": {**target, "$anchor": word}}}), limit, limit + 1),
        (api.register({"$id": uri, "$ref": "/d", "$defs": {"d": {**target, "$id": "/d"}}}), limit, limit + 1),
        (
            api.register(tree),
            {"value": 1, "next": {"value": limit}},
            {"next": {"next": {"value": limit + 1}}},
        ),
        # The same schema, and another resource under the same URI; by turns, for who remembers one of them.
        *[
            (api.register({"$ref": uri}, resources={uri: {"maximum": most}}), most, most + 1)
            for most in (limit, limit + 9, limit, limit + 9)
        ],
        (api.register({"items": {"$ref": urn}}, resources={urn: target}), [1, limit], [1, limit + 1]),
        (
            api.register(
                {"$ref": f"{uri}#/$defs/d"},
                resources={uri: {"$defs": {"d": {"$ref": "b"}}}, uri.replace("limit", "b"): target},
            ),
            limit,
            limit + 1,
        ),
        (
            api.register({"$ref": "https://json-schema.org/draft/2020-12/schema"}),
            {"type": "null"},
            {"type": word},
        ),
        (api.register({"$ref": "#/$defs/d", "$defs": {"d": {"$ref": "#/$defs/d"}}}), 1, None),
    ]
    return made


@then("values are judged by what the references lead to")
def values_are_judged_by_what_the_references_lead_to(
    api: Api, followed: list[tuple[str, Json, Json]]
) -> None:
    for version_id, takes, refuses in followed:
        accepted(api.validate(version_id, takes), takes)
        if refuses is not None:  # of a reference to itself only that it is answered is asked
            told(api.validate(version_id, refuses), refuses)


@when(
    "schemas with patterns that look around, refer back or repeat too often are registered",
    target_fixture="refused",
)
def schemas_with_patterns_beyond_linear_time_are_registered(api: Api, world: World) -> list[Asked]:
    word = world.draw.word()
    often = world.draw.integer(600_000, 2_000_000)
    patterns = [
        f"(?={word})",
        f"(?!{word})",
        f"(?<={word})a",
        f"(?<!{word})a",
        r"(a)\1",
        r"(?<n>a)\k<n>",
        f"a{{0,{often}}}",
        "(((a{99}){99}){99}){99}",
        "[",
        "(",
        "\\",
        f"(?P={word})",
    ]
    asked = [
        Asked(pattern, api.ask_to_register({"pattern": pattern}), "#/schema/pattern", "bad_pattern")
        for pattern in world.draw.shuffle(patterns)
    ]
    inner: dict[str, Json] = {"patternProperties": {"(?=x)": {"pattern": "(?!y)"}}}
    places = ("#/schema/patternProperties/(?=x)", "#/schema/patternProperties/(?=x)/pattern")
    return [*asked, *(Asked(inner, api.ask_to_register(inner), place, "bad_pattern") for place in places)]


@then("patterns without that are taken")
def patterns_without_that_are_taken(api: Api, world: World) -> None:
    word = world.draw.word()
    for pattern in (
        f"^({word}|a)*$",
        r"^\p{L}+\d{1,200}$",
        r"[^\s@]+@[\w.-]+",
        "^(a+)+$",
        "(?:a|b){2,9}?",
        "",
    ):
        api.register({"pattern": pattern, "title": word})


MISSPELT = (
    "required",
    "properties",
    "maxLength",
    "additionalProperties",
    "pattern",
    "minimum",
    "items",
    "format",
)


@dataclass(frozen=True)
class Misspelt:
    """A schema with a keyword that is meant for another, and the answers, of which one is to strict=true."""

    keyword: str
    pointer: str
    schema: Json
    answers: list[Exchange]
    strict: Exchange


@when("schemas with a misspelt keyword each are registered", target_fixture="misspelt")
def schemas_with_a_misspelt_keyword_each_are_registered(api: Api, world: World) -> list[Misspelt]:
    draw = world.draw
    asked = []
    for keyword in MISSPELT:
        written = misspelt(world, keyword)
        inner = draw.choice(("not", "contains", "if"))
        schema = {inner: {written: draw.word()}}
        # The first time, the second time, and with strict=true before or between them or last.
        queries = ["", ""]
        queries.insert(draw.integer(0, 2), "?strict=true")
        answers = [api.ask_to_register(schema, query=query) for query in queries]
        strict = answers.pop(queries.index("?strict=true"))
        asked.append(Misspelt(keyword, f"#/schema/{inner}/{written}", schema, answers, strict))
    return asked


def misspelt(world: World, keyword: str) -> str:
    place = world.draw.integer(0, len(keyword) - 2)
    swapped = keyword[:place] + keyword[place + 1] + keyword[place] + keyword[place + 2 :]
    others = [
        keyword[:place] + keyword[place + 1 :],
        keyword[:place] + "z" + keyword[place:],
        keyword[:place] + "z" + keyword[place + 1 :],
        keyword.upper(),
        keyword.lower() if keyword.lower() != keyword else keyword.title(),
        *([swapped] if swapped != keyword else []),
    ]
    return world.draw.choice(others)


@then("each is taken, each time with a warning that points at it and names the keyword that was meant")
def each_is_taken_with_a_warning(misspelt: list[Misspelt]) -> None:
    for one in misspelt:
        for answer, status in zip(one.answers, (CREATED, OK), strict=True):
            expect(
                answer.status == status,
                expected=f"{status} for {shown(one.schema)}",
                got=f"{describe_answer(answer)} {answer.text[:200]}",
                answer=answer,
            )
            warnings = entries(as_object(answer).get("warnings"), answer=answer)
            wanted = [Told(one.pointer, "unknown_keyword", {"suggestion": one.keyword})]
            expected = f"{wanted} for {shown(one.schema)}"
            expect(warnings == wanted, expected=expected, got=warnings, answer=answer)


@then("with strict=true each is refused with 422, whether it is registered or not")
def with_strict_each_is_refused_with_422(api: Api, misspelt: list[Misspelt]) -> None:
    for one in misspelt:
        same(told(one.strict, one.schema), [(one.pointer, "unknown_keyword")], one.schema)
    for sample in samples(api.draw):
        answer = api.ask_to_register({**sample.schema, "x-own": 1, api.draw.word(): 2}, query="?strict=true")
        api.id_in(answer)


@when("ids that nobody got are asked for, by each route that takes one", target_fixture="answers")
def ids_that_nobody_got_are_asked_for(api: Api, world: World) -> list[Exchange]:
    own = api.register({"title": world.draw.word()})
    unknown = hash_of(world.draw.word())
    answers = []
    for version_id in (unknown, own.upper(), own[:-1], f"{own}0", world.draw.word(), "..%2F..%2Fetc", "%00"):
        place = f"{SCHEMAS}/{version_id}"
        answers += [
            api.client.get(place),
            api.post(f"{place}/validate", b"1"),
            api.post(f"{place}/batch", b"[1]"),
            api.post(f"{place}/stream", b"1", "application/x-ndjson"),
        ]
    for pair in ({"old": own, "new": unknown}, {"old": unknown, "new": own}):
        answers.append(api.client.request("POST", COMPATIBILITY, json=pair))
    return answers


@then("each answer is a problem with status 404")
def each_answer_is_a_problem_with_status_404(answers: list[Exchange]) -> None:
    for answer in answers:
        is_problem(answer, NOT_FOUND)
