"""Steps of values.feature: values by their versions."""

from dataclasses import dataclass

from pytest_bdd import scenarios, then, when

from kata.steps import Exchange, World, describe_answer, expect, is_problem

from .api import MALFORMED, OK, Api, Json, accepted, same, shown, told
from .samples import Sample, nested, pointer, samples

BRIEF = 60

scenarios("values.feature")


@dataclass(frozen=True)
class Judged:
    """A sample, and what became of its two values."""

    sample: Sample
    good: Exchange
    bad: Exchange


@when(
    "a value that fits and one that does not are validated for each rule of JSON Schema",
    target_fixture="judged",
)
def a_value_that_fits_and_one_that_does_not_are_validated(api: Api, world: World) -> list[Judged]:
    judged = []
    for plain in samples(world.draw):
        sample = nested(world.draw, plain)
        version_id = api.register(sample.schema)
        answers = [api.validate(version_id, value) for value in (sample.takes, sample.refuses)]
        judged.append(Judged(sample, *answers))
    return judged


@then(
    "those that fit get 200, and the others 422 with one entry, at their place and with the code of the rule"
)
def those_that_fit_get_200_and_the_others_422(judged: list[Judged]) -> None:
    for one in judged:
        sample = one.sample
        under = f"under {shown(sample.schema)}"
        accepted(one.good, sample.takes)
        same(
            told(one.bad, sample.refuses, under), [(pointer(sample.path), sample.code)], sample.refuses, under
        )


@when("numbers that a double would round are validated", target_fixture="numbers")
def numbers_that_a_double_would_round_are_validated(
    api: Api, world: World
) -> list[tuple[str, str, bool, Exchange]]:
    big = 2 ** world.draw.integer(64, 200)
    long = f"0.1{'0' * world.draw.integer(20, 60)}1"
    cents = world.draw.integer(1, 9999) * 100 + 2
    # That differ in one of their first thousand digits, and there alone.
    near, far = (f"0.{world.draw.text(world.draw.integer(*many), '123')}" for many in ((99, 300), (400, 995)))
    digits = "0" * world.draw.integer(60, 300)
    listed: list[tuple[str, str, bool]] = [
        (f'{{"const":{big}}}', f"{big}", True),
        (f'{{"const":{big}}}', f"{big + 1}", False),
        (f'{{"enum":[{2**53}]}}', f"{2**53 + 1}", False),
        (f'{{"maximum":{big}}}', f"{big + 1}", False),
        (f'{{"minimum":{big}}}', f"{big - 1}", False),
        ('{"maximum":0.1}', long, False),
        ('{"const":0.1}', long, False),
        (f'{{"const":{long}}}', long, True),
        ('{"multipleOf":0.01}', f"{cents // 100}.{cents % 100:02d}", True),
        ('{"multipleOf":0.01}', "4.02", True),
        ('{"multipleOf":0.01}', f"4.02{'0' * 20}1", False),
        ('{"multipleOf":0.0001}', "0.0075", True),
        *((f'{{"{keyword}":{near}1}}', f"{near}2", False) for keyword in ("maximum", "const")),
        *((f'{{"{keyword}":{far}1}}', f"{far}2", False) for keyword in ("maximum", "const")),
        (f'{{"exclusiveMinimum":{far}1}}', f"{far}2", True),
        (f'{{"minimum":{far}2}}', f"{far}1", False),
        ('{"type":"integer"}', f"1{digits}.5", False),
        ('{"type":"integer"}', f"{big}.0", True),
        ('{"type":"integer"}', "1e3", True),
        ('{"type":"integer"}', f"1{'0' * 20}.5", False),
        ('{"uniqueItems":true}', f"[{2**53},{2**53 + 1}]", True),
        ('{"uniqueItems":true}', "[1,1.0]", False),
    ]
    asked = []
    for schema, value, fits in world.draw.shuffle(listed):
        version_id = api.id_in(api.post("/api/v1/schemas", f'{{"schema":{schema}}}'.encode()))
        asked.append((schema, value, fits, api.validate_text(version_id, value.encode())))
    return asked


@then("none is taken for its neighbour")
def none_is_taken_for_its_neighbour(numbers: list[tuple[str, str, bool, Exchange]]) -> None:
    for schema, value, fits, answer in numbers:
        wanted = OK if fits else 422
        expect(
            answer.status == wanted,
            expected=f"{wanted} for {brief(value)} under {brief(schema)}",
            got=f"{describe_answer(answer)} {answer.text[:200]}",
            answer=answer,
        )


def brief(text: str) -> str:
    return text if len(text) <= BRIEF else f"{text[:20]}…{text[-20:]} ({len(text)} characters)"


