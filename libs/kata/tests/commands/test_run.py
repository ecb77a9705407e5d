import os
import signal
import smtplib
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from email.message import EmailMessage
from pathlib import Path

import httpx
import psycopg
import pytest

from kata.servers.valkey import EmbeddedValkey
from kata.system.ports import HOST, free_port, is_free

SERVER = """
import json, os, signal, sys
from http.server import BaseHTTPRequestHandler, HTTPServer

class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        body = json.dumps(dict(os.environ)).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass

def stop(*_):
    print("bye", flush=True)
    sys.exit(0)

signal.signal(signal.SIGTERM, stop)
if os.environ.get("LIMIT") == "none":
    sys.exit("LIMIT must be a number")
print("up", flush=True)
HTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
"""

# As `kata run` calls it; {needs} and {port} are filled in by the fixture.
SCRIPT = """
import pathlib, sys
from kata.commands.run import run_project
folder, port = pathlib.Path(sys.argv[1]), int(sys.argv[2])
sys.exit(run_project(
    folder, title="A service in miniature.", needs=sys.argv[3:], env={"LIMIT": "10"},
    try_lines=["curl -i {url}/api/v1/ping", "curl -d '{{}}' {url}"],
    data_dir=folder.parent / "data", port=port or None, stdout=sys.stdout,
))
"""


class Run:
    """`kata run` of a project in miniature, in a process of its own."""

    def __init__(self, folder: Path, needs: tuple[str, ...], settings: Mapping[str, str], port: int) -> None:
        self.folder = folder
        self.port = port
        base = {
            name: value
            for name, value in os.environ.items()
            if name not in {"REDIS_URL", "DATABASE_URL", "SMTP_URL"}
        }
        self.process = subprocess.Popen(
            [sys.executable, "-c", SCRIPT, str(folder), str(port), *needs],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**base, **settings},
            cwd=folder.parent,
        )
        self.lines: list[str] = []
        self.guard = threading.Timer(120, self.process.kill)  # a read would wait for ever otherwise
        self.guard.daemon = True
        self.guard.start()

    def read_until(self, text: str) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line.rstrip("\n"))
            if text in line:
                return
        raise AssertionError(f"{text!r} is not in {self.lines}")

    def environment(self) -> dict[str, str]:
        answer = httpx.get(f"http://127.0.0.1:{self.port}/", trust_env=False)
        environment: dict[str, str] = answer.json()
        return environment

    def end(self) -> int:
        """Wait for the end; nothing that was started is alive after it."""
        assert self.process.stdout is not None
        rest = self.process.stdout.read()
        self.lines += rest.splitlines()
        code = self.process.wait(30)
        eventually(lambda: self.children() == [])
        return code

    def children(self) -> list[str]:
        """Return the command lines of all that runs in the folder: services and embedded servers."""
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            try:
                command = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode()
                inside = (process / "cwd").readlink().is_relative_to(self.folder.parent)
            except OSError:
                continue
            if inside and int(process.name) not in {os.getpid(), self.process.pid}:
                found.append(command)
        return found


def eventually(condition: Callable[[], bool], timeout_seconds: float = 20.0) -> None:
    deadline = time.monotonic() + timeout_seconds
    while not condition():
        assert time.monotonic() < deadline, "it never became true"
        time.sleep(0.01)


class Start:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.runs: list[Run] = []

    def __call__(self, *needs: str, port: int | None = None, **settings: str) -> Run:
        self.runs.append(Run(self.folder, needs, settings, free_port() if port is None else port))
        return self.runs[-1]

    def procfile(self, text: str) -> None:
        (self.folder / "Procfile").write_text(text)


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    folder = tmp_path / "71-fake"
    folder.mkdir()
    (folder / "server.py").write_text(textwrap.dedent(SERVER))
    start = Start(folder)
    start.procfile("release: echo migrated\nweb: python server.py\nworker: echo working; exec sleep 600\n")
    yield start
    for run in start.runs:
        run.guard.cancel()
        run.process.kill()
        run.process.wait()
        if run.process.stdout:
            run.process.stdout.close()


