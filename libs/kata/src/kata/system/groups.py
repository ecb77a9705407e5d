"""Process groups: a leader, and whatever it has started."""

import os
import signal
import sys
from contextlib import suppress
from pathlib import Path


def signal_group(group: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError, PermissionError):  # macOS: EPERM for a group of zombies
        os.killpg(group, number)


def group_runs(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except (ProcessLookupError, PermissionError):
        return False
    if sys.platform != "linux":
        return True
    # Zombies count for killpg, and in a container the first process may never reap them.
    return any(runs_in(stat, group) for stat in Path("/proc").glob("[0-9]*/stat"))


def runs_in(stat: Path, group: int) -> bool:
    try:
        state, _, its_group = stat.read_text().rpartition(")")[2].split()[:3]
    except OSError:  # it ended while we looked
        return False
    return int(its_group) == group and state != "Z"
