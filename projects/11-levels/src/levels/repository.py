"""What the API reads and writes. Rows stay in here; what comes out is frozen."""

import json
from collections.abc import Collection, Mapping
from dataclasses import asdict
from datetime import datetime
from uuid import UUID

from levels.domain import Event, Learner, Run, Stage
from levels.statements import COMPLETION, EVENT, LEARNER, Statements, run_of
from service_kit.database import Database


class Repository:
    """All of it raises DatabaseUnavailableError, in bounded time."""

    def __init__(self, database: Database) -> None:
        self._statements = Statements(database)

    async def local_learner(self) -> Learner:
        return LEARNER.validate_python(dict((await self._statements.rows("local_learner"))[0]))

    async def learner_of(self, token_sha256: bytes) -> Learner | None:
        rows = await self._statements.rows("learner_of", token_sha256=token_sha256)
        return LEARNER.validate_python(dict(rows[0])) if rows else None

    async def add_learner(self, learner_id: UUID, name: str, token_sha256: bytes) -> Learner | None:
        """Add a learner; None: the name is taken."""
        rows = await self._statements.rows("add_learner", id=learner_id, name=name, token_sha256=token_sha256)
        return LEARNER.validate_python(dict(rows[0])) if rows else None

    async def learners(self) -> list[tuple[Learner, int]]:
        """Return the learners of the class, each with how many levels are completed."""
        rows = [dict(row) for row in await self._statements.rows("learners")]
        return [(LEARNER.validate_python(row), int(row["completed"])) for row in rows]

    async def completed(self, learner_id: UUID) -> Mapping[str, datetime]:
        rows = await self._statements.rows("completed", learner_id=learner_id)
        completions = [COMPLETION.validate_python(dict(row)) for row in rows]
        return {completion.level_id: completion.completed_at for completion in completions}

    async def enqueue(
        self,
        *,
        run_id: UUID,
        learner_id: UUID,
        level_id: str,
        track_id: str,
        target: str,
        seed: str,
        stages: Collection[Stage],
    ) -> Run | None:
        """Queue a run; None: one of the same folder has not ended."""
        rows = await self._statements.rows(
            "enqueue",
            id=run_id,
            learner_id=learner_id,
            level_id=level_id,
            track_id=track_id,
            target=target,
            seed=seed,
            stages=json.dumps([asdict(stage) for stage in stages]),
        )
        return run_of(rows[0]) if rows else None

    async def active_run(self, target: str) -> UUID | None:
        rows = await self._statements.rows("active_run", target=target)
        return UUID(str(rows[0]["id"])) if rows else None

    async def run(self, learner_id: UUID, run_id: UUID) -> Run | None:
        rows = await self._statements.rows("run", id=run_id, learner_id=learner_id)
        return run_of(rows[0]) if rows else None

    async def newest(self, learner_id: UUID, most: int, after: UUID | None) -> list[Run]:
        rows = await self._statements.rows("newest", learner_id=learner_id, most=most, after=after)
        return list(map(run_of, rows))

    async def cancel(self, learner_id: UUID, run_id: UUID) -> Run | None:
        """Cancel a run that has not ended; None: there is none."""
        rows = await self._statements.rows("cancel", id=run_id, learner_id=learner_id)
        return run_of(rows[0]) if rows else None

    async def events(self, run_id: UUID, after: int, most: int) -> list[Event]:
        rows = await self._statements.rows("events", run_id=run_id, after=after, most=most)
        return [EVENT.validate_python(dict(row)) for row in rows]

    async def event_counts(self, run_ids: Collection[UUID]) -> dict[UUID, int]:
        rows = await self._statements.rows("counts", ids=list(run_ids))
        return {UUID(str(row["id"])): int(row["event_count"]) for row in rows}