def test_it_says_where_the_service_is_and_what_to_do_with_it(start: Start) -> None:
    run = start()
    run.read_until("Ctrl-C")
    welcome = run.lines[run.lines.index("") :]
    assert welcome == [
        "",
        f"71-fake is running at http://127.0.0.1:{run.port}",
        "A service in miniature.",
        "",
        f"  try     curl -i http://127.0.0.1:{run.port}/api/v1/ping",
        f"          curl -d '{{}}' http://127.0.0.1:{run.port}",
        "  lesson  71-fake/README.md",
        "  verify  make verify-71 DIR=~/my-fake",
        "  stop    Ctrl-C",
    ]


def test_the_release_comes_first_and_every_line_has_its_process_in_front(start: Start) -> None:
    run = start()
    run.read_until("Ctrl-C")
    assert run.lines[0] == "release  | migrated"
    assert {"web.1    | up", "worker.1 | working"} <= set(run.lines)
    run.process.send_signal(signal.SIGINT)
    assert run.end() == 0
    assert "web.1    | bye" in run.lines


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_requested_stop_is_a_success_that_leaves_no_process_behind(
    start: Start, number: signal.Signals
) -> None:
    run = start("redis", "postgres")
    run.read_until("Ctrl-C")
    children = " ".join(run.children())
    assert all(name in children for name in ("server.py", "sleep 600", "valkey-server", "postgres"))
    run.process.send_signal(number)
    assert run.end() == 0


def test_an_impatient_second_ctrl_c_does_not_spoil_the_stop(start: Start) -> None:
    worker = "trap 'sleep 0.5; echo finished; exit 0' TERM; while :; do sleep 0.05; done"
    start.procfile(f"web: python server.py\nworker: {worker}")
    run = start("redis")
    run.read_until("Ctrl-C")
    run.process.send_signal(signal.SIGINT)
    time.sleep(0.1)
    run.process.send_signal(signal.SIGINT)
    assert run.end() == 0
    assert "worker.1 | finished" in run.lines


def test_a_stop_while_it_starts_leaves_no_process_behind(start: Start) -> None:
    start.procfile("web: echo starting; exec sleep 600")
    run = start("redis", "postgres")
    run.read_until("starting")
    run.process.send_signal(signal.SIGINT)
    assert run.end() == 0


@pytest.mark.parametrize("delay_seconds", [0.0, 0.1, 0.2, 0.3, 0.4, 0.5])
def test_a_stop_at_any_moment_leaves_no_process_behind(start: Start, delay_seconds: float) -> None:
    start.procfile("release: echo first; sleep 0.2\nweb: python server.py")
    run = start("postgres")
    eventually(lambda: run.children() != [])
    time.sleep(delay_seconds)  # not a wait for anything: another moment of the start each time
    run.process.send_signal(signal.SIGTERM)
    assert run.end() == 0


def test_it_leaves_nothing_behind_when_it_is_killed(start: Start) -> None:
    run = start("redis", "postgres")
    run.read_until("Ctrl-C")
    run.process.kill()
    assert run.end() == -signal.SIGKILL


def test_needs_are_embedded_and_their_addresses_shown_and_given(start: Start) -> None:
    run = start("redis", "postgres")
    run.read_until("Ctrl-C")
    environment = run.environment()
    assert f"  REDIS_URL     {environment['REDIS_URL']}" in run.lines
    with psycopg.connect(environment["DATABASE_URL"]) as connection:
        assert connection.execute("SELECT current_database()").fetchone() == ("fake",)
    assert (run.folder.parent / "data" / "postgres" / "cluster").is_dir()


def test_files_have_a_folder_of_their_own(start: Start) -> None:
    run = start("files")
    run.read_until("Ctrl-C")
    assert run.environment()["DATA_DIR"] == str(run.folder.parent / "data" / "files")


def test_a_dependency_of_the_users_own_is_used_instead(start: Start, tmp_path: Path) -> None:
    server = EmbeddedValkey(tmp_path / "own")
    server.start()
    run = start("redis", REDIS_URL=server.url)
    run.read_until("Ctrl-C")
    assert run.environment()["REDIS_URL"] == server.url
    assert not (run.folder.parent / "data").exists()
    server.stop()


