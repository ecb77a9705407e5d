"""The idea: lines of one form are read by one regular expression, all lines of a block in one call.

To look at each line by itself costs ten times as much as to find the time and the level of all of them at
once. What the expression takes for a minute is read once for each minute, and what it takes for the words up
to the level once for each such text, both by who reads them of single lines. So nothing is decided here but
where they stand: a block in which anything is in doubt is not counted here, and its lines are looked at.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable
from itertools import compress, pairwise
from operator import gt
from typing import Final, NamedTuple

from log_viewer.levels import FIRST_WORDS, UNKNOWN, read_level
from log_viewer.stretches import MINUTE, Run
from log_viewer.timestamps import NANOSECONDS, Stamp, read_stamp

# Those of the formats whose times are in the order of their texts, as long as the width is the same.
_STAMP: Final = re.compile(
    rb"(?P<before>\[|[^\s=<{]{0,64}\.log[^\s=]{0,64} )?"
    rb"(?P<minute>(?:\d{4}[-/]\d\d[-/]\d\d[Tt ]|\d\d/\d\d/\d\d |\d\d-\d\d |(?:[A-Z][a-z][a-z] ){1,2}[ \d]\d )"
    rb"\d\d:\d\d:)"
    rb"(?P<second>[0-5]\d)(?P<fraction>[.,]\d+)?"
    rb"(?P<zone> \d{4}\]|(?:[Zz]|[+-]\d\d:?\d\d)?\]?) "
)
# A level is looked for in the first 512 bytes of a line: what is before it here has to end before that.
_LONGEST_WORDS: Final = 256
_MOST_KNOWN: Final = 4096


class _InDoubtError(Exception):
    """One has to look at each line."""


class Form(NamedTuple):
    """Where the time and the level stand in a line, and in all that are like it."""

    pattern: re.Pattern[bytes]  # of a line: its time, its words up to the level; or one that is not like it
    before: bytes
    minute_bytes: int
    behind: bytes  # of the time: the zone
    fraction: bytes  # one that is nought
    has_all_words: bool  # in which a level may be: a line in which there is none here has none

    def line(self, minute: bytes, words: bytes = b"") -> bytes:
        """Return the beginning of a line at the first instant of a minute."""
        return self.before + minute + b"00" + self.fraction + self.behind + words

    def level(self, minute: bytes, words: bytes) -> str | None:
        """Return the level of lines with these words; None if the words do not tell."""
        if len(words) > _LONGEST_WORDS:
            return None
        return read_level(self.line(minute, words)) or (UNKNOWN if self.has_all_words else None)

    def stamp(self, minute: bytes) -> Stamp | None:
        """Return when a minute begins; None for what is none."""
        line = self.line(minute)
        match = _STAMP.match(line)
        return read_stamp(line) if match is not None and match["minute"] == minute else None

    def is_whole(self, minute: bytes) -> bool:
        """Tell whether all digits that are taken for the time count as such where a line is looked at."""
        begin = self.stamp(minute)
        ones = self.before + minute + b"01" + self.fraction.replace(b"0", b"1") + self.behind
        stamp = read_stamp(ones)
        return begin is not None and stamp == begin._replace(
            seconds=begin.seconds + 1, nanoseconds=int(self.fraction[1:10].replace(b"0", b"1").ljust(9, b"0"))
        )


def form_of(line: bytes) -> Form | None:
    """Return the form of a line; None for one of a format that has to be looked at line by line."""
    match = _STAMP.match(line)
    if match is None:
        return None
    before, minute, _, fraction, zone = (text or b"" for text in match.groups())
    behind, digits = zone + b" ", len(fraction) - 1
    most = FIRST_WORDS - len(match[0].split())
    amount = _words_up_to_level(match[0], line[match.end() :].split(None, most)[:most]) or most
    words = b" *\\S++" + (b"(?:[^\\S\\n]++\\S++){0,%d}" % (amount - 1) if amount > 1 else b"")
    if amount == most:
        words += b"[^\\S\\n]*"  # else they are not all, where less than that may stand behind a level
    second = b"[0-5]\\d" + re.escape(fraction[:1]) + b"\\d" * digits
    pattern = b"%s(.{%d}%s)%s(%s).*+\\n|(.*+\\n)" % (
        *(re.escape(before), len(minute), second),
        *(re.escape(behind), words),
    )
    nought = fraction[:1] + b"0" * digits
    form = Form(re.compile(pattern), before, len(minute), behind, nought, has_all_words=amount == most)
    return form if form.is_whole(minute) else None


def _words_up_to_level(beginning: bytes, words: list[bytes]) -> int | None:
    """Return how many words tell the level of a line; None if they do not."""
    for amount in range(1, len(words) + 1):
        if read_level(beginning + b" ".join(words[:amount])) is not None:
            return amount
    return None


class UniformLines:
    """Counts blocks of lines that have the form of the line that was looked at last."""

    def __init__(self, instant: Callable[[Stamp, int], int | None]) -> None:
        """`instant` says when a stamp is that stands at an offset of the file; None for no time."""
        self._instant = instant
        self._form: Form | None = None
        self._begins: dict[bytes, int] = {}
        self._levels: dict[bytes, str] = {}
        self._year = 0

    def learn(self, line: bytes) -> None:
        """Take the form of a line."""
        form = form_of(line)
        if form != self._form:
            self._form = form
            self._begins.clear()
            self._levels.clear()

    def count(self, block: bytes, start: int, year: int, before: int | None) -> Run | None:
        """Count entries that begin and end in a block, which is at an offset and in a year of the file.

        `before` is the instant of the entry before it. None, where one has to look at each line.
        """
        if self._form is None or not block:
            return None
        if year != self._year:
            self._year = year
            self._begins.clear()
        try:
            return self._run(self._form, block, start, before)
        except _InDoubtError:
            return None

    def _run(self, form: Form, block: bytes, start: int, before: int | None) -> Run:
        stamps, words, others = zip(*form.pattern.findall(block), strict=True)
        if any(others):
            if any(read_stamp(line) is not None for line in filter(None, others)):
                raise _InDoubtError
            stamps, words = tuple(filter(None, stamps)), tuple(filter(None, words))
        if not stamps:
            raise _InDoubtError
        ordered, cut = sorted(stamps), form.minute_bytes
        low, high = ordered[0], ordered[-1]
        if low[:cut] == high[:cut]:
            counts = self._counts(form, start, low[:cut], words)
        else:
            counts = {}
            minutes = [stamp[:cut] for stamp in stamps]
            for minute in self._in_order(form, start, set(minutes)):
                counts |= self._counts(form, start, minute, compress(words, map(minute.__eq__, minutes)))
        begins = self._begins
        instants = [
            begins[stamp[:cut]]
            + int(stamp[cut : cut + 2]) * NANOSECONDS
            + int(stamp[cut + 3 : cut + 12].ljust(9, b"0"))
            for stamp in (low, high, stamps[0], stamps[-1])
        ]
        late = 0 if ordered == list(stamps) else sum(map(gt, stamps, stamps[1:]))
        late += before is not None and instants[2] < before
        return Run(start, start + len(block), instants[0], instants[1], instants[3], late, counts)

    def _in_order(self, form: Form, start: int, minutes: set[bytes]) -> list[bytes]:
        """Return minutes in their order. Raises: _InDoubtError: the order of their texts is another."""
        ordered = sorted(minutes)
        begins = [self._begin(form, start, minute) for minute in ordered]
        if any(later - earlier < MINUTE for earlier, later in pairwise(begins)):
            raise _InDoubtError
        return ordered

    def _counts(
        self, form: Form, start: int, minute: bytes, words: Iterable[bytes]
    ) -> dict[tuple[int | None, str], int]:
        """Count the lines of a minute by their levels."""
        number = self._begin(form, start, minute) // MINUTE
        counts: dict[tuple[int | None, str], int] = {}
        for text, count in Counter(words).items():
            level = self._levels.get(text) or self._level(form, minute, text)
            counts[number, level] = counts.get((number, level), 0) + count
        return counts

    def _begin(self, form: Form, start: int, minute: bytes) -> int:
        """Return when a minute begins."""
        begin = self._begins.get(minute)
        if begin is None:
            stamp = form.stamp(minute)
            begin = self._instant(stamp, start) if stamp is not None else None
            if begin is None or begin % MINUTE:
                raise _InDoubtError
            if len(self._begins) >= _MOST_KNOWN:
                self._begins.clear()
            self._begins[minute] = begin
        return begin

    def _level(self, form: Form, minute: bytes, words: bytes) -> str:
        level = form.level(minute, words)
        if level is None:
            raise _InDoubtError
        if len(self._levels) >= _MOST_KNOWN:
            self._levels.clear()
        self._levels[words] = level
        return level
