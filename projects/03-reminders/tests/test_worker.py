"""The worker as its receivers see it: real processes, started by the Procfile, left in peace."""

import time
from collections.abc import Callable, Iterator, Mapping
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
    "DELIVERY_TIMEOUT_SECONDS": "2.5",
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


@pytest.fixture(scope="module")
def shared(session_world: OwnedWorld) -> Iterator[OwnedService]:
    """One web process and two workers, for the tests that break nothing."""
    service = session_world.start(SETTINGS, workers=2)
    yield service
    assert [one.exit_code for one in service.instances] == [None] * 3


@pytest.fixture
def client(shared: OwnedService) -> Client:
    return shared.client()


def test_a_reminder_fires_once_and_not_before_its_time(
    client: Client, callback_server: CallbackServer
) -> None:
    due = moment(1.0)
    path = create(client, callback_server.url("/a"), remind_at=due.isoformat())
    reminder = wait_for_state(client, path, "delivered")
    (request,) = callback_server.received("/a")
    assert request.received_at >= due
    assert attempts(reminder)[0]["started_at"] >= reminder["remind_at"]  # type: ignore[operator]  # both are text
    assert request.header("idempotency-key") == f"{reminder['id']}:1"


def test_a_failure_is_tried_again_with_the_same_key_until_it_succeeds(
    client: Client, callback_server: CallbackServer
) -> None:
    callback_server.program("/a", Reply(500), Reply.reset(), Reply(204))
    path = create(client, callback_server.url("/a"))
    reminder = wait_for_state(client, path, "delivered")
    assert outcomes(reminder) == ["failed", "failed", "delivered"]
    assert [attempt["number"] for attempt in attempts(reminder)] == [1, 2, 3]
    requests = callback_server.received("/a")
    assert len(requests) == 3
    assert keys(requests) == {f"{reminder['id']}:1"}


def test_exhausted_attempts_end_in_dead_and_a_replay_gives_a_new_occurrence(
    client: Client, callback_server: CallbackServer
) -> None:
    callback_server.program("/a", Reply(500))
    path = create(client, callback_server.url("/a"))
    reminder = wait_for_state(client, path, "dead")
    assert outcomes(reminder) == ["failed"] * 3
    callback_server.program("/a", Reply(204))
    assert client.request("POST", f"{path}/replay").status == 200
    reminder = wait_for_state(client, path, "delivered")
    assert [(one["occurrence"], one["number"]) for one in attempts(reminder)][-1] == (2, 1)
    assert callback_server.received("/a")[-1].header("idempotency-key") == f"{reminder['id']}:2"


def test_410_ends_in_dead_at_once(client: Client, callback_server: CallbackServer) -> None:
    callback_server.program("/a", Reply(410))
    assert outcomes(wait_for_state(client, create(client, callback_server.url("/a")), "dead")) == ["gone"]


def test_a_time_out_is_a_failure(client: Client, callback_server: CallbackServer) -> None:
    callback_server.program("/a", Reply.hang(), Reply(204))
    reminder = wait_for_state(client, create(client, callback_server.url("/a")), "delivered")
    assert attempts(reminder)[0]["error"] == "no answer within 2.5 s"


def test_a_delivery_longer_than_its_lease_is_not_made_twice(
    client: Client, callback_server: CallbackServer
) -> None:
    callback_server.program("/a", Reply(204, delay_seconds=1.5 * LEASE_SECONDS))
    reminder = wait_for_state(client, create(client, callback_server.url("/a")), "delivered")
    assert outcomes(reminder) == ["delivered"]
    assert len(callback_server.received("/a")) == 1


def test_retry_after_is_honoured(client: Client, callback_server: CallbackServer) -> None:
    callback_server.program("/a", Reply(503, {"Retry-After": "1"}), Reply(204))
    wait_for_state(client, create(client, callback_server.url("/a")), "delivered")
    first, second = callback_server.received("/a")
    assert second.started - first.received >= 1.0


def test_a_reminder_in_flight_cannot_be_cancelled(client: Client, callback_server: CallbackServer) -> None:
    callback_server.program("/a", Reply(204, delay_seconds=1.0))
    path = create(client, callback_server.url("/a"))
    assert len(callback_server.wait_for("/a", 1, PATIENCE_SECONDS)) == 1
    answer = client.request("DELETE", path)
    assert answer.status == 409
    assert b"delivery_in_progress" in answer.body
    wait_for_state(client, path, "delivered")
    assert client.request("DELETE", path).status == 409


def test_a_cancelled_reminder_does_not_fire(client: Client, callback_server: CallbackServer) -> None:
    path = create(client, callback_server.url("/cancelled"), 0.7)
    assert client.request("DELETE", path).status == 204
    wait_for_state(client, create(client, callback_server.url("/later"), 1.2), "delivered")
    assert callback_server.received("/cancelled") == []


def test_a_reminder_moved_forward_fires_at_its_new_time(
    client: Client, callback_server: CallbackServer
) -> None:
    path = create(client, callback_server.url("/a"), 3600)
    due = moment(0.5)
    change = {"remind_at": due.isoformat()}
    assert client.request("PATCH", path, json=change, headers={"If-Match": '"1"'}).status == 200
    wait_for_state(client, path, "delivered")
    assert callback_server.received("/a")[0].received_at >= due


def test_the_log_is_a_channel_too(client: Client, shared: OwnedService) -> None:
    body = {"message": "to the log", "remind_at": moment(0).isoformat(), "channel": "log"}
    path = client.request("POST", PATH, json=body).header("location")
    assert path is not None
    wait_for_state(client, path, "delivered")
    assert any(said(worker, "to the log") for worker in shared.workers)


def test_a_recurring_reminder_goes_on_with_a_new_key(client: Client, callback_server: CallbackServer) -> None:
    start = moment(1.0).replace(microsecond=0)
    times = [start, start + timedelta(seconds=1)]
    if times[0].date() != times[1].date():
        times = [start + timedelta(seconds=2), start + timedelta(seconds=3)]
    hours, minutes = {one.hour for one in times}, {one.minute for one in times}
    seconds = sorted({one.second for one in times})
    rrule = ";".join(
        [
            "FREQ=DAILY",
            f"BYHOUR={','.join(map(str, sorted(hours)))}",
            f"BYMINUTE={','.join(map(str, sorted(minutes)))}",
            f"BYSECOND={','.join(map(str, seconds))}",
        ]
    )
    recurrence = {"rrule": rrule, "zone": "UTC"}
    path = create(client, callback_server.url("/a"), remind_at=times[0].isoformat(), recurrence=recurrence)
    requests = callback_server.wait_for("/a", 2, PATIENCE_SECONDS)
    reminder_id = path.rpartition("/")[2]
    assert [one.header("idempotency-key") for one in requests] == [f"{reminder_id}:1", f"{reminder_id}:2"]
    assert requests[1].received_at >= times[1]
    wait_until(lambda: document(client, path)["occurrence"] == 3)
    assert client.request("DELETE", path).status == 204