def test_the_users_settings_win_over_the_projects(start: Start) -> None:
    run = start(LIMIT="3", FAILURE_MODE="open", TZ="Asia/Tokyo", MAKEFLAGS="-k")
    run.read_until("Ctrl-C")
    environment = run.environment()
    assert (environment["LIMIT"], environment["FAILURE_MODE"]) == ("3", "open")
    assert environment["TZ"] == "UTC"
    assert "MAKEFLAGS" not in environment


def test_the_projects_settings_are_the_default(start: Start) -> None:
    run = start()
    run.read_until("Ctrl-C")
    assert run.environment()["LIMIT"] == "10"


def test_the_default_port_is_the_projects_number_above_8000(start: Start) -> None:
    number = next(number for number in range(20, 100) if is_free(HOST, 8000 + number))
    start.folder = start.folder.rename(start.folder.with_name(f"{number}-fake"))
    run = start(port=0)
    run.read_until("Ctrl-C")
    assert f"{number}-fake is running at http://127.0.0.1:80{number}" in run.lines


def test_a_busy_port_is_one_clear_line(start: Start) -> None:
    first = start()
    first.read_until("Ctrl-C")
    second = start("redis", port=first.port)
    assert second.process.wait(30) == 1
    assert second.process.stdout is not None
    assert second.process.stdout.read() == f"port {first.port} is in use; choose another with PORT=...\n"


def test_a_process_that_dies_ends_the_rest_with_its_name_and_code(start: Start) -> None:
    start.procfile("web: python server.py\nworker: while [ ! -e die ]; do sleep 0.05; done; exit 7")
    run = start("redis")
    run.read_until("Ctrl-C")
    (run.folder / "die").touch()
    assert run.end() == 1
    assert "worker.1 exited with code 7" in run.lines
    assert "web.1    | bye" in run.lines


def test_an_embedded_server_that_dies_ends_the_rest(start: Start) -> None:
    run = start("redis")
    run.read_until("Ctrl-C")
    port = run.environment()["REDIS_URL"].split(":")[-1].split("/")[0]
    for command in Path("/proc").glob("[0-9]*/cmdline"):
        if f"valkey-server 127.0.0.1:{port}\0" in command.read_text(errors="replace"):
            os.kill(int(command.parent.name), signal.SIGKILL)
    assert run.end() == 1
    assert "the embedded Redis was killed by SIGKILL" in run.lines


def test_a_service_that_never_starts_says_why(start: Start) -> None:
    run = start("redis", LIMIT="none")
    assert run.end() == 1
    assert "web.1    | LIMIT must be a number" in run.lines
    assert "web.1 exited with code 1 before it became ready" in run.lines


def test_a_release_that_fails_starts_nothing(start: Start) -> None:
    start.procfile("release: echo 'no table'; exit 2\nweb: python server.py")
    run = start("redis")
    assert run.end() == 1
    assert run.lines == ["release | no table", "release exited with code 2"]


def test_a_reader_that_has_gone_away_is_a_stop(start: Start) -> None:
    start.procfile("web: python server.py\nworker: while :; do echo tick; sleep 0.05; done")
    run = start()
    run.read_until("Ctrl-C")
    assert run.process.stdout is not None
    run.process.stdout.close()  # as `make run-71 | head` does
    assert run.process.wait(30) == 0
    eventually(lambda: run.children() == [])


def test_a_mail_is_a_file_whose_name_is_printed(start: Start) -> None:
    running = start("smtp")
    running.read_until("Ctrl-C")
    host, port = running.environment()["SMTP_URL"].removeprefix("smtp://").split(":")
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "a@example.net", "an/n@example.net", "Hello"
    message.set_content("the text")
    with smtplib.SMTP(host, int(port), timeout=10) as client:
        client.send_message(message)
    running.read_until("mail to an/n@example.net: data/mail/an_n@example.net.txt")
    path = running.folder.parent / "data/mail/an_n@example.net.txt"
    assert path.read_text() == "Subject: Hello\n\nthe text\n"
