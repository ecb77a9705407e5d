"""`kata watch`."""

import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from kata.catalog.projects import find_project
from kata.commands.arguments import Number, Only, Step, chosen, existing_folder
from kata.commands.verify import verify_aloud
from kata.options import Options

LEFT_OUT = {
    *(".git", ".venv", ".data", "node_modules", "target", "build", "dist", "obj"),
    *("__pycache__", ".pytest_cache", ".mypy_cache", ".ruff_cache"),
}
_DIGITS = re.compile(r"\d+")  # of a log that has a number or a time in its name


def fingerprint(directory: Path) -> frozenset[tuple[str, int, int]]:
    """Return path, size and modification time of every file below the folder, build products left out."""
    files = set()
    for folder, folders, names in directory.walk():
        folders[:] = [name for name in folders if name not in LEFT_OUT]
        for name in names:
            try:
                status = (folder / name).stat()
            except FileNotFoundError:  # a temporary file of an editor, gone again
                continue
            files.add((str(folder / name), status.st_size, status.st_mtime_ns))
    return frozenset(files)


def changes(directory: Path, *, poll_seconds: float = 0.5) -> Iterator[None]:
    """Yield once at once, and again after each change; polling, because network mounts send no events.

    A file that changes while nobody looks counts too. But what does so twice in a row is the solution's own
    log, and counts only when nothing runs.
    """
    earlier = own = frozenset[str]()
    while True:
        before = fingerprint(directory)
        yield
        after = fingerprint(directory)
        changed = frozenset(_DIGITS.sub("", path) for path, _, _ in before ^ after)
        earlier, own = changed, own | (changed & earlier)
        if changed <= own:
            while fingerprint(directory) == after:
                time.sleep(poll_seconds)


def watch(
    number: Number,
    *,
    directory: Annotated[Path, typer.Option("--dir", help="The folder with the Procfile.")],
    only: Only = None,
    step: Step = None,
) -> None:
    """Verify again whenever a file of the folder changes (by polling: it works on network mounts)."""
    project = find_project(number)
    options = Options(directory=existing_folder(directory), only=chosen(only), step=step, extensions=False)
    for _ in changes(directory):
        print(f"--- {time.strftime('%H:%M:%S')} ---")
        verify_aloud(project, options)
