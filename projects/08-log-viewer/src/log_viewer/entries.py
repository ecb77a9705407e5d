"""Entries: a line with a timestamp, and the lines behind it that have none."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from log_viewer.levels import UNKNOWN, read_level
from log_viewer.segments import CHUNK_BYTES, Segment
from log_viewer.timestamps import Stamp, read_stamp

# So much of a line is looked at for its timestamp: an object of JSON is none before its end.
LONGEST_LINE: Final = 1024 * 1024
# Who looks for a line reads no more than a few: to split a whole chunk for them takes ten times as long.
_FIRST_BYTES: Final = 2048
_LINE_BREAK: Final = b"\n"


class Line(NamedTuple):
    """A line without its line break; of one that is too long only the beginning is kept."""

    start: int
    text: bytes
    end: int
    is_ended: bool  # by a line break, and not by the end of the file


class Entry(NamedTuple):
    """What was logged at once. Its instant is known to whoever knows the file's zone and years."""

    start: int
    end: int
    raw: bytes
    stamp: Stamp | None
    is_cut: bool
    is_ended: bool

    @property
    def first_line(self) -> bytes:
        return self.raw.partition(_LINE_BREAK)[0]


@dataclass(slots=True, unsafe_hash=True)
class Dated:
    """An entry, its instant, and whether it is earlier than the entry before it."""

    entry: Entry
    instant: int | None
    is_late: bool
    _level: str | None = field(default=None, init=False, compare=False)

    @property
    def level(self) -> str:
        """Its level, or UNKNOWN; read when it is first asked for."""
        if self._level is None:
            self._level = read_level(self.entry.first_line) or UNKNOWN
        return self._level


def read_lines(segment: Segment, offset: int) -> Iterator[Line]:
    """Read lines from an offset at which one begins. Of each LONGEST_LINE bytes are held at most."""
    start, rest, size = offset, b"", min(_FIRST_BYTES, CHUNK_BYTES)
    while chunk := segment.read(start + len(rest), size):
        size = min(2 * size, CHUNK_BYTES)
        *whole, rest = (rest + chunk).split(_LINE_BREAK)
        for text in whole:
            end = start + len(text) + 1
            yield Line(start, text[:LONGEST_LINE], end, is_ended=True)
            start = end
        if len(rest) > LONGEST_LINE:
            end, is_ended = _end_of_line(segment, start + len(rest))
            yield Line(start, rest[:LONGEST_LINE], end, is_ended)
            start, rest = end, b""
    if rest:
        yield Line(start, rest, start + len(rest), is_ended=False)


def _end_of_line(segment: Segment, offset: int, stop: int | None = None) -> tuple[int, bool]:
    """Return where the line ends that an offset is in, behind its line break, and whether it has one.

    If it has not ended at `stop`, that it has not is all that is told.
    """
    while (stop is None or offset < stop) and (chunk := segment.read(offset, CHUNK_BYTES)):
        position = chunk.find(_LINE_BREAK)
        if position >= 0:
            return offset + position + 1, True
        offset += len(chunk)
    return offset, False


def read_entries(
    segment: Segment, offset: int, first_stamp: int | None, limit_bytes: int, *, is_live: bool
) -> Iterator[Entry]:
    """Read entries from an offset at which a line begins.

    `first_stamp` is where the first stamp of the file is; the lines before it are an entry each, and so are
    all lines of a file that has none. At any other offset lines without a stamp are read as one entry: they
    belong to what stands before the offset. Where a file is still being written, or is damaged, a last line
    that is not ended stands for itself: it is not known what it will be.
    """
    first: Line | None = None
    texts: list[bytes] = []
    stamp: Stamp | None = None
    held = end = 0
    is_ended = True
    for line in read_lines(segment, offset):
        line_stamp = read_stamp(line.text)
        is_cut_off = not line.is_ended and (is_live or segment.damage is not None)
        is_alone = first_stamp is None or line.start <= first_stamp or is_cut_off
        if first is not None and (line_stamp is not None or is_alone):
            yield _entry(first, end, texts, stamp, held, is_ended=is_ended)
            first = None
        if first is None:
            first, texts, stamp, held = line, [], line_stamp, 0
        room = limit_bytes - held
        if room > 0:
            texts.append(line.text[:room])
        held += line.end - line.start
        end, is_ended = line.end, line.is_ended
    if first is not None:
        yield _entry(first, end, texts, stamp, held, is_ended=is_ended)


def _entry(
    first: Line, end: int, texts: list[bytes], stamp: Stamp | None, held: int, *, is_ended: bool
) -> Entry:
    raw = _LINE_BREAK.join(texts)
    is_cut = len(raw) < held - (1 if is_ended else 0)
    return Entry(first.start, end, raw, stamp, is_cut, is_ended)


def previous_start(
    segment: Segment, offset: int, first_stamp: int | None, block_bytes: int, low: int = 0
) -> int:
    """Return the start of an entry about a block before an offset, or `low`, where one begins.

    From there `read_entries` gives the entries before the offset: those of a block, or one that is larger.
    """
    end = offset
    while end > low:
        start = max(end - block_bytes, low)
        first_line = start if start == low else _end_of_line(segment, start - 1, end)[0]
        if first_line < end:
            if first_stamp is None or first_line <= first_stamp:
                return first_line
            for line in read_lines(segment, first_line):
                if line.start >= end:
                    break
                if read_stamp(line.text) is not None:
                    return line.start
        end = start
        block_bytes *= 2  # an entry of many blocks is not read once for each
    return low


def next_start(segment: Segment, offset: int, first_stamp: int | None, stop: int) -> int:
    """Return where the first entry begins behind an offset, or `stop`, where one begins."""
    for line in read_lines(segment, _end_of_line(segment, offset, stop)[0]):
        if line.start >= stop:
            break
        is_alone = first_stamp is None or line.start <= first_stamp
        if is_alone or read_stamp(line.text) is not None:
            return line.start
    return stop
