"""A solution as a folder with a Procfile."""

import os
import sys
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

from kata.errors import LaunchError, TargetError, TooSlowError
from kata.solution.process import ManagedProcess
from kata.solution.procfile import read_procfile
from kata.system.child import OnLine, describe_exit
from kata.system.ports import HOST, free_port

# All that a process gets from the user's shell: who and where it is, and where languages keep their tools. A
# LIMIT or a DATABASE_URL that happens to be exported there must not reach it.
_INHERITED = (
    *("HOME", "LANG", "LC_ALL", "LC_CTYPE", "LOGNAME", "PATH", "SHELL", "TMPDIR", "USER", "VIRTUAL_ENV"),
    *("CARGO_HOME", "DOTNET_ROOT", "GEM_HOME", "GOCACHE", "GOMODCACHE", "GOPATH", "JAVA_HOME", "NVM_DIR"),
    *("PYENV_ROOT", "RUSTUP_HOME", "COVERAGE_FILE", "COVERAGE_PROCESS_CONFIG"),
)


class ProcfileTarget:
    """A folder with a Procfile, whose processes find the programs of its dependencies on PATH."""

    proxy_host = HOST
    dependency_host = HOST

    def __init__(
        self,
        directory: Path,
        on_line: OnLine | None = None,
        release_timeout_seconds: float = 60.0,
        *,
        programs: Path | None = None,
    ) -> None:
        self.directory = directory.absolute()
        self.commands = read_procfile(self.directory)
        # The reference, or a mutant of it, runs in the workspace's environment, whichever is active.
        is_reference = (self.directory / "mutants.toml").is_file()
        self._own = {"VIRTUAL_ENV": sys.prefix} if is_reference else {}
        self._programs = programs
        self._on_line = on_line
        self._release_timeout_seconds = release_timeout_seconds
        self._counts: defaultdict[str, int] = defaultdict(int)
        self._instances: list[ProcfileInstance] = []

    def start(self, process_type: str, env: Mapping[str, str]) -> "ProcfileInstance":
        """Start one process of this type; `web` gets PORT, a free one unless `env` says which."""
        command = self.commands.get(process_type)
        if command is None:
            raise TargetError(f"{self.directory / 'Procfile'} has no line `{process_type}:`")
        self._counts[process_type] += 1
        name = f"{process_type}.{self._counts[process_type]}"
        port = int(env.get("PORT") or free_port()) if process_type == "web" else None
        instance = ProcfileInstance(
            name, command, self.directory, self._environment(env, port), self._on_line
        )
        instance.url = f"http://{HOST}:{port}" if port else None
        self._instances.append(instance)
        instance.restart()
        return instance

    def release(self, env: Mapping[str, str]) -> None:
        """Run the Procfile's `release:` line, if there is one."""
        command = self.commands.get("release")
        if command is None:
            return
        environment = self._environment(env)
        process = ManagedProcess("release", command, self.directory, environment, self._on_line)
        try:
            _start(process)
            exit_code = process.wait(self._release_timeout_seconds)
        finally:
            process.kill()
        if exit_code is None:
            raise TooSlowError(
                f"release did not finish within {self._release_timeout_seconds:g} s", process.output()
            )
        if exit_code != 0:
            raise TargetError(f"release {describe_exit(exit_code)}", process.output())

    def _environment(self, env: Mapping[str, str], port: int | None = None) -> dict[str, str]:
        environment = process_environment({**self._own, **env}, port)
        if self._programs is not None:  # in front: pg_dump refuses a server that is newer than itself
            environment["PATH"] = f"{self._programs}{os.pathsep}{environment['PATH']}"
        return environment

    def close(self) -> None:
        """Kill what still runs; a clean stop is each instance's terminate()."""
        for instance in reversed(self._instances):
            instance.kill()
        self._instances.clear()


class ProcfileInstance(ManagedProcess):
    """A process group started from a line of a Procfile."""

    url: str | None = None

    def restart(self) -> None:
        """Start it again with what it had, after a stop if it runs."""
        if self.alive:
            self.terminate()
        _start(self)


def process_environment(env: Mapping[str, str], port: int | None = None) -> dict[str, str]:
    """Return a process's whole environment: a clean base, `env` over it, and PORT only where one is given."""
    base = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    base.setdefault("PATH", os.defpath)
    base.setdefault("LANG", "C.UTF-8")
    # Python holds back what it prints to a pipe: the last words of a killed process would be lost.
    base.update(TZ="UTC", PYTHONUNBUFFERED="1")
    merged = {**base, **env}
    merged.pop("PORT", None)
    return merged if port is None else {**merged, "PORT": str(port)}


def _start(process: ManagedProcess) -> None:
    try:
        process.start()
    except LaunchError as error:
        raise TargetError(str(error), process.output()) from error
