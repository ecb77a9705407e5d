"""One verification as its workers see it: what they are asked, and what they answer."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from kata.catalog.checks import Check
from kata.check.scheduling import Job, Judge, Schedule
from kata.errors import KataError, TargetError
from kata.judge.verdicts import CheckResult, Verdict
from kata.servers.databases import PostgresServer


@dataclass(frozen=True)
class Begin:
    """The order to read the features; all workers of a run share the PostgreSQL."""

    postgres: PostgresServer | None


@dataclass(frozen=True)
class TryStart:
    """The order to start the solution with its defaults: if that fails, no check can say anything."""


@dataclass(frozen=True)
class End:
    """The order to close the world and to end."""


@dataclass(frozen=True)
class Collected:
    """A worker has read the features, and is ready."""

    jobs: Sequence[Job]


@dataclass(frozen=True)
class Started:
    """The solution could be started."""


@dataclass(frozen=True)
class Judged:
    """A check has its verdict; `services` are those that it used and that stay for the next ones."""

    result: CheckResult
    services: frozenset[str]


@dataclass(frozen=True)
class NoTarget:
    """The solution could not be started, or reached."""

    message: str
    output: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Broken:
    """The verifier itself can't go on."""

    message: str


type OnCollected = Callable[[Sequence[Check]], None]
type Order = Begin | TryStart | Judge | End
type Answer = Collected | Started | NoTarget | Broken | Judged


class Run:
    """Hands out orders and takes answers, until every check has its verdict or no more can be said.

    The first check that passes shows that the solution can be started. If another verdict comes before, a
    start is tried: what the checks say is told when it has succeeded, and never if it fails.
    """

    def __init__(
        self,
        most_workers: int,
        on_result: Callable[[CheckResult], None],
        on_collected: OnCollected | None = None,
        *,
        fail_fast: bool = False,
    ) -> None:
        self.results: list[CheckResult] = []
        self._positions: dict[str, int] = {}
        self.error: KataError | None = None
        self._most_workers = most_workers
        self._on_result = on_result
        self._on_collected = on_collected
        self._fail_fast = fail_fast
        self._schedule: Schedule | None = None
        self._trying = False
        self._started = False
        self._in_doubt = False  # a verdict might mean no more than that the solution does not start
        self._untold: list[CheckResult] = []

    @property
    def over(self) -> bool:
        judged = self._started and self._schedule is not None and self._schedule.done
        failed = self._fail_fast and any(result.verdict is Verdict.FAIL for result in self.results)
        return self.error is not None or judged or failed

    def in_drawn_order(self) -> list[CheckResult]:
        """Return the results as the seed has ordered the checks, whichever was judged first."""
        return sorted(self.results, key=lambda result: self._positions[result.id])

    @property
    def workers(self) -> int:
        """How many workers are of use: one, until it has told how many checks there are."""
        return self._schedule.workers if self._schedule is not None else 1

    def order_for(self, worker: int) -> Order | None:
        """Return what this worker is to do now, or None while it has to wait."""
        if self.over:
            return End()
        if self._schedule is None:
            return None
        order = None
        if self._started or not self._in_doubt:
            order = self._schedule.next_for(worker, nothing_else_runs=self._started)
        if order is None and not (self._started or self._trying or self._schedule.running):
            self._trying = True
            return TryStart()
        return order

    def take(self, worker: int, answer: Answer) -> None:
        match answer:
            case Collected(jobs):
                if self._schedule is None and self._on_collected is not None:
                    self._on_collected([job.check for job in jobs])
                self._schedule = self._schedule or Schedule(jobs, self._most_workers)
                self._positions = {job.check.id: job.position for job in jobs}
            case Started():
                self._started = True
            case NoTarget(message, output):
                self.error = TargetError(message, output)
            case Broken(message):
                self.error = KataError(message)
            case Judged(judged, services):
                assert self._schedule is not None
                self._untold += self._schedule.take(worker, judged, services)
                self._started |= judged.verdict is Verdict.PASS
                self._in_doubt |= judged.verdict is not Verdict.PASS
        while self._started and self._untold:
            self.results.append(self._untold.pop(0))
            self._on_result(self.results[-1])
