"""The Procfile: one line for each type of process, `web: command`."""

import re
from pathlib import Path

from kata.errors import ProcfileError

_LINE = re.compile(r"(?P<process_type>[A-Za-z0-9_-]+)\s*:\s*(?P<command>.*)")


def parse_procfile(text: str) -> dict[str, str]:
    """Return the command of each process type, in the order of the file; comments start with #.

    Raises: ProcfileError, which names the line.
    """
    commands: dict[str, str] = {}
    for number, raw in enumerate(text.removeprefix("\ufeff").splitlines(), start=1):
        line = raw.strip()
        if not line or line.startswith("#"):
            continue
        match = _LINE.fullmatch(line)
        if match is None:
            raise ProcfileError(f"Procfile, line {number}: expected `type: command`, got `{line}`")
        process_type, command = match["process_type"], match["command"]
        if not command:
            raise ProcfileError(f"Procfile, line {number}: `{process_type}` has no command")
        if process_type in commands:
            raise ProcfileError(f"Procfile, line {number}: `{process_type}` is there twice")
        commands[process_type] = command
    if not commands:
        raise ProcfileError("the Procfile names no process; it needs at least a line `web: command`")
    return commands


def read_procfile(directory: Path) -> dict[str, str]:
    """Return the commands of the folder's Procfile.

    Raises: ProcfileError, with the path.
    """
    path = directory / "Procfile"
    if not directory.is_dir():
        raise ProcfileError(f"{directory} is not a folder")
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ProcfileError(
            f"{directory} has no Procfile; it needs a line `web: <the command that starts your server>`"
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise ProcfileError(f"{path} can't be read: {error}") from error
    try:
        return parse_procfile(text)
    except ProcfileError as error:
        raise ProcfileError(f"{directory}: {error}") from error
