import os
import signal
import socket
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from kata.errors import ProcfileError, TargetError
from kata.solution.procfile_target import ProcfileTarget, process_environment
from kata.solution.readiness import wait_until_ready
from kata.solution.target import Instance, Target
from kata.system.ports import free_port

# A solution in miniature: READY says how it answers, the rest of its environment is served at /environment.
SERVER = """
import json, os, socket, sys, time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

ready = os.environ.get("READY", "yes")
refusals = 3 if ready == "late" else 0
if ready == "crash":
    print("REDIS_URL is missing")
    sys.exit(1)

class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        global refusals
        if ready == "hang":
            time.sleep(600)
        if ready == "trickle":
            while True:
                self.wfile.write(b"H")
                time.sleep(0.1)
        body = json.dumps(dict(os.environ)).encode() if self.path == "/environment" else b"redis:\\n  down"
        late, refusals = refusals > 0, refusals - 1
        redirect = ready == "redirect" and self.path == "/ready"
        self.send_response(503 if ready == "no" or late else 302 if redirect else 200)
        self.send_header("Location", "/health")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        print("served", self.path, flush=True)

ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "server.py").write_text(textwrap.dedent(SERVER))
    (tmp_path / "Procfile").write_text("web: python server.py\nworker: env; exec sleep 600\n")
    return tmp_path


@pytest.fixture
def target(folder: Path) -> Iterator[ProcfileTarget]:
    target = ProcfileTarget(folder)
    yield target
    target.close()


def environment_of(instance: Instance) -> dict[str, str]:
    answer = httpx.get(f"{instance.url}/environment", trust_env=False)
    environment: dict[str, str] = answer.json()
    return environment


def listens(instance: Instance) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", int(str(instance.url).rpartition(":")[2]))) == 0


def eventually(condition: Callable[[], bool], timeout_seconds: float = 20.0) -> None:
    deadline = time.monotonic() + timeout_seconds
    while not condition():
        assert time.monotonic() < deadline, "it never became true"
        time.sleep(0.01)


def test_the_programs_of_a_dependency_come_first_on_path_and_behind_the_interpreter(folder: Path) -> None:
    target = ProcfileTarget(folder, programs=folder / "bin")
    instance = target.start("web", {"PATH": os.environ["PATH"]})  # as `kata run` passes it on
    wait_until_ready(instance)
    folders = environment_of(instance)["PATH"].split(os.pathsep)
    own = [one for one in folders if one != str(Path(sys.executable).parent)]
    assert own[0] == str(folder / "bin")
    assert own[1:]
    target.close()


def test_a_web_process_answers_on_a_port_of_its_own(target: ProcfileTarget) -> None:
    first, second = target.start("web", {}), target.start("web", {})
    assert wait_until_ready(first) > 0
    wait_until_ready(second)
    assert (first.name, second.name) == ("web.1", "web.2")
    assert first.url != second.url
    assert first.url == f"http://127.0.0.1:{environment_of(first)['PORT']}"


def test_a_given_port_is_used(target: ProcfileTarget) -> None:
    port = free_port()
    instance = target.start("web", {"PORT": str(port)})
    assert instance.url == f"http://127.0.0.1:{port}"
    wait_until_ready(instance)


def test_a_worker_has_neither_url_nor_port(target: ProcfileTarget) -> None:
    worker = target.start("worker", {"PORT": "8000", "LEASE_SECONDS": "2"})
    assert (worker.name, worker.url) == ("worker.1", None)
    eventually(lambda: "LEASE_SECONDS=2" in worker.output())
    assert not [line for line in worker.output() if line.startswith("PORT=")]


def test_the_environment_is_the_given_one_over_a_clean_base(
    target: ProcfileTarget, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LIMIT", "3")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("TZ", "Asia/Kathmandu")
    instance = target.start("web", {"WINDOW_SECONDS": "7"})
    wait_until_ready(instance)
    environment = environment_of(instance)
    assert environment["WINDOW_SECONDS"] == "7"
    assert environment["TZ"] == "UTC"
    assert environment["HOME"] == os.environ["HOME"]
    assert not {"LIMIT", "HTTP_PROXY", "PYTEST_CURRENT_TEST"} & environment.keys()


def test_the_reference_runs_in_our_environment_whichever_is_active(
    folder: Path, target: ProcfileTarget, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VIRTUAL_ENV", "/elsewhere")
    (folder / "mutants.toml").touch()
    reference = ProcfileTarget(folder)
    instances = [target.start("web", {}), reference.start("web", {})]
    for instance in instances:
        wait_until_ready(instance)
    active = [environment_of(instance)["VIRTUAL_ENV"] for instance in instances]
    reference.close()
    assert active == ["/elsewhere", sys.prefix]


def test_what_is_given_wins_over_the_base() -> None:
    environment = process_environment({"TZ": "Europe/Berlin", "HOME": "/nowhere", "PORT": "1"}, port=2)
    assert (environment["TZ"], environment["HOME"], environment["PORT"]) == ("Europe/Berlin", "/nowhere", "2")


def test_close_ends_every_process(folder: Path) -> None:
    target = ProcfileTarget(folder)
    instances = [target.start("web", {}), target.start("worker", {})]
    target.close()
    assert [instance.exit_code for instance in instances] == [-signal.SIGKILL, -signal.SIGKILL]


def test_a_restart_keeps_port_environment_and_output(target: ProcfileTarget) -> None:
    instance = target.start("web", {"WINDOW_SECONDS": "7"})
    wait_until_ready(instance)
    before = environment_of(instance)
    instance.kill()
    assert not instance.alive
    instance.restart()
    wait_until_ready(instance)
    assert environment_of(instance) == before
    instance.restart()  # while it runs
    wait_until_ready(instance)
    assert instance.output().count("served /environment") == 2


def test_an_unknown_process_type_names_the_procfile(target: ProcfileTarget) -> None:
    with pytest.raises(TargetError) as caught:
        target.start("clock", {})
    assert str(caught.value) == f"{target.directory}/Procfile has no line `clock:`"


def test_a_folder_without_a_procfile_is_told_what_to_write(tmp_path: Path) -> None:
    with pytest.raises(ProcfileError, match="has no Procfile; it needs a line `web: <the command"):
        ProcfileTarget(tmp_path)
    with pytest.raises(ProcfileError, match=r"nowhere is not a folder$"):
        ProcfileTarget(tmp_path / "nowhere")
    (tmp_path / "Procfile").write_text("web")
    with pytest.raises(ProcfileError) as caught:
        ProcfileTarget(tmp_path)
    assert str(caught.value) == f"{tmp_path}: Procfile, line 1: expected `type: command`, got `web`"
    (tmp_path / "Procfile").write_bytes(b"web: caf\xe9")
    with pytest.raises(ProcfileError, match="can't be read"):
        ProcfileTarget(tmp_path)


def with_release(folder: Path, command: str, timeout_seconds: float = 20.0) -> ProcfileTarget:
    (folder / "Procfile").write_text(f"release: {command}\n")
    return ProcfileTarget(folder, release_timeout_seconds=timeout_seconds)


def test_release_runs_the_release_line_in_the_folder_with_the_environment(folder: Path) -> None:
    with_release(folder, "echo $DATABASE_URL $PORT > migrated").release({"DATABASE_URL": "here", "PORT": "1"})
    assert (folder / "migrated").read_text() == "here\n"


def test_no_release_line_is_no_release(target: ProcfileTarget) -> None:
    target.release({})


def test_a_release_that_fails_is_an_error_with_its_output(folder: Path) -> None:
    with pytest.raises(TargetError) as caught:
        with_release(folder, "echo 'no such table'; exit 3").release({})
    assert (str(caught.value), caught.value.output) == ("release exited with code 3", ["no such table"])


def test_a_release_that_hangs_is_killed(folder: Path) -> None:
    with pytest.raises(TargetError) as caught:
        with_release(folder, "echo waiting; exec sleep 600", timeout_seconds=2).release({})
    assert str(caught.value) == "release did not finish within 2 s"
    assert caught.value.output == ["waiting"]


def test_a_process_that_becomes_ready_later_is_waited_for(target: ProcfileTarget) -> None:
    instance = target.start("web", {"READY": "late"})
    wait_until_ready(instance)
    eventually(lambda: instance.output() == ["served /ready"] * 4)


def test_a_process_that_dies_at_its_start_is_told_with_its_last_words(target: ProcfileTarget) -> None:
    with pytest.raises(TargetError) as caught:
        wait_until_ready(target.start("web", {"READY": "crash"}))
    assert str(caught.value) == "web.1 exited with code 1 before it became ready"
    assert caught.value.output == ["REDIS_URL is missing"]


@pytest.mark.parametrize(
    ("ready", "last_answer"),
    [
        ("no", "503 redis: down"),
        ("redirect", "302 redis: down"),
        ("hang", "nothing for"),
        ("trickle", "nothing for"),
    ],
)
def test_a_process_that_is_never_ready_is_told_with_its_last_answer(
    target: ProcfileTarget, ready: str, last_answer: str
) -> None:
    instance = target.start("web", {"READY": ready})
    eventually(lambda: listens(instance))
    with pytest.raises(TargetError) as caught:
        wait_until_ready(instance, timeout_seconds=2.5)
    start = f"web.1 did not answer GET /ready with 200 within 2.5 s (last answer: {last_answer}"
    assert str(caught.value).startswith(start)
    assert caught.value.output == instance.output()


def test_a_process_that_does_not_listen_is_told(folder: Path) -> None:
    (folder / "Procfile").write_text("web: exec sleep 600\n")
    target = ProcfileTarget(folder)
    with pytest.raises(TargetError, match=r"GET /health .* \(last answer: connection refused\)$"):
        wait_until_ready(target.start("web", {}), "/health", timeout_seconds=2)
    target.close()


def test_a_proxy_of_the_users_environment_is_not_asked(
    target: ProcfileTarget, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{free_port()}")
    monkeypatch.setenv("NO_PROXY", "")
    wait_until_ready(target.start("web", {}))


def test_it_is_a_target(folder: Path) -> None:
    target: Target = ProcfileTarget(folder)  # mypy checks it
    assert (target.proxy_host, target.dependency_host) == ("127.0.0.1", "127.0.0.1")
