"""Steps of bodies.feature: which bodies are read at all."""

from pytest_bdd import scenarios, then, when

from kata.steps import Exchange, Service, World

from .api import OK, SCHEMAS, Api, readers
from .bodies import LIMIT_BYTES, Asked, judge_bodies, judge_garbage, send_bodies, send_garbage

scenarios("bodies.feature")


@when("bodies beyond the limit, of other types, of none and compressed are sent", target_fixture="bodies")
def bodies_beyond_the_limit_and_of_other_types_are_sent(api: Api, service: Service, world: World) -> Asked:
    routes = readers(api)
    asked = send_bodies(api, service, world, routes)
    usual = (
        "application/json; charset=utf-8",
        "APPLICATION/JSON",
        "application/vnd.own+json",
        f"application/json ;{world.draw.word()}=1",
        'application/json\t; charset="utf-8"',
        f'Application/Json;{world.draw.word()}="a;b, \\"c"; q=1',
    )
    largest = b"[" + b" " * (LIMIT_BYTES - 2) + b"]"
    asked += [(OK, kind, api.post(routes[-1], largest, kind)) for kind in usual]
    return asked


@then("they get 413 and 415")
def they_get_413_and_415(bodies: Asked) -> None:
    judge_bodies(bodies)


@when("garbage of many kinds is sent everywhere", target_fixture="answers")
def garbage_of_many_kinds_is_sent_everywhere(api: Api, world: World) -> list[Exchange]:
    routes = readers(api)
    answers = send_garbage(api, world.draw, routes)
    for query in ("?view=forest", "?view=", "?view=tree&view=flat", f"?{world.draw.word()}=1"):
        answers.append(api.post(f"{routes[-1]}{query}", b"1"))
    answers.append(api.post(f"{SCHEMAS}?strict=maybe", b"{}"))
    return answers


@then("every answer is a 4xx problem, and the service is alive")
def every_answer_is_a_4xx_problem(api: Api, answers: list[Exchange]) -> None:
    judge_garbage(api, answers)
