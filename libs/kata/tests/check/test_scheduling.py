"""What runs next: see test_side_by_side.py for what must hold; here is what saves time."""

from kata.catalog.checks import Check
from kata.check.scheduling import Job, Judge, Schedule
from kata.judge.verdicts import CheckResult, Verdict

NOTHING = frozenset[str]()
CREW = frozenset({"crew"})


def schedule(*checks: tuple[str, str, str | None], workers: int = 2) -> Schedule:
    """Make one of checks, each with its first step and what it needs."""
    return Schedule(
        [
            Job(position, Check(id_, "It is so", None, None, after), beginning)
            for position, (id_, beginning, after) in enumerate(checks)
        ],
        workers,
    )


def passed(id_: str) -> CheckResult:
    return CheckResult(id_, "It is so", None, Verdict.PASS, 0.1)


def test_what_others_wait_for_goes_first() -> None:
    plan = schedule(("C1", "a", None), ("C2", "b", None), ("C3", "c", "C2"))
    assert plan.next_for(0) == Judge(1, alone=False)


def test_a_long_check_goes_before_what_others_wait_for() -> None:
    checks = [
        Check("C1", "It is so", None, None, None),
        Check("C2", "It is so", None, None, "C1"),
        Check("C3", "It takes its time", None, None, None, long=True),
    ]
    plan = Schedule([Job(position, check, check.id) for position, check in enumerate(checks)], 2)
    assert plan.next_for(0) == Judge(2, alone=False)


def test_a_worker_prefers_the_services_that_it_has() -> None:
    plan = schedule(("C1", "crew", None), ("C2", "other", None), ("C3", "crew", None))
    plan.next_for(0)
    plan.take(0, passed("C1"), CREW)
    assert plan.next_for(0) == Judge(2, alone=False)


def test_a_worker_prefers_what_nobody_has_started() -> None:
    plan = schedule(*((f"C{number}", "crew", None) for number in range(1, 9)), ("C9", "other", None))
    plan.next_for(0)
    assert plan.next_for(1) == Judge(8, alone=False)


def test_a_second_service_is_started_for_a_long_queue_only() -> None:
    long, short = (schedule(*((f"C{n}", "crew", None) for n in range(1, count))) for count in (7, 6))
    for plan in (long, short):
        plan.next_for(0)
        plan.take(0, passed("C1"), CREW)
        plan.next_for(0)
    assert long.next_for(1) == Judge(2, alone=False)
    assert short.next_for(1) is None


def test_checks_that_share_nothing_go_to_any_worker() -> None:
    plan = schedule(("C1", "of its own", None), ("C2", "of its own", None), ("C3", "of its own", None))
    plan.next_for(0)
    plan.take(0, passed("C1"), NOTHING)
    assert plan.next_for(1) == Judge(1, alone=False)
    assert plan.next_for(0) == Judge(2, alone=False)


def test_one_worker_alone_takes_them_as_they_come() -> None:
    plan = schedule(("C1", "a", None), ("C2", "b", None), ("C3", "a", "C2"), workers=1)
    for position in range(3):
        assert plan.next_for(0) == Judge(position, alone=True)
        plan.take(0, passed(f"C{position + 1}"), NOTHING)
    assert plan.done


def test_a_check_whose_services_are_spread_over_the_workers_is_judged_all_the_same() -> None:
    """Checks that begin alike went on to use different services: so the next one may need both."""
    plan = schedule(*((f"C{number}", "a service", None) for number in range(1, 4)))
    plan.next_for(0)
    plan.next_for(1)
    plan.take(0, passed("C1"), frozenset({"one process"}))
    plan.take(1, passed("C2"), frozenset({"two processes"}))
    assert plan.next_for(0) == Judge(2, alone=False)
