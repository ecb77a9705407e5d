"""`kata run --reload`, with a service in miniature that is edited while it runs."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from kata.commands.processes import watched_folders
from kata.system.ports import free_port

SERVER = """
import os
from http.server import BaseHTTPRequestHandler, HTTPServer
from answer import ANSWER

class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/die":
            os._exit(3)
        self.send_response(200)
        self.send_header("Content-Length", str(len(ANSWER)))
        self.end_headers()
        self.wfile.write(ANSWER)

    def log_message(self, *args):
        pass

HTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
"""
SCRIPT = """
import pathlib, sys
from kata.commands.run import run_project
folder, port = pathlib.Path(sys.argv[1]), int(sys.argv[2])
sys.exit(run_project(
    folder, title="A service in miniature.", needs=[], env={}, try_lines=[], data_dir=folder / "data",
    port=port, stdout=sys.stdout, watched=[folder],
))
"""
PATIENCE_SECONDS = 60.0


class Run:
    """`kata run --reload` in a process of its own, and what it has said so far."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self.process = subprocess.Popen(
            [sys.executable, "-c", SCRIPT, str(folder), str(self.port)],
            cwd=folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.guard = threading.Timer(PATIENCE_SECONDS, self.process.kill)
        self.guard.start()

    def says(self, text: str) -> str:
        """Read on until a line has the text, and return the line."""
        assert self.process.stdout is not None
        lines = []
        for line in self.process.stdout:
            lines.append(line)
            if text in line:
                return line.rstrip()
        raise AssertionError(f"{text!r} is not in {lines}")

    def answer(self, path: str = "/") -> str:
        return httpx.get(f"http://127.0.0.1:{self.port}{path}", trust_env=False).text


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "71-fake"
    folder.mkdir()
    (folder / "server.py").write_text(SERVER)
    (folder / "answer.py").write_text('ANSWER = b"first"\n')
    (folder / "Procfile").write_text(
        "release: test ! -e broken\nweb: python server.py\nworker: exec sleep 600\n"
    )
    return folder


@pytest.fixture
def run(folder: Path) -> Iterator[Run]:
    run = Run(folder)
    yield run
    run.guard.cancel()
    run.process.kill()
    run.process.wait()
    assert run.process.stdout is not None
    run.process.stdout.close()


def edit(path: Path, text: str) -> None:
    """Write a file so that its time differs, however coarse the file system's clock is."""
    before = path.stat().st_mtime_ns if path.exists() else time.time_ns()
    path.write_text(text)
    os.utime(path, ns=(before + 10**9, before + 10**9))


def test_an_edit_starts_all_processes_anew(folder: Path, run: Run) -> None:
    run.says("Ctrl-C")
    assert run.answer() == "first"
    edit(folder / "answer.py", 'ANSWER = b"second"\n')
    assert run.says("has changed") == "answer.py has changed: starting again"
    run.says("it runs again")
    assert run.answer() == "second"
    run.process.send_signal(signal.SIGINT)
    assert run.process.wait(30) == 0


def test_a_mistake_is_reported_and_waits_for_the_next_edit(folder: Path, run: Run) -> None:
    run.says("Ctrl-C")
    edit(folder / "answer.py", "ANSWER = \n")
    run.says("SyntaxError")
    waits = "web.1 exited with code 1 before it became ready; waiting for the next edit"
    assert run.says("web.1 exited") == waits
    edit(folder / "answer.py", 'ANSWER = b"mended"\n')
    run.says("it runs again")
    assert run.answer() == "mended"


def test_a_process_that_ends_by_itself_is_reported_and_waits(folder: Path, run: Run) -> None:
    run.says("Ctrl-C")
    with pytest.raises(httpx.TransportError):
        run.answer("/die")
    assert run.says("web.1") == "web.1 exited with code 3; waiting for the next edit"
    edit(folder / "server.py", SERVER)
    run.says("it runs again")
    assert run.answer() == "first"


def test_a_release_that_fails_waits_too(folder: Path, run: Run) -> None:
    run.says("Ctrl-C")
    (folder / "broken").touch()
    assert run.says("release exited") == "release exited with code 1; waiting for the next edit"
    (folder / "broken").unlink()
    run.says("it runs again")
    assert run.answer() == "first"


def test_the_libs_that_a_project_depends_on_are_watched_and_no_others(tmp_path: Path) -> None:
    wants = {"projects/71-fake": '"kettle[gas]>=1"', "libs/kettle": '"lid"', "libs/lid": "", "libs/cup": ""}
    for member, dependencies in wants.items():
        (tmp_path / member).mkdir(parents=True)
        text = f'[project]\nname = "{Path(member).name}"\ndependencies = [{dependencies}]\n'
        (tmp_path / member / "pyproject.toml").write_text(text)
    project = tmp_path / "projects/71-fake"
    assert watched_folders(project, tmp_path) == [
        project, tmp_path / "libs/kettle/src", tmp_path / "libs/lid/src",
    ]  # fmt: skip
