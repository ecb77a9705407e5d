"""What a check may ask for: a world, and the services that run in it."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Protocol

from kata.network.callback_server import CallbackServer
from kata.network.client import Client
from kata.network.exchange import Exchange, Request
from kata.solution.target import Instance
from kata.world.dependencies import BucketUnderTest, MailUnderTest, PostgresUnderTest, RedisUnderTest
from kata.world.draw import Draw


class Service(Protocol):
    """A running solution as the checks see it."""

    @property
    def urls(self) -> list[str]: ...
    @property
    def web(self) -> Instance: ...
    @property
    def workers(self) -> list[Instance]: ...
    def output(self) -> list[str]:
        """Return the last lines of all its web processes."""

    @property
    def data_folder(self) -> Path:
        """The folder that all its processes have as DATA_DIR."""

    @property
    def redis(self) -> RedisUnderTest: ...
    @property
    def postgres(self) -> PostgresUnderTest: ...
    @property
    def mail(self) -> MailUnderTest: ...
    def client(self, headers: Mapping[str, str] | None = None, *, process: int = 0) -> Client: ...
    def burst(self, requests: Iterable[Request], *, process: int = 0) -> list[Exchange]: ...
    def add(self, process_type: str, settings: Mapping[str, str] | None = None) -> Instance: ...
    def start_web_again(self, settings: Mapping[str, str]) -> Instance: ...
    def replace(self, ended: Instance) -> Instance: ...
    def release(self) -> None: ...


class World(Protocol):
    """What the fixture `world` gives to the steps of a feature."""

    draw: Draw

    def setting(self, name: str, low: int, high: int, away_from: Iterable[int] = ()) -> int:
        """Draw a setting of the service; with --url it is what the running service is said to have."""

    def text_setting(self, name: str, drawn: str) -> str:
        """Return what was drawn for a setting; with --url it is what the running service is said to have."""

    def start(self, settings: Mapping[str, str], *, workers: int = 0) -> Service:
        """Return a service with these settings, shared with the other checks that ask for the same.

        A check may break and mend it: what is not running at the check's end is started anew for the next.
        """

    def start_alone(
        self, settings: Mapping[str, str], *, workers: int = 0, postgres_alone: bool = False
    ) -> Service:
        """Start a service for this check only, with dependencies of its own: it may be killed and cut off.

        PostgreSQL is the server of all checks, unless that is to be killed, too: one more takes two seconds.
        """

    def start_unready(self, settings: Mapping[str, str], process_type: str = "web") -> Instance:
        """Start a process without waiting for it: one that is expected to refuse its settings."""

    def callback_server(self) -> CallbackServer:
        """Return the world that the solution calls: a server at whose URLs it reaches the verifier."""

    def bucket(self) -> BucketUnderTest:
        """Return an empty bucket of S3, and the settings with which a service reaches it."""

    def file(self, name: str, text: str) -> str:
        """Write a file that the solution can read, and return its path."""

    def folder(self, name: str) -> Path:
        """Return a folder that the solution sees, the same for each check that asks for this name."""

    def sleep_until(self, moment: float) -> None:
        """Wait until the monotonic `moment`; a wait longer than LONGEST_WAIT_SECONDS is not run."""
