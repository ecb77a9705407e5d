"""Runs: one at a time, in all processes together, each with a record that outlives its process.

{database}/runs/{ulid}.json    what a run is, and how far
{database}/runs/lock           held while a run is in progress; in it stands which
"""

import fcntl
import os
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Final, Protocol

import structlog
from pydantic import TypeAdapter

from backup.domain import Kind, Progress, Run, State
from backup.durable import replace_file
from backup.errors import RunFailedError, RunInProgressError, StorageFailedError, UnknownRunError
from backup.ulid import LENGTH, PATTERN, ulid

RUN: Final = TypeAdapter(Run)
RECORD: Final = re.compile(rf"({PATTERN.pattern})\.json")
MOST_RECORDS: Final = 1000
WRITE_EVERY_SECONDS: Final = 0.5
# Who asks whether a run has died holds the lock for an instant.
LOOKS: Final = 5
LOOK_SECONDS: Final = 0.01
# Behind the id of the last run: no run is in progress, somebody tidies up, and is worth waiting for.
ALONE: Final = b" tidying"
ALONE_SECONDS: Final = 5.0
INTERRUPTED: Final = "interrupted"
FAILED: Final = "internal_error"

log = structlog.get_logger()


class Report(Protocol):
    """Is told how far a run is."""

    def __call__(self, phase: str, done_bytes: int = 0, total_bytes: int | None = None) -> None:
        """Go on."""
        ...


type Work = Callable[[Run, Report], Run]
"""Does what a run is for, and returns the run with what came of it."""


