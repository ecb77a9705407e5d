"""A restored database becomes the live one, and the former one is kept: one call brings it back."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from pydantic import TypeAdapter

from backup.database import Server
from backup.domain import Kind, Run, State
from backup.durable import replace_file
from backup.errors import CannotUndoError, ConnectionFailedError, UnknownRunError
from backup.runs import Runs
from backup.swap import swap

LONGEST_PREFIX_BYTES: Final = 20


@dataclass(frozen=True)
class Former:
    """The database from before a restore, and until when it is kept.

    Before the swap is done the one from the restore before that is known, too: it may not come to be.
    """

    run_id: str
    name: str
    until: datetime
    previous: "Former | None" = None


FORMER: Final = TypeAdapter(Former)


def beside(database: str, role: str, run_id: str) -> str:
    """Name a database that a run makes beside the live one, within PostgreSQL's 63 bytes."""
    prefix = database.encode()[:LONGEST_PREFIX_BYTES].decode(errors="ignore")
    return f"{prefix}_{role}_{run_id.lower()}"


@dataclass(frozen=True)
class Switch:
    """Swaps databases, and remembers the former one."""

    server: Server
    runs: Runs
    folder: Path
    undo_seconds: float
    clock: Callable[[], datetime]

    def scratch_of(self, run_id: str) -> str:
        return beside(self.server.database, "scratch", run_id)

    @contextmanager
    def noted(self, run: Run) -> Iterator[str]:
        """Name the scratch database of a run that may not come to drop it, and write that down first."""
        if self.has_left():
            self.drop_left()
        name = self.scratch_of(run.id)
        replace_file(self._left, name.encode())
        yield name
        self._left.unlink(missing_ok=True)

    def has_left(self) -> bool:
        """Tell whether a run may have left its scratch database."""
        return self._left.exists()

    def drop_left(self) -> None:
        """Drop it; to be called while one is alone, or by the run itself."""
        with suppress(FileNotFoundError):
            self.server.drop(self._left.read_text())
            self._left.unlink(missing_ok=True)

    def replace_live(self, run: Run) -> Run:
        """Give the scratch database of a run the live one's name.

        What is to be undone is written down first: a process that dies behind the swap has told nobody of it.

        Raises: SwapFailedError.
        """
        live, scratch = self.server.database, self.scratch_of(run.id)
        previous = self._former()
        if previous is not None:
            previous = self._forget_previous(previous)
        if not self.server.has(live):
            seconds = swap(self.server, (scratch, live))
            return replace(run, swap_seconds=seconds)
        until = self.clock() + timedelta(seconds=self.undo_seconds)
        former = Former(run.id, beside(live, "former", run.id), until, previous)
        self._remember(former)
        try:
            seconds = swap(self.server, (live, former.name), (scratch, live))
        except BaseException:
            if not self.server.has(former.name):  # else it was the answer to the COMMIT that was lost
                self._remember(previous)
            raise
        with suppress(ConnectionFailedError):  # the next restore tries again
            self._forget_previous(former)
        return replace(run, swap_seconds=seconds, undo_until=until)

    def undo(self, run_id: str) -> Run:
        """Bring the former database back; what was written since the restore is gone.

        Raises: UnknownRunError, CannotUndoError, RunInProgressError, SwapFailedError.
        """
        if self.runs.find(run_id).kind is not Kind.RESTORE:
            raise UnknownRunError(run_id)
        with self.runs.alone():
            self.settle()
            run, former = self.runs.find(run_id), self._former()
            if run.undone_at is not None:
                raise CannotUndoError("The restore is undone already.")
            if former is None or former.run_id != run_id or self._is_over(former):
                raise CannotUndoError("The database from before this restore is not there any more.")
            swap(
                self.server,
                (self.server.database, self.scratch_of(run_id)),
                (former.name, self.server.database),
            )
            return self._undone(run)

    def is_former_over(self) -> bool:
        """Tell whether there is a former database that nobody may go back to any more."""
        former = self._former()
        return former is not None and self._is_over(former)

    def drop_former(self) -> None:
        """Drop it; to be called while one is alone."""
        former = self._former()
        if former is not None and self._is_over(former):
            self.server.drop(former.name)
            self._remember(None)

    def settle(self) -> None:
        """Finish or undo what a run has left whose process died; to be called while one is alone."""
        for run in self.runs.interrupted():
            self.runs.write(self._settled(run))
        former = self._former()
        if former is None:
            return
        if self.server.has(former.name):
            self._forget_previous(former)
        elif self.server.has(
            self.scratch_of(former.run_id)
        ):  # the swap back was the last thing that was done
            self._undone(self.runs.find(former.run_id))
        else:
            self._remember(former.previous)

    def _settled(self, run: Run) -> Run:
        """Say how a run has ended whose process died."""
        former, now = self._former(), self.clock()
        self.server.drop(self.scratch_of(run.id))
        if former is not None and former.run_id == run.id and self.server.has(former.name):
            return replace(run, state=State.SUCCEEDED, finished_at=now, undo_until=former.until)
        return replace(
            run, state=State.FAILED, code="interrupted", detail="Its process has ended.", finished_at=now
        )

    def _undone(self, run: Run) -> Run:
        undone = replace(run, undone_at=self.clock())
        self.runs.write(undone)
        self._remember(None)
        self.server.drop(self.scratch_of(run.id))
        return undone

    def _forget_previous(self, former: Former) -> Former:
        """Drop the database from the restore before this one, to which nobody can go back any more."""
        if former.previous is not None:
            self.server.drop(former.previous.name)
            former = replace(former, previous=None)
            self._remember(former)
        return former

    def _is_over(self, former: Former) -> bool:
        return self.clock() > former.until

    @property
    def _path(self) -> Path:
        return self.folder / "runs" / "former.json"

    @property
    def _left(self) -> Path:
        return self.folder / "runs" / "scratch"

    def _former(self) -> Former | None:
        try:
            return FORMER.validate_json(self._path.read_bytes())
        except FileNotFoundError:
            return None

    def _remember(self, former: Former | None) -> None:
        if former is None:
            self._path.unlink(missing_ok=True)
        else:
            replace_file(self._path, FORMER.dump_json(former))
