"""Which year a timestamp is in that has none: counted back from the last one, which the file's age dates."""

from bisect import bisect_right
from typing import Final

from log_viewer.timestamps import NANOSECONDS, Clock, Stamp, year_of

_HALF_A_YEAR: Final = 183 * 86_400
_A_DAY: Final = 86_400 * NANOSECONDS
_LEAP_DAY: Final = (31 + 28) * 86_400


class Years:
    """The turns of the year in one file, and where they are.

    A step back by more than half a year is a New Year, and a step forward by as much is a line that comes
    late, of the year before. A step back by less is a line out of order, and no New Year.
    """

    def __init__(self) -> None:
        self.read_to = 0
        self._starts: list[int] = [0]
        self._counts: list[int] = [0]
        self._leap_days: set[int] = set()
        self._last: Stamp | None = None
        self._last_year = 0

    def observe(self, start: int, stamp: Stamp) -> None:
        """Take in the next stamp of the file."""
        if self._last is not None:
            step = stamp.seconds - self._last.seconds
            turn = (step < -_HALF_A_YEAR) - (step > _HALF_A_YEAR)
            if turn:
                self._starts.append(start)
                self._counts.append(self._counts[-1] + turn)
        if _is_leap_day(stamp.seconds):
            self._leap_days.add(self._counts[-1])
        self._last = stamp

    def date(self, clock: Clock, modified_ns: int) -> int:
        """Date the last stamp, and return its year: the latest that is at most a day after the last change.

        A 29th of February takes the file back to a leap year.
        """
        if self._last is None:
            return 0
        year = year_of(modified_ns // NANOSECONDS) + 1
        while not self._fits(clock, year, modified_ns):
            year -= 1
        self._last_year = year
        return year

    def _fits(self, clock: Clock, year: int, modified_ns: int) -> bool:
        if not all(_is_leap_year(year - self._counts[-1] + count) for count in self._leap_days):
            return year < 1  # no year does: then any will do
        return self._last is None or clock.instant(self._last, year) <= modified_ns + _A_DAY

    def year_at(self, start: int) -> int:
        """Return the year of the stamp at an offset that was taken in."""
        count = self._counts[bisect_right(self._starts, start) - 1]
        return self._last_year - self._counts[-1] + count

    def year_between(self, start: int, end: int) -> int | None:
        """Return the year of all stamps from one offset on and before another; None where it turns."""
        is_one = bisect_right(self._starts, start) == bisect_right(self._starts, end - 1)
        return self.year_at(start) if is_one else None


def _is_leap_day(seconds: int) -> bool:
    january_first = 946_684_800  # of the year in which the yearless are counted
    return _LEAP_DAY <= seconds - january_first < _LEAP_DAY + 86_400


def _is_leap_year(year: int) -> bool:
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
