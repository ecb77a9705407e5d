"""The world that a solution lives in while it is judged: dependencies, processes, clients, luck."""

import re
import tempfile
import time
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

import psycopg
import redis

from kata.burst import Client, Exchange, Request, burst
from kata.draw import Draw
from kata.judged import JudgedInstance
from kata.options import START_TIMEOUT_SECONDS
from kata.postgres import EmbeddedPostgres
from kata.proxy import FaultProxy
from kata.redis import EmbeddedRedis
from kata.sink import Sink
from kata.target import Instance, Target, wait_until_ready
from kata.verdicts import NotRunError

# Longer windows than this are not waited for: with --url the settings are the running service's own.
LONGEST_WAIT_SECONDS = 12.0

# A dying process lets go of its connections one by one: what it was asked last fails before the rest is seen.
_DYING_SECONDS = 0.3

# The dependencies are the verifier's own business, and a secret is not to be read in a log.
_NOT_SHOWN = re.compile(r"PORT|.*_URL|.*(SECRET|KEY|TOKEN|PASSWORD).*")


class RedisUnderTest:
    """One Redis server that a solution reaches through a fault proxy, and the verifier directly."""

    def __init__(self, server: EmbeddedRedis, proxy: FaultProxy, url: str) -> None:
        self.server = server
        self.proxy = proxy
        self.url = url
        self.client: redis.Redis = redis.Redis.from_url(server.url, decode_responses=True)

    def close(self) -> None:
        self.client.close()
        self.proxy.stop()
        self.server.kill()


class PostgresUnderTest:
    """One database that a solution reaches through a fault proxy, and the verifier directly."""

    def __init__(self, server: EmbeddedPostgres, database: str, proxy: FaultProxy, url: str) -> None:
        self.server = server
        self.database = database
        self.proxy = proxy
        self.url = url

    def connect(self) -> psycopg.Connection[tuple[object, ...]]:
        """Open a connection of the verifier's own, past the proxy."""
        return psycopg.connect(self.server.url(self.database), autocommit=True)

    def close(self) -> None:
        self.proxy.stop()


class Service(Protocol):
    """A running solution as the checks see it."""

    @property
    def urls(self) -> list[str]: ...
    @property
    def web(self) -> Instance: ...
    @property
    def workers(self) -> list[Instance]: ...
    @property
    def redis(self) -> RedisUnderTest: ...
    @property
    def postgres(self) -> PostgresUnderTest: ...
    def client(self, headers: Mapping[str, str] | None = None, *, process: int = 0) -> Client: ...
    def burst(self, requests: Iterable[Request], *, process: int = 0) -> list[Exchange]: ...
    def add(self, process_type: str) -> Instance: ...


class OwnedService:
    """A solution whose processes and dependencies are the verifier's own."""

    def __init__(
        self,
        target: Target,
        environment: Mapping[str, str],
        redis_server: RedisUnderTest | None,
        postgres_server: PostgresUnderTest | None,
        start_timeout_seconds: float,
    ) -> None:
        self._target = target
        self._start_timeout_seconds = start_timeout_seconds
        self._environment = dict(environment)
        self._redis = redis_server
        self._postgres = postgres_server
        self.instances: list[Instance] = []
        self._clients: list[Client] = []

    @property
    def webs(self) -> list[Instance]:
        return [instance for instance in self.instances if instance.url is not None]

    @property
    def workers(self) -> list[Instance]:
        return [instance for instance in self.instances if instance.url is None]

    @property
    def web(self) -> Instance:
        return self.webs[0]

    @property
    def urls(self) -> list[str]:
        return [instance.url for instance in self.instances if instance.url is not None]

    @property
    def redis(self) -> RedisUnderTest:
        if self._redis is None:
            raise NotRunError("the project has no Redis")
        return self._redis

    @property
    def postgres(self) -> PostgresUnderTest:
        if self._postgres is None:
            raise NotRunError("the project has no PostgreSQL")
        return self._postgres

    def client(self, headers: Mapping[str, str] | None = None, *, process: int = 0) -> Client:
        """Return a client of the given web process; its exchanges are kept for the timeline."""
        client = Client(self.urls[process], headers=headers or {})
        self._clients.append(client)
        return client

    def burst(self, requests: Iterable[Request], *, process: int = 0) -> list[Exchange]:
        """Send the requests at the same instant, one connection each."""
        return burst(self.urls[process], list(requests))

    def add(self, process_type: str) -> Instance:
        """Start one more process of this type, with the same dependencies."""
        instance = JudgedInstance(self._target.start(process_type, self._environment))
        self.instances.append(instance)
        if instance.url is not None:
            wait_until_ready(instance, timeout_seconds=self._start_timeout_seconds)
        return instance

    def died(self, patience_seconds: float) -> list[Instance]:
        """Return the processes that ended by themselves; one that was to refuse its start does not count."""
        judged = [instance for instance in self.instances if isinstance(instance, JudgedInstance)]
        return [instance for instance in judged if instance.has_died(patience_seconds)]

    def close(self) -> None:
        for client in self._clients:
            client.close()
        for instance in reversed(self.instances):
            instance.resume()
            instance.kill()
        if self._redis:
            self._redis.close()
        if self._postgres:
            self._postgres.close()


