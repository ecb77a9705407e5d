"""What needs a Docker engine. Pytest does not collect a file of this name: it is given to it by its path."""

import http.server
import shutil
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from docker.errors import APIError  # type: ignore[import-untyped]  # it has no types
from docker.models.containers import Container as SdkContainer  # type: ignore[import-untyped]

from kata.errors import TargetError
from kata.solution.container import ContainerInstance, DockerTarget, container_options, image_tag
from kata.solution.engine import Container, Engine
from kata.solution.readiness import wait_until_ready
from kata.solution.target import Target

SERVER = """
import json, os, signal, sys, urllib.request
from http.server import BaseHTTPRequestHandler, HTTPServer

def attempt(action):
    try:
        action()
        return "done"
    except OSError as error:
        return error.strerror or str(error)

def facts():
    lines = open("/proc/self/status").read().splitlines()
    status = dict(line.split(":\\t", 1) for line in lines if ":\\t" in line)
    return {
        "environment": dict(os.environ),
        "root": attempt(lambda: open("/written", "w")),
        "tmp": attempt(lambda: open("/tmp/written", "w")),
        "capabilities": status["CapEff"],
        "no_new_privileges": status["NoNewPrivs"],
    }

class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path.startswith("/fetch/"):
            body = urllib.request.urlopen("http://" + self.path.removeprefix("/fetch/"), timeout=5).read()
        else:
            body = json.dumps(facts()).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass

def stop(*_):
    print("bye", flush=True)
    sys.exit(3)

if os.environ.get("STUBBORN"):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
else:
    signal.signal(signal.SIGTERM, stop)
if os.environ.get("LIMIT") == "none":
    sys.exit("LIMIT must be a number")
print("up", flush=True)
HTTPServer(("0.0.0.0", int(os.environ["PORT"])), Handler).serve_forever()
"""
DOCKERFILE = """
FROM python:3.13-slim
WORKDIR /app
COPY server.py ./
USER 65534:65534
CMD ["python", "server.py"]
"""
PROCFILE = """
web: python server.py
release: echo "migrating $DATABASE_URL"; exit ${RELEASE_CODE:-0}
worker: echo working for $QUEUE on ${PORT:-no port}; exec sleep 600
stuck: exec sleep 600
"""


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("solution") / "container-check"
    folder.mkdir()
    (folder / "server.py").write_text(SERVER)
    (folder / "Dockerfile").write_text(DOCKERFILE)
    (folder / "Procfile").write_text(PROCFILE)
    return folder


@pytest.fixture(scope="session")
def built(folder: Path) -> Iterator[DockerTarget]:
    target = DockerTarget(folder, release_timeout_seconds=60)
    yield target
    target.close()


@pytest.fixture
def web(built: DockerTarget) -> Iterator[ContainerInstance]:
    instance = built.start("web", {"LIMIT": "3"})
    wait_until_ready(instance)
    yield instance
    instance.kill()


@pytest.fixture
def container(built: DockerTarget) -> Iterator[Container]:
    engine = Engine()
    container = engine.create(container_options(image_tag(built.directory), {}, "exec sleep 600", None))
    yield container
    container.remove()
    engine.close()


def eventually(condition: Callable[[], bool], timeout_seconds: float = 30.0) -> None:
    deadline = time.monotonic() + timeout_seconds
    while not condition():
        assert time.monotonic() < deadline, "it never became true"
        time.sleep(0.05)


def get(instance: ContainerInstance, path: str = "/") -> httpx.Response:
    return httpx.get(f"{instance.url}{path}", trust_env=False, timeout=10)


def as_target(target: Target) -> Target:
    return target


def test_it_is_a_target(built: DockerTarget) -> None:
    target = as_target(built)  # mypy checks it
    assert target.dependency_host == "host.docker.internal"


def test_a_web_container_answers_and_has_the_environment(web: ContainerInstance) -> None:
    environment = get(web).json()["environment"]
    assert (environment["LIMIT"], environment["PORT"], environment["TZ"]) == ("3", "8000", "UTC")
    assert web.name.startswith("web.")
    assert web.alive
    assert web.exit_code is None
    assert web.output() == ["up"]


def test_a_container_has_few_powers(web: ContainerInstance) -> None:
    facts = get(web).json()
    assert facts["root"] == "Read-only file system"
    assert facts["tmp"] == "done"
    assert facts["capabilities"] == "0000000000000000"
    assert facts["no_new_privileges"] == "1"


