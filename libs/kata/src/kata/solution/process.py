"""A line of a Procfile, as a process."""

import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import override

from kata.system.child import ChildProcess, OnLine
from kata.system.spawned import Detached, Spawned

# One program with its settings before it and nothing after it: no `;`, `|`, `&` other than in `2>&1`.
_SIMPLE_COMMAND = re.compile(
    r"(?P<assignments>(?:[A-Za-z_]\w*=[^\s'\"`;|&()]*\s+)*)"
    r"(?P<program>[\w./-]+)"
    r"(?P<arguments>(?:\s(?:[^;|&\n]|(?<=>)&)*)?)"
)
_SHELL_WORDS = frozenset(
    {".", "cd", "eval", "exec", "exit", "export", "read", "set", "trap", "ulimit", "wait"}
)


class ManagedProcess(ChildProcess):
    """A line of a Procfile, run by `sh -c` as foreman and honcho do.

    The shell is replaced by the command where that is a single one. Otherwise (`cd app && ./run`) SIGTERM
    ends the shell before its child and the exit code is the shell's, unless the line says `exec` itself.
    `env` is the whole environment. Its PATH gets the running interpreter's folder in front, so that `python`
    in a Procfile is the workspace's, unless the user has another virtual environment active.
    """

    def __init__(
        self, name: str, command: str, cwd: Path, env: Mapping[str, str], on_line: OnLine | None = None
    ) -> None:
        super().__init__(
            name, ["sh", "-c", replacing_the_shell(command)], cwd, _with_interpreter(env), on_line
        )

    @override
    def _spawn(self) -> Spawned:
        """Start it where nothing above it tells who judges it."""
        return Detached(self._argv, self._cwd, self._env, self._death_signal)


def replacing_the_shell(command: str) -> str:
    """Put `exec` into a line that is a single command, so that signals reach it and not a shell around it."""
    simple = _SIMPLE_COMMAND.fullmatch(command)
    if simple is None or simple["program"] in _SHELL_WORDS:
        return command
    return f"{simple['assignments']}exec {simple['program']}{simple['arguments']}"


def _with_interpreter(env: Mapping[str, str]) -> dict[str, str]:
    active = env.get("VIRTUAL_ENV")
    if active and Path(active) != Path(sys.prefix):
        return dict(env)
    folder = str(Path(sys.executable).parent)
    path = env.get("PATH", os.defpath)
    return {**env, "PATH": f"{folder}{os.pathsep}{path}"}
