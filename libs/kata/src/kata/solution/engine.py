"""The container engine, through the Docker SDK: the SDK has no types, so all of it that is used is here."""

import ipaddress
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import docker  # type: ignore[import-untyped]  # it has no types
from docker.context import ContextAPI  # type: ignore[import-untyped]
from docker.errors import APIError, BuildError, DockerException  # type: ignore[import-untyped]
from docker.models.containers import Container as SdkContainer  # type: ignore[import-untyped]

from kata.errors import LaunchError, TargetError, TooSlowError

_BUILD_TIMEOUT_SECONDS = 900
_CALL_TIMEOUT_SECONDS = 60
_KEPT_LINES = 200
_CONFLICT = 409  # "container is not running": it ended while we asked
_NOT_FOUND = 404
_SIGNAL_BASE = 128
# What runc says where a process forks at that moment, or the machine is busy; it gives up after some 2 s.
_NOT_FROZEN = "unable to freeze"
_FREEZE_TRIES = 5
_HEARSAY_SECONDS = 5.0  # how late Docker may hear from containerd what has become of a container
_POLL_SECONDS = 0.05


@dataclass(frozen=True)
class State:
    """What the engine says about a container."""

    running: bool  # also while it is paused
    paused: bool
    exit_code: int | None  # as for a process: the negative signal number if a signal ended it


class Container:
    """One container; what can't be done to it in its state is not done."""

    def __init__(self, inner: SdkContainer) -> None:
        self._inner = inner

    def state(self) -> State:
        """Ask the engine."""
        with _explained():
            self._inner.reload()
        details = self._inner.attrs["State"]
        running, paused, code = bool(details["Running"]), bool(details["Paused"]), int(details["ExitCode"])
        return State(running, paused, None if running else _exit_code(code))

    def start(self) -> None:
        """Start it, again if it has ended."""
        with _explained():
            self._inner.start()

    def signal(self, name: str) -> None:
        """Send a signal to its first process."""
        with _explained(_CONFLICT):
            self._inner.kill(signal=name)

    def pause(self) -> None:
        """Freeze all of its processes."""
        for _ in range(_FREEZE_TRIES):
            with _explained(_CONFLICT, ignored_text=_NOT_FROZEN):
                self._inner.pause()
            state = self.state()
            if state.paused or not state.running:
                return
        raise TooSlowError(f"Docker: {_NOT_FROZEN}, {_FREEZE_TRIES} times")

    def unpause(self) -> None:
        """Let them go on."""
        try:
            with _explained(_CONFLICT):
                self._inner.unpause()
        except TargetError:
            # Docker does so by itself after a signal that is to end them. Then it says "is not paused", or
            # passes on "cannot resume a running process" while it still takes the container for paused.
            if not self._goes_on():
                raise

    def output(self) -> list[str]:
        """Return the last 200 lines that it wrote, over all its starts."""
        with _explained():
            log: bytes = self._inner.logs(tail=_KEPT_LINES)
        return log.decode(errors="replace").splitlines()

    def remove(self) -> None:
        """Kill it and remove it with its volumes."""
        with _explained(_CONFLICT, _NOT_FOUND):
            self._inner.remove(force=True, v=True)

    def _goes_on(self) -> bool:
        deadline = time.monotonic() + _HEARSAY_SECONDS
        while self.state().paused:
            if time.monotonic() > deadline:
                return False
            time.sleep(_POLL_SECONDS)
        return True


