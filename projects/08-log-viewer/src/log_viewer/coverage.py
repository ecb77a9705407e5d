"""The account of an answer: which bytes it rests on, which were left out, and why."""

from dataclasses import dataclass, field
from typing import Literal

from log_viewer.segments import Damage

type Stop = Literal["limit", "budget"]
type Reason = Damage | Literal["unfinished_line", "entry_limit", "other_times", "other_text"]
type Span = tuple[int, int]


@dataclass(slots=True)
class FileCoverage:
    """What was read of one file, and what was not, and why."""

    name: str
    read: list[Span] = field(default_factory=list)
    skipped: list[tuple[int, int, Reason]] = field(default_factory=list)

    def add(self, start: int, end: int) -> None:
        if self.read and self.read[-1][1] == start:
            self.read[-1] = (self.read[-1][0], end)
        elif self.read and self.read[-1][0] == end:
            self.read[-1] = (start, self.read[-1][1])
        else:
            self.read.append((start, end))

    def skip(self, start: int, end: int, reason: Reason) -> None:
        if self.skipped and self.skipped[-1][2] == reason:
            low, high, _ = self.skipped[-1]
            if high == start or end == low:
                self.skipped[-1] = (min(low, start), max(high, end), reason)
                return
        self.skipped.append((start, end, reason))


@dataclass(slots=True)
class Coverage:
    """The account of one answer."""

    stopped_by: Stop | None = None
    undated: int = 0
    late: int = 0
    files: dict[int, FileCoverage] = field(default_factory=dict)

    def include(self, other: "Coverage") -> None:
        """Add the account of another reading of the same stream."""
        self.undated += other.undated
        self.late += other.late
        for number, file in other.files.items():
            own = self.files.setdefault(number, FileCoverage(file.name))
            for start, end in file.read:
                own.add(start, end)
            own.skipped += file.skipped

    @property
    def is_complete(self) -> bool:
        """Tell whether every byte that the query is about was read, or is known to have nothing for it."""
        left_out = (reason for file in self.files.values() for _, _, reason in file.skipped)
        return self.stopped_by is None and all(reason in {"other_times", "other_text"} for reason in left_out)
