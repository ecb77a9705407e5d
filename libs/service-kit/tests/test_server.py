"""Real processes, real sockets, real signals: what a supervisor and a hostile client see."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Protocol

import httpx
import pytest

from service_kit.server import LOCK, METRICS, remove_abandoned

HERE = Path(__file__).parent
PATIENCE_SECONDS = 50.0
LIMIT_BYTES = 1000


class Start(Protocol):
    def __call__(self, **environment: str) -> "Service": ...


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "the condition was never met"
        time.sleep(0.01)


class Service:
    """A started sample, in a process group of its own."""

    def __init__(self, sample: str, gate: Path, **environment: str) -> None:
        self.gate = gate
        own = {
            # Longer than our patience: only the test of the timeout sees it.
            "SHUTDOWN_TIMEOUT_SECONDS": "60",
            "GATE": str(gate),
            "BODY_LIMIT_BYTES": str(LIMIT_BYTES),
        } | environment
        self.port = int(own["PORT"])
        self.url = f"http://127.0.0.1:{self.port}"
        self.process = subprocess.Popen(
            [sys.executable, f"{sample}.py"],
            cwd=HERE,
            env=os.environ | own,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        assert self.process.stdout is not None
        assert self.process.stderr is not None
        self.output: list[str] = []
        self.errors: list[str] = []
        self._readers = [
            follow(self.process.stdout, self.output),
            follow(self.process.stderr, self.errors),
        ]

    def ready(self) -> "Service":
        until(lambda: self.process.poll() is not None or self.is_listening())
        assert self.process.poll() is None, self.errors
        return self

    def is_listening(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def exit_code(self) -> int:
        """Wait for the end, and for the last line of output."""
        code = self.process.wait(PATIENCE_SECONDS)
        for reader in self._readers:
            reader.join(PATIENCE_SECONDS)
        return code

    def log(self) -> list[dict[str, object]]:
        return [json.loads(line) for line in self.output]

    def events(self, event: str) -> list[dict[str, object]]:
        return [line for line in self.log() if line["event"] == event]

    def raw(self, request: bytes) -> bytes:
        """Send bytes as they are, and return what comes until the server closes."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE_SECONDS) as connection:
            connection.sendall(request)
            answer = b""
            while more := connection.recv(65536):
                answer += more
        return answer

    def kill(self) -> None:
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
        self.exit_code()
        for stream in (self.process.stdout, self.process.stderr):
            if stream is not None:
                stream.close()


def follow(stream: IO[str], lines: list[str]) -> threading.Thread:
    def read() -> None:
        while line := stream.readline():
            lines.append(line.rstrip("\n"))

    thread = threading.Thread(target=read)
    thread.start()
    return thread


SAMPLES = ["sample_flask", "sample_fastapi", "sample_litestar"]


@pytest.fixture(params=SAMPLES)
def start(request: pytest.FixtureRequest, tmp_path: Path, free_port: Callable[[], int]) -> Iterator[Start]:
    started: list[Service] = []

    def start_one(**environment: str) -> Service:
        port = str(free_port())
        started.append(Service(request.param, tmp_path / "gate", **{"PORT": port} | environment))
        return started[-1]

    yield start_one
    for service in started:
        service.kill()


@pytest.fixture(scope="module", params=SAMPLES)
def service(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, free_port: Callable[[], int]
) -> Iterator[Service]:
    """One service for all tests that only ask."""
    gate = tmp_path_factory.mktemp("shared") / "gate"
    shared = Service(request.param, gate, PORT=str(free_port())).ready()
    yield shared
    shared.kill()


def waiting_request(service: Service) -> socket.socket:
    """Send a request that is answered when the gate opens, and return once it is being served."""
    connection = socket.create_connection(("127.0.0.1", service.port), timeout=PATIENCE_SECONDS)
    connection.sendall(b"GET /gated HTTP/1.1\r\nHost: x\r\n\r\n")
    until(service.gate.with_suffix(".waiting").exists)
    return connection


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_answers_what_runs_and_accepts_nothing_new(start: Start, number: signal.Signals) -> None:
    service = start().ready()
    with waiting_request(service) as connection:
        service.process.send_signal(number)
        until(lambda: not service.is_listening())
        # To all of them, and more than once, as a person at a terminal does.
        for _ in range(3):
            os.killpg(service.process.pid, number)
        service.gate.touch()
        assert connection.recv(65536).startswith(b"HTTP/1.1 200 OK")
    assert service.exit_code() == 0


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_signal_to_the_whole_group_is_a_clean_stop_too(start: Start, workers: str) -> None:
    service = start(WEB_CONCURRENCY=workers).ready()
    os.killpg(service.process.pid, signal.SIGTERM)
    assert service.exit_code() == 0
    assert [line["event"] for line in service.log()] == ["starting", "stopped"]
    assert service.errors == []


