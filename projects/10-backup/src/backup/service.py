"""The verbs: what the API and the commands let do."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from time import monotonic
from typing import Final

import structlog

from backup.creating import Creator
from backup.domain import Kind, Level, Manifest, Reason, Run, Verification, Version
from backup.errors import (
    BackupError,
    ChecksumError,
    ContentDiffersError,
    DamagedManifestError,
    MissingError,
    PreflightError,
    RestoreFailedError,
    TruncatedError,
)
from backup.exporting import Exporter
from backup.ports import Storage
from backup.preflight import Obstacle, lack_of_a_key, lack_of_room, obstacles
from backup.restoring import Restorer, translated
from backup.retention import Policy, kept
from backup.runs import Report, Runs
from backup.switching import Switch
from backup.ulid import ulid
from backup.version_files import check_files, manifest_in

IN_USE: Final = "in_use"
DAMAGE: Final = (
    MissingError,
    TruncatedError,
    ChecksumError,
    DamagedManifestError,
    ContentDiffersError,
    RestoreFailedError,
)

log = structlog.get_logger()


@dataclass(frozen=True)
class Pruned:
    """What retention has deleted, and why the rest is kept."""

    deleted: Sequence[str]
    kept: Mapping[str, Sequence[str]]


@dataclass(frozen=True)
class Backups:
    """The versions of a database, and what can be done with them."""

    storage: Storage
    runs: Runs
    creator: Creator
    restorer: Restorer
    exporter: Exporter
    switch: Switch
    policy: Policy
    clock: Callable[[], datetime]

    def create(self, labels: Mapping[str, str], reason: Reason = Reason.REQUEST) -> Run:
        """Begin to make a version of the database as it is."""
        version_id = ulid(self.clock())

        def work(run: Run, report: Report) -> Run:
            self.storage.remove_abandoned()
            self.creator.create(version_id, reason, labels, report)
            report("pruning")
            self._prune_quietly()
            return run

        return self.runs.begin(Kind.CREATE, version_id, work)

    def take_in(self, file: str, labels: Mapping[str, str], taken_at: datetime | None) -> Run:
        """Begin to make a version of a dump that somebody else has made.

        Raises: UnknownFileError, RunInProgressError.
        """
        foreign = self.storage.incoming(file)
        version_id = ulid(taken_at or self.clock())

        def work(run: Run, report: Report) -> Run:
            self.creator.take_in(version_id, foreign, labels, report)
            return run

        return self.runs.begin(Kind.IMPORT, version_id, work)

    def verify(self, version_id: str) -> Run:
        """Begin to compare the bytes of a version with its manifest.

        Raises: UnknownVersionError, RunInProgressError.
        """

        def work(folder: Path, run: Run, report: Report) -> Run:
            report("checking")
            check_files(folder, manifest_in(folder))
            whole = Verification(Level.CHECKSUM, self.clock())
            self.storage.mark(version_id, lambda marks: replace(marks, verification=whole))
            return run

        return self._begin_reading(Kind.VERIFY, version_id, work)

    def drill(self, version_id: str) -> Run:
        """Begin to restore a version into a scratch database, and measure how long that takes.

        Raises: UnknownVersionError, RunInProgressError.
        """

        def work(folder: Path, run: Run, report: Report) -> Run:
            started = monotonic()
            with (
                self.switch.noted(run) as scratch,
                self.restorer.scratch(folder, scratch, report) as (_, level),
            ):
                seconds = monotonic() - started
            self._proven(version_id, level, seconds)
            return replace(run, recovery_seconds=seconds)

        return self._begin_reading(Kind.DRILL, version_id, work)

    def export(self, version_id: str) -> Run:
        """Begin to make a dump of a version for development, without what is personal.

        Raises: UnknownVersionError, PreflightError, RunInProgressError.
        """
        self.storage.find(version_id)
        rules = self.exporter.rules()

        def work(folder: Path, run: Run, report: Report) -> Run:
            with self.switch.noted(run) as scratch:
                return replace(run, file=self.exporter.export(run.id, folder, scratch, rules, report))

        return self._begin_reading(Kind.EXPORT, version_id, work)

    def preflight(self, version_id: str) -> Version:
        """Look whether a version can be restored here.

        Raises: UnknownVersionError, PreflightError.
        """
        version = self.storage.find(version_id)
        if version.manifest is None:
            raise PreflightError([("manifest", "The manifest is not as it was written.")])
        found: list[Obstacle] = self.storage.missing_files(version)
        found += obstacles(self.creator.server, version.manifest)
        found += lack_of_room(self.storage)
        found += lack_of_a_key(self.restorer.archives.encryption, version.manifest)
        if found:
            raise PreflightError(found)
        return version

    def restore(self, version_id: str) -> Run:
        """Begin to put a version in the place of the live database.

        Raises: UnknownVersionError, PreflightError, RunInProgressError.
        """
        self.preflight(version_id)

        def work(folder: Path, run: Run, report: Report) -> Run:
            started = monotonic()
            with (
                self.switch.noted(run) as scratch,
                self.restorer.scratch(folder, scratch, report) as (manifest, level),
            ):
                self._proven(version_id, level, monotonic() - started)
                self._dress(scratch, manifest)
                safety_id = self._safety_version(run, report)
                report("swapping")
                switched = self.switch.replace_live(run)
            return replace(switched, safety_version_id=safety_id, recovery_seconds=monotonic() - started)

        return self._begin_reading(Kind.RESTORE, version_id, work)

    def undo(self, run_id: str) -> Run:
        """Bring the database from before a restore back.

        Raises: UnknownRunError, CannotUndoError, RunInProgressError.
        """
        return self.switch.undo(run_id)

    def pin(self, version_id: str, *, is_pinned: bool) -> Version:
        """Keep a version whatever the retention says, or no longer.

        Raises: UnknownVersionError.
        """
        return self.storage.mark(version_id, lambda marks: replace(marks, is_pinned=is_pinned))

    def prune(self, *, is_dry: bool = False) -> Pruned:
        """Delete the versions that nothing keeps; one that is read at this moment stays."""
        versions = self.storage.versions()
        reasons = dict(kept(versions, self.policy))
        deleted: list[str] = []
        for version in reversed(versions):
            if version.id in reasons:
                continue
            if is_dry or self.storage.delete(version.id):
                deleted.append(version.id)
            else:
                reasons[version.id] = [IN_USE]
        return Pruned(deleted, reasons)

    def tidy(self) -> None:
        """Settle what runs have left whose process died, and drop the former database in its time.

        Raises: RunInProgressError, ConnectionFailedError.
        """
        if self.runs.last_has_died():
            with self.runs.alone():
                self.storage.remove_abandoned()
                self.exporter.remove_abandoned()
                self.switch.settle()
        if self.switch.has_left() and self.runs.in_progress() is None:
            with self.runs.alone():
                self.switch.drop_left()
        if self.switch.is_former_over():
            with self.runs.alone():
                self.switch.drop_former()

    def _prune_quietly(self) -> None:
        """Prune behind a version that is complete: that it has failed makes the version no worse."""
        try:
            pruned = self.prune()
        except (BackupError, OSError):
            log.exception("not pruned")
        else:
            log.info("pruned", deleted=pruned.deleted)

    def _safety_version(self, run: Run, report: Report) -> str | None:
        """Make a version of what is about to be replaced; there is none where the database is gone."""
        if not self.creator.server.has(self.creator.server.database):
            return None
        version_id = ulid(self.clock())
        self.creator.create(version_id, Reason.SAFETY, {"restore": run.id}, report)
        return version_id

    def _dress(self, scratch: str, manifest: Manifest) -> None:
        """Give a restored database what belongs to it; of a foreign dump that is what the live one has."""
        server = self.creator.server
        with translated():
            wanted = manifest.source.properties if manifest.source else server.properties()
            if wanted is not None:
                server.apply(scratch, wanted)

    def _proven(self, version_id: str, level: Level, recovery_seconds: float) -> None:
        now = self.clock()
        proof = Verification(level, now, recovery_seconds=recovery_seconds)
        self.storage.mark(version_id, lambda marks: replace(marks, verification=proof, proven_at=now))

    def _begin_reading(self, kind: Kind, version_id: str, work: Callable[[Path, Run, Report], Run]) -> Run:
        """Begin a run that reads a version, which cannot be deleted from here to its end.

        That a version is damaged is known of the version then, and not of the run alone.
        """
        held = ExitStack()
        held.enter_context(self.storage.used(version_id))

        def judged(run: Run, report: Report) -> Run:
            with held:
                try:
                    with self.storage.files_of(version_id) as folder:
                        return work(folder, run, report)
                except DAMAGE as error:
                    level = Level.CHECKSUM if kind is Kind.VERIFY else Level.RESTORED
                    failed = Verification(level, self.clock(), code=error.code)
                    self.storage.mark(
                        version_id, lambda marks: replace(marks, verification=failed, proven_at=None)
                    )
                    raise

        try:
            return self.runs.begin(kind, version_id, judged)
        except BaseException:
            held.close()
            raise
