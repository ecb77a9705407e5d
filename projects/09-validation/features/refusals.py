"""What a route that reads JSON has to refuse, whichever it is: texts, limits, bodies, garbage."""

from collections.abc import Sequence
from dataclasses import dataclass

from kata.steps import Exchange, Service, World

from .api import Api
from .at_the_limits import judge_brackets
from .bodies import Asked, judge_bodies, judge_garbage, send_bodies, send_garbage
from .strict import Text, judge_texts, judge_twice, send_texts, send_twice


@dataclass(frozen=True)
class Refusals:
    """What was sent to a route in turn, and the answers."""

    path: str
    texts: Sequence[Text]
    twice: Sequence[tuple[Text, str]]
    bodies: Asked
    garbage: Sequence[Exchange]


def send_what_is_refused(api: Api, service: Service, world: World, path: str) -> Refusals:
    return Refusals(
        path,
        send_texts(api, world, [path]),
        send_twice(api, world, [path]),
        send_bodies(api, service, world, [path]),
        send_garbage(api, world.draw, [path]),
    )


def judge_refusals(api: Api, refusals: Refusals) -> None:
    """Fail the check unless the route refuses it as every other that reads JSON does."""
    judge_texts(refusals.texts)
    judge_twice(refusals.twice)
    judge_brackets(api, [refusals.path])
    judge_bodies(refusals.bodies)
    judge_garbage(api, refusals.garbage)
