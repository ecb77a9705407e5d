"""Steps of staleness.feature."""

import json
import time
from dataclasses import dataclass

from pytest_bdd import scenarios, then, when

from kata.steps import (
    expect,
)

from .academy import Learner
from .catalogue import Track
from .solutions import Json, good

scenarios("staleness.feature")


@dataclass(frozen=True)
class Standings:
    """How a level stood each time, and within which bounds it was fresh."""

    shown: list[Json]
    contracts: tuple[object, object]
    was_surely_fresh: bool


@when(
    "a level is verified by another contract, by its own, and then not for long", target_fixture="standings"
)
def a_level_is_verified(learner: Learner, track: Track) -> Standings:
    level, draw = track.levels[0], learner.academy.draw
    other = draw.word()
    first, *rest = good(level.checks)
    solution = learner.solution({str(level.step): [[["contract", other], first, *rest], [first, *rest]]})
    learner.ends(learner.start(level, solution), "passed")
    shown = [learner.progress()[level.id]]
    seconds = float(learner.academy.settings["STALE_AFTER_DAYS"]) * 86_400
    began = time.monotonic()
    learner.ends(learner.start(level, solution), "passed")
    shown.append(learner.progress()[level.id])
    fresh = time.monotonic() - began < seconds
    learner.academy.world.sleep_until(time.monotonic() + seconds)
    shown.append(learner.progress()[level.id])
    learner.ends(learner.start(level, solution), "passed")
    shown.append(learner.progress()[level.id])
    return Standings(shown, (other, track.document["contract"]), fresh)


@then("it is stale each time but in between, and completed since the first time")
def it_is_stale_each_time(standings: Standings) -> None:
    first, fresh, old, again = standings.shown
    wanted = [(first, True), (old, True)] + ([(fresh, False)] if standings.was_surely_fresh else [])
    for standing, stale in wanted:
        expect(standing.get("stale") is stale, expected=f"stale: {stale}", got=json.dumps(standing))
    other, own = standings.contracts
    for standing, contract in ((first, other), (fresh, own), (old, own), (again, own)):
        got = standing.get("verified_against")
        expect(got == contract, expected=f"verified against {contract}", got=got)
        same = (standing.get("status"), standing.get("completed_at"), standing.get("trust"))
        expect(
            same == ("COMPLETED", first.get("completed_at"), "hosted"),
            expected=f"COMPLETED since {first.get('completed_at')}, hosted",
            got=json.dumps(standing),
        )
    moments = [str(standing.get("verified_at")) for standing in (first, fresh, again)]
    expect(moments == sorted(set(moments)), expected="a later verified_at each time", got=moments)
    unchanged = old.get("verified_at") == fresh.get("verified_at")
    expect(unchanged, expected=f"verified at {fresh.get('verified_at')}", got=old.get("verified_at"))
