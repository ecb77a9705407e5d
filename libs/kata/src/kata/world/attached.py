"""The world of a service that is already running, of which only the URL is known (`--url`)."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from kata.judge.verdicts import NotRunError
from kata.network.burst import burst
from kata.network.callback_server import CallbackServer
from kata.network.client import Client
from kata.network.exchange import Exchange, Request
from kata.solution.target import Instance
from kata.world.checking import Checking
from kata.world.dependencies import BucketUnderTest, MailUnderTest, PostgresUnderTest, RedisUnderTest
from kata.world.draw import Draw


class AttachedService:
    """Something already running, of which only the URL is known (`--url`)."""

    def __init__(self, url: str) -> None:
        self.urls = [url.rstrip("/")]
        self._clients: list[Client] = []

    @property
    def web(self) -> Instance:
        raise NotRunError("it needs the process, and --url has only its address")

    def output(self) -> list[str]:
        return self.web.output()

    @property
    def workers(self) -> list[Instance]:
        raise NotRunError("it needs the worker processes, and --url has only an address")

    @property
    def data_folder(self) -> Path:
        raise NotRunError("it needs the service's folder, and --url has only its address")

    @property
    def redis(self) -> RedisUnderTest:
        raise NotRunError("it needs the service's Redis, and --url has only its address")

    @property
    def postgres(self) -> PostgresUnderTest:
        raise NotRunError("it needs the service's PostgreSQL, and --url has only its address")

    @property
    def mail(self) -> MailUnderTest:
        raise NotRunError("it needs the service's mail server, and --url has only its address")

    def client(self, headers: Mapping[str, str] | None = None, *, process: int = 0) -> Client:
        client = Client(self._url(process), headers=headers or {})
        self._clients.append(client)
        return client

    def burst(self, requests: Iterable[Request], *, process: int = 0) -> list[Exchange]:
        return burst(self._url(process), list(requests))

    def add(self, process_type: str, settings: Mapping[str, str] | None = None) -> Instance:
        del settings
        raise NotRunError(f"it needs another {process_type} process, and --url has only one address")

    def start_web_again(self, settings: Mapping[str, str]) -> Instance:
        del settings
        return self.web

    def replace(self, ended: Instance) -> Instance:
        del ended
        return self.web

    def release(self) -> None:
        raise NotRunError("it needs to run `release:`, and --url has only an address")

    def _url(self, process: int) -> str:
        if process >= len(self.urls):
            raise NotRunError("it needs several web processes, and --url has only one address")
        return self.urls[process]

    def close(self) -> None:
        for client in self._clients:
            client.close()


class AttachedWorld(Checking):
    """A service that is already running: its settings are given, and nothing of it can be broken."""

    def __init__(self, url: str, settings: Mapping[str, str], draw: Draw) -> None:
        super().__init__(draw)
        self._service = AttachedService(url)
        self._settings = settings

    def end(self) -> None:
        """Keep the service: it is not ours."""

    def died(self) -> list[Instance]:
        """Return nothing: --url has no processes."""
        return []

    died_shared = died

    def setting(self, name: str, low: int, high: int, away_from: Iterable[int] = ()) -> int:
        if name not in self._settings:
            return self._run_draw.fork(f"setting/{name}/{low}/{high}").integer(low, high, away_from)
        try:
            return int(self._settings[name])
        except ValueError:
            raise NotRunError(
                f"it needs a whole number for {name}, and --set says {self._settings[name]}"
            ) from None

    def text_setting(self, name: str, drawn: str) -> str:
        return self._settings.get(name, drawn)

    def start(self, settings: Mapping[str, str], *, workers: int = 0) -> AttachedService:
        del (
            workers
        )  # whether any run is not to be seen from here: a check that needs one also needs to be called
        for name, wanted in settings.items():
            has = self._settings.get(name)
            if has != wanted:
                raise NotRunError(f"it needs {name}={wanted}, and the service has {has or 'no known value'}")
        self._asked_for = dict(settings)
        return self._service

    def start_alone(
        self, settings: Mapping[str, str], *, workers: int = 0, postgres_alone: bool = False
    ) -> AttachedService:
        del settings, workers, postgres_alone
        raise NotRunError("it needs a process of its own, and --url has only an address")

    def callback_server(self) -> CallbackServer:
        raise NotRunError("it needs to be called by the service, and --url has no address for that")

    def bucket(self) -> BucketUnderTest:
        raise NotRunError("it needs a bucket of the verifier's, and --url has only an address")

    def file(self, name: str, text: str) -> str:
        del name, text
        raise NotRunError("it needs a file of the verifier's, and --url has only an address")

    def folder(self, name: str) -> Path:
        del name
        raise NotRunError("it needs a folder of the verifier's, and --url has only an address")

    def start_unready(self, settings: Mapping[str, str], process_type: str = "web") -> Instance:
        del settings, process_type
        raise NotRunError("it needs a process of its own, and --url has only an address")

    def reach(self) -> Exchange:
        """Ask whether anything answers at the address."""
        return self._service.client().get("/health")

    def close(self) -> None:
        self._service.close()
