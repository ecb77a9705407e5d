"""What became of the mutants that a machine thought up."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from kata.catalog.mutants import Mutant
from kata.catalog.survivors import Judgement, Survivor, to_be_judged


@dataclass(frozen=True)
class Outcome:
    """The mutants drawn, on which of the seeds each died, and what was said of survivors before."""

    drawn: Sequence[Mutant]
    killed: Mapping[str, int]  # by id: the first seed, from 1
    judged: Mapping[str, Survivor]  # all that survivors.toml has

    @property
    def unjudged(self) -> list[Mutant]:
        """The survivors of which nothing was said yet."""
        return [it for it in self.drawn if it.id not in self.killed and it.id not in self.judged]

    @property
    def missing(self) -> list[Survivor]:
        """Those, drawn or not, for which a check is still to be made."""
        return [it for it in self.judged.values() if it.verdict is Judgement.MISSING]


def render_outcome(outcome: Outcome) -> str:
    """Render the counts, the share that died of those that a contract forbids, and what is to be judged."""
    verdicts = Counter(outcome.judged[it.id].verdict for it in outcome.drawn if it.id in outcome.judged)
    killed = len(outcome.killed)
    by_seed = Counter(outcome.killed.values())
    seeds = ", ".join(f"{by_seed[number]} on seed {number}" for number in sorted(by_seed))
    counts = [f"{verdicts[judgement]} {judgement}" for judgement in Judgement]
    forbidden = killed + verdicts[Judgement.MISSING] + len(outcome.unjudged)
    drawn = [f"{killed} killed ({seeds or 'none'})", *counts, f"{len(outcome.unjudged)} not judged yet"]
    share = f"{killed / max(forbidden, 1):.0%}"
    lines = [
        f"{len(outcome.drawn)} drawn: {', '.join(drawn)}",
        f"of the {forbidden} that are neither equivalent nor outside, {share} were killed",
    ]
    lines += [f"x {it.id} lacks a check: {it.reason}" for it in outcome.missing]
    if outcome.unjudged:
        lines += ["x to be judged in survivors.toml:", "", to_be_judged(outcome.unjudged)]
    return "\n".join(lines)