class AttachedService:
    """Something already running, of which only the URL is known (`--url`)."""

    def __init__(self, url: str) -> None:
        self.urls = [url.rstrip("/")]
        self._clients: list[Client] = []

    @property
    def web(self) -> Instance:
        raise NotRunError("it needs the process, and --url has only its address")

    @property
    def workers(self) -> list[Instance]:
        raise NotRunError("it needs the worker processes, and --url has only an address")

    @property
    def redis(self) -> RedisUnderTest:
        raise NotRunError("it needs the service's Redis, and --url has only its address")

    @property
    def postgres(self) -> PostgresUnderTest:
        raise NotRunError("it needs the service's PostgreSQL, and --url has only its address")

    def client(self, headers: Mapping[str, str] | None = None, *, process: int = 0) -> Client:
        client = Client(self._url(process), headers=headers or {})
        self._clients.append(client)
        return client

    def burst(self, requests: Iterable[Request], *, process: int = 0) -> list[Exchange]:
        return burst(self._url(process), list(requests))

    def add(self, process_type: str) -> Instance:
        raise NotRunError(f"it needs another {process_type} process, and --url has only one address")

    def _url(self, process: int) -> str:
        if process >= len(self.urls):
            raise NotRunError("it needs several web processes, and --url has only one address")
        return self.urls[process]

    def close(self) -> None:
        for client in self._clients:
            client.close()


class World(Protocol):
    """What the fixture `world` gives to the steps of a feature."""

    draw: Draw

    def setting(self, name: str, low: int, high: int, away_from: Iterable[int] = ()) -> int:
        """Draw a setting of the service; with --url it is what the running service is said to have."""

    def start(self, settings: Mapping[str, str], *, workers: int = 0) -> Service:
        """Return a service with these settings, shared with the other checks that ask for the same.

        A check may break and mend it: what is not running at the check's end is started anew for the next.
        """

    def start_alone(self, settings: Mapping[str, str], *, workers: int = 0) -> Service:
        """Start a service for this check only, with dependencies of its own: it may be killed and cut off."""

    def start_unready(self, settings: Mapping[str, str]) -> Instance:
        """Start a web process without waiting for it: one that is expected to refuse its settings."""

    def sink(self) -> Sink:
        """Return the world that the solution calls: a server at whose URLs it reaches the verifier."""

    def file(self, name: str, text: str) -> str:
        """Write a file that the solution can read, and return its path."""

    def sleep_until(self, moment: float) -> None:
        """Wait until the monotonic `moment`; a wait longer than LONGEST_WAIT_SECONDS is not run."""


class _Checking:
    """What is the same for a check in either world."""

    def __init__(self, draw: Draw) -> None:
        self._run_draw = draw
        self.draw = draw
        self._asked_for: Mapping[str, str] = {}

    def begin(self, check_id: str, attempt: int) -> None:
        """Give the check its own stream of random values: the same for the same seed, whatever ran before."""
        self.draw = self._run_draw.fork(f"{check_id}/{attempt}")
        self._asked_for = {}

    @property
    def shown_settings(self) -> dict[str, str]:
        """The settings of the service that the check asked for last; some are not to be shown."""
        return {name: value for name, value in self._asked_for.items() if not _NOT_SHOWN.fullmatch(name)}

    def sleep_until(self, moment: float) -> None:
        seconds = moment - time.monotonic()
        if seconds > LONGEST_WAIT_SECONDS:
            raise NotRunError(
                f"it would wait {seconds:.0f} s; give the service shorter times, and say so with --set"
            )
        if seconds > 0:
            time.sleep(seconds)


