"""How much processor time the machine has given, and how much of it to this verification."""

import os
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

# proc(5), /proc/stat: idle and iowait are the fourth and the fifth, and guests are counted as users already.
_IDLE: Final = (3, 4)
_COUNTED: Final = 8
# /proc/PID/stat, behind the name: the parent; utime, stime, and those of the children that were waited for.
_PARENT: Final = 1
_TIMES: Final = slice(11, 15)
_OURS: Final = "kata"


@dataclass(frozen=True)
class Usage:
    """What was used until now, in seconds of processor time."""

    at: float
    all_seconds: float
    own_seconds: float

    @classmethod
    def now(cls) -> Self | None:
        """Measure; None where the system has no /proc."""
        try:
            ticks = os.sysconf("SC_CLK_TCK")
            fields = [int(field) for field in Path("/proc/stat").read_text().split()[1 : _COUNTED + 1]]
            used = sum(fields) - sum(fields[index] for index in _IDLE)
            return cls(time.monotonic(), used / ticks, sum(_ticks_of_ours()) / ticks)
        except (OSError, ValueError, IndexError):
            return None

    def share_of_others(self, since: Self) -> float:
        """Return which part of all processors went to processes that are not ours: from 0 to 1."""
        seconds = (self.at - since.at) * (os.cpu_count() or 1)
        others = (self.all_seconds - since.all_seconds) - (self.own_seconds - since.own_seconds)
        return min(1.0, max(0.0, others / seconds)) if seconds > 0 else 0.0


def _ticks_of_ours() -> Iterator[int]:
    """Yield the times of the outermost kata that this process belongs to, and of all that it has started."""
    times, children, parents = {}, defaultdict(list), {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError, ValueError):  # it ended while we looked
            fields = path.read_text().rpartition(")")[2].split()
            pid, parent = int(path.parent.name), int(fields[_PARENT])
            times[pid] = sum(map(int, fields[_TIMES]))
            parents[pid] = parent
            children[parent].append(pid)
    ours = [_outermost(parents)]
    for pid in ours:
        ours += children[pid]
        yield times.get(pid, 0)


def _outermost(parents: dict[int, int]) -> int:
    pid = os.getpid()
    while (parent := parents.get(pid, 0)) and _is_kata(parent):
        pid = parent
    return pid


def _is_kata(pid: int) -> bool:
    with suppress(OSError):
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")[:3]
        return any(Path(os.fsdecode(word)).name == _OURS for word in words)
    return False
