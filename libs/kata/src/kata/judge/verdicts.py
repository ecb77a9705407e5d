"""The vocabulary of a verification: what a check can say, and what a run of a project's checks amounts to."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from enum import IntEnum, StrEnum


class Verdict(StrEnum):
    """What one check says about the solution."""

    PASS = "pass"  # noqa: S105 - a mode, not a password
    FAIL = "fail"
    INCONCLUSIVE = "inconclusive"
    NOT_RUN = "not run"
    ERROR = "error"  # the verifier's own fault


class Exit(IntEnum):
    """What `kata verify` tells the shell."""

    PASS = 0
    FAIL = 1
    INCONCLUSIVE = 2
    NO_TARGET = 3
    VERIFIER = 4


class CheckFailedError(AssertionError):
    """The solution broke a rule of its contract.

    `timing` marks a judgement that a machine which stands still for a moment can spoil: if it did, the
    verdict becomes inconclusive and the check is tried again.
    """

    def __init__(
        self,
        *,
        expected: str,
        got: str,
        rule: str | None = None,
        timeline: str | None = None,
        request: str | None = None,
        timing: bool = False,
    ) -> None:
        super().__init__(f"expected {expected}; got {got}" + (f" (rule: {rule})" if rule else ""))
        self.expected = expected
        self.got = got
        self.rule = rule
        self.timeline = timeline
        self.request = request
        self.timing = timing


class NotRunError(Exception):
    """The check needs what cannot be had here, such as the process behind a --url."""


@dataclass(frozen=True)
class CheckResult:
    """The verdict of one check, with what a person needs to act on it."""

    id: str
    sentence: str
    step: int | None
    verdict: Verdict
    seconds: float
    extension: str | None = None
    tries: int = 1
    expected: str | None = None
    got: str | None = None
    rule: str | None = None
    timeline: str | None = None
    request: str | None = None
    reason: str | None = None
    output: list[str] = field(default_factory=list)
    settings: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class RunResult:
    """One run of a project's checks against one solution."""

    project: str
    target: str
    seed: str
    checks: Sequence[CheckResult] = ()
    seconds: float = 0.0
    no_target: str | None = None
    output: list[str] = field(default_factory=list)
    looks_like: dict[str, str] = field(default_factory=dict)

    @property
    def exit_code(self) -> Exit:
        verdicts = {check.verdict for check in self.checks}
        if self.no_target is not None:
            return Exit.NO_TARGET
        if Verdict.FAIL in verdicts:
            return Exit.FAIL
        if Verdict.ERROR in verdicts or not verdicts & {Verdict.PASS, Verdict.INCONCLUSIVE}:
            return Exit.VERIFIER
        return Exit.INCONCLUSIVE if Verdict.INCONCLUSIVE in verdicts else Exit.PASS

    @property
    def failed(self) -> frozenset[str]:
        return frozenset(check.id for check in self.checks if check.verdict is Verdict.FAIL)

    def as_dict(self) -> dict[str, object]:
        """Return the JSON form: the same names, with the exit code added."""
        return {**asdict(self), "exit_code": int(self.exit_code)}

    @classmethod
    def from_json(cls, text: str) -> "RunResult":
        """Read the JSON form."""
        document = json.loads(text)
        checks = [
            CheckResult(**{**check, "verdict": Verdict(check["verdict"])}) for check in document["checks"]
        ]
        fields = {key: value for key, value in document.items() if key not in {"checks", "exit_code"}}
        return cls(checks=checks, **fields)