class OwnedWorld(_Checking):
    """Fresh dependencies and processes of the verifier's own, for one run."""

    def __init__(
        self,
        target: Target,
        needs: Iterable[str],
        draw: Draw,
        start_timeout_seconds: float = START_TIMEOUT_SECONDS,
    ) -> None:
        super().__init__(draw)
        self._target = target
        self._start_timeout_seconds = start_timeout_seconds
        self._needs = frozenset(needs)
        self._stack = ExitStack()
        self._folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="kata-")))
        self._folder.chmod(0o755)  # PostgreSQL may run under another uid and has to reach its folder
        self._shared: dict[tuple[int, tuple[tuple[str, str], ...]], OwnedService] = {}
        self._alone: list[OwnedService] = []
        self._postgres_server: EmbeddedPostgres | None = None
        self._sink: Sink | None = None
        self._count = 0

    def end(self) -> None:
        """Stop what the check had for itself, and let go of shared services that it broke."""
        while self._alone:
            self._alone.pop().close()
        broken = [
            key for key, service in self._shared.items() if not all(it.alive for it in service.instances)
        ]
        for key in broken:
            self._shared.pop(key).close()

    def died(self) -> list[Instance]:
        """Return the processes that ended by themselves while the check ran."""
        services = [*self._shared.values(), *self._alone]
        return [instance for service in services for instance in service.died(_DYING_SECONDS)]

    def died_shared(self) -> list[Instance]:
        """Return those of them that the next checks would have had too."""
        return [instance for service in self._shared.values() for instance in service.died(0.0)]

    def setting(self, name: str, low: int, high: int, away_from: Iterable[int] = ()) -> int:
        return self._run_draw.fork(f"setting/{name}/{low}/{high}").integer(low, high, away_from)

    def start(self, settings: Mapping[str, str], *, workers: int = 0) -> OwnedService:
        self._asked_for = settings
        key = (workers, tuple(sorted(settings.items())))
        if key not in self._shared:
            self._shared[key] = self._start(settings, workers=workers)
        return self._shared[key]

    def start_alone(self, settings: Mapping[str, str], *, workers: int = 0) -> OwnedService:
        self._asked_for = settings
        service = self._start(settings, workers=workers)
        self._alone.append(service)
        return service

    def start_unready(self, settings: Mapping[str, str]) -> Instance:
        service = self._prepare(settings)
        self._alone.append(service)
        instance = self._target.start("web", service._environment)  # noqa: SLF001 - of the same family
        service.instances.append(instance)
        return instance

    def sink(self) -> Sink:
        if self._sink is None:
            self._sink = Sink(self._target.proxy_host, url_host=self._target.dependency_host)
            self._sink.start()
        return self._sink

    def file(self, name: str, text: str) -> str:
        if self._target.dependency_host != self._target.proxy_host:
            raise NotRunError("it needs a file of the verifier's, and a container does not see it")
        self._count += 1
        path = self._folder / f"{self._count}-{name}"
        path.write_text(text)
        return str(path)

    def close(self) -> None:
        self.end()
        for service in self._shared.values():
            service.close()
        self._shared.clear()
        self._target.close()
        if self._sink:
            self._sink.stop()
        if self._postgres_server:
            self._postgres_server.kill()
        self._stack.close()

    def _start(self, settings: Mapping[str, str], *, workers: int) -> OwnedService:
        service = self._prepare(settings)
        try:
            self._target.release(service._environment)  # noqa: SLF001 - of the same family
            service.add("web")
            for _ in range(workers):
                service.add("worker")
        except BaseException:
            service.close()
            raise
        return service

    def _prepare(self, settings: Mapping[str, str]) -> OwnedService:
        self._count += 1
        environment = dict(settings)
        redis_server = postgres_server = None
        if "redis" in self._needs:
            redis_server = self._redis()
            environment.setdefault("REDIS_URL", redis_server.url)
        if "postgres" in self._needs:
            postgres_server = self._postgres()
            environment.setdefault("DATABASE_URL", postgres_server.url)
        return OwnedService(
            self._target, environment, redis_server, postgres_server, self._start_timeout_seconds
        )

    def _redis(self) -> RedisUnderTest:
        # A server each: services with other settings must not count the same client in the same place.
        server = EmbeddedRedis(self._folder / f"redis-{self._count}")
        server.start()
        proxy = FaultProxy("127.0.0.1", server.port, listen_host=self._target.proxy_host)
        proxy.start()
        return RedisUnderTest(server, proxy, f"redis://{self._target.dependency_host}:{proxy.port}/0")

    def _postgres(self) -> PostgresUnderTest:
        if self._postgres_server is None:
            self._postgres_server = EmbeddedPostgres(self._folder / "postgres", syncs=False)
            self._postgres_server.start()
        server = self._postgres_server
        database = f"check_{self._count}"
        own = urlsplit(server.create_database(database))
        proxy = FaultProxy("127.0.0.1", own.port or 5432, listen_host=self._target.proxy_host)
        proxy.start()
        login = own.netloc.rpartition("@")[0]
        url = own._replace(netloc=f"{login}@{self._target.dependency_host}:{proxy.port}").geturl()
        return PostgresUnderTest(server, database, proxy, url)


class AttachedWorld(_Checking):
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

    def start(self, settings: Mapping[str, str], *, workers: int = 0) -> AttachedService:
        del workers  # whether any run is not to be seen from here: a check that needs one also needs the sink
        for name, wanted in settings.items():
            has = self._settings.get(name)
            if has != wanted:
                raise NotRunError(f"it needs {name}={wanted}, and the service has {has or 'no known value'}")
        self._asked_for = settings
        return self._service

    def start_alone(self, settings: Mapping[str, str], *, workers: int = 0) -> AttachedService:
        del settings, workers
        raise NotRunError("it needs a process of its own, and --url has only an address")

    def sink(self) -> Sink:
        raise NotRunError("it needs to be called by the service, and --url has no address for that")

    def file(self, name: str, text: str) -> str:
        del name, text
        raise NotRunError("it needs a file of the verifier's, and --url has only an address")

    def start_unready(self, settings: Mapping[str, str]) -> Instance:
        del settings
        raise NotRunError("it needs a process of its own, and --url has only an address")

    def reach(self) -> Exchange:
        """Ask whether anything answers at the address."""
        return self._service.client().get("/health")

    def close(self) -> None:
        self._service.close()
