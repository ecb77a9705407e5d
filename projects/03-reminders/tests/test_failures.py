"""What is lost when processes are killed and servers cut off: nothing that was acknowledged."""

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from kata.network.callback_server import CallbackServer
from kata.network.callbacks import Received, Reply
from kata.network.client import Client
from kata.solution.target import Instance
from kata.world.owned import OwnedWorld
from kata.world.owned_service import OwnedService

PATH = "/api/v1/reminders"
LEASE_SECONDS = 1.0
SETTINGS = {
    "LEASE_SECONDS": "1",
    "BACKOFF_BASE_SECONDS": "0.05",
    "BACKOFF_CAP_SECONDS": "0.2",
    "MAX_ATTEMPTS": "3",
    "DELIVERY_TIMEOUT_SECONDS": "20",
    "SHUTDOWN_TIMEOUT_SECONDS": "1",
    "ALLOW_PRIVATE_CALLBACKS": "true",
}
# What is awaited comes within a fraction of this on an idle machine.
PATIENCE_SECONDS = 20.0

type Json = Mapping[str, object]


def moment(seconds: float) -> datetime:
    return datetime.now(UTC) + timedelta(seconds=seconds)


def document(client: Client, path: str) -> dict[str, object]:
    parsed = client.get(path).json()
    assert isinstance(parsed, dict)
    return parsed


def create(client: Client, url: str, due_in_seconds: float = 0.0, **more: object) -> str:
    body = {"message": "tea", "remind_at": moment(due_in_seconds).isoformat(), "callback_url": url} | more
    answer = client.request("POST", PATH, json=body)
    assert answer.status == 201, answer
    location = answer.header("location")
    assert location is not None
    return location


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "it did not come to pass"
        time.sleep(0.02)


def wait_for_state(client: Client, path: str, state: str) -> dict[str, object]:
    """Wait until a reminder is over, or for PATIENCE_SECONDS, and expect this to be its state."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    reminder = document(client, path)
    while reminder["state"] in {"scheduled", "delivering"} and time.monotonic() < deadline:
        time.sleep(0.02)
        reminder = document(client, path)
    assert reminder["state"] == state, reminder
    return reminder


def attempts(reminder: Json) -> list[dict[str, object]]:
    listed = reminder["attempts"]
    assert isinstance(listed, list)
    return listed


def outcomes(reminder: Json) -> list[object]:
    return [attempt["outcome"] for attempt in attempts(reminder)]


def keys(requests: list[Received]) -> set[str | None]:
    return {request.header("idempotency-key") for request in requests}


def said(instance: Instance, text: str) -> bool:
    return any(text in line for line in instance.output())


@pytest.fixture
def service(session_world: OwnedWorld) -> Iterator[OwnedService]:
    """One web process; the workers are the test's own."""
    service = session_world.start(SETTINGS)
    before = list(service.instances)
    yield service
    errors = [line for one in service.instances for line in one.output() if "unhandled" in line]
    for instance in service.instances[len(before) :]:
        instance.resume()
        instance.kill()
    service.instances[:] = before
    assert errors == []


@pytest.fixture
def client(service: OwnedService) -> Client:
    return service.client()


@pytest.fixture(scope="module")
def lasting(session_world: OwnedWorld) -> Iterator[OwnedService]:
    """One web process and two workers, for the tests in which it is the servers that fail."""
    service = session_world.start(SETTINGS, workers=2)
    yield service
    assert [one.exit_code for one in service.instances] == [None] * 3
    assert [line for one in service.instances for line in one.output() if "unhandled" in line] == []


@pytest.fixture
def lasting_client(lasting: OwnedService) -> Client:
    return lasting.client()


def start_worker(service: OwnedService) -> Instance:
    (worker,) = start_workers(service, 1)
    return worker


def start_workers(service: OwnedService, count: int) -> list[Instance]:
    workers = [service.add("worker") for _ in range(count)]
    wait_until(lambda: all(said(worker, "starting") for worker in workers))
    return workers


def is_in_redis(service: OwnedService, path: str) -> bool:
    return service.redis.client.zscore("reminders:due", path.rpartition("/")[2]) is not None


