"""Reads the entries of a file for a histogram, and passes over those that were counted before."""

from collections.abc import Generator, Iterator

from log_viewer.budget import Budget
from log_viewer.dated_file import DatedFile
from log_viewer.entries import Dated
from log_viewer.filters import Filter
from log_viewer.runs import Runs
from log_viewer.stretches import MINUTE, STRETCH_BYTES, Run, Stretch


class Counting:
    """The entries of a file, and in place of those of a known stretch its counts."""

    def __init__(self, file: DatedFile, wanted: Filter, width: int, budget: Budget) -> None:
        self._file = file
        self._runs = Runs(file)
        self._budget = budget
        self._wanted = wanted
        self._width = width

    def forward(self, offset: int, stop: int | None) -> Iterator[Dated | Stretch]:
        """Read on from where an entry begins. A stretch that is read from its first entry on is kept."""
        place: int | None = offset
        is_first = offset == 0
        while place is not None and (stop is None or place < stop):
            known = self._file.stretch(place) or self._count(place, stop, is_kept=is_first)
            if known is not None and self._serves(known, stop):
                yield known
                place = known.end
            else:
                place = yield from self._read(place, is_kept=is_first and known is None)
            is_first = True

    def _count(self, place: int, stop: int | None, *, is_kept: bool) -> Stretch | None:
        """Count what stands from a place on, as far as the budget lasts; None where that would not do."""
        if self._width % MINUTE or self._budget.bytes_left < 2 * STRETCH_BYTES:
            return None
        stretch = Stretch(place)
        runs: list[Run] = []
        for run in self._runs.read(place):
            if stop is not None and run.end > stop:
                break
            runs.append(run)
            stretch.include(run)
            if run.end >= stretch.limit:
                if is_kept and stretch.is_worth_it:
                    self._file.keep(stretch, run.end)
                break
            if self._budget.is_late:
                break
        self._file.observe_runs(runs)
        return stretch if runs else None

    def _read(self, place: int, *, is_kept: bool) -> Generator[Dated, None, int | None]:
        """Read to where the next stretch begins, and return that; None at the end of the file."""
        stretch = Stretch(place)
        for dated in self._file.entries(place):
            entry = dated.entry
            if entry.start >= stretch.limit:
                if is_kept:
                    self._file.keep(stretch, entry.start)
                return entry.start
            yield dated
            if is_kept:
                stretch.add(dated.instant, dated.level, is_late=dated.is_late)
                is_kept = stretch.is_worth_it and not entry.is_cut
        return None

    def _serves(self, known: Stretch, stop: int | None) -> bool:
        wanted = self._wanted
        return (
            (stop is None or known.end <= stop)
            and known.fits(self._width)
            and known.lies_within(wanted.since, wanted.until)
        )