def test_a_container_reaches_a_proxy_of_the_verifiers(built: DockerTarget, web: ContainerInstance) -> None:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"from the verifier")

    with http.server.HTTPServer((built.proxy_host, 0), Handler) as proxy:
        thread = threading.Thread(target=proxy.serve_forever)
        thread.start()
        answer = get(web, f"/fetch/{built.dependency_host}:{proxy.server_port}/")
        proxy.shutdown()
        thread.join()
    assert answer.text == "from the verifier"


def test_terminate_gives_the_exit_code_of_a_clean_stop(web: ContainerInstance) -> None:
    assert web.terminate() == 3
    assert (web.alive, web.exit_code) == (False, 3)
    assert web.output() == ["up", "bye"]
    assert web.terminate() == 3


def test_terminate_reaches_a_paused_container(web: ContainerInstance) -> None:
    web.pause()
    assert web.terminate() == 3


def test_what_cannot_be_done_to_a_container_in_its_state_is_not_done(container: Container) -> None:
    def try_all() -> None:
        container.pause()
        container.unpause()
        container.unpause()
        container.signal("SIGKILL")
        eventually(lambda: not container.state().running)

    try_all()  # it is not started yet
    container.start()
    container.pause()
    try_all()
    assert container.state().exit_code == -signal.SIGKILL
    try_all()
    container.remove()
    container.remove()


@pytest.mark.parametrize("failures", [1, 4, 5])
def test_a_container_that_cannot_be_frozen_is_tried_again_and_that_is_told_in_the_end(
    container: Container, monkeypatch: pytest.MonkeyPatch, failures: int
) -> None:
    freeze = SdkContainer.pause
    calls = []

    def fail_at_first(inner: object) -> None:
        calls.append(inner)
        if len(calls) <= failures:
            raise APIError("500 Server Error", explanation="cannot pause: unable to freeze: unknown")
        freeze(inner)

    monkeypatch.setattr(SdkContainer, "pause", fail_at_first)
    container.start()
    if failures < 5:
        container.pause()
        assert container.state().paused
    else:
        with pytest.raises(TargetError, match=r"^Docker: unable to freeze, 5 times$"):
            container.pause()
    assert len(calls) == min(failures + 1, 5)


@pytest.mark.parametrize("is_heard_of", [True, False])
def test_a_container_that_goes_on_by_itself_is_told_from_one_that_does_not(
    container: Container, monkeypatch: pytest.MonkeyPatch, *, is_heard_of: bool
) -> None:
    go_on = SdkContainer.unpause

    def come_too_late(inner: object) -> None:
        if is_heard_of:
            threading.Timer(0.3, go_on, [inner]).start()
        raise APIError("500 Server Error", explanation="cannot resume a running process: unknown")

    monkeypatch.setattr(SdkContainer, "unpause", come_too_late)
    container.start()
    container.pause()
    if is_heard_of:
        container.unpause()
        assert not container.state().paused
    else:
        monkeypatch.setattr("kata.solution.engine._HEARSAY_SECONDS", 0.2)
        with pytest.raises(TargetError, match=r"^Docker: cannot resume a running process: unknown$"):
            container.unpause()


def test_a_container_that_ignores_sigterm_is_killed_and_that_is_told(built: DockerTarget) -> None:
    stubborn = built.start("web", {"STUBBORN": "yes"})
    wait_until_ready(stubborn)
    assert stubborn.terminate(timeout_seconds=0.5) is None
    assert stubborn.exit_code == -signal.SIGKILL


def test_kill_and_restart_keep_the_address_and_the_output(web: ContainerInstance) -> None:
    url = web.url
    web.kill()
    assert (web.alive, web.exit_code) == (False, -signal.SIGKILL)
    web.kill()
    web.restart()
    wait_until_ready(web)
    assert web.url == url
    web.restart()  # while it runs
    wait_until_ready(web)
    assert web.output() == ["up", "up", "bye", "up"]


def test_a_paused_container_does_not_answer_until_it_is_resumed(web: ContainerInstance) -> None:
    web.pause()
    assert web.alive
    with pytest.raises(httpx.TimeoutException):
        httpx.get(f"{web.url}/", trust_env=False, timeout=0.5)
    web.resume()
    web.resume()
    assert get(web).status_code == 200
    web.pause()
    web.kill()
    assert not web.alive


