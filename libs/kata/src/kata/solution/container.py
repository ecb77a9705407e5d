"""A solution as the image that its Dockerfile makes."""

import re
import time
import tomllib
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

from kata.errors import TargetError, TooSlowError
from kata.solution.engine import Container, Engine
from kata.solution.process import replacing_the_shell
from kata.solution.procfile import read_procfile
from kata.system.child import describe_exit
from kata.system.ports import HOST, free_port

_PORT_INSIDE = 8000
_POLL_SECONDS = 0.05
_KILL_TIMEOUT_SECONDS = 10.0


class DockerTarget:
    """A folder with a Dockerfile, which is built at once.

    `web` is the image's own command (CMD). Another type of process is its line in the Procfile, which `sh -c`
    runs in place of that command; an ENTRYPOINT stays in front of it, and so has to end in `exec "$@"`.
    The build's context is the folder, or what `[tool.kata] docker_context` in its pyproject.toml names.
    """

    dependency_host = "host.docker.internal"

    def __init__(self, directory: Path, release_timeout_seconds: float = 60.0) -> None:
        self.directory = directory.absolute()
        self._release_timeout_seconds = release_timeout_seconds
        self._counts: defaultdict[str, int] = defaultdict(int)
        self._instances: list[ContainerInstance] = []
        dockerfile = self.directory / "Dockerfile"
        if not dockerfile.is_file():
            raise TargetError(f"{self.directory} has no Dockerfile")
        self._image = image_tag(self.directory)
        self._engine = Engine()
        self._engine.build(dockerfile, build_context(self.directory), self._image)
        self.proxy_host = self._engine.gateway()

    def start(self, process_type: str, env: Mapping[str, str]) -> "ContainerInstance":
        """Start a container for one process of this type; `web` has PORT=8000, published as a free one.

        A PORT in `env` is what it gets instead, and nothing leads there: it is a bad one, to be refused.
        """
        command = None if process_type == "web" else self._command(process_type)
        port = free_port() if process_type == "web" else None
        self._counts[process_type] += 1
        name = f"{process_type}.{self._counts[process_type]}"
        container = self._engine.create(container_options(self._image, env, command, port))
        instance = ContainerInstance(name, container, f"http://{HOST}:{port}" if port else None)
        self._instances.append(instance)
        container.start()
        return instance

    def release(self, env: Mapping[str, str]) -> None:
        """Run the Procfile's `release:` line in a container of its own, if there is a Procfile with one."""
        command = self._commands().get("release")
        if command is None:
            return
        container = self._engine.create(container_options(self._image, env, command, None))
        instance = ContainerInstance("release", container, None)
        try:
            container.start()
            exit_code = instance.wait(self._release_timeout_seconds)
            if exit_code is None:
                raise TooSlowError(
                    f"release did not finish within {self._release_timeout_seconds:g} s", instance.output()
                )
            if exit_code != 0:
                raise TargetError(f"release {describe_exit(exit_code)}", instance.output())
        finally:
            container.remove()

    def close(self) -> None:
        """Remove the containers; the image stays, so that the next build is quick."""
        for instance in reversed(self._instances):
            instance.remove()
        self._instances.clear()
        self._engine.close()

    def _command(self, process_type: str) -> str:
        command = self._commands().get(process_type)
        if command is None:
            raise TargetError(f"{self.directory / 'Procfile'} has no line `{process_type}:`")
        return command

    def _commands(self) -> dict[str, str]:
        if not (self.directory / "Procfile").exists():
            return {}
        return read_procfile(self.directory)


class ContainerInstance:
    """One container of a solution's image."""

    def __init__(self, name: str, container: Container, url: str | None) -> None:
        self.name = name
        self.url = url
        self._container = container

    @property
    def alive(self) -> bool:
        """True while it runs, paused or not."""
        return self._container.state().running

    @property
    def exit_code(self) -> int | None:
        """None while it runs; the negative signal number if a signal ended it."""
        return self._container.state().exit_code

    def output(self) -> list[str]:
        """Return the last 200 lines that it wrote, over all its starts."""
        return self._container.output()

    def wait(self, timeout_seconds: float) -> int | None:
        """Wait for its end; None if it still runs after the time-out."""
        deadline = time.monotonic() + timeout_seconds
        while (state := self._container.state()).running:
            if time.monotonic() > deadline:
                return None
            time.sleep(_POLL_SECONDS)
        return state.exit_code

    def terminate(self, timeout_seconds: float = 10.0) -> int | None:
        """Ask it to stop (SIGTERM) and wait; return its exit code, or None if it had to be killed."""
        self._container.signal("SIGTERM")
        self.resume()  # a paused container would not see the request
        exit_code = self.wait(timeout_seconds)
        if exit_code is None:
            self.kill()
        return exit_code

    def kill(self) -> None:
        """End it with SIGKILL."""
        self._container.signal("SIGKILL")
        self.resume()
        self.wait(_KILL_TIMEOUT_SECONDS)

    def pause(self) -> None:
        """Freeze it: its connections stay open and nothing answers."""
        self._container.pause()

    def resume(self) -> None:
        """Let it go on."""
        if self._container.state().paused:
            self._container.unpause()

    def restart(self) -> None:
        """Start the same container again, on the same port; stop it first if it runs."""
        if self.alive:
            self.terminate()
        self._container.start()

    def remove(self) -> None:
        """Kill it and remove it."""
        self._container.remove()


def image_tag(directory: Path) -> str:
    """Return the name of the folder's image: `kata-<folder>:verify`."""
    name = re.sub(r"[^a-z0-9]+", "-", directory.name.lower()).strip("-")
    return f"kata-{name or 'solution'}:verify"


def build_context(directory: Path) -> Path:
    """Return the folder that the Dockerfile's COPY lines mean."""
    pyproject = directory / "pyproject.toml"
    if not pyproject.is_file():
        return directory
    try:
        settings = tomllib.loads(pyproject.read_text()).get("tool", {}).get("kata", {})
    except tomllib.TOMLDecodeError as error:
        raise TargetError(f"{pyproject} is no TOML: {error}") from error
    return (directory / str(settings.get("docker_context", "."))).resolve()


def container_options(
    image: str, env: Mapping[str, str], command: str | None, port: int | None
) -> dict[str, object]:
    """Return what the SDK is given: no more power than a service needs, one port on the loopback address.

    A DATA_DIR is a folder of this machine, with the same name inside; what is none the service has to refuse.
    """
    environment = {"TZ": "UTC", **env}
    environment.pop("PORT", None)
    options: dict[str, object] = {
        "image": image,
        "environment": environment,
        "extra_hosts": {DockerTarget.dependency_host: "host-gateway"},
        "read_only": True,
        "tmpfs": {"/tmp": "mode=1777"},  # noqa: S108 - inside the container
        "cap_drop": ["ALL"],
        "security_opt": ["no-new-privileges"],
        # The verifier asks for itself. The image's own check would be counted among its requests, and a
        # program in each of many containers, every few seconds, takes the processors from what is judged.
        "healthcheck": {"test": ["NONE"]},
        "labels": {"kata": "verify"},
    }
    if command is not None:
        options["command"] = ["sh", "-c", replacing_the_shell(command)]
    data_dir = env.get("DATA_DIR", "")
    if Path(data_dir).is_absolute() and Path(data_dir).is_dir():
        options["volumes"] = {data_dir: {"bind": data_dir, "mode": "rw"}}
    if port is not None:
        environment["PORT"] = env.get("PORT") or str(_PORT_INSIDE)
        options["ports"] = {f"{_PORT_INSIDE}/tcp": (HOST, port)}
    return options
