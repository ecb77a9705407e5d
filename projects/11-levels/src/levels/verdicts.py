"""What a verifier's word is worth: its events, its exit code, and the state of a run that follows from them.

A level has passed only if all says so: the verifier named its checks, each of them got the verdict `pass`,
the last event says `pass`, and the exit code is 0. What a check says and what the end says have to agree. If
they do not, or something is missing, the fault is the platform's, and the run is `errored`: that costs the
learner nothing, and earns nothing either. No other function in this service decides that a level is passed.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from levels.domain import State, Verdict

MOST_CHECKS: Final = 1000
EXIT_PASS, EXIT_FAIL, EXIT_INCONCLUSIVE, EXIT_NO_TARGET = range(4)
EXITS: Final[Mapping[str, int]] = {
    "pass": EXIT_PASS,
    "fail": EXIT_FAIL,
    "inconclusive": EXIT_INCONCLUSIVE,
    "no_target": EXIT_NO_TARGET,
}
CONTRADICTION: Final = "the verifier contradicts itself"

type Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,64}$")]


class Said(BaseModel):
    """An event as a verifier writes it. What else is in it is for later versions."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class NamedCheck(Said):
    """A check that is going to be judged."""

    id: Name
    sentence: str = ""


class Started(Said):
    """The first event."""

    event: Literal["started"]
    contract: str
    solution: Annotated[str, Field(max_length=128)] | None = None
    checks: Annotated[list[NamedCheck], Field(max_length=MOST_CHECKS)]


class Judged(Said):
    """A verdict."""

    event: Literal["check"]
    id: Name
    verdict: Verdict
    seconds: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.0
    report: str = ""
    draws: Annotated[dict[Name, Annotated[str, Field(max_length=200)]], Field(max_length=32)] = {}


class Ended(Said):
    """The last event."""

    event: Literal["end"]
    verdict: Literal["pass", "fail", "inconclusive", "no_target", "error"]
    reason: str | None = None
    output: list[str] = []


type Known = Started | Judged | Ended
KNOWN: Final[TypeAdapter[Known]] = TypeAdapter(Annotated[Known, Field(discriminator="event")])


def read_event(line: bytes) -> Known | None:
    """Read a line of a verifier's stdout; None: it is no event, but something that was printed."""
    try:
        return KNOWN.validate_python(json.loads(line))
    except (ValidationError, ValueError, RecursionError):
        return None


@dataclass(slots=True)
class Hearing:
    """One call of the verifier: what it has said so far."""

    asked: frozenset[str] | None = None  # the checks that it was asked for; None: all of the level
    announced: list[NamedCheck] | None = None
    verdicts: dict[str, Verdict] = field(default_factory=dict)
    end: Ended | None = None
    fault: str | None = None

    def take(self, event: Known) -> bool:
        """Take an event down; False if it does not fit to what was said before."""
        wrong = self._wrong(event)
        if wrong is not None:
            self.fault = self.fault or f"{CONTRADICTION}: {wrong}"
            return False
        match event:
            case Started():
                self.announced = event.checks
            case Judged():
                self.verdicts[event.id] = event.verdict
            case Ended():
                self.end = event
        return True

    def _wrong(self, event: Known) -> str | None:
        if self.end is not None:
            return "it goes on after its end"
        match event:
            case Started():
                return self._wrong_beginning([check.id for check in event.checks])
            case Judged() if event.id not in {check.id for check in self.announced or ()}:
                return f"it judges {event.id}, which it has not named"
            case Judged() if event.id in self.verdicts:
                return f"it judges {event.id} twice"
            case _:
                return None

    def _wrong_beginning(self, names: list[str]) -> str | None:
        if self.announced is not None:
            return "it begins twice"
        if len(set(names)) < len(names):
            return "it names a check twice"
        if self.asked is not None and set(names) != self.asked:
            return "it runs other checks than those it was asked for"
        return None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one call comes to; `doubtful` are the checks that are worth another try."""

    state: State
    reason: str | None = None
    doubtful: frozenset[str] = frozenset()


def outcome(heard: Hearing, exit_code: int) -> Outcome:
    """Decide what a call comes to that has ended with this exit code."""
    if heard.fault is not None:
        return Outcome(State.ERRORED, heard.fault)
    if heard.end is None:
        return Outcome(State.ERRORED, f"the verifier ended with exit code {exit_code} and without a verdict")
    executed = [verdict for verdict in heard.verdicts.values() if verdict is not Verdict.NOT_RUN]
    if exit_code == EXIT_NO_TARGET and heard.end.verdict == "no_target" and not executed:
        return Outcome(State.FAILED, heard.end.reason or "the solution could not be started")
    fault = _fault(heard, heard.end, executed)
    return (
        Outcome(State.ERRORED, fault) if fault is not None else _agreed(heard.verdicts, heard.end, exit_code)
    )


def _fault(heard: Hearing, end: Ended, executed: Sequence[Verdict]) -> str | None:
    """Say what is missing for a judgement."""
    if Verdict.ERROR in executed or end.verdict == "error":
        return end.reason or "the verifier could not judge all checks"
    if not executed:
        return "no check was executed"
    if missing := [check.id for check in heard.announced or () if check.id not in heard.verdicts]:
        return f"{CONTRADICTION}: it says nothing of {', '.join(missing[:5])}"
    return None


def _agreed(verdicts: Mapping[str, Verdict], end: Ended, exit_code: int) -> Outcome:
    """Compare what the checks come to with what the end and the exit code say."""
    worst = next(
        (one for one in (Verdict.FAIL, Verdict.INCONCLUSIVE) if one in verdicts.values()), Verdict.PASS
    )
    if (end.verdict, exit_code) != (worst.value, EXITS[worst]):
        said = f"its checks come to {worst.value}, its end to {end.verdict}, its exit code is {exit_code}"
        return Outcome(State.ERRORED, f"{CONTRADICTION}: {said}")
    if worst is Verdict.FAIL:
        return Outcome(State.FAILED)
    left = frozenset(name for name, verdict in verdicts.items() if verdict is not Verdict.PASS)
    if not left:
        return Outcome(State.PASSED)
    if worst is Verdict.INCONCLUSIVE:
        return Outcome(State.INCONCLUSIVE, "the machine was too slow to judge all checks", left)
    return Outcome(State.INCONCLUSIVE, "what was not run was not verified")
