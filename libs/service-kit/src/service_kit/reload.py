"""Runs a command, and again after each edit: `python -m service_kit.reload src -- python -m greeter`.

For development only. It polls, because a folder that is mounted into a container sends no events.
"""

import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

POLL_SECONDS = 0.5
# As long as a supervisor waits between SIGTERM and SIGKILL.
STOP_SECONDS = 10.0


def fingerprint(folders: Sequence[Path]) -> frozenset[tuple[str, int]]:
    """Return all that is below the folders with the time of its last change, compiled Python left out."""
    found = set()
    for path in (path for folder in folders for path in folder.rglob("*") if path.suffix != ".pyc"):
        with suppress(FileNotFoundError):  # a temporary file of an editor, gone again
            found.add((str(path), path.stat().st_mtime_ns))
    return frozenset(found)


def run(folders: Sequence[Path], command: Sequence[str], stop: threading.Event) -> None:
    """Run the command until `stop` is set; one that ends by itself is started again after the next edit."""
    while not stop.is_set():
        seen = fingerprint(folders)
        child = subprocess.Popen(command)  # noqa: S603 - what the developer asked for
        while not stop.wait(POLL_SECONDS) and fingerprint(folders) == seen:
            pass
        child.terminate()
        try:
            child.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


def main(arguments: Sequence[str]) -> None:
    """Run what the arguments say until SIGTERM or SIGINT."""
    if "--" not in arguments[1:-1]:
        raise SystemExit("usage: python -m service_kit.reload FOLDER... -- COMMAND...")
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    end = arguments.index("--")
    run([Path(folder) for folder in arguments[:end]], arguments[end + 1 :], stop)


if __name__ == "__main__":
    main(sys.argv[1:])
