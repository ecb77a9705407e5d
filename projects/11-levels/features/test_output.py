"""Steps of output.feature."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from pytest_bdd import scenarios, then, when

from kata.steps import Draw, expect

from .academy import Learner, checks_in, level_reports, tries_of
from .catalogue import Track
from .solutions import PATIENCE_SECONDS, Actions, Json, good

scenarios("output.feature")


@dataclass(frozen=True)
class Printed:
    """A run whose verifier has printed much."""

    shown: Json
    limit_bytes: int
    secret: str
    report: str
    long_report: str


@when("a verifier prints colours, markup, secrets and a million lines", target_fixture="printed")
def a_verifier_prints(learner: Learner, track: Track) -> Printed:
    level = track.levels[0]
    draw: Draw = learner.academy.draw
    limit_bytes = int(learner.academy.settings["OUTPUT_LIMIT_BYTES"])
    secret = draw.text(24)
    lines = [
        f"Authorization: Bearer {secret}",
        f"\x1b[1mauthorization\x1b[0m: basic {secret}",
        f"postgresql://me:{secret}@db:5432/x",
        f"SESSION_TOKEN={secret}",
        f'{{"password": "{secret}"}}',
        f"SESSION_TO\x1b[1mKEN={secret}",
        f"Authorization: Bearer {secret[:12]}\x1b[0m{secret[12:]}",
    ]
    loud = "\x1b[31m<b>red</b>\x1b[0m\x07 \x1b]0;title\x07 grün\u202e \x9bx \ud800 & größer\r\n\tend"
    report = f"{loud} {draw.choice(lines)} {draw.choice(lines)}"
    long_report = "ä" * (limit_bytes // 2 + draw.integer(1, 400))
    printed: Actions = [["say", f"{{ {line}"] for line in draw.shuffle(lines)]
    actions: Actions = [
        ["start"],
        *printed,
        ["say", loud],
        ["mutter", f"on stderr {lines[0]}"],
        ["check", level.checks[0], "pass", report],
        ["check", level.checks[1], "pass", long_report],
        ["repeat", 1_000_000, "a line like many others"],
        *good(level.checks[2:])[1:],
    ]
    run = learner.start(level, learner.solution({str(level.step): [actions]}))
    shown = learner.wait_for(run, patience_seconds=2 * PATIENCE_SECONDS)
    expect(
        shown.get("state") == "passed", expected="passed", got=f"{shown.get('state')}: {shown.get('reason')}"
    )
    return Printed(shown, limit_bytes, secret, report, long_report)


@then("what is kept is text, without secrets, and no longer than it may be")
def what_is_kept_is_text(printed: Printed) -> None:
    checks = list(checks_in(level_reports(printed.shown)[0]).values())
    short, long = (text_of(tries_of(check)[0].get("report")) for check in checks[:2])
    output = text_of(printed.shown.get("output"))
    for text in (short, long, output):
        shown = str(text.get("text"))
        bad = sorted({character for character in shown if ord(character) < 32 and character not in "\n\t"})
        bad += [character for character in shown if character in "\x7f\x9b\u202e\ud800"]
        expect(not bad, expected="text without control characters", got=f"{bad} in {shown[:200]!r}")
        half = len(printed.secret) // 2
        parts = (printed.secret[:half], printed.secret[half:])
        expect(not any(part in shown for part in parts), expected="no part of a secret", got=shown[:400])
        size = len(shown.encode())
        expect(size <= printed.limit_bytes, expected=f"at most {printed.limit_bytes} bytes", got=size)
    got = str(short.get("text"))
    for part in ("<b>red</b>", "grün", "& größer\n\tend"):
        expect(part in got, expected=f"a report with {part!r}", got=got)
    expect(short.get("truncated") is False, expected="a whole report", got=short)
    wanted = {"truncated": True, "bytes_total": len(printed.long_report.encode())}
    found = {name: long.get(name) for name in wanted}
    expect(found == wanted, expected=f"{wanted}", got=found)
    expect(set(str(long.get("text"))) == {"ä"}, expected="whole characters", got=str(long.get("text"))[-20:])
    least = printed.limit_bytes - 1
    expect(
        len(str(long.get("text")).encode()) >= least,
        expected=f"{least} bytes or more",
        got=len(str(long.get("text")).encode()),
    )
    total = output.get("bytes_total")
    enough = isinstance(total, int) and total >= 24_000_000
    expect(
        enough and output.get("truncated") is True,
        expected="an output of more than 24,000,000 bytes, cut",
        got=total,
    )
    expect(
        "on stderr" in str(output.get("text")) or least < 900,
        expected="stderr in the output",
        got=str(output.get("text"))[:300],
    )


def text_of(value: object) -> Json:
    expect(isinstance(value, dict), expected="text, truncated and bytes_total", got=value)
    return value if isinstance(value, dict) else {}


@when("a verifier looks at its environment", target_fixture="environment")
def a_verifier_looks_at_its_environment(learner: Learner, track: Track) -> Mapping[str, str]:
    level = track.levels[0]
    solution = learner.solution({str(level.step): [[["environment"], *good(level.checks)]]})
    learner.ends(learner.start(level, solution), "passed")
    found: Mapping[str, str] = json.loads((solution.path / "environment.json").read_text())
    return found


@then("nothing of the service's is in it")
def nothing_of_the_services_is_in_it(environment: Mapping[str, str], learner: Learner) -> None:
    for name in ("DATABASE_URL", "OPERATOR_TOKEN", "PGPASSWORD", "PORT"):
        expect(name not in environment, expected=f"no {name}", got="one")
    token = learner.academy.settings["OPERATOR_TOKEN"]
    holding = [name for name, value in environment.items() if token in value]
    expect(not holding, expected="nowhere the operator's token", got=holding)
    expect("PATH" in environment, expected="a PATH", got="none")
