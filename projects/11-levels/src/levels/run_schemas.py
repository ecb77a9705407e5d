"""What clients get of runs: how far they are, and what they have shown."""

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel

from levels.domain import Best, CheckReport, Details, LevelReport, Page, Run, State, Text, Try, Verdict
from levels.schemas import Answer, encode_cursor


class RunAnswer(BaseModel):
    """A run, and how far it is."""

    id: UUID
    level_id: str
    track_id: str
    dir: str | None
    url: str | None
    seed: str
    state: State
    reason: str | None
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None


class SpeedRunAnswer(BaseModel):
    """A speed run: its state, and at the end the time from the request on. No more is told."""

    id: UUID
    track_id: str
    state: State
    started_at: datetime
    duration_ms: int | None


class BestAnswer(Answer):
    """A best time."""

    track_id: str
    run_id: UUID
    finished_at: datetime
    duration_ms: int


class BestsAnswer(BaseModel):
    """The best times of a learner, by track."""

    items: list[BestAnswer]


class TextAnswer(Answer):
    """What somebody else has said; `bytes_total` is how much of it there was."""

    text: str
    truncated: bool
    bytes_total: int


class TryAnswer(Answer):
    """One verdict of a check."""

    verdict: Verdict
    seconds: float
    report: TextAnswer


class CheckAnswer(BaseModel):
    """A check, with all its verdicts; `verdict` is the last."""

    id: str
    sentence: str
    verdict: Verdict | None
    tries: list[TryAnswer]


class LevelReportAnswer(BaseModel):
    """What a run has shown of a level; `not_run`: it was not reached."""

    level_id: str
    state: str
    reason: str | None
    contract: str | None
    checks: list[CheckAnswer]


class DetailsAnswer(RunAnswer):
    """A run with all that it has shown so far."""

    levels: list[LevelReportAnswer]
    output: TextAnswer


class PageAnswer(BaseModel):
    """A part of a list. Ask again with `next_cursor` for the next; it is null at the end."""

    items: list[RunAnswer]
    next_cursor: str | None


def run_answer(run: Run) -> RunAnswer:
    return RunAnswer.model_validate(_run_members(run))


def _run_members(run: Run) -> dict[str, object]:
    return {name: getattr(run, name) for name in RunAnswer.model_fields}


def speed_run_answer(run: Run) -> SpeedRunAnswer:
    took = None if run.finished_at is None else run.finished_at - run.created_at
    return SpeedRunAnswer(
        id=run.id,
        track_id=run.track_id,
        state=run.state,
        started_at=run.created_at,
        duration_ms=None if took is None else round(took.total_seconds() * 1000),
    )


def bests_answer(bests: list[Best]) -> BestsAnswer:
    return BestsAnswer(items=list(map(BestAnswer.model_validate, bests)))


def details_answer(details: Details) -> DetailsAnswer:
    report = details.report
    return DetailsAnswer.model_validate(
        _run_members(details.run)
        | {
            "levels": [_level_answer(level) for level in report.levels],
            "output": _text_answer(report.output),
        }
    )


def _level_answer(level: LevelReport) -> LevelReportAnswer:
    return LevelReportAnswer(
        level_id=level.level_id,
        state=level.state or Verdict.NOT_RUN,
        reason=level.reason,
        contract=level.contract,
        checks=[_check_answer(check) for check in level.checks],
    )


def _check_answer(check: CheckReport) -> CheckAnswer:
    tries = [_try_answer(one) for one in check.tries]
    return CheckAnswer(id=check.id, sentence=check.sentence, verdict=check.verdict, tries=tries)


def _try_answer(one: Try) -> TryAnswer:
    return TryAnswer(verdict=one.verdict, seconds=one.seconds, report=_text_answer(one.report))


def _text_answer(text: Text) -> TextAnswer:
    return TextAnswer.model_validate(text)


def page_answer(page: Page) -> PageAnswer:
    following = page.next_after and encode_cursor(page.next_after)
    return PageAnswer(items=list(map(run_answer, page.items)), next_cursor=following)
