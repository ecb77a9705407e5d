"""The world that a solution lives in while it is judged: dependencies, processes, clients, luck."""

import tempfile
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from pathlib import Path

from kata.judge.verdicts import NotRunError
from kata.network.callback_server import CallbackServer
from kata.options import START_TIMEOUT_SECONDS
from kata.servers.databases import PostgresServer
from kata.solution.target import Instance, Target
from kata.world.checking import Checking
from kata.world.dependencies import BucketUnderTest, Dependencies
from kata.world.draw import Draw
from kata.world.owned_service import OwnedService
from kata.world.released import release

# A dying process lets go of its connections one by one: what it was asked last fails before the rest is seen.
_DYING_SECONDS = 0.3
_REDIS_DATABASES = 16  # of a server that nobody configured
# Ahead of UTC and behind it, by no whole hours: local time is never UTC by chance.
_ZONES = ("Asia/Kathmandu", "America/St_Johns", "Pacific/Chatham")


class OwnedWorld(Checking):
    """Fresh dependencies and processes of the verifier's own, for one run."""

    def __init__(
        self,
        target: Target,
        needs: Iterable[str],
        draw: Draw,
        start_timeout_seconds: float = START_TIMEOUT_SECONDS,
        postgres: PostgresServer | None = None,
    ) -> None:
        super().__init__(draw)
        self._target = target
        self._start_timeout_seconds = start_timeout_seconds
        self._needs = frozenset(needs)
        self._stack = ExitStack()
        self._folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory()))
        self._folder.chmod(0o755)  # PostgreSQL may run under another uid and has to reach its folder
        self._shared: dict[tuple[int, tuple[tuple[str, str], ...]], OwnedService] = {}
        self._alone: list[OwnedService] = []
        self._dependencies = Dependencies(target, self._folder, postgres)
        self._callback_server: CallbackServer | None = None
        self._count = 0
        self._zone = draw.fork("zone").choice(_ZONES)
        self._two_digits = False
        self._databases = draw.fork("databases")
        self._draw_of_folders = draw.fork("folders")

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

    def text_setting(self, name: str, drawn: str) -> str:
        del name
        return drawn

    def start(self, settings: Mapping[str, str], *, workers: int = 0) -> OwnedService:
        self._asked_for = dict(settings)
        key = (workers, tuple(sorted(settings.items())))
        self.shared_services.add(repr(key))
        if key not in self._shared:
            self._shared[key] = self._start(settings, workers=workers)
        return self._shared[key]

    def start_alone(
        self, settings: Mapping[str, str], *, workers: int = 0, postgres_alone: bool = False
    ) -> OwnedService:
        self._asked_for = dict(settings)
        service = self._start(settings, workers=workers, postgres_alone=postgres_alone)
        self._alone.append(service)
        return service

    def start_unready(self, settings: Mapping[str, str], process_type: str = "web") -> Instance:
        service = self._prepare(settings)
        self._alone.append(service)
        service.create_database()
        instance = self._target.start(process_type, service.environment)
        service.instances.append(instance)
        return instance

    def callback_server(self) -> CallbackServer:
        if self._callback_server is None:
            self._callback_server = CallbackServer(
                self._target.proxy_host, url_host=self._target.dependency_host
            )
            self._callback_server.start()
        return self._callback_server

    def bucket(self) -> BucketUnderTest:
        return self._dependencies.bucket()

    def file(self, name: str, text: str) -> str:
        if self._target.dependency_host != self._target.proxy_host:
            raise NotRunError("it needs a file of the verifier's, and a container does not see it")
        self._count += 1
        path = self._folder / f"{self._count}-{name}"
        path.write_text(text)
        return str(path)

    def folder(self, name: str) -> Path:
        if self._target.dependency_host != self._target.proxy_host:
            raise NotRunError("it needs a folder of the verifier's, and a container does not see it")
        path = self._folder / self._draw_of_folders.fork(name).word()
        path.mkdir(exist_ok=True)
        return path

    def close(self) -> None:
        self.end()
        for service in self._shared.values():
            service.close()
        self._shared.clear()
        self._target.close()
        if self._callback_server:
            self._callback_server.stop()
        self._dependencies.close()
        self._stack.close()

    def _data_folder(self) -> Path:
        """Make a folder for all processes of one service, which outlives each of them."""
        self._count += 1
        folder = self._folder / f"data-{self._count}"
        folder.mkdir()
        folder.chmod(0o777)  # a container's process has an account of its own
        return folder

    def _draw_database(self) -> int:
        """Draw one of two digits, then one of one digit, and so on: a part of the number is not enough."""
        self._two_digits = not self._two_digits
        low, high = (10, _REDIS_DATABASES - 1) if self._two_digits else (0, 9)
        return self._databases.integer(low, high)

    def _start(
        self, settings: Mapping[str, str], *, workers: int, postgres_alone: bool = False
    ) -> OwnedService:
        service = self._prepare(settings, postgres_alone=postgres_alone)
        try:
            release(service)
            for _ in range(workers):
                service.add("worker")
            service.add("web")  # and wait until it is ready, while the workers start
        except BaseException:
            service.close()
            raise
        return service

    def _prepare(self, settings: Mapping[str, str], *, postgres_alone: bool = False) -> OwnedService:
        environment = {"TZ": self._zone, **settings}
        redis_server = postgres_server = None
        if "redis" in self._needs:
            redis_server = self._dependencies.redis(self._draw_database())
            environment.setdefault("REDIS_URL", redis_server.url)
        if "postgres" in self._needs:
            postgres_server = self._dependencies.postgres(alone=postgres_alone)
            environment.setdefault("DATABASE_URL", postgres_server.url)
        if "files" in self._needs:
            environment.setdefault("DATA_DIR", str(self._data_folder()))
        mail_server = None
        if "smtp" in self._needs:
            mail_server = self._dependencies.mail()
            environment.setdefault("SMTP_URL", mail_server.url)
        return OwnedService(
            self._target,
            environment,
            self._start_timeout_seconds,
            redis_server=redis_server,
            postgres_server=postgres_server,
            mail_server=mail_server,
        )
