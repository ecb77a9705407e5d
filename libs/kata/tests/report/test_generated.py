from kata.catalog.mutants import Mutant
from kata.catalog.survivors import Judgement, Survivor
from kata.report.generated import Outcome, render_outcome

DRAWN = [Mutant(f"app-{number}", f"app.py: {number}", "app.py", "", "", ()) for number in range(6)]
JUDGED = {
    verdict: Survivor(f"app-{number}", f"app.py: {number}", verdict, "so it is")
    for number, verdict in enumerate(Judgement)
}


def by_id(*survivors: Survivor) -> dict[str, Survivor]:
    return {survivor.id: survivor for survivor in survivors}


def test_the_share_is_of_what_a_contract_can_forbid() -> None:
    judged = by_id(JUDGED[Judgement.EQUIVALENT], JUDGED[Judgement.OUTSIDE])
    outcome = Outcome(DRAWN, {"app-2": 1, "app-3": 3, "app-4": 1, "app-5": 1}, judged)
    assert render_outcome(outcome).splitlines() == [
        "6 drawn: 4 killed (3 on seed 1, 1 on seed 3), 1 equivalent, 1 outside, 0 missing, 0 not judged yet",
        "of the 4 that are neither equivalent nor outside, 100% were killed",
    ]
    assert (outcome.missing, outcome.unjudged) == ([], [])


def test_a_missing_check_is_told_whether_its_mutant_was_drawn_or_not() -> None:
    missing = JUDGED[Judgement.MISSING]
    for drawn in (DRAWN[:3], DRAWN[:1]):
        outcome = Outcome(drawn, {"app-0": 1, "app-1": 1}, by_id(missing))
        assert outcome.missing == [missing]
        assert render_outcome(outcome).splitlines()[-1] == "x app-2 lacks a check: so it is"


def test_a_survivor_that_was_not_judged_is_shown_to_be_judged() -> None:
    outcome = Outcome(DRAWN[:2], {"app-0": 1}, {})
    assert outcome.unjudged == [DRAWN[1]]
    text = render_outcome(outcome)
    assert "of the 2 that are neither equivalent nor outside, 50% were killed" in text
    assert 'id = "app-1"\nedit = "app.py: 1"' in text
