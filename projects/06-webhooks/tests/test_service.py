"""The real processes, asked for all that the API offers, and for what nobody should send."""

import base64
import hashlib
import hmac
import time
from collections.abc import Callable, Iterator

import httpx
import pytest

from kata.network.callback_server import CallbackServer
from kata.network.callbacks import Reply
from kata.servers.databases import swallowing
from kata.world.owned import OwnedWorld
from kata.world.owned_service import OwnedService

TOKEN = "the-operator-of-these-tests"
SECRET = "It's a Secret to Everybody"
PATIENCE_SECONDS = 10.0


@pytest.fixture(scope="module")
def service(session_world: OwnedWorld) -> Iterator[OwnedService]:
    settings = {
        "OPERATOR_TOKEN": TOKEN,
        "ALLOW_PRIVATE_DESTINATIONS": "true",
        "BACKOFF_BASE_SECONDS": "0.05",
        "MAX_ATTEMPTS": "2",
    }
    service = session_world.start(settings, workers=1)
    yield service
    assert [service.web.terminate(), *(worker.terminate() for worker in service.workers)] == [0, 0]


@pytest.fixture(scope="module")
def web(service: OwnedService) -> Iterator[httpx.Client]:
    headers = {"Authorization": f"Bearer {TOKEN}"}
    with httpx.Client(base_url=service.urls[0], headers=headers, trust_env=False, timeout=10) as client:
        yield client


@pytest.fixture
def sink(session_world: OwnedWorld) -> CallbackServer:
    return session_world.callback_server()


def make(web: httpx.Client, name: str, destination: str) -> None:
    body = {"name": name, "scheme": "github", "secret": SECRET, "destination": destination}
    assert web.post("/api/v1/sources", json=body).status_code == 201


def send(web: httpx.Client, name: str, body: bytes, delivery: str, secret: str = SECRET) -> httpx.Response:
    digest = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    headers = {"X-Hub-Signature-256": f"sha256={digest}", "X-GitHub-Delivery": delivery}
    return web.post(f"/in/{name}", content=body, headers=headers)


def until[T](ask: Callable[[], T], accepts: Callable[[T], bool]) -> T:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not accepts(answer := ask()):
        assert time.monotonic() < deadline, answer
        time.sleep(0.02)
    return answer


def test_an_event_is_dead_replayed_and_forwarded(web: httpx.Client, sink: CallbackServer) -> None:
    sink.program("/dead", Reply(500), Reply(500), Reply())
    make(web, "dead", sink.url("/dead"))
    event_id = send(web, "dead", b"one", "1").json()["id"]

    def event() -> dict[str, object]:
        found: dict[str, object] = web.get(f"/api/v1/events/{event_id}").json()
        return found

    until(event, lambda now: now["state"] == "dead")
    replayed = web.post("/api/v1/replays", json={"source": "dead"}, headers={"Idempotency-Key": "k"}).json()
    assert replayed == {"count": 1, "event_ids": [event_id]}
    assert until(event, lambda now: now["state"] == "forwarded")["round"] == 2
    assert web.get(f"/api/v1/events/{event_id}/payload").content == b"one"
    assert [call.body for call in sink.received("/dead")] == [b"one"] * 3


def test_a_constraint_that_somebody_else_made_is_no_conflict(
    service: OwnedService, web: httpx.Client
) -> None:
    bodies = [
        {"name": name, "scheme": "github", "secret": SECRET, "destination": "https://receiver.example/"}
        for name in ("foreign-1", "foreign-2", "foreign-1")
    ]
    with service.postgres.connect() as connection:
        connection.execute("CREATE UNIQUE INDEX foreign_one ON sources ((true)) WHERE name LIKE 'foreign%'")
        answers = [web.post("/api/v1/sources", json=body) for body in bodies]
        connection.execute("DROP INDEX foreign_one")
    assert [answer.status_code for answer in answers] == [201, 503, 409]


def test_a_conflict_can_be_read(web: httpx.Client, sink: CallbackServer) -> None:
    make(web, "conflict", sink.url("/conflict"))
    first = send(web, "conflict", b"one", "1").json()
    assert send(web, "conflict", b"two", "1").json() == {"id": first["id"], "status": "conflict"}
    items = web.get(f"/api/v1/events/{first['id']}/conflicts").json()["items"]
    assert [base64.b64decode(item["body_base64"]) for item in items] == [b"two"]


