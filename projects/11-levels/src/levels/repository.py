"""What the API reads and writes. Rows stay in here; what comes out is frozen."""

import json
from collections.abc import Collection, Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Final
from uuid import UUID

from levels.domain import Best, Completion, Event, Head, Json, Learner, Link, Run, RunKind, Stage
from levels.errors import DatabaseUnavailableError, LearnerNotFoundError, RunActiveError
from levels.statements import BEST, COMPLETION, EVENT, HEAD, LEARNER, LINK, Statements, run_of
from service_kit.database import Database

MOST_TRIES: Final = 3
PATHS: Final[Mapping[RunKind, str]] = {RunKind.LEVEL: "runs", RunKind.SPEED: "speed-runs"}


class Repository:
    """All of it raises DatabaseUnavailableError, in bounded time."""

    def __init__(self, database: Database, stale_after_days: float) -> None:
        self._statements = Statements(database)
        self._stale_after_days = stale_after_days

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

    async def completed(self, learner_id: UUID) -> Mapping[str, Completion]:
        rows = await self._statements.rows(
            "completed", learner_id=learner_id, stale_after_days=self._stale_after_days
        )
        completions = [COMPLETION.validate_python(dict(row)) for row in rows]
        return {completion.level_id: completion for completion in completions}

    async def enqueue(
        self,
        *,
        run_id: UUID,
        kind: RunKind,
        learner_id: UUID,
        level_id: str,
        track_id: str,
        target: str,
        seed: str,
        stages: Collection[Stage],
    ) -> Run:
        """Queue a run. Raises: RunActiveError."""
        for _ in range(MOST_TRIES):
            rows = await self._statements.rows(
                "enqueue",
                id=run_id,
                kind=kind,
                learner_id=learner_id,
                level_id=level_id,
                track_id=track_id,
                target=target,
                seed=seed,
                stages=json.dumps([asdict(stage) for stage in stages]),
            )
            if rows:
                return run_of(rows[0])
            await self._demand_nothing_in_the_way(kind, learner_id, target)  # or it has ended meanwhile
        raise DatabaseUnavailableError("runs of the folder begin and end between any two questions")

    async def _demand_nothing_in_the_way(self, kind: RunKind, learner_id: UUID, target: str) -> None:
        rows = await self._statements.rows("active_run", kind=kind, learner_id=learner_id, target=target)
        for row in rows:
            raise RunActiveError(f"{PATHS[RunKind(row['kind'])]}/{row['id']}")

    async def head(self, learner_id: UUID) -> tuple[Learner, Head, datetime]:
        """Return whose chain it is, its end, and what time it is. Raises: LearnerNotFoundError."""
        rows = [dict(row) for row in await self._statements.rows("head", learner_id=learner_id)]
        if not rows:
            raise LearnerNotFoundError
        return LEARNER.validate_python(rows[0]), HEAD.validate_python(rows[0]), rows[0]["at"]

    async def links(self, learner_id: UUID, chain_id: UUID, after: int, most: int) -> list[Link]:
        rows = await self._statements.rows(
            "links", learner_id=learner_id, chain_id=chain_id, after=after, most=most
        )
        return [LINK.validate_python(dict(row)) for row in rows]

    async def take(
        self,
        learner_id: UUID,
        chain_id: UUID,
        links: Collection[Link],
        proofs: Collection[Mapping[str, Json]],
    ) -> None:
        """Keep receipts of another machine, and mark what they prove."""
        rows = [
            {**asdict(link), "run_id": str(link.run_id), "signature": link.signature.hex()} for link in links
        ]
        await self._statements.rows(
            "take",
            learner_id=learner_id,
            chain_id=chain_id,
            links=json.dumps(rows),
            proofs=json.dumps(list(proofs)),
        )

    async def receipt(self, run_id: UUID) -> Link | None:
        rows = await self._statements.rows("receipt", run_id=run_id)
        return LINK.validate_python(dict(rows[0])) if rows else None

    async def bests(self, learner_id: UUID) -> list[Best]:
        rows = await self._statements.rows("bests", learner_id=learner_id)
        return [BEST.validate_python(dict(row)) for row in rows]

    async def run(self, kind: RunKind, learner_id: UUID, run_id: UUID) -> Run | None:
        rows = await self._statements.rows("run", kind=kind, id=run_id, learner_id=learner_id)
        return run_of(rows[0]) if rows else None

    async def newest(self, learner_id: UUID, most: int, after: UUID | None) -> list[Run]:
        rows = await self._statements.rows("newest", learner_id=learner_id, most=most, after=after)
        return list(map(run_of, rows))

    async def cancel(self, kind: RunKind, learner_id: UUID, run_id: UUID) -> Run | None:
        """Cancel a run that has not ended; None: there is none."""
        rows = await self._statements.rows("cancel", kind=kind, id=run_id, learner_id=learner_id)
        return run_of(rows[0]) if rows else None

    async def events(self, run_id: UUID, after: int, most: int) -> list[Event]:
        rows = await self._statements.rows("events", run_id=run_id, after=after, most=most)
        return [EVENT.validate_python(dict(row)) for row in rows]

    async def event_counts(self, run_ids: Collection[UUID]) -> dict[UUID, int]:
        rows = await self._statements.rows("counts", ids=list(run_ids))
        return {UUID(str(row["id"])): int(row["event_count"]) for row in rows}
