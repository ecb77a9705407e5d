"""What a verifier's events and its exit code come to, said in the words of a script."""

import json

import pytest

from levels.domain import State
from levels.verdicts import Hearing, outcome, read_event

STARTED = {"event": "started", "contract": "1", "checks": [{"id": "C1"}, {"id": "C2"}]}
LONG_LINE = b'{"event": "end", "verdict": "pass", "reason": "' + b"[" * 100_000


def heard(*verdicts: str, end: str | None = "pass", asked: frozenset[str] | None = None) -> Hearing:
    """Hear a verifier that names two checks, and gives them these verdicts."""
    hearing = Hearing(asked=asked)
    events: list[object] = [STARTED]
    events += [
        {"event": "check", "id": f"C{index}", "verdict": verdict} for index, verdict in enumerate(verdicts, 1)
    ]
    events += [{"event": "end", "verdict": end, "reason": "so"}] if end is not None else []
    for document in events:
        event = read_event(json.dumps(document).encode())
        assert event is not None
        hearing.take(event)
    return hearing


@pytest.mark.parametrize(
    ("hearing", "exit_code", "state"),
    [
        (heard("pass", "pass"), 0, State.PASSED),
        (heard("pass", "fail", end="fail"), 1, State.FAILED),
        (heard("inconclusive", "fail", end="fail"), 1, State.FAILED),
        (heard("pass", "inconclusive", end="inconclusive"), 2, State.INCONCLUSIVE),
        (heard("pass", "not_run"), 0, State.INCONCLUSIVE),
        (heard(end="no_target"), 3, State.FAILED),
        (heard("not_run", "not_run"), 0, State.ERRORED),
        (heard("pass", "error", end="error"), 4, State.ERRORED),
        (heard("pass"), 0, State.ERRORED),
        (heard("pass", "pass", end=None), 0, State.ERRORED),
        (heard("pass", "pass"), 137, State.ERRORED),
        (heard("pass", "pass"), -9, State.ERRORED),
        (heard("pass", "fail"), 1, State.ERRORED),
        (heard("pass", "fail", end="fail"), 0, State.ERRORED),
        (heard("pass", end="no_target"), 3, State.ERRORED),
        (heard("pass", "pass", asked=frozenset({"C1"})), 0, State.ERRORED),
        (Hearing(), 0, State.ERRORED),
    ],
)
def test_all_that_is_said_has_to_agree(hearing: Hearing, exit_code: int, state: State) -> None:
    assert outcome(hearing, exit_code).state is state


def test_what_is_left_after_doubt_is_worth_another_try() -> None:
    doubted = outcome(heard("inconclusive", "not_run", end="inconclusive"), 2)
    assert doubted.doubtful == {"C1", "C2"}
    assert outcome(heard("pass", "not_run"), 0).doubtful == frozenset()


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"{}",
        b"[]",
        b"{",
        b'{"event": "end"}',
        b'{"event": "end", "verdict": "great"}',
        b'{"event": "check", "id": "C 1", "verdict": "pass"}',
        b'{"event": "check", "id": "C1", "verdict": "pass", "seconds": NaN}',
        b'{"event": "started", "contract": 1, "checks": []}',
        b"[" * 100_000,
        LONG_LINE,
    ],
)
def test_what_is_no_event_is_output(line: bytes) -> None:
    assert read_event(line) is None
