"""What happens by itself: versions and drills in their time, and tidying up behind runs that have died."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Protocol

import structlog

from backup.domain import Kind, Reason, Run
from backup.errors import BackupError, RunInProgressError
from backup.service import Backups

TICK_SECONDS: Final = 0.5
# Behind one that has failed: a server that is away is not asked twice a second.
RETRY_SECONDS: Final = 60.0

log = structlog.get_logger()


class Gauge(Protocol):
    """Holds a number for Prometheus."""

    def set(self, value: float) -> None:
        """Replace it."""
        ...


@dataclass(frozen=True)
class Scheduler:
    """Looks twice a second what is due; of several processes the first to look begins it."""

    backups: Backups
    backup_every_seconds: float
    drill_every_seconds: float
    clock: Callable[[], datetime]
    last_verified_age: Gauge

    def start(self) -> None:
        threading.Thread(target=self._go_on, name="scheduler", daemon=True).start()

    def _go_on(self) -> None:
        while True:
            try:
                self.tick()
            except RunInProgressError:
                pass
            except (BackupError, OSError) as error:
                log.warning("not scheduled", reason=type(error).__name__)
            time.sleep(TICK_SECONDS)

    def tick(self) -> None:
        """Begin what is due.

        Raises: BackupError, OSError.
        """
        self._tell_age()
        self.backups.tidy()
        if self.backup_every_seconds and self._is_backup_due():
            self.backups.create({}, Reason.SCHEDULE)
        elif self.drill_every_seconds and self._is_due(Kind.DRILL, self.drill_every_seconds):
            newest = next((version for version in self.backups.storage.versions() if version.manifest), None)
            if newest is not None:
                self.backups.drill(newest.id)

    def _is_backup_due(self) -> bool:
        newest = next(iter(self.backups.storage.versions()), None)
        is_old = newest is None or self._age_seconds(newest.taken_at) >= self.backup_every_seconds
        return is_old and self._is_due(Kind.CREATE, min(self.backup_every_seconds, RETRY_SECONDS))

    def _is_due(self, kind: Kind, every_seconds: float) -> bool:
        last = self._last(kind)
        return last is None or self._age_seconds(last.started_at) >= every_seconds

    def _last(self, kind: Kind) -> Run | None:
        return next((run for run in self.backups.runs.recent(1000) if run.kind is kind), None)

    def _age_seconds(self, moment: datetime) -> float:
        return (self.clock() - moment) / timedelta(seconds=1)

    def _tell_age(self) -> None:
        proven_at = self.backups.storage.last_proven()
        self.last_verified_age.set(float("inf") if proven_at is None else self._age_seconds(proven_at))