def test_what_was_rejected_is_admitted_when_its_secret_is_known(
    web: httpx.Client, sink: CallbackServer
) -> None:
    make(web, "mended", sink.url("/mended"))
    secret = "the secret that was forgotten"
    assert send(web, "mended", b"one", "1", secret).status_code == 401
    causes = [one["cause"] for one in web.get("/api/v1/quarantine?source=mended").json()["items"]]
    assert causes == ["unknown"]
    added = web.post("/api/v1/sources/mended/secrets", json={"secret": secret})
    assert added.status_code == 201
    body = {"source": "mended"}
    assert web.post("/api/v1/quarantine/reverify", json=body).json() == {"admitted": 1, "known": 0}
    assert [call.body for call in sink.wait_for("/mended", 1, PATIENCE_SECONDS)] == [b"one"]
    secret_id = added.json()["id"]
    expired = web.patch(
        f"/api/v1/sources/mended/secrets/{secret_id}", json={"not_after": "2020-01-01T00:00:00Z"}
    )
    assert expired.status_code == 200
    assert send(web, "mended", b"two", "2", secret).status_code == 401


HOSTILE: list[tuple[str, str, bytes]] = [
    ("POST", "/in/%00", b"x"),
    ("POST", "/in/%ff%fe", b"x"),
    ("POST", "/in/..%2f..", b"x"),
    ("POST", "/in/", b"x"),
    ("POST", "/api/v1/sources", b"[" * 5000),
    ("POST", "/api/v1/sources", b"\xff"),
    ("POST", "/api/v1/sources", b'{"name": "\\ud800"}'),
    ("POST", "/api/v1/sources", b'{"name": "a", "name": "b"}'),
    ("POST", "/api/v1/sources", b'{"name": "a", "scheme": "github", "destination": "http://\\u0000/"}'),
    ("POST", "/api/v1/replays", b'{"received_since": "0001-01-01T00:00:00+23:59"}'),
    ("POST", "/api/v1/replays", b'{"source": "\\u0000"}'),
    ("POST", "/api/v1/quarantine/reverify", b'{"source": 1e999}'),
    ("GET", "/api/v1/events?source=%00", b""),
    ("GET", "/api/v1/events?cursor=AAAAAAAAAAAAAAAAAAAAAA", b""),
    ("GET", "/api/v1/events?limit=1e2", b""),
    ("GET", "/api/v1/events/%00", b""),
    ("GET", "/api/v1/quarantine?source=%00", b""),
    ("PATCH", "/api/v1/sources/%00", b"{}"),
]


@pytest.mark.parametrize(("method", "path", "body"), HOSTILE)
def test_what_nobody_should_send_is_refused(web: httpx.Client, method: str, path: str, body: bytes) -> None:
    headers = {"Content-Type": "application/json"} if body else {}
    answer = web.request(method, path, content=body, headers=headers)
    assert 400 <= answer.status_code < 500, answer.text
    assert answer.headers["content-type"] == "application/problem+json"


def test_what_somebody_else_s_trigger_swallows_is_no_success(
    service: OwnedService, web: httpx.Client, sink: CallbackServer
) -> None:
    url = service.postgres.address.url(service.postgres.database)
    make(web, "swallowed", sink.url("/swallowed"))
    source = {"name": "swallowed-2", "scheme": "github", "secret": SECRET, "destination": sink.url("/")}
    refused = []
    for table in ("sources", "secrets"):
        with swallowing(url, table):
            refused.append(web.post("/api/v1/sources", json=source))
    with swallowing(url, "sources"):
        refused.append(web.patch("/api/v1/sources/swallowed", json={"destination": sink.url("/other")}))
    with swallowing(url, "secrets"):
        refused.append(
            web.post("/api/v1/sources/swallowed/secrets", json={"secret": "another secret of this source"})
        )
    with swallowing(url, "events"):
        refused.append(send(web, "swallowed", b"one", "1"))
    assert [answer.status_code for answer in refused] == [503] * 5
    assert send(web, "swallowed", b"one", "1").json()["status"] == "new"
