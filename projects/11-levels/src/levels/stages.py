"""How a run is judged: level by level from the lowest, each by a call of the verifier, until one fails.

A level counts in a run only with all below it, seen green in the same run and with the same seed. A check
that was inconclusive is asked for again, by itself; both verdicts are kept.
"""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from typing import Final, Protocol

from levels.domain import Json, Kind, News, Run, Stage, State
from levels.neutral import beginning, capped, neutral
from levels.verdicts import Ended, Hearing, Judged, Known, Outcome, Started, outcome, read_event
from levels.verifier import Line, Running, Verifier

MOST_TRIES: Final = 3
MOST_OUTPUT_LINES: Final = 1000
LONGEST_SENTENCE_BYTES: Final = 1000
LONGEST_REASON_BYTES: Final = 1000
LONGEST_CONTRACT_BYTES: Final = 128


class Ledger(Protocol):
    """Where news of a run is kept."""

    async def add(self, news: News) -> None: ...


class Room:
    """How much more of a run's output is kept."""

    def __init__(self, limit_bytes: int) -> None:
        self._left_bytes = limit_bytes
        self._left_lines = MOST_OUTPUT_LINES
        self.bytes_total = 0

    def output(self, stage: Stage, line: Line) -> News | None:
        """Count a line, and return what of it is kept."""
        self.bytes_total += len(line.text) + 1
        if self._left_bytes <= 0 or self._left_lines <= 0:
            return None
        text = beginning(f"{neutral(line.text.decode(errors='replace'))}\n", self._left_bytes)
        self._left_bytes -= len(text.encode())
        self._left_lines -= 1
        return News(Kind.OUTPUT, {"level_id": stage.level_id, "text": text})


def fit_to_be_kept(found: Outcome) -> Outcome:
    """Leave of a reason, which may be the verifier's own words, what may be kept of any."""
    if found.reason is None:
        return found
    return replace(found, reason=beginning(neutral(found.reason), LONGEST_REASON_BYTES))


@dataclass(frozen=True, slots=True)
class Judge:
    """Judges a run, and tells the ledger as it goes."""

    verifier: Verifier
    ledger: Ledger
    limit_bytes: int
    lease_seconds: float
    on_running: Callable[[Running | None], None]

    async def judge(self, run: Run) -> Outcome:
        """Return what the run comes to: what its first level that is not passed comes to."""
        room = Room(self.limit_bytes)
        for stage in run.stages:
            found = await self._level(run, stage, room)
            told: dict[str, Json] = {
                "level_id": stage.level_id,
                "state": found.state,
                "reason": found.reason,
                "output_bytes_total": room.bytes_total,
            }
            await self.ledger.add(News(Kind.VERDICT, told))
            if found.state is not State.PASSED:
                reason = f"{stage.level_id}: {found.reason or 'a check has failed'}"
                return Outcome(found.state, reason)
        return Outcome(State.PASSED)

    async def _level(self, run: Run, stage: Stage, room: Room) -> Outcome:
        found = await self._call(run, stage, frozenset(), room)
        for _ in range(MOST_TRIES - 1):
            if not found.doubtful:
                break
            again: dict[str, Json] = {"level_id": stage.level_id, "checks": sorted(found.doubtful)}
            await self.ledger.add(News(Kind.RETRY, again))
            found = await self._call(run, stage, found.doubtful, room)
        return found

    async def _call(self, run: Run, stage: Stage, only: frozenset[str], room: Room) -> Outcome:
        heard = Hearing(asked=only or None)
        called = self.verifier.verify(stage, run.target, run.seed, only, self.lease_seconds)
        async with called as running:
            self.on_running(running)
            try:
                async for news in self._news(running, stage, heard, room):
                    await self.ledger.add(news)
                return fit_to_be_kept(outcome(heard, await running.exit_code()))
            finally:
                self.on_running(None)

    async def _news(self, running: Running, stage: Stage, heard: Hearing, room: Room) -> AsyncIterator[News]:
        """Read what the verifier says, and return what of it is to be kept."""
        async for line in running.lines():
            event = None if line.is_error or not line.text.startswith(b"{") else read_event(line.text)
            if event is None:
                if (news := room.output(stage, line)) is not None:
                    yield news
            elif heard.take(event):
                for news in self._told(stage, event, heard, room):
                    yield news

    def _told(self, stage: Stage, event: Known, heard: Hearing, room: Room) -> list[News]:
        match event:
            case Started() if heard.asked is None:
                return [News(Kind.LEVEL, self._started(stage, event))]
            case Judged():
                return [News(Kind.CHECK, self._judged(stage, event))]
            case Ended():
                lines = [Line(line.encode(errors="replace"), is_error=False) for line in event.output]
                return [news for line in lines if (news := room.output(stage, line)) is not None]
            case _:
                return []

    def _started(self, stage: Stage, event: Started) -> dict[str, Json]:
        checks = [
            {"id": check.id, "sentence": beginning(neutral(check.sentence), LONGEST_SENTENCE_BYTES)}
            for check in event.checks
        ]
        contract = beginning(neutral(event.contract), LONGEST_CONTRACT_BYTES)
        solution = None if event.solution is None else neutral(event.solution)
        return {"level_id": stage.level_id, "contract": contract, "solution": solution, "checks": checks}

    def _judged(self, stage: Stage, event: Judged) -> dict[str, Json]:
        report = capped(event.report, self.limit_bytes)
        return {
            "level_id": stage.level_id,
            "id": event.id,
            "verdict": event.verdict,
            "seconds": event.seconds,
            "draws": {name: neutral(value) for name, value in event.draws.items()},
            "report": {"text": report.text, "truncated": report.truncated, "bytes_total": report.bytes_total},
        }
