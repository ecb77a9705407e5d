"""Steps of registry.feature: what becomes a version, and under which id."""

from http import HTTPStatus

from pytest_bdd import scenarios, then, when

from kata.steps import Exchange, Service, World, as_object, describe_answer, expect, is_problem, send_raw

from .api import COMPATIBILITY, CREATED, NOT_FOUND, OK, SCHEMAS, Api, Json, shown
from .documents import Asked, canonical, envelope, hash_of

scenarios("registry.feature")


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
