"""What is judged: a solution whose processes can be started, stopped and broken, however it is packaged."""

import asyncio
import os
import time
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

import httpx

from kata.embedded import HOST
from kata.errors import LaunchError, ProcfileError, TargetError
from kata.ports import free_port
from kata.process import ManagedProcess, OnLine, describe_exit
from kata.procfile import parse_procfile

_READY_POLL_SECONDS = 0.03
_READY_ANSWER_SECONDS = 2.0
_SHOWN_BODY_CHARACTERS = 120

# All that a process gets from the user's shell: who and where it is, and where languages keep their tools. A
# LIMIT or a DATABASE_URL that happens to be exported there must not reach it.
_INHERITED = (
    *("HOME", "LANG", "LC_ALL", "LC_CTYPE", "LOGNAME", "PATH", "SHELL", "TMPDIR", "USER", "VIRTUAL_ENV"),
    *("CARGO_HOME", "DOTNET_ROOT", "GEM_HOME", "GOCACHE", "GOMODCACHE", "GOPATH", "JAVA_HOME", "NVM_DIR"),
    *("PYENV_ROOT", "RUSTUP_HOME"),
)


class Instance(Protocol):
    """One running process (or container) of a solution."""

    @property
    def name(self) -> str:
        """`web.1`, `web.2`, `worker.1`."""

    @property
    def url(self) -> str | None:
        """Where it answers; None for a process that is not web."""

    @property
    def alive(self) -> bool:
        """True while it runs, paused or not."""

    @property
    def exit_code(self) -> int | None:
        """None while it runs; the negative signal number if a signal ended it."""

    def output(self) -> list[str]:
        """Return the last lines that it wrote, over all its starts."""

    def terminate(self, timeout_seconds: float = 10.0) -> int | None:
        """Ask it to stop (SIGTERM) and wait; return its exit code, or None if it had to be killed."""

    def kill(self) -> None:
        """End it with SIGKILL."""

    def pause(self) -> None:
        """Freeze it: its connections stay open and nothing answers."""

    def resume(self) -> None:
        """Let it go on."""

    def restart(self) -> None:
        """Start it again, with the same environment on the same port; stop it first if it runs."""


class Target(Protocol):
    """A solution: something that can be started any number of times."""

    @property
    def proxy_host(self) -> str:
        """The address on which the verifier's proxies must listen for the solution to reach them."""

    @property
    def dependency_host(self) -> str:
        """The host name by which the solution reaches those proxies."""

    def start(self, process_type: str, env: Mapping[str, str]) -> Instance:
        """Start one process of this type; its readiness is not waited for."""

    def release(self, env: Mapping[str, str]) -> None:
        """Run the migrations or whatever else has to precede the first process."""

    def close(self) -> None:
        """End everything that was started here."""


class ProcfileTarget:
    """A folder with a Procfile."""

    proxy_host = HOST
    dependency_host = HOST

    def __init__(
        self, directory: Path, on_line: OnLine | None = None, release_timeout_seconds: float = 60.0
    ) -> None:
        self.directory = directory.absolute()
        self.commands = read_procfile(self.directory)
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
            name, command, self.directory, process_environment(env, port), self._on_line
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
        process = ManagedProcess("release", command, self.directory, process_environment(env), self._on_line)
        try:
            _start(process)
            exit_code = process.wait(self._release_timeout_seconds)
        finally:
            process.kill()
        if exit_code is None:
            raise TargetError(
                f"release did not finish within {self._release_timeout_seconds:g} s", process.output()
            )
        if exit_code != 0:
            raise TargetError(f"release {describe_exit(exit_code)}", process.output())

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


def wait_until_ready(instance: Instance, path: str = "/ready", timeout_seconds: float = 20.0) -> float:
    """Poll until the instance answers 200, and return the seconds that it took.

    Raises: TargetError with the instance's output if it exits, or never gets there.
    """
    started = time.monotonic()
    last_answer = asyncio.run(_poll_until_ready(instance, path, started + timeout_seconds))
    if last_answer is None:
        return time.monotonic() - started
    if not instance.alive:
        raise TargetError(
            f"{instance.name} {describe_exit(instance.exit_code)} before it became ready", instance.output()
        )
    raise TargetError(
        f"{instance.name} did not answer GET {path} with 200 within {timeout_seconds:g} s "
        f"(last answer: {last_answer})",
        instance.output(),
    )


async def _poll_until_ready(instance: Instance, path: str, deadline: float) -> str | None:
    """Return None once it answers 200, else what it answered last when it died or the time was over."""
    last_answer = "none"
    # Plain HTTP to this machine, limited below; loading certificates would take 20 ms of CPU.
    async with httpx.AsyncClient(trust_env=False, verify=False, timeout=None) as client:  # noqa: S113, S501
        while instance.alive and (remaining := deadline - time.monotonic()) > 0:
            # httpx limits each read; only a limit on the whole exchange ends one that trickles.
            limit = min(remaining, _READY_ANSWER_SECONDS)
            try:
                async with asyncio.timeout(limit):
                    response = await client.get(f"{instance.url}{path}")
                if response.status_code == httpx.codes.OK:
                    return None
                last_answer = _summary(response)
            except httpx.ConnectError:
                last_answer = "connection refused"
            except TimeoutError:
                if (
                    limit == _READY_ANSWER_SECONDS or last_answer == "none"
                ):  # the deadline cuts the last one short
                    last_answer = f"nothing for {limit:.1f} s"
            except httpx.HTTPError as error:
                last_answer = f"no valid HTTP: {error}"
            await asyncio.sleep(_READY_POLL_SECONDS)
    return last_answer


def _summary(response: httpx.Response) -> str:
    body = " ".join(response.text.split())
    if len(body) > _SHOWN_BODY_CHARACTERS:
        body = f"{body[:_SHOWN_BODY_CHARACTERS]}..."
    return f"{response.status_code} {body}".rstrip()


def _start(process: ManagedProcess) -> None:
    try:
        process.start()
    except LaunchError as error:
        raise TargetError(str(error), process.output()) from error
