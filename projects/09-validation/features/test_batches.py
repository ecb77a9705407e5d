"""Steps of batches.feature: many values in one request, each judged like one."""

import json
from dataclasses import dataclass

from pytest_bdd import scenarios, then, when

from kata.steps import Exchange, Service, World, as_object, describe_answer, expect, is_problem

from .api import OK, SCHEMAS, Api, Json, entries, results, told
from .at_the_limits import compact, counted_values, deep, judge_limit
from .bodies import UNSUPPORTED
from .explosions import Exploded, asked_meanwhile, judge_log, judge_others, judge_stopped, laid_mine
from .lines import NDJSON, limited, mistakes_of, same_result
from .refusals import Refusals, judge_refusals, send_what_is_refused

scenarios("batches.feature")


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
    found = as_object(answer).get("results")
    listed = found if isinstance(found, list) else []
    expect(len(listed) == len(items), expected=f"{len(items)} results", got=len(listed))
    for number, (item, result) in enumerate(zip(items, listed, strict=True)):
        codes = mistakes_of(item, limit)
        same_result(result, {"index": number, "valid": not codes}, codes, json.dumps(item))


@when(
    "values with as many mistakes as MAX_ERRORS, fewer and more, are sent as a batch and as a stream",
    target_fixture="many",
)
def values_with_many_mistakes_are_sent(
    api: Api, limits: dict[str, int], world: World
) -> tuple[list[int], list[Exchange]]:
    most = limits["MAX_ERRORS"]
    place = f"{SCHEMAS}/{api.register({'items': {'type': 'integer'}})}"
    counts = world.draw.shuffle((most - 1, most, most + 1, most + world.draw.integer(2, 9)))
    values = [json.dumps(["x"] * count) for count in counts]
    batch = api.post(f"{place}/batch", f"[{','.join(values)}]".encode())
    stream = api.post(f"{place}/stream", "\n".join(values).encode(), NDJSON)
    return counts, [batch, stream]


@then("each result is told and cut off as the answer to one value is")
def each_result_is_told_and_cut_off(limits: dict[str, int], many: tuple[list[int], list[Exchange]]) -> None:
    most = limits["MAX_ERRORS"]
    counts, answers = many
    for answer in answers:
        for count, result in zip(counts, results(answer, len(counts)), strict=True):
            got = (len(entries(result.get("errors"), answer=answer)), result.get("truncated", False))
            wanted = (min(count, most), count > most)
            expected = f"{wanted[0]} entries of {count} for one of several, truncated: {wanted[1]}"
            expect(got == wanted, expected=expected, got=got, answer=answer)


@dataclass(frozen=True)
class AtTheLimits:
    """Arrays at the limits and beyond, the answers to them as batches, and to a stream of them."""

    values: list[tuple[bool, str, bytes]]
    answers: list[Exchange]
    of_stream: Exchange


@when(
    "values as deep and as large as may be, and one more, are sent as a batch and as a stream",
    target_fixture="at_the_limits",
)
def values_at_the_limits_are_sent(api: Api, world: World, limits: dict[str, int]) -> AtTheLimits:
    place = f"{SCHEMAS}/{api.register(True)}"
    values = [(one.fits, one.code, compact(one.value)) for one in counted_values(world, limits)]
    for more in (0, 1):
        # The array of a batch is a level of its own.
        items = b"[1," + deep(world, limits["MAX_DEPTH"] - 1 + more) + b"]"
        values.append((more == 0, "depth_limit", items))
    answers = [api.post(f"{place}/batch", text) for _, _, text in values]
    # As a line each that is no longer than a line may be.
    lines = [text if len(text) <= limits["MAX_LINE_BYTES"] else b"0" for _, _, text in values]
    return AtTheLimits(values, answers, api.post(f"{place}/stream", b"\n".join(lines), NDJSON))


@then("as a batch those at the limit are read, and those beyond it get 400")
def those_at_the_limit_are_read(at_the_limits: AtTheLimits) -> None:
    for (fits, code, _), answer in zip(at_the_limits.values, at_the_limits.answers, strict=True):
        judge_limit(is_read=fits, answer=answer, code=code)


@then("as lines of a stream the latter have the same codes")
def as_lines_of_a_stream_they_have_the_same_codes(limits: dict[str, int], at_the_limits: AtTheLimits) -> None:
    listed = results(at_the_limits.of_stream, len(at_the_limits.values))
    for (fits, code, text), result in zip(at_the_limits.values, listed, strict=True):
        is_line = len(text) <= limits["MAX_LINE_BYTES"]
        got = (result.get("valid"), result.get("code"))
        wanted = (True, None) if fits or not is_line else (False, code)
        expect(got == wanted, expected=f"{wanted} for a line", got=got, answer=at_the_limits.of_stream)


@when("what is no strict JSON, and what may not be read, is sent as a batch", target_fixture="refusals")
def what_may_not_be_read_is_sent_as_a_batch(api: Api, service: Service, world: World) -> Refusals:
    return send_what_is_refused(api, service, world, f"{SCHEMAS}/{api.register(True)}/batch")


@then("each is refused as by any other route")
def each_is_refused_as_by_any_other_route(api: Api, refusals: Refusals) -> None:
    judge_refusals(api, refusals)


@then("a stream of another type than its two is refused with 415")
def a_stream_of_another_type_is_refused(api: Api) -> None:
    place = f"{SCHEMAS}/{api.register(True)}/stream"
    for kind in ("application/json", "text/plain"):
        is_problem(api.post(place, b"1", kind), UNSUPPORTED)


@when("a batch and a stream with a value that explodes are sent", target_fixture="exploded")
def a_batch_and_a_stream_with_a_value_that_explodes_are_sent(
    api: Api, service: Service, world: World, limits: dict[str, int]
) -> Exploded:
    mine = laid_mine(api, world.draw, limits["MAX_DEPTH"])
    stopped: list[Exchange] = []

    def explode() -> None:
        own = Api(service, world.draw)
        stopped.append(own.post(f"{mine.place}/batch", b"[1,%s]" % mine.text))
        stopped.append(own.post(f"{mine.place}/stream", b"1\n%s\n2\n" % mine.text, NDJSON))

    others = asked_meanwhile(api, world.draw, explode)
    return Exploded(stopped, [], others, mine.secret)


@then("each is answered rightly or stopped in its time, and what stands beside it in the stream is judged")
def each_is_answered_rightly_or_stopped(service: Service, limits: dict[str, int], exploded: Exploded) -> None:
    judge_stopped(limits["EVALUATION_MS"] / 1000, exploded)
    judge_log(service, exploded)


@then("meanwhile others are answered as fast as ever")
def others_are_answered_as_fast_as_ever(exploded: Exploded) -> None:
    judge_others(exploded.others)
