"""Periodic clean-up: what has expired goes, a slice at a time, and never what has replaced it meanwhile."""

import threading
from collections.abc import Callable
from pathlib import Path

import structlog

from file_cache.domain import Metadata
from file_cache.entry_files import EntryFiles
from file_cache.entry_format import open_entry
from file_cache.leases import Leases

# Between two slices others have the disk and the interpreter to themselves.
PAUSE_SECONDS = 0.001

log = structlog.get_logger()


class Cleaner:
    """Goes through all files, again and again."""

    def __init__(
        self,
        files: EntryFiles,
        leases: Leases,
        is_kept: Callable[[Metadata], bool],
        interval_seconds: float,
    ) -> None:
        self._files = files
        self._leases = leases
        self._is_kept = is_kept
        self._interval_seconds = interval_seconds
        self._stopped = threading.Event()

    def start(self) -> None:
        """Begin, on a thread that ends with the process."""
        threading.Thread(target=self._run, name="cleaner", daemon=True).start()

    def stop(self) -> None:
        self._stopped.set()

    def _run(self) -> None:
        while not self._stopped.is_set():
            try:
                self.clean()
            except OSError:
                log.exception("clean-up failed")
            self._stopped.wait(self._interval_seconds)

    def clean(self) -> int:
        """Go through all files once; return how many have been removed."""
        removed = 0
        swept = self._files.sweep()
        self._leases.clean()
        for files in self._files.walk():
            removed += sum(self._remove_expired(path) for path in files)
            self._stopped.wait(PAUSE_SECONDS)
        if removed or swept:
            log.info("cleaned up", expired=removed, orphans=swept)
        return removed

    def _remove_expired(self, path: Path) -> bool:
        reader = open_entry(path)
        if reader is None:
            return False  # what is damaged the next who asks for it puts aside
        with reader:
            if self._is_kept(reader.metadata):
                return False
            # Since it was opened another may have taken its place: look again, and remove, in one step.
            with self._files.locked():
                return self._files.remove(path, reader)
