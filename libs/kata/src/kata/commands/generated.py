"""`kata mutants --generated`: mutants that a machine thinks up, and what was said of those that survive."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from kata.catalog.mutants import Mutant
from kata.catalog.projects import Project
from kata.catalog.survivors import load_survivors
from kata.judge.verdicts import Exit
from kata.mutation.drawing import draw_mutants
from kata.report.generated import Outcome, render_outcome
from kata.report.kill_matrix import Trial

type Verify = Callable[[Sequence[tuple[Mutant, str]]], Sequence[Trial]]


def verify_generated(project: Project, seed: str, count: int, seeds: Sequence[str], verify: Verify) -> bool:
    """Draw mutants and verify them, each with one seed after another until it dies; tell whether all is well.

    Those that were judged are counted and not verified again.
    """
    judged = load_survivors(project.path)
    outcome = Outcome(draw_mutants(project, seed, count), {}, judged)
    print(f"{len(outcome.drawn)} generated mutants drawn from {seed}, up to {len(seeds)} seeds")
    killed: dict[str, int] = {}
    for number, each in enumerate(seeds, start=1):
        alive = [it for it in outcome.drawn if it.id not in judged and it.id not in killed]
        trials = verify([(mutant, each) for mutant in alive])
        # One that does not even start is found by whoever starts it.
        killed |= {it.mutant: number for it in trials if it.exit_code in {Exit.FAIL, Exit.NO_TARGET}}
    outcome = replace(outcome, killed=killed)
    print(render_outcome(outcome))
    return not (outcome.missing or outcome.unjudged)
