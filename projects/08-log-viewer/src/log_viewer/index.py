"""Where in a file which times are: a sparse index that grows while the file is read.

For each block of entries it holds the earliest and the latest instant. So it can say which blocks a range of
time may be in without believing that time only grows: a block is left out only if all of its entries lie
outside. Before the first block whose instants reach the range nothing does: bisection finds it, and from
there each block is looked at.
"""

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

BLOCK_BYTES: Final = 16 * 1024
MOST_AT_ONCE: Final = 64  # blocks in a stretch: a page seldom needs more
UNDATED: Final = 1 << 80  # behind every instant: where what has no time is put in order


@dataclass(slots=True)
class Block:
    """Entries that stand together, and the span of their instants; none if no entry has one."""

    start: int
    end: int
    low: int | None = None
    high: int | None = None
    has_undated: bool = False

    @property
    def earliest(self) -> int:
        return UNDATED if self.low is None else self.low

    @property
    def latest(self) -> int:
        return UNDATED if self.high is None or self.has_undated else self.high


class TimeIndex:
    """The blocks of one file, as far as it was read."""

    def __init__(self) -> None:
        self.end = 0
        self._blocks: list[Block] = []
        self._highest: list[int] = []  # the latest instant up to each block: it never falls

    def observe(self, start: int, end: int, instant: int | None) -> None:
        """Take in the next entry: it begins where the index ends."""
        if not self._blocks or start - self._blocks[-1].start >= BLOCK_BYTES:
            self._blocks.append(Block(start, start))
            self._highest.append(self._highest[-1] if self._highest else -1)
        block = self._blocks[-1]
        block.end = self.end = end
        if instant is None:
            block.has_undated = True
        else:
            block.low = instant if block.low is None else min(block.low, instant)
            block.high = instant if block.high is None else max(block.high, instant)
            self._highest[-1] = max(self._highest[-1], instant)

    def add(self, block: Block) -> None:
        """Take in the entries of a block at once: it begins where the index ends."""
        self._blocks.append(block)
        self._highest.append(max([*self._highest[-1:], -1 if block.high is None else block.high]))
        self.end = block.end

    def blocks(self) -> list[Block]:
        """Return the blocks as they are now: the last of them may still grow."""
        return [*self._blocks[:-1], *(replace(block) for block in self._blocks[-1:])]

    def spans(
        self, since: int | None, until: int | None, most_at_once: int = MOST_AT_ONCE
    ) -> Iterator[tuple[int, int]]:
        """Yield the stretches in which entries of [since, until) may be, of blocks that touch."""
        # Before this block nothing reaches `since`, whatever the order is.
        first = bisect_left(self._highest, since) if since is not None else 0
        start = end = joined = 0
        for block in self._blocks[first:]:
            if block.low is None or block.high is None:
                continue
            if (since is not None and block.high < since) or (until is not None and block.low >= until):
                continue
            if joined and (end != block.start or joined == most_at_once):
                yield start, end
                joined = 0
            if not joined:
                start = block.start
            end = block.end
            joined += 1
        if joined:
            yield start, end
