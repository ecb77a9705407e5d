"""What compose.yaml promises: two web processes and three workers are one service, whatever stops in it."""

import json
import os
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from pathlib import Path

import httpx
import pytest

from kata.network.callback_server import CallbackServer
from kata.network.callbacks import Reply

MIGRATIONS = Path(__file__).parents[2] / "migrations"
REMINDERS = "/api/v1/reminders"
WEBS, WORKERS = 2, 3
PATIENCE_SECONDS = 30.0

type Stop = Sequence[str]


def attempt(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["docker", *arguments], capture_output=True, text=True, check=False, timeout=60)


def docker(*arguments: str) -> str:
    done = attempt(*arguments)
    assert done.returncode == 0, f"docker {' '.join(arguments)}: {done.stderr}"
    return done.stdout.strip()


def compose(*arguments: str) -> str:
    """Run a command of docker compose on the stack that .ci/compose-check has started."""
    return docker("compose", *arguments)


def containers(service: str) -> list[str]:
    return compose("ps", "--all", "--quiet", service).split()


def ask_postgres(query: str) -> str:
    return compose("exec", "-T", "postgres", "psql", "-U", "reminders", "-tAc", query)


@pytest.fixture(scope="module")
def webs() -> Iterator[list[httpx.Client]]:
    """A client of each web process."""
    with ExitStack() as stack:
        clients = []
        for index in range(1, WEBS + 1):
            address = compose("port", f"--index={index}", "reminders", "8000")
            client = httpx.Client(base_url=f"http://{address}", trust_env=False, timeout=10)
            clients.append(stack.enter_context(client))
        yield clients


@pytest.fixture(scope="module")
def sink() -> Iterator[CallbackServer]:
    """The receiver: on the address of this machine in the stack's network, which Linux lets it listen on."""
    network = f"{os.environ['COMPOSE_PROJECT_NAME']}_default"
    gateway = docker("network", "inspect", "--format", "{{(index .IPAM.Config 0).Gateway}}", network)
    with CallbackServer(gateway) as sink:
        yield sink


class Remind:
    """Makes reminders, each with a path of its own at the sink."""

    def __init__(self, sink: CallbackServer) -> None:
        self._sink = sink
        self._count = 0

    def __call__(self, web: httpx.Client, *replies: Reply, due: datetime | None = None) -> tuple[str, str]:
        """Return the id of a reminder, due in a second unless said else, and the path that it goes to."""
        self._count += 1
        path = f"/{self._count}"
        self._sink.program(path, *(replies or (Reply(),)))
        answer = post(web, body(self._sink.url(path), due or soon(1.0)), key=f"check-{self._count}")
        assert answer.status_code == HTTPStatus.CREATED, answer.text
        return answer.json()["id"], path


@pytest.fixture(scope="module")
def remind(sink: CallbackServer) -> Remind:
    return Remind(sink)


def soon(seconds: float) -> datetime:
    return datetime.now(UTC) + timedelta(seconds=seconds)


def body(callback_url: str, due: datetime) -> dict[str, str]:
    return {"message": "tea", "remind_at": due.isoformat(), "callback_url": callback_url}