def test_a_worker_killed_in_mid_delivery_is_replaced_within_the_lease(
    service: OwnedService, client: Client, callback_server: CallbackServer
) -> None:
    worker, successor = start_workers(service, 2)
    successor.pause()
    callback_server.program("/a", Reply.hang(), Reply(204))
    path = create(client, callback_server.url("/a"))
    assert len(callback_server.wait_for("/a", 1, PATIENCE_SECONDS)) == 1
    worker.kill()
    successor.resume()
    killed = time.monotonic()
    requests = callback_server.wait_for("/a", 2, PATIENCE_SECONDS)
    assert requests[1].started - killed < LEASE_SECONDS + 2
    reminder = wait_for_state(client, path, "delivered")
    assert outcomes(reminder) == ["lost", "delivered"]
    assert len(keys(requests)) == 1


def test_the_completion_of_a_worker_that_slept_is_refused(
    service: OwnedService, client: Client, callback_server: CallbackServer
) -> None:
    worker, successor = start_workers(service, 2)
    successor.pause()
    callback_server.program("/a", Reply(204, delay_seconds=0.5), Reply(500))
    path = create(client, callback_server.url("/a"))
    assert len(callback_server.wait_for("/a", 1, PATIENCE_SECONDS)) == 1
    worker.pause()
    successor.resume()
    assert len(callback_server.wait_for("/a", 2, PATIENCE_SECONDS)) >= 2
    worker.resume()
    reminder = wait_for_state(client, path, "dead")
    assert outcomes(reminder) == ["lost", "failed", "failed"]
    wait_until(lambda: said(worker, "lease"))


def test_a_reminder_that_kills_every_worker_ends_in_dead(
    service: OwnedService, client: Client, callback_server: CallbackServer
) -> None:
    worker = start_worker(service)
    callback_server.program("/a", Reply.hang())
    path = create(client, callback_server.url("/a"))
    for attempt in range(1, 4):
        assert len(callback_server.wait_for("/a", attempt, PATIENCE_SECONDS)) == attempt
        worker.kill()
        worker.restart()
    assert outcomes(wait_for_state(client, path, "dead")) == ["lost"] * 3
    assert len(callback_server.received("/a")) == 3


def test_sigterm_lets_a_worker_finish_and_claims_nothing_more(
    service: OwnedService, client: Client, callback_server: CallbackServer
) -> None:
    worker = start_worker(service)
    callback_server.program("/slow", Reply(204, delay_seconds=0.7))
    slow = create(client, callback_server.url("/slow"))
    later = create(client, callback_server.url("/later"), 0.8)
    assert len(callback_server.wait_for("/slow", 1, PATIENCE_SECONDS)) == 1
    assert worker.terminate() == 0
    assert outcomes(document(client, slow)) == ["delivered"]
    start_worker(service)
    assert outcomes(wait_for_state(client, later, "delivered")) == ["delivered"]


def test_sigterm_gives_back_what_takes_too_long_and_uses_up_no_attempt(
    service: OwnedService, client: Client, callback_server: CallbackServer
) -> None:
    worker = start_worker(service)
    callback_server.program("/a", Reply.hang(), Reply(204))
    path = create(client, callback_server.url("/a"))
    assert len(callback_server.wait_for("/a", 1, PATIENCE_SECONDS)) == 1
    assert worker.terminate() == 0
    start_worker(service)
    reminder = wait_for_state(client, path, "delivered")
    assert outcomes(reminder) == ["delivered"]
    assert reminder["attempt_count"] == 1


def test_what_came_due_while_no_worker_ran_fires_when_one_does(
    service: OwnedService, client: Client, callback_server: CallbackServer
) -> None:
    paths = [create(client, callback_server.url("/a")) for _ in range(5)]
    start_worker(service)
    for path in paths:
        wait_for_state(client, path, "delivered")
    assert len(callback_server.received("/a")) == 5


def test_a_flushed_redis_loses_nothing_and_is_filled_again(
    lasting: OwnedService, lasting_client: Client, callback_server: CallbackServer
) -> None:
    soon = create(lasting_client, callback_server.url("/soon"), 2.0)
    later = create(lasting_client, callback_server.url("/later"), 40.0)
    lasting.redis.client.flushall()
    wait_until(lambda: is_in_redis(lasting, later))
    wait_for_state(lasting_client, soon, "delivered")
    assert lasting_client.request("DELETE", later).status == 204


