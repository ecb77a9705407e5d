"""Which check runs next, on which worker, and which verdicts count.

Most of a verification is waiting, so checks run side by side, each worker with a world of its own. What they
do to each other is load, and load may spoil what depends on time, but nothing else. So a failure that is
not one of timing counts at once: a race that was lost once is a race. A verdict that load may have spoilt
(the check was inconclusive, failed in what depends on time, or its service was not ready in time) is thrown
away. The check is judged again when nothing else runs, as if it had not run before: with the same draws, and
as many tries as any. A check tagged `@alone` is judged in that way at once.

A check with `@after-X` waits for X to pass, and is not run if it does not. Apart from that the order is the
one that the seed has drawn, with exceptions that save time: a check tagged `@long`, and then those that
others wait for, go first, and a worker prefers checks for which it need not start a service. Which services a
check uses is seen when it, or one with the same first step, has run.
"""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from kata.catalog.checks import Check
from kata.judge.verdicts import CheckResult, Verdict

# A worker starts a service that others have started, too, if so many checks wait for each of those.
_WORTH_A_START = 3


@dataclass(frozen=True)
class Job:
    """A check, by its position among all that are to be judged."""

    position: int
    check: Check
    beginning: str  # its first step: checks that begin alike use the same services


@dataclass(frozen=True)
class Judge:
    """The order to judge one check; `again` where a verdict of it has not counted."""

    position: int
    alone: bool
    again: bool = False


class Schedule:
    """The checks of one verification, for at most so many workers; one alone takes them in their order."""

    def __init__(self, jobs: Sequence[Job], workers: int) -> None:
        self.workers = min(workers, len(jobs))
        self._jobs = jobs
        self._waiting = list(jobs)
        self._running: dict[int, Judge] = {}
        self._alone = {job.position for job in jobs if job.check.alone}
        self._doubted: set[int] = set()
        self._needed = {job.check.after for job in jobs}
        self._uses: defaultdict[str, frozenset[str]] = defaultdict(frozenset)
        self._has: defaultdict[int, frozenset[str]] = defaultdict(frozenset)

    @property
    def done(self) -> bool:
        return not self._waiting and not self._running

    @property
    def running(self) -> bool:
        return bool(self._running)

    def next_for(self, worker: int, *, nothing_else_runs: bool = True) -> Judge | None:
        """Return what this worker is to judge now, or None while it has to wait.

        `nothing_else_runs` says so of what is not a check: before, none is judged alone.
        """
        if not self._waiting or any(order.alone for order in self._running.values()):
            return None
        if self.workers == 1:
            return self._begin(worker, self._waiting[0], alone=True)
        ready = self._ready()
        together = [job for job in ready if job.position not in self._alone]
        best = self._best(worker, together)
        if not self._running and together and not any(self._best(it, together) for it in range(self.workers)):
            best = together[0]  # each has only a part of what it needs, so somebody has to start the rest
        if best is not None:
            return self._begin(worker, best, alone=False)
        if self._running or together or not nothing_else_runs:
            return None
        # Nothing is ready where prerequisites form a circle.
        return self._begin(worker, (ready or self._waiting)[0], alone=True)

    def take(self, worker: int, result: CheckResult, services: frozenset[str]) -> list[CheckResult]:
        """Return the verdicts that count now: this one, unless it has to fall again, and what follows.

        `services` are those that the check used and that stay for the next ones.
        """
        order = self._running.pop(worker)
        self._uses[self._jobs[order.position].beginning] |= services
        self._has[worker] |= services
        if result.verdict is Verdict.INCONCLUSIVE and not order.alone:
            self._alone.add(order.position)
            self._doubted.add(order.position)
            self._waiting.append(self._jobs[order.position])
            return []
        return [result, *self._not_run_after(result)]

    def _begin(self, worker: int, job: Job, *, alone: bool) -> Judge:
        self._waiting.remove(job)
        self._has[worker] |= self._services(job)
        self._running[worker] = Judge(job.position, alone, again=job.position in self._doubted)
        return self._running[worker]

    def _ready(self) -> list[Job]:
        unfinished = {job.check.id for job in self._waiting}
        unfinished |= {self._jobs[order.position].check.id for order in self._running.values()}
        return [job for job in self._waiting if job.check.after not in unfinished]

    def _services(self, job: Job) -> frozenset[str]:
        """Return what the check will use; as long as that is not known, something that nobody has."""
        return self._uses.get(job.beginning, frozenset({job.beginning}))

    def _best(self, worker: int, jobs: Sequence[Job]) -> Job | None:
        """Choose what needs no service started, else what nobody has started, else from a long queue."""
        queues = Counter(service for job in self._waiting for service in self._services(job))
        servers = Counter(service for started in self._has.values() for service in started)

        def missing(job: Job) -> frozenset[str]:
            return self._services(job) - self._has[worker]

        def worthwhile(job: Job) -> bool:
            known = job.beginning in self._uses
            return not known or all(queues[it] > _WORTH_A_START * servers[it] for it in missing(job))

        def cost(job: Job) -> tuple[bool, bool, int, int, int]:
            lacking = missing(job)
            others = sum(servers[service] for service in lacking)
            queued = sum(queues[it] for it in lacking)
            return not job.check.long, job.check.id not in self._needed, len(lacking), others, -queued

        return min(filter(worthwhile, jobs), key=cost, default=None)

    def _not_run_after(self, result: CheckResult) -> list[CheckResult]:
        if result.verdict is Verdict.PASS:
            return []
        found = []
        for job in [job for job in self._waiting if job.check.after == result.id]:
            self._waiting.remove(job)
            check = job.check
            found.append(
                CheckResult(
                    id=check.id,
                    sentence=check.sentence,
                    step=check.step,
                    extension=check.extension,
                    verdict=Verdict.NOT_RUN,
                    seconds=0.0,
                    reason=f"{result.id} did not pass",
                )
            )
            found += self._not_run_after(found[-1])
        return found
