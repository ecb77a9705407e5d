"""What happens by itself: versions and drills in their time, and tidying up behind runs that have died."""

import threading
import time
from datetime import datetime, timedelta
from typing import Final, Protocol

import structlog

from backup.domain import Kind, Reason
from backup.errors import BackupError, RunInProgressError
from backup.service import Backups
from backup.ulid import time_of

TICK_SECONDS: Final = 0.5
# Behind one that has failed: a server that is away is not asked twice a second.
RETRY_SECONDS: Final = 60.0

# A file for each version is read: less often than that.
PROOF_TICKS: Final = 3

log = structlog.get_logger()


class Gauge(Protocol):
    """Holds a number for Prometheus."""

    def set(self, value: float) -> None:
        """Replace it."""
        ...


class Scheduler:
    """Looks twice a second what is due; of several processes the first to look begins it."""

    def __init__(
        self,
        backups: Backups,
        backup_every_seconds: float,
        drill_every_seconds: float,
        last_verified_age: Gauge,
    ) -> None:
        self._backups = backups
        self._backup_every_seconds = backup_every_seconds
        self._drill_every_seconds = drill_every_seconds
        self._last_verified_age = last_verified_age
        self._ticks = 0
        self._proven_at: datetime | None = None

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
            except Exception:  # else nothing would ever be scheduled again
                log.exception("not scheduled")
            time.sleep(TICK_SECONDS)

    def tick(self) -> None:
        """Begin what is due.

        Raises: BackupError, OSError.
        """
        self._tell_age()
        self._backups.tidy()
        is_backup_due = self._backup_every_seconds and self._is_backup_due()
        is_drill_due = self._drill_every_seconds and self._is_due(Kind.DRILL, self._drill_every_seconds)
        # Where both take longer than their pauses they take turns.
        if is_drill_due and not (is_backup_due and self._last_was_a_drill()):
            versions = self._backups.storage.versions()
            newest = next((version for version in versions if version.manifest), None)
            if newest is not None:
                self._backups.drill(newest.id)
                return
        if is_backup_due:
            self._backups.create({}, Reason.SCHEDULE)

    def _last_was_a_drill(self) -> bool:
        drill, create = (self._backups.runs.last_of(kind) for kind in (Kind.DRILL, Kind.CREATE))
        return drill is not None and (create is None or create.id < drill.id)

    def _is_backup_due(self) -> bool:
        newest = self._backups.storage.newest()
        is_old = newest is None or self._age_seconds(time_of(newest)) >= self._backup_every_seconds
        return is_old and self._is_due(Kind.CREATE, min(self._backup_every_seconds, RETRY_SECONDS))

    def _is_due(self, kind: Kind, every_seconds: float) -> bool:
        last = self._backups.runs.last_of(kind)
        return last is None or self._age_seconds(last.started_at) >= every_seconds

    def _age_seconds(self, moment: datetime) -> float:
        return (self._backups.clock() - moment) / timedelta(seconds=1)

    def _tell_age(self) -> None:
        if self._ticks % PROOF_TICKS == 0:
            self._proven_at = self._backups.storage.last_proven()
        self._ticks += 1
        age_seconds = float("inf") if self._proven_at is None else self._age_seconds(self._proven_at)
        self._last_verified_age.set(age_seconds)