@then("a number that no double is near is refused with 400")
def a_number_that_no_double_is_near_is_refused(api: Api, world: World) -> None:
    version_id = api.register(True)
    exponent = world.draw.integer(310, 99_999)
    numbers = (
        f"1e{exponent}",
        f"-1E+{exponent}",
        f"1e-{exponent + 40}",
        "2e308",
        f"1{'0' * 320}",
        f"1e{10**12}",
        f"1e-{10 ** world.draw.integer(18, 30)}",
    )
    for number in world.draw.shuffle(numbers):
        answer = api.validate_text(version_id, f"[{number}]".encode())
        body = is_problem(answer, MALFORMED)
        got = (body["code"], body.get("offset"))
        expected = f"number_out_of_range at 1 for {brief(number)}"
        expect(got == ("number_out_of_range", 1), expected=expected, got=got, answer=answer)
    for number in ("1e308", "-1.5E-300", "0e99999", f"0.0e-{10**20}", "0.0", "1" * 300):
        accepted(api.validate_text(version_id, number.encode()), number[:40])


@when("text, booleans and numbers stand where another type is asked for", target_fixture="typed")
def text_booleans_and_numbers_stand_where_another_type_is_asked_for(
    api: Api, world: World
) -> list[tuple[str, Json, Exchange]]:
    number = world.draw.integer(2, 900)
    listed: list[tuple[str, tuple[Json, ...]]] = [
        ("integer", (str(number), True, False, number + 0.5, None, [number], "")),
        ("number", (str(number), True, "0.5", None, {})),
        ("boolean", ("true", 0, 1, "", None)),
        ("string", (number, True, None, 0.5, [])),
        ("null", (0, "", False, "null", [])),
        ("array", ({}, "", None, {"0": 1})),
        ("object", ([], "", None, [["a", 1]])),
    ]
    asked = []
    for kind, values in listed:
        version_id = api.register({"type": kind})
        asked += [(kind, value, api.validate(version_id, value)) for value in world.draw.shuffle(values)]
    return asked


@then("each is a wrong_type")
def each_is_a_wrong_type(typed: list[tuple[str, Json, Exchange]]) -> None:
    for kind, value, answer in typed:
        same(told(answer, value, f"of type {kind}"), [("#", "wrong_type")], value, f"of type {kind}")


@then("a number without a fraction is an integer, however it is written")
def a_number_without_a_fraction_is_an_integer(api: Api, world: World) -> None:
    version_id = api.register({"type": "integer"})
    number = world.draw.integer(2, 900)
    for text in (
        f"{number}.0",
        f"{number}e0",
        f"{number}E+2",
        f"{number}00e-2",
        "-0",
        "0.0e5",
        f" {number}\n",
        *(f"{number}e{world.draw.integer(*some)}" for some in ((15, 40), (50, 120), (200, 304))),
        f"{number}.25E{world.draw.integer(2, 300)}",
        f"1{'0' * world.draw.integer(20, 300)}.0",
    ):
        accepted(api.validate_text(version_id, text.encode()), text)


@when("values of wrong formats are validated by two versions of one schema", target_fixture="formats")
def values_of_wrong_formats_are_validated(
    api: Api, world: World
) -> list[tuple[str, Json, bool, Exchange, Exchange]]:
    word = world.draw.word()
    listed: list[tuple[str, Json, bool]] = [
        ("date", "2026-02-28", True),
        ("date", "2026-02-30", False),
        ("date-time", "2026-02-28T10:00:00Z", True),
        ("date-time", "2026-02-28 10:00", False),
        ("ipv4", "192.0.2.1", True),
        ("ipv4", "127.0.0.01", False),
        ("ipv4", f"{word}", False),
        ("json-pointer", "/a~0", True),
        ("json-pointer", "/a~2", False),
        ("uuid", str(world.draw.uuid()), True),
        ("uuid", str(world.draw.uuid())[:-1], False),
        ("email", f"{word}@example.com", True),
        ("email", word, False),
        ("date", world.draw.integer(1, 9), True),
        (word, word, True),
    ]
    # Some stand in a resource, to which the schema refers.
    uri = f"https://{word}.example.com/format"
    behind = world.draw.shuffle(row for row in listed if not row[2])[:2]
    asked = []
    for number, (name, value, fits) in enumerate([*listed, *behind]):
        schema: dict[str, Json] = {"format": name}
        resources: dict[str, Json] | None = None
        if number >= len(listed):
            schema, resources = {"$ref": uri}, {uri: schema}
        plain, asserted = (
            api.register(schema, resources=resources, assert_format=flag) for flag in (False, True)
        )
        answers = (api.validate(plain, value), api.validate(asserted, value))
        asked.append((name, value, fits, *answers))
    return asked


@then("the version that asserts formats refuses them, and the other takes them")
def the_version_that_asserts_formats_refuses_them(
    formats: list[tuple[str, Json, bool, Exchange, Exchange]],
) -> None:
    for name, value, fits, plain, asserted in formats:
        accepted(plain, value)
        if fits:
            accepted(asserted, value)
        else:
            same(told(asserted, value, f"of format {name}"), [("#", "bad_format")], value)