class Runs:
    """The runs of one database."""

    def __init__(self, folder: Path, clock: Callable[[], datetime]) -> None:
        self._folder = folder / "runs"
        self._clock = clock
        self._last: dict[Kind, Run] = {}
        self._newest_seen = ""

    def begin(self, kind: Kind, version_id: str | None, work: Work) -> Run:
        """Begin a run on a thread of its own.

        Raises: RunInProgressError, StorageFailedError.
        """
        lock = self._acquire()
        try:
            run = Run(ulid(self._clock()), kind, State.RUNNING, self._clock(), version_id)
            self.write(run)
            os.ftruncate(lock, 0)
            os.pwrite(lock, run.id.encode(), 0)
            threading.Thread(target=self._go_on, args=(run, work, lock), name=run.id, daemon=True).start()
        except OSError as error:
            os.close(lock)
            raise StorageFailedError(f"The storage cannot be written: {error.strerror}.") from error
        except BaseException:
            os.close(lock)
            raise
        return run

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Keep runs from beginning for the duration of the block.

        Raises: RunInProgressError, StorageFailedError.
        """
        lock = self._acquire()
        last = os.pread(lock, LENGTH, 0)
        os.pwrite(lock, last + ALONE, 0)
        try:
            yield
        finally:
            os.ftruncate(lock, len(last))
            os.close(lock)

    def find(self, run_id: str) -> Run:
        """Return a run as it stands; one whose process has died has failed.

        Raises: UnknownRunError.
        """
        run = self._read(run_id)
        if run.state is State.RUNNING and self.in_progress() != run_id:
            run = self._read(run_id)  # it may have ended between the two looks
            # Whether a restore has come to its swap has yet to be found out: see `switching`.
            if run.state is State.RUNNING and run.kind is not Kind.RESTORE:
                return replace(run, state=State.FAILED, code=INTERRUPTED, detail="Its process has ended.")
        return run

    def recent(self, limit: int) -> list[Run]:
        """Return the newest runs, the newest first."""
        return [self.find(run_id) for run_id in self._ids()[:limit]]

    def last_of(self, kind: Kind) -> Run | None:
        """Return the newest run of a kind, as it began: that never changes, so each record is read once."""
        for run_id in reversed(self._ids()):
            if run_id > self._newest_seen:
                run = self._read(run_id)
                self._last[run.kind] = run
                self._newest_seen = run_id
        return self._last.get(kind)

    def last_has_died(self) -> bool:
        """Tell whether the run that last held the lock has left its record unfinished."""
        try:
            run_id = (self._folder / "lock").read_text()[:LENGTH]
            run = self._read(run_id)
        except (FileNotFoundError, UnknownRunError):
            return False
        return run.state is State.RUNNING and self.in_progress() is None

    def interrupted(self) -> list[Run]:
        """Return the records of runs that their process has left; to be called while one is alone."""
        return [run for run in map(self._read, self._ids()) if run.state is State.RUNNING]

    def write(self, run: Run) -> None:
        """Keep a record."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        replace_file(self._folder / f"{run.id}.json", RUN.dump_json(run))

    def _go_on(self, run: Run, work: Work, lock: int) -> None:
        try:
            ended = self._outcome(run, work)
            self.write(replace(ended, finished_at=self._clock()))
            for run_id in self._ids()[MOST_RECORDS:]:
                (self._folder / f"{run_id}.json").unlink(missing_ok=True)
        except OSError:
            log.exception("run not recorded", run_id=run.id)
        finally:
            os.close(lock)

    def _outcome(self, run: Run, work: Work) -> Run:
        recorder = Recorder(self, run)
        try:
            ended = replace(work(run, recorder), state=State.SUCCEEDED, progress=Progress("done"))
        except RunFailedError as error:
            ended = self._failed(recorder.run, error.code, str(error))
        except Exception:
            log.exception("run failed", run_id=run.id)
            ended = self._failed(recorder.run, FAILED, "See the log.")
        log.info("run ended", run_id=run.id, kind=run.kind, state=ended.state, code=ended.code)
        return ended

    def _failed(self, run: Run, code: str, detail: str) -> Run:
        return replace(run, state=State.FAILED, code=code, detail=detail)

    def _acquire(self) -> int:
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock = os.open(self._folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise StorageFailedError(f"The storage cannot be written: {error.strerror}.") from error
        until = time.monotonic() + LOOK_SECONDS * LOOKS
        while True:
            with suppress(BlockingIOError):
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return lock
            more_seconds = ALONE_SECONDS if is_alone(lock) else 0.0
            if time.monotonic() > until + more_seconds:
                break
            time.sleep(LOOK_SECONDS)
        run_id = os.pread(lock, LENGTH, 0).decode()
        os.close(lock)
        raise RunInProgressError(run_id)

    def in_progress(self) -> str | None:
        """Return the run that holds the lock."""
        try:
            lock = os.open(self._folder / "lock", os.O_RDWR)
        except FileNotFoundError:
            return None
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return None if is_alone(lock) else os.pread(lock, LENGTH, 0).decode()
        finally:
            os.close(lock)
        return None

    def _read(self, run_id: str) -> Run:
        if not PATTERN.fullmatch(run_id):
            raise UnknownRunError(run_id)
        try:
            return RUN.validate_json((self._folder / f"{run_id}.json").read_bytes())
        except FileNotFoundError as error:
            raise UnknownRunError(run_id) from error

    def _ids(self) -> list[str]:
        try:
            names = [entry.name for entry in self._folder.iterdir()]
        except FileNotFoundError:
            return []
        return sorted((match[1] for name in names if (match := RECORD.fullmatch(name))), reverse=True)


def is_alone(lock: int) -> bool:
    """Tell whether who holds the lock does so for no run."""
    return os.pread(lock, 64, 0).endswith(ALONE)


class Recorder:
    """Writes down how far a run is, and no more often than somebody would look."""

    def __init__(self, runs: Runs, run: Run) -> None:
        self._runs = runs
        self.run = run
        self._written = time.monotonic()

    def __call__(self, phase: str, done_bytes: int = 0, total_bytes: int | None = None) -> None:
        is_new_phase = phase != self.run.progress.phase
        self.run = replace(self.run, progress=Progress(phase, done_bytes, total_bytes))
        if is_new_phase or time.monotonic() - self._written >= WRITE_EVERY_SECONDS:
            self._written = time.monotonic()
            self._runs.write(self.run)