def post(web: httpx.Client, order: dict[str, str], key: str) -> httpx.Response:
    """Ask for a reminder as a client should: a 503, as where a busy disk keeps commits waiting, is no end."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        answer = web.post(REMINDERS, json=order, headers={"Idempotency-Key": key})
        if answer.status_code != HTTPStatus.SERVICE_UNAVAILABLE or time.monotonic() > deadline:
            return answer
        time.sleep(float(answer.headers["Retry-After"]))


def await_that(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            if holds():
                return
        except httpx.TransportError:
            pass
        assert time.monotonic() < deadline, f"not within {PATIENCE_SECONDS} s"
        time.sleep(0.05)


def await_ready(web: httpx.Client) -> None:
    await_that(lambda: web.get("/ready").status_code == HTTPStatus.OK)


def await_delivery(web: httpx.Client, reminder: str) -> list[str]:
    """Return how the attempts ended, once one has succeeded."""
    outcomes: list[str] = []

    def is_delivered() -> bool:
        answer = web.get(f"{REMINDERS}/{reminder}")
        if not answer.is_success or answer.json()["state"] != "delivered":
            return False
        outcomes.extend(one["outcome"] for one in answer.json()["attempts"])
        return True

    await_that(is_delivered)
    return outcomes


def is_healthy(container: str) -> bool:
    check = json.loads(docker("inspect", "--format", "{{json .Config.Healthcheck.Test}}", container))
    return attempt("exec", container, *check[1:]).returncode == 0


def test_stack_does_not_start_without_a_password_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("POSTGRES_PASSWORD")
    done = attempt("compose", "config", "--quiet")
    assert done.returncode != 0
    assert "POSTGRES_PASSWORD" in done.stderr


def test_only_the_web_processes_are_reached_from_outside() -> None:
    services = compose("ps", "--services").split()
    published = [name for name in services for container in containers(name) if docker("port", container)]
    assert published == ["reminders"] * WEBS


def test_migrations_run_once_and_all_others_wait_for_them() -> None:
    services = json.loads(compose("config", "--format", "json"))["services"]
    for name in ("reminders", "worker"):
        assert services[name]["depends_on"]["release"]["condition"] == "service_completed_successfully"
    # The transaction that wrote the row is the one that has migrated.
    migrated_by = ask_postgres("SELECT xmin FROM alembic_version")
    compose("run", "--rm", "-T", "release")
    assert ask_postgres("SELECT xmin FROM alembic_version") == migrated_by
    newest = max(path.name for path in MIGRATIONS.glob("[0-9]*.py"))
    assert newest.startswith(ask_postgres("SELECT version_num FROM alembic_version"))


def test_each_reminder_is_delivered_once_by_three_workers(
    webs: list[httpx.Client], sink: CallbackServer, remind: Remind
) -> None:
    # Due all at once, and more than two workers can have in hand: so the third has some too.
    due, slow = soon(3.0), Reply(delay_seconds=2.0)
    made = [remind(webs[number % WEBS], slow, due=due) for number in range(16)]
    for number, (reminder, _) in enumerate(made):
        await_delivery(webs[(number + 1) % WEBS], reminder)
    assert [len(sink.received(path)) for _, path in made] == [1] * len(made)
    ids = ", ".join(f"'{reminder}'" for reminder, _ in made)
    workers = ask_postgres(f"SELECT count(DISTINCT worker) FROM attempts WHERE reminder_id IN ({ids})")
    assert int(workers) == WORKERS


def test_create_sent_to_both_web_processes_makes_one_reminder(
    webs: list[httpx.Client], sink: CallbackServer
) -> None:
    order = body(sink.url("/twice"), soon(3600))
    answers = [post(web, order, key="twice") for web in webs]
    assert [answer.status_code for answer in answers] == [HTTPStatus.CREATED] * WEBS
    assert len({answer.json()["id"] for answer in answers}) == 1


def test_delivery_of_a_killed_worker_is_made_up_for(
    webs: list[httpx.Client], sink: CallbackServer, remind: Remind
) -> None:
    reminder, path = remind(webs[0], Reply.hang(), Reply())
    assert len(sink.wait_for(path, 1, PATIENCE_SECONDS)) == 1
    worker = ask_postgres(f"SELECT split_part(worker, ':', 1) FROM attempts WHERE reminder_id = '{reminder}'")
    docker("kill", worker)
    try:
        outcomes = await_delivery(webs[1], reminder)
    finally:
        docker("start", worker)
    assert outcomes == ["lost", "delivered"]
    assert [call.header("idempotency-key") for call in sink.received(path)] == [f"{reminder}:1"] * 2


@pytest.mark.parametrize(("take_away", "give_back"), [("stop", "start"), ("pause", "unpause")])
def test_reminders_are_made_and_delivered_without_redis(
    webs: list[httpx.Client], remind: Remind, take_away: str, give_back: str
) -> None:
    compose(take_away, "redis")
    try:
        for web in webs:
            reminder, _ = remind(web)
            await_delivery(web, reminder)
    finally:
        compose(give_back, "redis")


@pytest.mark.parametrize(
    ("take_away", "give_back"),
    [
        (["kill"], ["start"]),
        # Its volume is what remains: an anonymous one, mounted in another place, would go with it.
        (["rm", "--stop", "--force", "--volumes"], ["up", "--detach", "--no-deps"]),
    ],
    ids=["killed", "removed"],
)
def test_what_was_accepted_outlives_postgresql(
    webs: list[httpx.Client], remind: Remind, take_away: Stop, give_back: Stop
) -> None:
    accepted, _ = remind(webs[0], due=soon(5.0))
    compose(*take_away, "postgres")
    try:
        assert webs[0].get("/ready").status_code == HTTPStatus.SERVICE_UNAVAILABLE
        assert all(is_healthy(worker) for worker in containers("worker"))
    finally:
        compose(*give_back, "postgres")
    for web in webs:
        await_ready(web)
    await_delivery(webs[1], accepted)
    afterwards, _ = remind(webs[1])
    await_delivery(webs[0], afterwards)


def test_worker_that_hangs_is_told_from_one_that_works() -> None:
    worker = containers("worker")[0]
    await_that(lambda: is_healthy(worker))
    docker("exec", worker, "sh", "-c", "kill -STOP -1")  # all but process 1, which only waits, and itself
    try:
        await_that(lambda: not is_healthy(worker))
    finally:
        docker("exec", worker, "sh", "-c", "kill -CONT -1")
    await_that(lambda: is_healthy(worker))
