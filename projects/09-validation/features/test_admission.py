"""Steps of admission.feature: which documents are refused, and of which is warned."""

from dataclasses import dataclass

from pytest_bdd import scenarios, then, when

from kata.steps import Exchange, World, as_object, describe_answer, expect

from .api import CREATED, OK, SCHEMAS, Api, Json, Told, entries, same, shown, told
from .documents import Asked
from .samples import samples

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

scenarios("admission.feature")


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
