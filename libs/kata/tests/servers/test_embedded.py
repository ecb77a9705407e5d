import os
import signal
import socket
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from kata.errors import LaunchError
from kata.servers import embedded
from kata.servers.embedded import EmbeddedServer
from kata.system.ports import HOST, free_port, is_free


class FakeServer(EmbeddedServer):
    """A server that is a shell command, and answers when it is told to."""

    label = "the fake"
    stop_signal = signal.SIGINT

    def __init__(self, data_dir: Path, command: str, answers: Callable[[], bool]) -> None:
        super().__init__(data_dir)
        self._command = command
        self._does_answer = answers

    def _argv(self) -> Sequence[str]:
        return ["/bin/sh", "-c", self._command]

    def _answers(self) -> bool:
        return self._does_answer()


Start = Callable[[str, Callable[[], bool]], FakeServer]


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Start]:
    made: list[FakeServer] = []

    def make_server(command: str, answers: Callable[[], bool]) -> FakeServer:
        made.append(FakeServer(tmp_path / "data", command, answers))
        return made[-1]

    yield make_server
    for server in made:
        server.kill()


def test_a_server_that_never_answers_is_killed_after_the_time_out(
    make: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedded, "_START_TIMEOUT_SECONDS", 1.5)
    server = make("seq 20; exec sleep 60", lambda: False)
    with pytest.raises(LaunchError) as caught:
        server.start()
    lines = "".join(f"\n  {number}" for number in range(11, 21))
    assert str(caught.value) == f"the fake did not answer within 1.5 s:{lines}"
    assert not server.alive


def test_a_server_that_dies_says_why(make: Start) -> None:
    with pytest.raises(LaunchError) as caught:
        make("echo 'no licence'; exit 9", lambda: False).start()
    assert str(caught.value) == "the fake exited with code 9 before it answered:\n  no licence"


def test_a_data_folder_that_cannot_be_made_is_one_clear_line(make: Start, tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file is in the way")
    with pytest.raises(LaunchError, match=r"^the fake can't start: .*File exists.*data") as caught:
        make("exec sleep 60", lambda: True).start()
    assert "\n" not in str(caught.value)


def test_stop_sends_the_servers_own_signal(make: Start) -> None:
    server = make("trap 'exit 5' INT; echo up; while :; do sleep 0.05; done", lambda: "up" in server.log())
    server.start()
    server.stop()
    assert server.exit_code == 5


def test_neither_the_users_shell_nor_its_terminal_reach_the_server(
    make: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LIMIT", "3")
    server = make("env; echo $$; exec sleep 60", lambda: len(server.log()) > 1 and server.log()[-1].isdigit())
    server.start()
    *settings, pid = server.log()
    assert {"TZ=UTC", "LC_ALL=C"} <= set(settings)
    assert "LIMIT=3" not in settings
    assert os.getsid(int(pid)) == int(pid)


def test_a_port_is_free_unless_somebody_listens() -> None:
    port = free_port()
    assert is_free(HOST, port)
    with (
        socket.create_server(("127.0.0.1", port)) as listener,
        socket.create_connection(("127.0.0.1", port)) as client,
    ):
        accepted, _ = listener.accept()
        assert not is_free(HOST, port)
        accepted.close()  # the server's side closes first and keeps the port in TIME_WAIT
        assert client.recv(1) == b""
    assert is_free(HOST, port)
