"""Entries of several streams in the order of their instants; what has no time comes last.

No stream is believed to be in order. The time index of each file has the earliest and the latest instant of
every block: blocks are read by these, and a page is whole when no block that is left can have an entry that
belongs on it. So a late line costs a block more, and not the whole file.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from log_viewer.budget import Budget
from log_viewer.coverage import Coverage, FileCoverage
from log_viewer.dated_file import DatedFile
from log_viewer.entries import Dated
from log_viewer.errors import TooDisorderedError
from log_viewer.filters import Filter
from log_viewer.index import UNDATED, Block
from log_viewer.runs import learn_times
from log_viewer.scan import Found, unfinished

type Key = tuple[int, int, int]
"""Where an entry stands in the order: its instant, the number of its file, its offset in there."""

_BEFORE_ALL: Final = (-2 * UNDATED, 0, 0)
_NO_END: Final = 1 << 62


@dataclass(frozen=True, slots=True)
class Part:
    """A block of a file; none of its entries comes before the bound."""

    number: int
    start: int
    end: int
    bound: Key


class Merge:
    """One reading of the files of several streams, from the first to the last instant or back."""

    def __init__(
        self, files: Sequence[DatedFile], wanted: Filter, budget: Budget, *, is_backward: bool
    ) -> None:
        self._files = files
        self._wanted = wanted
        self._budget = budget
        self._is_backward = is_backward
        self._blocks: list[list[Block]] = []
        self._best: list[tuple[Key, Found]] = []
        self._first_seen: Key | None = None
        self._has_learnt = False
        self.coverage = Coverage()
        self.found: list[Found] = []

    def learn(self) -> bool:
        """Bring all indices to the ends of the files. False if the budget did not last."""
        before = self._budget.bytes_left
        if all(file.learn_years(self._budget) and learn_times(file, self._budget) for file in self._files):
            self._has_learnt = self._budget.bytes_left < before
            return True
        self.coverage.stopped_by = "budget"
        return False

    def key(self, number: int, dated: Dated) -> Key:
        return UNDATED if dated.instant is None else dated.instant, number, dated.entry.start

    def read(self, origin: Key | None, limit: int) -> Key | None:
        """Find the entries from a place on, or before it; return the key of the next.

        None at the end, and where the budget was spent before there was any progress.
        Raises: TooDisorderedError, where there would not be any the next time either.
        """
        self._blocks = [_blocks(file) for file in self._files]
        taken: set[tuple[int, int]] = set()
        following: Key | None = None
        for part in self._parts(origin):
            if len(self._best) > limit and part.bound > self._best[limit][0]:
                break
            entries = self._entries(part)
            if self._budget.is_spent:
                following = self._stop(part, entries, origin)
                if following is not None or self._budget.is_late:
                    self.coverage.stopped_by = "budget"
                    self._best = [one for one in self._best if following is not None and one[0] < following]
                    break
            self._take(part, entries, origin, limit)
            taken.add((part.number, part.start))
        if len(self._best) > limit:
            self.coverage.stopped_by = "limit"
            following = self._best[limit][0]
        self.found = [found for _, found in self._best[:limit]][:: -1 if self._is_backward else 1]
        self._skip_others(taken)
        return None if following is None else self._signed(following)

    def _signed(self, key: Key) -> Key:
        """Turn the order round for who reads backward, and back: the least key comes first either way."""
        return (-key[0], -key[1], -key[2]) if self._is_backward else key

    def _is_ahead(self, key: Key, origin: Key | None) -> bool:
        return origin is None or (key < origin if self._is_backward else key >= origin)

    def _parts(self, origin: Key | None) -> list[Part]:
        parts: list[Part] = []
        for number, file in enumerate(self._files):
            parts += [
                Part(number, block.start, block.end, self._bound(number, block))
                for block in self._blocks[number]
                if self._may_have(number, block, origin)
            ]
            size_bytes = file.segment.size_bytes
            if size_bytes is None or size_bytes > file.indexed_bytes:  # a last line that is not ended
                parts.append(Part(number, file.indexed_bytes, _NO_END, _BEFORE_ALL))
        return sorted(parts, key=lambda part: part.bound)

    def _bound(self, number: int, block: Block) -> Key:
        last = block.latest, number, block.end
        return self._signed(last if self._is_backward else (block.earliest, number, block.start))

    def _may_have(self, number: int, block: Block, origin: Key | None) -> bool:
        since, until = self._wanted.since, self._wanted.until
        if self._wanted.has_range and (block.low is None or block.high is None):
            return False
        if since is not None and block.latest < since:
            return False
        if until is not None and block.earliest >= until:
            return False
        farthest = (
            (block.earliest, number, block.start) if self._is_backward else (block.latest, number, block.end)
        )
        return self._is_ahead(farthest, origin)

    def _entries(self, part: Part) -> list[Dated]:
        entries: list[Dated] = []
        for dated in self._files[part.number].entries(part.start):
            if dated.entry.start >= part.end:
                break
            entries.append(dated)
        return entries

    def _stop(self, part: Part, entries: list[Dated], origin: Key | None) -> Key | None:
        """Return the key at which one can stop: what was not read has none that comes before it.

        It is the first of the next part, unless nothing that was read comes before it: there is no gain then.
        """
        keys = (self.key(part.number, dated) for dated in entries)
        first = min((self._signed(key) for key in keys if self._is_ahead(key, origin)), default=_BEFORE_ALL)
        seen = self._first_seen
        if first[0] == part.bound[0] and seen is not None and seen < first:
            return first
        if self._budget.is_late and not self._has_learnt:
            raise TooDisorderedError
        return None

    def _take(self, part: Part, entries: list[Dated], origin: Key | None, limit: int) -> None:
        file, account = self._files[part.number], self._account(part.number)
        found: list[tuple[Key, Found]] = []
        place = part.start
        for dated in entries:
            entry = dated.entry
            if not entry.is_ended and (reason := unfinished(file)):
                account.skip(entry.start, entry.end, reason)
                break
            end = min(entry.end, part.end)
            kept = min(entry.start + len(entry.raw), end) if entry.is_cut else end
            account.add(entry.start, kept)
            if kept < end:
                account.skip(kept, end, "entry_limit")
            self._budget.spend(end - entry.start)
            place = end
            if entry.start == part.start and file.continues(entry):
                continue  # it is in the entry that ends the block before
            self.coverage.undated += dated.instant is None
            self.coverage.late += dated.is_late
            key = self.key(part.number, dated)
            if not self._is_ahead(key, origin):
                continue
            signed = self._signed(key)
            self._first_seen = signed if self._first_seen is None else min(self._first_seen, signed)
            if self._wanted.accepts(dated):
                found.append((signed, Found(part.number, dated)))
        else:
            if part.end == _NO_END and file.segment.damage:
                account.skip(place, place, file.segment.damage)
        self._best = sorted(self._best + found, key=lambda one: one[0])[: limit + 1]

    def _skip_others(self, taken: set[tuple[int, int]]) -> None:
        """Account for what the index has ruled out, or what comes later in the order."""
        for number, blocks in enumerate(self._blocks):
            account = self._account(number)
            account.read = _joined(account.read)
            others = [(block.start, block.end) for block in blocks if (number, block.start) not in taken]
            for start, end in _joined(others):
                account.skip(start, end, "other_times")

    def _account(self, number: int) -> FileCoverage:
        name = self._files[number].segment.file.name
        return self.coverage.files.setdefault(number, FileCoverage(name))


def _blocks(file: DatedFile) -> list[Block]:
    """Return the blocks of a file up to where it ended when it was opened."""
    size_bytes = file.segment.size_bytes
    return [block for block in file.blocks() if size_bytes is None or block.start < size_bytes]


def _joined(spans: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    joined: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if joined and joined[-1][1] == start:
            joined[-1] = (joined[-1][0], end)
        else:
            joined.append((start, end))
    return joined
