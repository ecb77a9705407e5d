"""Processes that others have started: groups, and what the system knows by its command line."""

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
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


def command_lines() -> list[tuple[int, str]]:
    if sys.platform != "linux":
        listing = subprocess.run(
            ["/bin/ps", "-axo", "pid=,command="], capture_output=True, text=True, check=True
        )
        return [(int(line.split()[0]), line) for line in listing.stdout.splitlines()]
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):  # not ps, which small images do not have
        with suppress(OSError):  # it ended while we looked
            found.append((int(path.parent.name), path.read_text(errors="replace")))
    return found


def signal_all(pids: Sequence[int], number: signal.Signals) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, number)
