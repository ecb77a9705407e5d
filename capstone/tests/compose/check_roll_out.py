"""A new version and a migration, under 50 requests a second: no request fails, and no job is lost.

It fails with DRAIN_SECONDS=0: a replica that stops unannounced takes what the proxy has just sent it with it.
"""

import os
import subprocess
import threading
import time
import uuid
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path

import httpx

from kata.network.callback_server import CallbackServer

from .outside import Home, compose, docker, settle, world

HERE = Path(__file__).parent
CAPSTONE = HERE.parents[1]
NEXT = {"COMPOSE_FILE": os.pathsep.join([os.environ.get("COMPOSE_FILE", ""), str(HERE / "next.yaml")])}
REQUESTS_PER_SECOND = 50
CLIENTS = 16
HOMES = 8
"""What one organisation changes is written one after the other, and it has limits: so there are several."""
PATIENCE_SECONDS = 60.0
TRIES = 8
WAITING = ("store_unavailable", "in_progress")
"""What a replica says that was reached: its PostgreSQL is slow, or it has the key's first request still."""


@dataclass
class Load:
    """What was asked, and what was answered."""

    homes: list[tuple[Home, str]]
    destination: str
    seen: list[tuple[str, int]] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    jobs: set[str] = field(default_factory=set)
    made: int = 0
    slow: int = 0

    def ask(self, client: httpx.Client, number: int) -> None:
        """Send the request whose turn it is: eight reads, a write and an action in ten."""
        home, project = self.homes[number % len(self.homes)]
        headers = home.headers | {"Idempotency-Key": str(uuid.uuid4())}
        path = f"{home.path}/projects/{project}"
        kind = number // len(self.homes) % 10
        try:
            if kind == 0:
                new = {"name": f"Loom {number}"}
                answer = self._send(client, "POST", f"{home.path}/projects", headers, new)
                self.made += answer.status_code == HTTPStatus.CREATED
            elif kind == 1:
                action = {"destination": self.destination}
                answer = self._send(client, "POST", f"{path}/actions/publish", headers, action)
                if answer.status_code == HTTPStatus.ACCEPTED:
                    self.jobs.add(answer.json()["id"])
            else:
                answer = self._send(client, "GET", path, home.headers)
        except httpx.HTTPError as error:
            self.failures.append(f"{time.strftime('%X')} {kind}: {error!r}")
            return
        self.seen.append((answer.request.method, answer.status_code))
        if not answer.is_success:
            self.failures.append(f"{time.strftime('%X')} {kind}: {answer.status_code} {answer.text}")

    def _send(
        self,
        client: httpx.Client,
        method: str,
        path: str,
        headers: Mapping[str, str],
        body: Mapping[str, str] | None = None,
    ) -> httpx.Response:
        """Send it, and again with its key as long as PostgreSQL takes longer than it may: was it done?"""
        for _ in range(TRIES):
            answer = client.request(method, path, json=body, headers=headers)
            if answer.is_success or not any(code in answer.text for code in WAITING):
                break
            self.slow += 1
            time.sleep(1)
        return answer


@contextmanager
def under_load(load: Load) -> Iterator[None]:
    """Ask at a steady pace, whatever the answers take: who is late waits for nobody."""
    over = threading.Event()
    began = time.monotonic()

    def client(first: int) -> None:
        with world() as outside:
            number = first
            while not over.wait(max(0.0, began + 1 + number / REQUESTS_PER_SECOND - time.monotonic())):
                load.ask(outside, number)
                number += CLIENTS

    threads = [threading.Thread(target=client, args=(number,)) for number in range(CLIENTS)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        over.set()
        for thread in threads:
            thread.join()
    seconds = time.monotonic() - began
    figures = f"{len(load.seen)} requests in {seconds:.0f} s: {Counter(load.seen)}"
    print(f"{figures}, {len(load.jobs)} jobs, {load.slow} sent again")  # noqa: T201 - the figures
    assert len(load.seen) > REQUESTS_PER_SECOND * seconds / 2, "this machine was too busy to ask so often"


def test_a_version_is_rolled_out_with_no_request_failed_and_no_job_lost() -> None:
    was_busy = os.getloadavg()[0] > (os.cpu_count() or 1)  # with something else than this
    homes = [(home, project_of(home)) for home in (settle(f"bob-{number}") for number in range(HOMES))]
    network = f"{os.environ['COMPOSE_PROJECT_NAME']}_default"
    gateway = docker("network", "inspect", "--format", "{{(index .IPAM.Config 0).Gateway}}", network)
    with CallbackServer(gateway) as sink:
        load = Load(homes, sink.url("/published"))
        with under_load(load):
            rolled_out = subprocess.run(
                [CAPSTONE / "roll-out.sh"],
                capture_output=True,
                text=True,
                check=False,
                timeout=200,
                env=os.environ | NEXT,
            )
            assert rolled_out.returncode == 0, rolled_out.stderr
            back = ["python", "-m", "apps.api", "migrate", "0013"]
            compose("run", "--rm", "--no-deps", "-T", "release", *back, **NEXT)
        assert load.failures == []
        assert load.slow == 0 or was_busy, f"{load.slow} requests waited too long for PostgreSQL"
        deadline = time.monotonic() + PATIENCE_SECONDS
        while published(sink) != load.jobs and time.monotonic() < deadline:
            time.sleep(0.2)
        assert published(sink) == load.jobs
    with world() as outside:
        exports = [outside.get(f"{home.path}/exports/projects", headers=home.headers) for home, _ in homes]
        assert sum(len(export.text.splitlines()) for export in exports) == load.made + HOMES


def project_of(home: Home) -> str:
    with world() as outside:
        made = outside.post(f"{home.path}/projects", json={"name": "Loom"}, headers=home.headers)
        return str(made.raise_for_status().json()["id"])


def published(sink: CallbackServer) -> set[str]:
    headers = [dict(call.headers) for call in sink.received("/published")]
    return {one.get("Idempotency-Key", one.get("idempotency-key", "")).strip('"') for one in headers}