def test_several_web_containers_have_addresses_of_their_own(
    built: DockerTarget, web: ContainerInstance
) -> None:
    other = built.start("web", {})
    wait_until_ready(other)
    assert other.url != web.url
    assert other.name != web.name
    other.kill()


def test_a_container_that_dies_at_its_start_is_told_with_its_last_words(built: DockerTarget) -> None:
    with pytest.raises(TargetError) as caught:
        wait_until_ready(built.start("web", {"LIMIT": "none"}))
    assert str(caught.value).endswith("exited with code 1 before it became ready")
    assert caught.value.output == ["LIMIT must be a number"]


def test_another_process_is_its_line_in_the_procfile(built: DockerTarget) -> None:
    worker = built.start("worker", {"QUEUE": "mail", "PORT": "1"})
    assert (worker.name, worker.url) == ("worker.1", None)
    eventually(lambda: worker.output() == ["working for mail on no port"])
    worker.kill()
    with pytest.raises(TargetError, match=r"Procfile has no line `clock:`$"):
        built.start("clock", {})


def test_release_runs_to_its_end(built: DockerTarget) -> None:
    built.release({"DATABASE_URL": "here"})
    with pytest.raises(TargetError) as caught:
        built.release({"DATABASE_URL": "there", "RELEASE_CODE": "4"})
    assert str(caught.value) == "release exited with code 4"
    assert caught.value.output == ["migrating there"]


def test_a_build_that_fails_shows_its_output(tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM python:3.13-slim\nRUN echo before && cat nothing-here\n")
    with pytest.raises(TargetError) as caught:
        DockerTarget(tmp_path)
    assert str(caught.value) == f"{tmp_path / 'Dockerfile'} could not be built"
    output = "\n".join(caught.value.output)
    assert "before" in output
    assert "nothing-here" in output


@pytest.mark.parametrize("with_program", [True, False])
def test_the_context_may_be_another_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, with_program: bool
) -> None:
    project = tmp_path / "projects" / "01-context-check"
    project.mkdir(parents=True)
    (tmp_path / "shared.txt").write_text("from the root")
    (project / "pyproject.toml").write_text("[tool.kata]\ndocker_context = '../..'\n")
    (project / "Dockerfile").write_text(
        'FROM python:3.13-slim\nCOPY shared.txt /\nCMD ["cat", "/shared.txt"]\n'
    )
    if not with_program:
        monkeypatch.setattr(shutil, "which", lambda _: None)
    target = DockerTarget(project)
    instance = target.start("web", {})
    eventually(lambda: instance.output() == ["from the root"])
    target.release({})  # no Procfile, no release
    target.close()


@pytest.mark.parametrize(
    ("dockerfile", "reason"),
    [
        ("FROM python:3.13-slim\nRUN echo before && cat nothing-here\n", "nothing-here"),
        ("FRUM python\n", "FRUM"),
    ],
)
def test_the_sdk_explains_a_failed_build_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dockerfile: str, reason: str
) -> None:
    monkeypatch.setattr(shutil, "which", lambda _: None)
    (tmp_path / "Dockerfile").write_text(dockerfile)
    with pytest.raises(TargetError) as caught:
        DockerTarget(tmp_path)
    assert reason in "\n".join(caught.value.output)


def test_a_program_that_is_not_in_the_image_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text('FROM python:3.13-slim\nCMD ["not-a-program"]\n')
    target = DockerTarget(tmp_path)
    with pytest.raises(TargetError, match=r"^Docker: .*not-a-program"):
        target.start("web", {})
    target.close()


def test_close_removes_every_container(folder: Path) -> None:
    target = DockerTarget(folder)
    instances = [target.start("web", {}), target.start("worker", {})]
    target.close()
    for instance in instances:
        with pytest.raises(TargetError, match="No such container"):
            assert instance.alive


def test_a_release_that_hangs_is_removed(folder: Path, tmp_path: Path) -> None:
    hanging = tmp_path / "hanging"
    shutil.copytree(folder, hanging)
    (hanging / "Procfile").write_text("release: echo waiting; exec sleep 600\n")
    target = DockerTarget(hanging, release_timeout_seconds=5.0)
    with pytest.raises(TargetError) as caught:
        target.release({})
    assert str(caught.value) == "release did not finish within 5 s"
    assert caught.value.output == ["waiting"]
    target.close()