@pytest.mark.parametrize("fault", ["cut", "black_hole"])
def test_without_redis_reminders_are_taken_and_fire(
    lasting: OwnedService, lasting_client: Client, callback_server: CallbackServer, fault: str
) -> None:
    client, proxy = lasting_client, lasting.redis.proxy
    with proxy.cut() if fault == "cut" else proxy.black_hole():
        began = time.monotonic()
        due = moment(1.0)
        paths = [create(client, callback_server.url("/a"), remind_at=due.isoformat()) for _ in range(10)]
        assert time.monotonic() - began < 3
        later = create(client, callback_server.url("/later"), 50.0)
        for path in paths:
            wait_for_state(client, path, "delivered")
        assert all(request.received_at >= due for request in callback_server.received("/a"))
        assert client.get("/ready").status == 200
        assert not is_in_redis(lasting, later)
    wait_until(lambda: is_in_redis(lasting, later))  # by a worker: the web process could not, and tries once
    wait_for_state(client, create(client, callback_server.url("/b"), 0.5), "delivered")
    assert client.request("DELETE", later).status == 204


@pytest.mark.parametrize("fault", ["cut", "black_hole"])
def test_without_postgresql_the_api_says_so_in_time_and_all_goes_on_when_it_is_back(
    lasting: OwnedService, lasting_client: Client, callback_server: CallbackServer, fault: str
) -> None:
    client, proxy = lasting_client, lasting.postgres.proxy
    path = create(client, callback_server.url("/a"), 1.5)

    def refused_in_time(request: tuple[str, str]) -> None:
        began = time.monotonic()
        answer = lasting.client().request(*request)
        assert (answer.status, answer.header("content-type")) == (503, "application/problem+json")
        assert time.monotonic() - began < 3

    with proxy.cut() if fault == "cut" else proxy.black_hole():
        with ThreadPoolExecutor() as threads:
            list(threads.map(refused_in_time, (("GET", path), ("GET", PATH), ("DELETE", path))))
        assert client.get("/ready").status == 503
        assert client.get("/health").status == 200
    wait_until(lambda: client.get("/ready").status == 200)
    assert outcomes(wait_for_state(client, path, "delivered")) == ["delivered"]


def test_a_restart_of_postgresql_loses_nothing(
    lasting: OwnedService, lasting_client: Client, callback_server: CallbackServer
) -> None:
    client = lasting_client
    callback_server.program("/slow", Reply(204, delay_seconds=0.5))
    paths = [create(client, callback_server.url("/slow"), 0.2 * number) for number in range(10)]
    lasting.postgres.server.restart()
    wait_until(lambda: client.get("/ready").status == 200)
    for path in paths:
        wait_for_state(client, path, "delivered")
    wait_for_state(client, create(client, callback_server.url("/b")), "delivered")


def test_an_api_killed_between_commit_and_answer_makes_one_reminder(
    service: OwnedService, client: Client
) -> None:
    """The answer is cut off behind the commit, and the process killed; the client can but send it again."""
    body = {"message": "tea", "remind_at": moment(60).isoformat(), "callback_url": "http://127.0.0.1:9/"}
    headers = {"Idempotency-Key": "killed"}
    # The index is told between the commit and the answer, and Redis does not answer.
    with service.redis.proxy.black_hole(), service.postgres.connect() as connection:
        posting = threading.Thread(
            target=service.client().request, args=("POST", PATH), kwargs={"json": body, "headers": headers}
        )
        posting.start()
        wait_until(
            lambda: (
                connection.execute("SELECT count(*) FROM idempotency_keys WHERE key = 'killed'").fetchone()
                == (1,)
            )
        )
        service.web.kill()
        posting.join()
    service.web.restart()
    wait_until(lambda: client.get("/ready").status == 200)
    first, second = (client.request("POST", PATH, json=body, headers=headers) for _ in range(2))
    assert (first.status, first.header("idempotency-replayed")) == (201, "true")
    assert second.body == first.body
    with service.postgres.connect() as connection:
        found = connection.execute(
            "SELECT id::text FROM reminders WHERE callback_url = %s", (body["callback_url"],)
        )
        location = first.header("location")
        assert location is not None
        assert found.fetchall() == [(location.rpartition("/")[2],)]