def test_a_worker_that_gets_the_signal_before_its_parent_is_no_failure(start: Start) -> None:
    service = start().ready()
    os.kill(httpx.get(f"{service.url}/pid").json()["pid"], signal.SIGTERM)
    assert service.exit_code() == 0
    assert service.errors == []


def test_idle_connections_do_not_delay_a_stop(start: Start) -> None:
    service = start().ready()
    with httpx.Client() as client:
        client.get(f"{service.url}/health")
        with socket.create_connection(("127.0.0.1", service.port)):
            service.process.terminate()
            assert service.exit_code() == 0


def test_a_request_that_never_ends_is_cut_off_after_the_timeout(start: Start) -> None:
    service = start(SHUTDOWN_TIMEOUT_SECONDS="1").ready()
    with waiting_request(service):
        service.process.terminate()
        assert service.exit_code() == 0


def test_a_stop_that_is_announced_takes_what_comes_meanwhile(
    tmp_path: Path, free_port: Callable[[], int]
) -> None:
    settings = {"PORT": str(free_port()), "DRAIN_SECONDS": "1.5", "SHUTDOWN_TIMEOUT_SECONDS": "1"}
    service = Service("sample_litestar", tmp_path / "gate", **settings).ready()
    assert httpx.get(f"{service.url}/ready").status_code == 200
    asked = time.monotonic()
    os.killpg(service.process.pid, signal.SIGTERM)
    until(lambda: httpx.get(f"{service.url}/health").json()["status"] == "stopping")
    assert httpx.get(f"{service.url}/ready").status_code == 503
    assert httpx.get(f"{service.url}/items/1").status_code == 200
    assert service.exit_code() == 0
    assert time.monotonic() - asked > 1.5
    service.kill()


def test_an_answer_without_end_hears_of_a_stop(tmp_path: Path, free_port: Callable[[], int]) -> None:
    service = Service("sample_flask", tmp_path / "gate", PORT=str(free_port())).ready()
    with httpx.stream("GET", f"{service.url}/endless", timeout=PATIENCE_SECONDS) as answer:
        lines = answer.iter_lines()
        assert next(lines) == "more"
        service.process.terminate()
        assert set(lines) <= {"more"}
    assert service.exit_code() == 0
    service.kill()


def test_a_stop_while_the_application_is_still_being_made(start: Start) -> None:
    service = start(START="slowly")
    until(service.gate.with_suffix(".loading").exists)
    service.process.terminate()
    assert service.exit_code() == 0


@pytest.mark.parametrize("workers", ["1", "3"])
def test_an_application_that_cannot_be_made_ends_the_service_with_one_line(
    start: Start, workers: str
) -> None:
    service = start(START="badly", WEB_CONCURRENCY=workers)
    assert service.exit_code() == 1
    lines = [line for line in service.log() if line["level"] not in {"info", "warning"}]
    assert [line["event"] for line in lines] == ["cannot start"]
    assert "RuntimeError: no such script: limit.lua" in str(lines[0]["exception"])
    assert service.errors == []


@pytest.mark.parametrize("start", ["sample_fastapi", "sample_litestar"], indirect=True)
def test_a_lifespan_that_fails_ends_the_service_with_one_line(start: Start) -> None:
    service = start(START="late and badly")
    assert service.exit_code() == 1
    lines = [line for line in service.log() if line["level"] not in {"info", "warning"}]
    assert [line["event"] for line in lines] == ["cannot start"]
    assert "RuntimeError: no such queue: reminders" in str(lines[0]["exception"])


def test_a_killed_worker_ends_the_service(start: Start) -> None:
    service = start().ready()
    os.kill(httpx.get(f"{service.url}/pid").json()["pid"], signal.SIGKILL)
    assert service.exit_code() == 1
    assert service.events("worker died")[0]["exit_code"] == -signal.SIGKILL


def test_a_killed_parent_leaves_no_worker_behind(start: Start) -> None:
    service = start(WEB_CONCURRENCY="2").ready()
    service.process.kill()
    until(lambda: not service.is_listening())


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_place_for_the_metrics_of_another_program_is_not_used(
    start: Start, tmp_path: Path, workers: str
) -> None:
    for place in (tmp_path / "gone", tmp_path):
        service = start(WEB_CONCURRENCY=workers, PROMETHEUS_MULTIPROC_DIR=str(place)).ready()
        for _ in range(3):
            assert httpx.get(f"{service.url}/health").status_code == 200
        assert "http_requests_total" in httpx.get(f"{service.url}/metrics").text
    assert list(tmp_path.glob("*.db")) == []


def test_a_name_that_is_no_host_is_refused_in_a_line(start: Start) -> None:
    service = start(LISTEN_ADDRESS=f"a.{'b' * 70}.c")
    assert service.exit_code() == 1
    assert len(service.errors) == 1


