"""Steps of processes.feature: versions that several processes share, and that outlive them."""

import json
from dataclasses import dataclass

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
    wait_until_ready,
)

from .api import CREATED, NOT_FOUND, OK, SCHEMAS, Api, Json, accepted, told
from .documents import canonical, envelope, hash_of

TOGETHER = 12
SMALLER = ("MAX_DEPTH", "MAX_MEMBERS", "MAX_STRINGS")

scenarios("processes.feature")


@given("a second web process")
def a_second_web_process(service: Service) -> None:
    if len(service.urls) == 1:
        service.add("web")


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
    again = api.ask_to_register({"const": pair.word})
    expect(again.status == OK, expected="200: it is registered already", got=describe_answer(again))


@then("each of the two judges values by them")
def each_of_the_two_judges_values_by_them(pair: Pair, world: World) -> None:
    for process in (0, 1):
        api = Api(pair.service, world.draw, process=process)
        for version_id in pair.ids:
            accepted(api.validate(version_id, pair.word), pair.word)
            told(api.validate(version_id, f"{pair.word}x"))
