"""What a finished phase of a check amounts to: its result, with all that a person needs to know."""

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import pytest

from kata.catalog.lesson import contract_of
from kata.check.stash import ALONE, ATTEMPT, CHECK, MONITOR, STARTED, WORLD, project_folder
from kata.errors import TargetError, TooSlowError
from kata.judge.intervals import Inconclusive
from kata.judge.stalls import STALL_SECONDS
from kata.judge.verdicts import CheckFailedError, CheckResult, NotRunError, Verdict
from kata.solution.target import Instance
from kata.system.child import describe_exit

_LAST_LINES = 5
# With five verifications side by side on two processors, a load of 10, an answer that may take 200 ms took
# 460; with three, a load of 5 to 6, none did.
_OVERLOAD = 4


@dataclass(frozen=True)
class _Finding:
    verdict: Verdict
    expected: str | None = None
    got: str | None = None
    rule: str | None = None
    timeline: str | None = None
    request: str | None = None
    reason: str | None = None
    output: list[str] = field(default_factory=list)


def result_of(item: pytest.Item, call: pytest.CallInfo[None], error: BaseException | None) -> CheckResult:
    """Return the check's result as this phase leaves it."""
    check = item.stash[CHECK]
    found = _finding(item, error)
    world = item.stash.get(WORLD, None)
    return CheckResult(
        id=check.id,
        sentence=check.sentence,
        step=check.step,
        extension=check.extension,
        verdict=found.verdict,
        seconds=round(call.duration, 3),
        tries=item.stash[ATTEMPT],
        expected=found.expected,
        got=found.got,
        rule=found.rule,
        timeline=found.timeline,
        request=found.request,
        reason=found.reason,
        output=found.output,
        settings=world.shown_settings if world is not None else {},
    )


def _finding(item: pytest.Item, error: BaseException | None) -> _Finding:
    match error:
        case None:
            return _Finding(Verdict.PASS)
        case CheckFailedError():
            return _failure(item, error)
        case Inconclusive():
            return _Finding(Verdict.INCONCLUSIVE, reason=str(error))
        case NotRunError():
            return _Finding(Verdict.NOT_RUN, reason=str(error))
        case TargetError():
            return _no_service(item, error)
        case _:
            return _Finding(Verdict.ERROR, reason=f"{type(error).__name__}: {error}")


def _no_service(item: pytest.Item, error: TargetError) -> _Finding:
    if isinstance(error, TooSlowError) and (excuse := _others(item) or _overload()):
        return _Finding(Verdict.INCONCLUSIVE, reason=excuse)
    return _Finding(Verdict.FAIL, expected="a running service", got=str(error), output=error.output)


def _failure(item: pytest.Item, error: CheckFailedError) -> _Finding:
    """Take the contract's own sentence as the rule, unless the step gives a narrower one."""
    found = _Finding(
        Verdict.FAIL,
        expected=error.expected,
        got=error.got,
        rule=error.rule or contract_of(project_folder(item.path)).get(item.stash[CHECK].id),
        timeline=error.timeline,
        request=error.request,
    )
    world = item.stash.get(WORLD, None)
    died = world.died() if world is not None else []
    if died:
        return replace(found, reason=describe_deaths(died), output=last_words(died))
    if error.timing and (excuse := _excuse(item)):
        return replace(found, verdict=Verdict.INCONCLUSIVE, reason=excuse)
    return found


def _excuse(item: pytest.Item) -> str | None:
    """Say why it may have been the machine, and not the service, that was late."""
    if others := _others(item):
        return others
    stall_seconds = item.config.stash[MONITOR].worst_between(item.stash[STARTED], time.monotonic())
    if stall_seconds > STALL_SECONDS:
        return f"the machine stood still for {stall_seconds:.2f} s while it was judged"
    return _overload()


def _others(item: pytest.Item) -> str | None:
    return None if item.config.stash.get(ALONE, True) else "other checks ran at the same time"


def _overload() -> str | None:
    load, processors = os.getloadavg()[0], os.cpu_count() or 1
    if load > _OVERLOAD * processors:
        return f"the machine had {load:.1f} processes to run at a time, on {processors} processors"
    return None


def describe_deaths(died: Sequence[Instance]) -> str:
    """Say which processes ended by themselves, and how."""
    return ", ".join(f"{instance.name} {describe_exit(instance.exit_code)}" for instance in died)


def last_words(died: Sequence[Instance]) -> list[str]:
    """Return what they wrote last: all of one, or a few lines of each of several."""
    if len(died) == 1:
        return died[0].output()
    return [f"{instance.name}: {line}" for instance in died for line in instance.output()[-_LAST_LINES:]]