def test_a_busy_port_is_named(start: Start) -> None:
    first = start().ready()
    second = start(PORT=str(first.port))
    assert second.exit_code() == 1
    assert second.errors == [
        f"server: cannot listen on port {first.port} of 127.0.0.1: Address already in use"
    ]


def test_a_port_is_free_again_right_after_a_stop(start: Start) -> None:
    first = start().ready()
    with httpx.Client() as client:
        client.get(f"{first.url}/health")
        first.process.terminate()
        assert first.exit_code() == 0
    assert start(PORT=str(first.port)).ready().is_listening()


def test_an_unknown_host_is_named(start: Start) -> None:
    service = start(LISTEN_ADDRESS="no-such-host.invalid")
    assert service.exit_code() == 1
    assert len(service.errors) == 1
    assert "no-such-host.invalid" in service.errors[0]


def test_bad_settings_stop_the_start(start: Start) -> None:
    service = start(WEB_THREADS="many", LOG_LEVEL="loud")
    assert service.exit_code() == 78
    assert service.errors == [
        "settings: LOG_LEVEL must be one of debug, info, warning, error, not 'loud'",
        "settings: WEB_THREADS must be an integer between 1 and 64, not 'many'",
    ]
    assert service.output == []


def test_the_log_names_the_client_as_the_service_knows_it(start: Start) -> None:
    service = start().ready()
    for head in (b"", b"X-Forwarded-For: 192.0.2.1\r\nX-Forwarded-For: 192.0.2.2\r\n"):
        service.raw(b"GET /things HTTP/1.1\r\nHost: x\r\nConnection: close\r\n" + head + b"\r\n")
    service.process.terminate()
    service.exit_code()
    asked = [str(line["client"]).replace(" ", "") for line in service.events("request")]
    assert asked == ["127.0.0.1-None", "127.0.0.1-192.0.2.1,192.0.2.2"]


def test_every_line_of_the_log_is_json_and_carries_the_request_id(start: Start) -> None:
    service = start().ready()
    for path in ("/items/1", "/nothing", "/stream", "/boom", "/health"):
        httpx.get(service.url + path, headers={"X-Request-ID": "from-the-caller"})
    service.process.terminate()
    assert service.exit_code() == 0
    requests = service.events("request")
    assert [(line["route"], line["status"]) for line in requests] == [
        ("/items/{number}", 200),
        ("unmatched", 404),
        ("/stream", 200),
        ("/boom", 500),
    ]
    assert {line["request_id"] for line in requests} == {"from-the-caller"}
    assert service.errors == []


def test_warning_silences_the_access_log_and_not_the_errors(start: Start) -> None:
    service = start(LOG_LEVEL="warning").ready()
    httpx.get(f"{service.url}/items/1")
    httpx.get(f"{service.url}/boom")
    service.process.terminate()
    assert service.exit_code() == 0
    assert [line["event"] for line in service.log()] == ["unhandled error"]


def test_a_crash_is_told_to_the_log_and_not_to_the_client(start: Start) -> None:
    service = start().ready()
    answer = httpx.get(f"{service.url}/boom")
    assert answer.status_code == 500
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["code"] == "internal_server_error"
    assert "hunter2" not in answer.text
    until(lambda: bool(service.events("unhandled error")))
    assert "RuntimeError: hunter2" in str(service.events("unhandled error")[0]["exception"])


@pytest.mark.parametrize("start", ["sample_fastapi", "sample_litestar"], indirect=True)
def test_an_answer_that_crashes_midway_does_not_look_whole(start: Start) -> None:
    service = start().ready()
    with pytest.raises(httpx.RemoteProtocolError):
        httpx.get(f"{service.url}/broken", headers={"X-Request-ID": "r-1"})
    until(lambda: len(service.events("request")) == 1)
    assert service.events("unhandled error")[0]["request_id"] == "r-1"


def test_any_of_several_workers_reports_the_metrics_of_all(start: Start) -> None:
    service = start(WEB_CONCURRENCY="2").ready()
    for _ in range(20):
        assert httpx.get(f"{service.url}/items/1").status_code == 200
    expected = 'http_requests_total{method="GET",route="/items/{number}",status="200"} 20.0'
    # A request is counted when it is over, and that may be just behind the last byte of its answer.
    until(lambda: expected in metrics_of(service))
    for _ in range(5):
        assert expected in metrics_of(service)


def metrics_of(service: Service) -> list[str]:
    return httpx.get(f"{service.url}/metrics").text.splitlines()


def head(answer: bytes) -> bytes:
    return answer.partition(b"\r\n")[0]


def test_a_malformed_request_line_is_refused(service: Service) -> None:
    assert head(service.raw(b"what is this\r\n\r\n")) == b"HTTP/1.1 400 Bad Request"


