"""A running solution that the verifier has started."""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from kata.judge.verdicts import NotRunError
from kata.network.burst import burst
from kata.network.client import Client
from kata.network.exchange import Exchange, Request
from kata.solution.readiness import wait_until_ready
from kata.solution.supervised import SupervisedProcess
from kata.solution.target import Instance, Target
from kata.world.dependencies import MailUnderTest, PostgresUnderTest, RedisUnderTest


class OwnedService:
    """A solution whose processes and dependencies are the verifier's own."""

    def __init__(
        self,
        target: Target,
        environment: Mapping[str, str],
        start_timeout_seconds: float,
        *,
        redis_server: RedisUnderTest | None,
        postgres_server: PostgresUnderTest | None,
        mail_server: MailUnderTest | None,
    ) -> None:
        self._target = target
        self._start_timeout_seconds = start_timeout_seconds
        self.environment = dict(environment)
        self._redis = redis_server
        self._postgres = postgres_server
        self._mail = mail_server
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

    def output(self) -> list[str]:
        return [line for web in self.webs for line in web.output()]

    @property
    def data_folder(self) -> Path:
        folder = self.environment.get("DATA_DIR")
        if folder is None:
            raise NotRunError("the project keeps no files")
        return Path(folder)

    @property
    def urls(self) -> list[str]:
        return [instance.url for instance in self.instances if instance.url is not None]

    @property
    def has_redis(self) -> bool:
        return self._redis is not None

    @property
    def has_postgres(self) -> bool:
        return self._postgres is not None

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

    @property
    def mail(self) -> MailUnderTest:
        if self._mail is None:
            raise NotRunError("the project sends no mail")
        return self._mail

    def client(self, headers: Mapping[str, str] | None = None, *, process: int = 0) -> Client:
        """Return a client of the given web process; its exchanges are kept for the timeline."""
        client = Client(self.urls[process], headers=headers or {})
        self._clients.append(client)
        return client

    def burst(self, requests: Iterable[Request], *, process: int = 0) -> list[Exchange]:
        """Send the requests at the same instant, one connection each."""
        return burst(self.urls[process], list(requests))

    def add(self, process_type: str, settings: Mapping[str, str] | None = None) -> Instance:
        """Start one more process of this type, with the same dependencies; some settings may differ."""
        environment = {**self.environment, **(settings or {})}
        instance = SupervisedProcess(self._target.start(process_type, environment))
        self.instances.append(instance)
        if instance.url is not None:
            wait_until_ready(instance, timeout_seconds=self._start_timeout_seconds)
        return instance

    def start_web_again(self, settings: Mapping[str, str]) -> Instance:
        """End the web process and start one with these settings changed, for whose readiness nobody waits."""
        self.environment |= settings
        return self.replace(self.web)

    def replace(self, ended: Instance) -> Instance:
        """End a process and start one of its type in its place, for whose readiness nobody waits."""
        ended.kill()
        self.instances.remove(ended)
        process_type = "worker" if ended.url is None else "web"
        instance = SupervisedProcess(self._target.start(process_type, self.environment))
        self.instances.append(instance)
        return instance

    def release(self) -> None:
        """Run `release:`, as it is run before each start.

        Raises:
            TargetError: it failed, or took too long.

        """
        self._target.release(self.environment)

    def create_database(self) -> None:
        """Make its database, which is empty."""
        if self._postgres is not None:
            self._postgres.address.create_database(self._postgres.database)

    def died(self, patience_seconds: float) -> list[Instance]:
        """Return the processes that ended by themselves; one that was to refuse its start does not count."""
        judged = [instance for instance in self.instances if isinstance(instance, SupervisedProcess)]
        return [instance for instance in judged if instance.has_died(patience_seconds)]

    def close(self) -> None:
        for client in self._clients:
            client.close()
        for instance in reversed(self.instances):
            instance.resume()
            if "COVERAGE_PROCESS_CONFIG" in os.environ:  # only who ends by itself tells what it has executed
                instance.terminate()
            instance.kill()
        if self._redis:
            self._redis.close()
        if self._postgres:
            self._postgres.close()
        if self._mail:
            self._mail.close()
