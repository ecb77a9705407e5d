"""Steps of evaluation.feature: what is stopped, and what takes no longer than its input is long."""

from pytest_bdd import scenarios, then, when

from kata.steps import Exchange, Request, Service, World, expect

from .api import CREATED, Api, accepted, told
from .explosions import Exploded, asked_meanwhile, judge_log, judge_others, judge_stopped, laid_mine
from .samples import tripled

LINEAR_SECONDS = 0.2
TOGETHER = 4

scenarios("evaluation.feature")


@when(
    "a schema that explodes is registered, and one that explodes on some values is asked about them",
    target_fixture="exploded",
)
def schemas_that_explode_are_asked_about(
    api: Api, service: Service, world: World, limits: dict[str, int]
) -> Exploded:
    draw = world.draw
    at_once = {**tripled(draw.integer(17, 25), lambda within: within), "title": draw.word()}
    mine = laid_mine(api, draw, limits["MAX_DEPTH"])
    stopped: list[Exchange] = []
    together: list[Exchange] = []

    def explode() -> None:
        own = Api(service, draw)
        answer = own.ask_to_register(at_once)
        # Who evaluates it in no time may take it, and has to prove that.
        taken = answer.status == CREATED
        stopped.append(own.validate(own.id_in(answer), 1) if taken else answer)
        stopped.append(own.post(f"{mine.place}/validate", mine.text))
        request = Request("POST", f"{mine.place}/validate", {"Content-Type": "application/json"}, mine.text)
        together.extend(service.burst([request] * TOGETHER))

    others = asked_meanwhile(api, draw, explode)
    return Exploded(stopped, together, others, mine.secret)


@then("each is answered rightly or stopped, within EVALUATION_MS and a second, and none is stopped sooner")
def each_is_answered_rightly_or_stopped(limits: dict[str, int], exploded: Exploded) -> None:
    judge_stopped(limits["EVALUATION_MS"] / 1000, exploded)


@then("what was in the values is not in the log")
def what_was_in_the_values_is_not_in_the_log(service: Service, exploded: Exploded) -> None:
    judge_log(service, exploded)


@then("meanwhile others are answered as fast as ever")
def meanwhile_others_are_answered_as_fast_as_ever(exploded: Exploded) -> None:
    judge_others(exploded.others)


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
