"""What is judged: a solution whose processes can be started, stopped and broken, however it is packaged."""

from collections.abc import Mapping
from typing import Protocol


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
