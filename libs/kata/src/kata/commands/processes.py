"""The processes of `kata run`: started together, watched together, and with --reload anew after each edit."""

import os
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

from kata.catalog.members import libs_below, load_member
from kata.commands.console import Console
from kata.commands.watch import fingerprint
from kata.errors import LaunchError, TargetError
from kata.servers.embedded import EmbeddedServer
from kata.solution.procfile_target import ProcfileInstance, ProcfileTarget
from kata.solution.readiness import wait_until_ready
from kata.system.child import describe_exit

_READY_TIMEOUT_SECONDS = 30.0
_STOP_TIMEOUT_SECONDS = 10.0
_WATCH_SECONDS = 0.1
_POLL_SECONDS = 0.5
_WAITS = "; waiting for the next edit"
_AGAIN = "it runs again"


class Processes:
    """All that the Procfile names; its release is run first, each time."""

    def __init__(
        self, target: ProcfileTarget, settings: Mapping[str, str], stack: ExitStack, console: Console
    ) -> None:
        self._target = target
        self._settings = settings
        self._instances: dict[str, ProcfileInstance] = {}
        self._console = console
        stack.callback(target.close)  # kills what an interrupted start may have left
        stack.callback(self.stop)

    @property
    def instances(self) -> list[ProcfileInstance]:
        return list(self._instances.values())

    def start(self) -> None:
        """Start all of them, anew if they run, and wait until they are ready.

        Raises:
            TargetError: one of them could not be started, or has ended.

        """
        self.stop()
        self._target.release(self._settings)
        for process_type in self._target.commands:
            if process_type in self._instances:
                self._instances[process_type].restart()
            elif process_type != "release":
                self._instances[process_type] = self._target.start(process_type, self._settings)
        for instance in self.instances:
            if instance.url is not None:
                wait_until_ready(instance, timeout_seconds=_READY_TIMEOUT_SECONDS)

    def stop(self) -> None:
        """Stop them, the last first."""
        for instance in reversed(self.instances):
            was_alive = instance.alive
            if instance.terminate(_STOP_TIMEOUT_SECONDS) is None and was_alive:
                self._console.say(
                    f"{instance.name} did not stop within {_STOP_TIMEOUT_SECONDS:g} s and was killed"
                )

    def watch(self, servers: Sequence[EmbeddedServer]) -> None:
        """Return when nobody reads the output any more.

        Raises:
            KataError: a process or a server has ended by itself.

        """
        while not self._console.closed:
            demand_alive(servers)
            for instance in self.instances:
                if not instance.alive:
                    raise TargetError(f"{instance.name} {describe_exit(instance.exit_code)}")
            time.sleep(_WATCH_SECONDS)

    def watch_and_reload(
        self, servers: Sequence[EmbeddedServer], folders: Sequence[Path], welcome: str
    ) -> None:
        """Start, and again after each edit below the folders; what ends by itself waits for the next edit."""
        seen: Fingerprint = frozenset()
        dead: set[str] = set()
        while not self._console.closed:
            demand_alive(servers)
            now = fingerprint_of(folders)
            if now != seen:
                if seen:
                    self._console.say(f"{changed_file(seen, now)} has changed: starting again")
                seen = now
                if self._try_to_start(welcome):
                    welcome, dead = _AGAIN, set()
                else:
                    dead = {instance.name for instance in self.instances if not instance.alive}
            for instance in self.instances:
                if not instance.alive and instance.name not in dead:
                    dead.add(instance.name)
                    self._console.say(f"{instance.name} {describe_exit(instance.exit_code)}{_WAITS}")
            time.sleep(_POLL_SECONDS)

    def _try_to_start(self, welcome: str) -> bool:
        try:
            self.start()
        except TargetError as error:
            self._console.say(f"{error}{_WAITS}")
            return False
        self._console.say(welcome)
        return True


type Fingerprint = frozenset[tuple[str, int, int]]


def watched_folders(project: Path, root: Path) -> list[Path]:
    """Return the folders of all that the project is made of: itself, and the libs that it depends on."""
    return [project, *(lib.path / "src" for lib in libs_below(load_member(project), root))]


def fingerprint_of(folders: Sequence[Path]) -> Fingerprint:
    return frozenset().union(*map(fingerprint, folders))


def changed_file(before: Fingerprint, after: Fingerprint) -> str:
    """Name the first of the files that differ."""
    return os.path.relpath(min(before ^ after)[0])


def demand_alive(servers: Sequence[EmbeddedServer]) -> None:
    for server in servers:
        if not server.alive:
            raise LaunchError(f"{server.label} {describe_exit(server.exit_code)}")