def test_oversized_headers_are_refused(service: Service) -> None:
    answer = service.raw(b"GET /health HTTP/1.1\r\nHost: x\r\nX-Big: " + b"a" * 64 * 1024 + b"\r\n\r\n")
    assert head(answer) == b"HTTP/1.1 431 Request Header Fields Too Large"


@pytest.mark.parametrize("length", ["ten", "-1", "+1", "1, 2", "9" * 30])
def test_a_content_length_that_is_no_length_is_refused(service: Service, length: str) -> None:
    answer = service.raw(f"POST /size HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\nabc".encode())
    assert head(answer) == b"HTTP/1.1 400 Bad Request"


def test_a_declared_body_above_the_limit_is_refused_before_it_is_sent(service: Service) -> None:
    declared = f"Content-Length: {LIMIT_BYTES + 1}\r\n".encode()
    answer = service.raw(b"POST /size HTTP/1.1\r\nHost: x\r\nConnection: close\r\n" + declared + b"\r\n")
    assert head(answer).startswith(b"HTTP/1.1 413")
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["code"] == "content_too_large"


def test_a_client_that_sends_a_large_body_at_once_still_reads_the_refusal(service: Service) -> None:
    answer = httpx.post(f"{service.url}/size", content=b"a" * 200 * LIMIT_BYTES)
    assert answer.status_code == 413


@pytest.mark.parametrize(("size", "status"), [(LIMIT_BYTES, b"200"), (LIMIT_BYTES + 1, b"413")])
def test_a_chunked_body_has_the_same_limit(service: Service, size: int, status: bytes) -> None:
    chunks = b"%x\r\n%b\r\n" % (size - 1, b"a" * (size - 1)) + b"1\r\na\r\n0\r\n\r\n"
    answer = service.raw(
        b"POST /size HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks
    )
    assert head(answer).startswith(b"HTTP/1.1 " + status)


def test_a_body_that_ends_early_is_refused(service: Service) -> None:
    with socket.create_connection(("127.0.0.1", service.port), timeout=PATIENCE_SECONDS) as connection:
        connection.sendall(b"POST /size HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc")
        connection.shutdown(socket.SHUT_WR)
        assert connection.recv(65536).startswith(b"HTTP/1.1 400")


def test_a_body_of_exactly_the_limit_is_read(service: Service) -> None:
    assert httpx.post(f"{service.url}/size", content=b"a" * LIMIT_BYTES).json() == {"bytes": LIMIT_BYTES}


@pytest.mark.parametrize("body", ['{"a": NaN}', '{"a": Infinity}', '{"a":' * 101 + "1" + "}" * 101, "{"])
def test_json_that_is_none_is_a_400(service: Service, body: str) -> None:
    answer = httpx.post(f"{service.url}/json", content=body, headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_json")


def test_another_media_type_than_json_is_a_415(service: Service) -> None:
    answer = httpx.post(f"{service.url}/json", content="{}", headers={"Content-Type": "text/plain"})
    assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media_type")


def test_a_wrong_method_names_the_right_ones(service: Service) -> None:
    answer = httpx.delete(f"{service.url}/size")
    assert (answer.status_code, answer.json()["code"]) == (405, "method_not_allowed")
    assert "POST" in answer.headers["allow"]


def test_every_answer_carries_the_headers(service: Service) -> None:
    for path in ("/items/1", "/nothing", "/stream", "/boom", "/health", "/metrics", "/openapi.json"):
        headers = httpx.get(service.url + path).headers
        assert len(headers["x-request-id"]) == 36
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"
        assert headers["cache-control"] == "no-store"
        assert headers.get_list("server") == ["service"]


def test_the_page_for_people_may_use_its_own_style_only(service: Service) -> None:
    answer = httpx.get(f"{service.url}/docs")
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert "style-src 'sha256-" in answer.headers["content-security-policy"]
    assert "<h1>Sample 1</h1>" in answer.text


def test_what_a_killed_service_has_left_is_removed_and_nothing_else_is(tmp_path: Path) -> None:
    folders = [tmp_path / name for name in (f"{METRICS}held", f"{METRICS}left", "other", f"{METRICS}strange")]
    for folder in folders:
        folder.mkdir()
    held, left, other, strange = folders
    for folder in (held, left, other):
        (folder / LOCK).touch()
    program = "import fcntl, sys; f = open(sys.argv[1]); fcntl.flock(f, fcntl.LOCK_EX); print(flush=True)"
    with subprocess.Popen(
        [sys.executable, "-c", f"{program}; input()", held / LOCK],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as owner:
        assert owner.stdout is not None
        owner.stdout.readline()
        remove_abandoned(tmp_path)
        assert set(tmp_path.iterdir()) == {held, other, strange}
        owner.kill()
    remove_abandoned(tmp_path)
    assert set(tmp_path.iterdir()) == {other, strange}