class Engine:
    """A running Docker engine on this machine.

    Raises: LaunchError if none answers.
    """

    def __init__(self) -> None:
        # from_env knows DOCKER_HOST, but not the context by which the program finds Docker Desktop.
        by_context = not os.environ.get("DOCKER_HOST")
        context = ContextAPI.kwargs_from_context() if by_context else {}
        address = str(context.get("base_url", os.environ.get("DOCKER_HOST", "")))
        try:
            _probe(address)
            connect = docker.DockerClient.from_context if by_context else docker.from_env
            self._client = connect(timeout=_CALL_TIMEOUT_SECONDS)
            self.version = str(self._client.version()["Version"])
        except (OSError, DockerException) as error:
            raise LaunchError(
                "no Docker engine answers; start it (sudo systemctl start docker, or Docker Desktop),"
                " or verify without --docker"
            ) from error

    def build(self, dockerfile: Path, context: Path, tag: str) -> None:
        """Build an image.

        Raises: TargetError with the build's output.
        """
        # The program first: it has BuildKit, which knows `RUN --mount` and reads only what it needs of a
        # large context. The SDK has the classic builder only, and is enough where the program is missing.
        if shutil.which("docker"):
            self._build_with_the_program(dockerfile, context, tag)
        else:
            self._build_with_the_sdk(dockerfile, context, tag)

    def create(self, options: Mapping[str, object]) -> Container:
        """Make a container that is not started yet; `options` are those of the SDK's `containers.create`."""
        with _explained():
            return Container(self._client.containers.create(**options))

    def gateway(self) -> str:
        """Return the address of this machine that containers reach as host-gateway."""
        with _explained():
            if sys.platform != "linux" or "Docker Desktop" in self._client.info()["OperatingSystem"]:
                return (
                    "127.0.0.1"  # the engine is in a virtual machine, which forwards to the loopback address
                )
            return bridge_gateway(self._client.networks.get("bridge").attrs["IPAM"]["Config"])

    def close(self) -> None:
        """Close the connections to the engine."""
        self._client.close()

    def _build_with_the_program(self, dockerfile: Path, context: Path, tag: str) -> None:
        command = ["docker", "build", "--tag", tag, "--file", str(dockerfile), str(context)]
        try:
            done = subprocess.run(  # noqa: S603 - no shell, and our own arguments
                command,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                env={**os.environ, "BUILDKIT_PROGRESS": "plain"},
                timeout=_BUILD_TIMEOUT_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise TargetError(
                f"{dockerfile} was not built within {_BUILD_TIMEOUT_SECONDS} s", _lines(error.output)
            ) from error
        if done.returncode != 0:
            raise TargetError(f"{dockerfile} could not be built", _lines(done.stdout))

    def _build_with_the_sdk(self, dockerfile: Path, context: Path, tag: str) -> None:
        try:
            self._client.images.build(
                path=str(context),
                dockerfile=os.path.relpath(dockerfile, context),
                tag=tag,
                rm=True,
                forcerm=True,
                timeout=_BUILD_TIMEOUT_SECONDS,
            )
        except BuildError as error:
            log = [str(entry["stream"]) for entry in error.build_log if "stream" in entry]
            lines = "".join(log).splitlines()
            raise TargetError(f"{dockerfile} could not be built", [*lines, str(error)]) from error
        except DockerException as error:
            raise TargetError(f"{dockerfile} could not be built", [_explanation(error)]) from error


def bridge_gateway(configurations: Sequence[Mapping[str, str]]) -> str:
    """Return the IPv4 gateway of a network's address plan: the subnet's first, unless it says another."""
    for configuration in configurations:
        subnet = ipaddress.ip_network(configuration["Subnet"])
        if subnet.version == 4:  # noqa: PLR2004 - IPv4
            return configuration.get("Gateway") or str(next(subnet.hosts()))
    raise LaunchError("the Docker engine's bridge network has no IPv4 address that containers could reach")


def _probe(address: str) -> None:
    """Fail where nobody listens: the SDK would, too, but leaves its socket open."""
    scheme, _, path = address.partition("://")
    if scheme == "unix":
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(path)


@contextmanager
def _explained(*ignored_status: int, ignored_text: str | None = None) -> Iterator[None]:
    try:
        yield
    except APIError as error:
        explanation = _explanation(error)
        if error.response is not None and error.response.status_code in ignored_status:
            return
        if ignored_text is None or ignored_text not in explanation:
            raise TargetError(f"Docker: {explanation}") from error
    except DockerException as error:
        raise TargetError(f"Docker: {_explanation(error)}") from error


def _explanation(error: DockerException) -> str:
    return str(getattr(error, "explanation", None) or error)


def _exit_code(code: int) -> int:
    """Docker tells the death by a signal as 128 plus its number."""
    return _SIGNAL_BASE - code if code > _SIGNAL_BASE else code


def _lines(output: bytes | None) -> list[str]:
    return (output or b"").decode(errors="replace").splitlines()[-_KEPT_LINES:]
