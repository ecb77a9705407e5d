"""What a learner reads: one line for a check that passes, all that a person needs for one that does not."""

import re
import shlex
import shutil
import sys
import textwrap
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from kata.catalog.projects import Project
from kata.judge.verdicts import CheckResult, RunResult, Verdict
from kata.options import Options

_SIGNS = {
    Verdict.PASS: "ok",
    Verdict.FAIL: "x ",
    Verdict.INCONCLUSIVE: "? ",
    Verdict.NOT_RUN: "- ",
    Verdict.ERROR: "! ",
}
_WIDTH = 112
_LABEL = 12
_OUTPUT_LINES = 12
_ERROR = re.compile(r"\b\w*(error|exception|panic|fatal)\b\s*:", re.IGNORECASE)


def render_check(check: CheckResult, *, looks_like: str | None = None, replay: str | None = None) -> str:
    """Render one check: its line, and below it what was expected, what came, when, and why that is wrong."""
    head = f" {_SIGNS[check.verdict]} {check.id:<4} {check.sentence}"
    if check.verdict is Verdict.PASS:
        return f"{head} ({check.seconds:.1f} s)"
    details = [
        ("expected", check.expected),
        ("got", check.got),
        ("timeline", check.timeline),
        ("rule", _rule(check)),
        ("settings", _settings(check)),
        ("because", _reason(check)),
        ("looks like", looks_like),
    ]
    lines = [head]
    lines += [_detail(label, text) for label, text in details if text]
    if check.request:
        lines.append(f"       {'request':<{_LABEL}}{check.request}")
    if replay and check.verdict is Verdict.FAIL:
        lines.append(f"       {'replay':<{_LABEL}}{replay}")  # in one line, to be copied
    lines += [f"       | {line}" for line in _shown(check.output)]
    return "\n".join(lines)


def _shown(output: Sequence[str]) -> list[str]:
    """Return the last lines; and the first error of those before, which a stack trace may have pushed out."""
    last = list(output[-_OUTPUT_LINES:])
    first_error = next(filter(_ERROR.search, output[:-_OUTPUT_LINES]), None)
    return last if first_error is None else [first_error, "...", *last]


def _rule(check: CheckResult) -> str | None:
    if check.rule is None:
        return None
    section = "Go further" if check.extension else "The contract"
    step = f"; made in step {check.step}" if check.step else ""
    return f"{check.rule}  (README: {section}{step})"


def _settings(check: CheckResult) -> str:
    if check.verdict is not Verdict.FAIL:
        return ""
    return " ".join(f"{name}={shlex.quote(value)}" for name, value in sorted(check.settings.items()))


def _reason(check: CheckResult) -> str | None:
    if check.verdict is Verdict.INCONCLUSIVE and check.reason:
        return f"{check.reason} (tried {check.tries} times)"
    return check.reason


def _detail(label: str, text: str) -> str:
    indent = " " * (7 + _LABEL)
    wrapped = textwrap.wrap(text, _WIDTH - len(indent), break_long_words=False, break_on_hyphens=False) or [
        ""
    ]
    return f"       {label:<{_LABEL}}" + f"\n{indent}".join(wrapped)


def replay(project: Project, options: Options, check_id: str) -> str:
    """Return the command that repeats one check of a run, to be pasted into the same shell."""
    chosen = replace(options, only=frozenset({check_id}), fail_fast=False)
    return shlex.join([_program(), "verify", project.argument, *chosen.arguments()])


def _program() -> str:
    """Return how this shell reaches the program that runs: by its name, if that is on the PATH."""
    program = Path(sys.executable).with_name("kata")
    if (found := shutil.which("kata")) and Path(found).resolve() == program.resolve():
        return "kata"
    return str(program.relative_to(Path.cwd()) if program.is_relative_to(Path.cwd()) else program)


def render_summary(result: RunResult) -> str:
    """Render the last lines of a run: the counts, the seed, and what was not judged."""
    if result.no_target is not None:
        shown = [f"  | {line}" for line in _shown(result.output)]
        verb = "reach" if "://" in result.target else "start"
        return "\n".join([f"could not {verb} {result.target}: {result.no_target}", *shown])
    counts = Counter(check.verdict for check in result.checks)
    parts = [f"{counts[verdict]} {verdict.value}" for verdict in Verdict if counts[verdict]]
    line = (
        f"{result.project}: {', '.join(parts) or 'no check executed'} in {result.seconds:.1f} s,"
        f" seed {result.seed}"
    )
    if counts[Verdict.NOT_RUN] and not result.failed:
        line += "\nwhat was not run was not verified"
    return line
